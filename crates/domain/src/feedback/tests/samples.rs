//! One of every command.

use super::*;

/// The commands that begin something.
pub(super) fn beginnings() -> Vec<Command> {
    [
        ("request_survey", json!({"customer": LI, "metric": "nps", "rated": {"team": FIRST}})),
        ("file_complaint", filing(LI)),
        ("suggest", json!({"customer": LI, "body": "Open on Saturdays."})),
        ("praise", json!({"customer": LI, "body": "Anna is great.", "about": {"agent": ANNA}})),
    ]
    .map(|(name, data)| command(name, data))
    .into()
}

/// All others, in the order of the table.
pub(super) fn commands() -> Vec<Command> {
    let none = || json!({});
    [
        ("remind", none()),
        ("submit", json!({"score": 3, "comment": "So so."})),
        ("amend", json!({"score": 2, "comment": "Worse."})),
        ("expire", none()),
        ("acknowledge", none()),
        ("start_investigation", none()),
        ("offer_remedy", json!({"remedy": "A voucher."})),
        ("accept_remedy", none()),
        ("reject_remedy", json!({"reason": "Too little."})),
        ("escalate", json!({"reason": "asks for the manager"})),
        ("raise_need", json!({"need": NOBODY, "title": "Call back"})),
        ("link_to_need", json!({"need": NOBODY})),
        ("close", json!({"outcome": "upheld"})),
    ]
    .map(|(name, data)| command(name, data))
    .into()
}
