//! Commands by request–reply: one NATS service in a queue group, so that several processes share the load.

use async_nats::service::endpoint::Endpoint;
use async_nats::service::{Request, Service, ServiceExt as _};
use domain::rejection::Code;
use futures_util::StreamExt as _;

use crate::connection::{Bus, BusError};
use crate::raw_command::RawCommand;
use crate::reply;
use crate::subjects::Subjects;

const QUEUE_GROUP: &str = "commands";
const ENDPOINT: &str = "command";

/// The service that takes commands. It is found by `$SRV` discovery under `<prefix>-commands`.
pub struct CommandService {
    service: Option<Service>,
    endpoint: Endpoint,
    subjects: Subjects,
    reply_prefixes: Vec<String>,
}

impl CommandService {
    /// Begins to take commands. All processes that do so share them.
    ///
    /// # Errors
    /// NATS cannot be reached.
    pub async fn start(bus: &Bus) -> Result<Self, BusError> {
        let unavailable = |error: async_nats::Error| BusError::Unavailable(error.to_string());
        let service = bus
            .client
            .service_builder()
            .description("Takes commands, decides them, and answers when they are durable")
            .queue_group(QUEUE_GROUP)
            .start(bus.subjects.commands_service(), env!("CARGO_PKG_VERSION"))
            .await
            .map_err(unavailable)?;
        let wildcard = bus.subjects.command_wildcard();
        let endpoint = service.endpoint_builder().name(ENDPOINT).add(wildcard).await.map_err(unavailable)?;
        // When this returns the server has the subscription: a command sent from now on finds it.
        bus.client.flush().await.map_err(|error| BusError::Unavailable(error.to_string()))?;
        let (subjects, reply_prefixes) = (bus.subjects.clone(), bus.reply_prefixes.clone());
        Ok(Self { service: Some(service), endpoint, subjects, reply_prefixes })
    }

    /// The next command; `None` when [`stop`](Self::stop) was called and everything that had arrived was given out.
    /// Must be called without long pauses, and what there is no room for refused: messages that pile up here are lost
    /// in the end. Cancel safe.
    pub async fn next(&mut self) -> Option<CommandRequest> {
        loop {
            let request = self.endpoint.next().await?;
            let message = &request.message;
            if let Some(subject) = self.subjects.parse_command(&message.subject) {
                let command = RawCommand::new(subject, message.payload.clone(), message.headers.clone());
                return Some(CommandRequest::new(command, request, &self.reply_prefixes));
            }
        }
    }

    /// Takes no more commands; the other processes get them. What has arrived is still given out by
    /// [`next`](Self::next); a command that is under way in this moment is not answered and its sender asks again.
    pub async fn stop(&mut self) {
        if let Some(service) = self.service.take() {
            let stopped = service.stop().await.map_err(|error| error.to_string());
            let unsubscribed = self.endpoint.stop().await.map_err(|error| error.to_string());
            if let Err(error) = stopped.and(unsubscribed) {
                tracing::warn!(error, "the command service could not be stopped in good order");
            }
        }
    }
}

/// A command that waits for its answer.
#[derive(Debug)]
pub struct CommandRequest {
    /// The command.
    pub command: RawCommand,
    request: Request,
    is_answerable: bool,
}

impl CommandRequest {
    fn new(command: RawCommand, request: Request, reply_prefixes: &[String]) -> Self {
        let reply = request.message.reply.as_deref();
        let is_answerable = reply.is_some_and(|subject| reply::is_allowed(subject, reply_prefixes));
        if reply.is_some() && !is_answerable {
            reply::count_refused(&command.publisher);
        }
        Self { command, request, is_answerable }
    }

    /// Answers that the command is accepted: to be called when its events are durable. Returns within seconds, also
    /// while NATS is away.
    pub async fn reply_accepted(&self, body: Vec<u8>) {
        if self.is_answerable {
            reply::send(self.request.respond(Ok(body.into()))).await;
        }
    }

    /// Answers that the command is rejected, with headers that any NATS client understands as an error. Returns within
    /// seconds, also while NATS is away.
    pub async fn reply_rejected(&self, code: Code, body: Vec<u8>, retry_after_s: Option<u32>) {
        if self.is_answerable {
            // Not as an error of the service: then the body would be dropped.
            let headers = reply::rejection_headers(code, retry_after_s);
            reply::send(self.request.respond_with_headers(Ok(body.into()), headers)).await;
        }
    }
}
