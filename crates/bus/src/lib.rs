//! NATS: how commands come in and how events go out.
//!
//! NATS is the transport, PostgreSQL the truth: everything here may be lost, doubled or reordered, and whoever uses it
//! notices and reads from the history instead. Commands arrive by request–reply ([`intake`]) or through a durable
//! stream ([`inbox`]); events leave through one stream whose sequence is their position ([`event_stream`]) and are read
//! from it in order ([`subscription`]).

pub mod cloud_event;
mod connection;
pub mod event_stream;
pub mod inbox;
pub mod intake;
mod power_safety;
mod raw_command;
mod reply;
mod stream_config;
pub mod subjects;
pub mod subscription;

pub use cloud_event::EventMark;
pub use connection::{Bus, BusConfig, BusError};
pub use event_stream::{EventStream, LastMessage, PublishError, StreamLimits, Tail};
pub use inbox::{Inbox, InboxMessage};
pub use intake::{CommandRequest, CommandService};
pub use power_safety::PowerSafety;
pub use raw_command::RawCommand;
pub use subjects::Subjects;
pub use subscription::{EventSubscription, SubscriptionError};
