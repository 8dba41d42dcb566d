//! One of every command.

use super::*;

/// One of every command, in the order of the table; each is possible wherever the state allows it.
pub(super) fn commands() -> Vec<Command> {
    let commands = [
        ("plan", planning()),
        ("schedule", booked(240, 300, &[ANNA])),
        ("reschedule", booked(240, 300, &[ANNA])),
        ("dispatch", none()),
        ("start_travel", none()),
        ("start", none()),
        ("pause", json!({"reason": "lunch"})),
        ("resume", none()),
        ("complete_item", json!({"item": "photo", "result": "failed", "note": "The camera is broken."})),
        ("use_part", json!({"sku": "CMP-7", "name": "Compressor", "qty_milli": 1_500})),
        ("complete", json!({"outcome": "It cools again."})),
        ("sign_off", json!({"by": "李雷"})),
        ("fail", json!({"reason": "wrong part"})),
        ("cancel", json!({"reason": "sold the house"})),
        ("record_no_show", none()),
    ];
    commands.into_iter().map(|(name, data)| command(name, data)).collect()
}
