//! One of every command, and one of every event.

use super::*;

/// One of every command, in the order of the table.
pub(super) fn commands() -> Vec<Command> {
    let none = || json!({});
    [
        ("open", opening(LI)),
        ("classify", json!({"type": "request", "category": ["software"]})),
        ("change_priority", json!({"impact": 1, "urgency": 1})),
        ("route", json!({"team": SECOND})),
        ("assign", json!({"agent": BORIS})),
        ("unassign", none()),
        ("reply", json!({"body": "We are on it.", "public": true})),
        ("receive_customer_reply", json!({"body": "还是不行"})),
        ("add_note", json!({"body": "Calls twice a day."})),
        ("await_customer", json!({"reason": "photo", "until": "2026-03-05T09:00:00Z"})),
        ("hold", json!({"reason": "supplier"})),
        ("resume", none()),
        ("escalate", json!({"level": 2, "cause": "loud"})),
        ("deescalate", none()),
        ("block", json!({"blocked_by": U})),
        ("unblock", json!({"blocked_by": U})),
        ("set_parent", json!({"parent": U})),
        ("unset_parent", none()),
        ("relate", json!({"ticket": U})),
        ("unrelate", json!({"ticket": U})),
        ("mark_duplicate_of", json!({"ticket": U})),
        ("unmark_duplicate_of", none()),
        ("split", json!({"ticket": ticket(9), "messages": [MESSAGE], "subject": "Another matter"})),
        ("merge", json!({"loser": U})),
        ("unmerge", json!({"loser": U})),
        ("resolve", json!({"code": "bug_fixed", "text": "Patched.", "root_cause": "overflow", "articles": ["KB-1"]})),
        ("reject_resolution", json!({"reason": "It came back."})),
        ("reopen", json!({"reason": "again"})),
        ("close", none()),
        ("cancel", json!({"reason": "by mistake"})),
        ("restore", none()),
        ("log_time", json!({"seconds": 900})),
        ("add_watcher", json!({"agent": SVEN})),
        ("remove_watcher", json!({"agent": SVEN})),
        ("tag", json!({"tag": "printer"})),
        ("untag", json!({"tag": "vip"})),
        ("attach_sla", json!({"policy": GOLD})),
        ("change_plan", none()),
        ("notice_sla", json!({"clock": "first_response"})),
    ]
    .map(|(name, data)| command(name, data))
    .into()
}

/// One of every event, as the golden corpus has it.
pub(super) fn events() -> Vec<Event> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/ticket");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let name = file.file_name().unwrap().to_str().unwrap().split('.').next().unwrap();
        crate::codec::read_variant(name, "", &std::fs::read_to_string(file).unwrap()).unwrap()
    };
    files.iter().map(read).collect()
}

#[test]
fn an_event_leaves_out_what_it_need_not_hold() {
    let reopened = AnyEvent::from(Event::TicketReopened { count: 1, reason: None });
    assert_eq!(reopened.write().unwrap().1, r#"{"count":1}"#);
}
