//! Messages that cannot be read, whatever the state of the world.

use super::schema::{self, COMMANDS};
use super::{Ask, Flaw};
use uuid::Uuid;

/// 1900-01-01 in microseconds since 1970.
const EARLIEST: i64 = -2_208_988_800 * super::SECOND;

/// The code with which a message is refused that is not a command.
pub(super) fn flaw(ask: &Ask) -> Option<&'static str> {
    match ask.flaw {
        Flaw::Large => return Some("payload_too_large"),
        Flaw::Broken | Flaw::Doubled | Flaw::Deep => return Some("malformed"),
        Flaw::Unknown => return Some("validation"),
        Flaw::None => {}
    }
    let known = COMMANDS.iter().find(|command| command.aggregate == ask.aggregate && command.name == ask.name);
    let Some(command) = known else { return Some("unknown_command") };
    let agent_without_id = ask.actor_kind == "agent" && Uuid::parse_str(&ask.actor_id).is_err();
    let ancient = ask.occurred_at.is_some_and(|at| at < EARLIEST);
    let nameless = !(1..=128).contains(&ask.actor_id.trim().chars().count());
    let invalid = agent_without_id || ancient || nameless || !schema::fits_all(command.fields, &ask.data);
    invalid.then_some("validation")
}
