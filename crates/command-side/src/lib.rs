//! The write side: the lane that decides and appends, the intake that feeds it, the relay that publishes what was
//! appended, and automation.

pub mod automation;
pub mod commands;
pub mod lane;
pub mod relay;

pub use commands::{CommandSettings, CommandSideError};
