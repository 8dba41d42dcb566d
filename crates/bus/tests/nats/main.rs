//! The bus on a real nats-server: `NATS_URL`, as `carelog local` sets it. Each test has names of its own there.
#![expect(clippy::expect_used, reason = "a test fails by panicking, in its helpers too")]

mod events;
mod inbox;
mod intake;
mod support;
