//! The program `carelog` with a bug in it that `CARELOG_SEEDED_BUG` chooses: for `tests/torture --seeded-bugs` alone.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Chosen at once, so that a wrong name is told at once.
    if let Some(bug) = seeded_bugs::Bug::ALL.into_iter().find(|bug| seeded_bugs::is_active(*bug)) {
        eprintln!("this program has the bug {}", bug.name());
    }
    carelog::cli::main()
}
