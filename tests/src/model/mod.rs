//! Random commands against the reference: once in memory, once through PostgreSQL by several clients and processes.

mod attempt;
mod coverage;
mod evidence;
mod explain;
mod generate;
mod machine;
mod message;
mod observed;
mod outcome;
pub mod postgres;
pub mod pure;
mod shrink;

pub use coverage::Coverage;
pub use evidence::Evidence;
