//! The sum types over all aggregates. A new aggregate is one line in `aggregates!`, and its id in [`crate::ids`].

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::codec::{self, VariantError};
use crate::decider::{Aggregate, ClaimQuery, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::StreamId;
use crate::rejection::{Code, Rejection};
use crate::{
    agent, calendar, customer, feedback, inquiry, need, scorecard, service_evaluation, service_execution, service_plan,
    sla_policy, team, ticket, transaction,
};

macro_rules! aggregates {
    ($($(#[$doc:meta])* $name:ident = $module:ident, $singular:literal, $plural:literal;)*) => {
        /// The kinds of aggregates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Category { $($(#[$doc])* $name,)* }

        impl Category {
            /// All categories.
            pub const ALL: &[Category] = &[$(Category::$name,)*];

            /// The name in subjects and in the store, e.g. `service_plan`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Category::$name => $singular,)* }
            }

            /// The name of the resource in URLs, e.g. `service-plans`.
            #[must_use]
            pub const fn resource(self) -> &'static str {
                match self { $(Category::$name => $plural,)* }
            }

            /// The names of its commands, as they are written in subjects.
            #[must_use]
            pub fn commands(self) -> &'static [&'static str] {
                match self { $(Category::$name => codec::variant_names::<$module::Command>(),)* }
            }

            /// The types of its events.
            #[must_use]
            pub fn event_types(self) -> &'static [&'static str] {
                match self { $(Category::$name => codec::variant_names::<$module::Event>(),)* }
            }
        }

        /// Any command.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Command { $($(#[$doc])* $name($module::Command),)* }

        /// Any event.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event { $($(#[$doc])* $name($module::Event),)* }

        /// The state of any aggregate.
        #[derive(Clone, Debug)]
        #[expect(clippy::large_enum_variant, reason = "states live behind an `Arc`")]
        pub enum State { $($(#[$doc])* $name($module::$name),)* }

        $(
            impl From<$module::Command> for Command {
                fn from(command: $module::Command) -> Self { Self::$name(command) }
            }

            impl From<$module::Event> for Event {
                fn from(event: $module::Event) -> Self { Self::$name(event) }
            }

            impl<'a> TryFrom<&'a State> for &'a $module::$name {
                type Error = ();

                fn try_from(state: &'a State) -> Result<Self, ()> {
                    match state { State::$name(state) => Ok(state), _ => Err(()) }
                }
            }
        )*

        impl Command {
            /// Reads a command's content. Pointers begin with `/data`.
            ///
            /// # Errors
            /// The name is unknown or the content does not fit.
            pub fn read(category: Category, name: &str, content: &str) -> Result<Self, VariantError> {
                match category { $(Category::$name => codec::read_variant(name, "/data", content).map(Self::$name),)* }
            }

            /// The command's name and content as JSON.
            ///
            /// # Errors
            /// The content cannot be written as JSON.
            pub fn write(&self) -> Result<(String, String), serde_json::Error> {
                match self { $(Self::$name(command) => codec::write_variant(command),)* }
            }

            /// The aggregate that it is for.
            #[must_use]
            pub const fn category(&self) -> Category {
                match self { $(Self::$name(_) => Category::$name,)* }
            }

            /// Whether it makes a new aggregate.
            #[must_use]
            pub fn creates(&self) -> bool {
                match self { $(Self::$name(command) => $module::$name::creates(command),)* }
            }

            /// The streams that deciding it reads, beside its own.
            #[must_use]
            pub fn reads(&self, id: Uuid, actor: &Actor, loaded: &Loaded) -> Vec<StreamId> {
                match self { $(Self::$name(command) => $module::$name::reads(id, command, actor, loaded),)* }
            }

            /// The claims that deciding it looks at.
            #[must_use]
            pub fn claims(&self, id: Uuid, loaded: &Loaded) -> Vec<ClaimQuery> {
                match self { $(Self::$name(command) => $module::$name::claims(id, command, loaded),)* }
            }

            /// Decides it against the loaded state.
            ///
            /// # Errors
            /// The rejection, with its stable code.
            pub fn decide(&self, context: &Context<'_>) -> Result<Decision, Rejection> {
                let state = context.loaded.streams.get(&context.stream).map(|stream| stream.state.as_ref());
                match self {$(
                    Self::$name(command) => match state.map(<&$module::$name>::try_from) {
                        Some(Ok(state)) => state.decide(command, context),
                        Some(Err(())) | None => Err(Rejection::new(Code::Unavailable, "the aggregate was not loaded")),
                    },
                )*}
            }
        }

        impl Event {
            /// Reads an event of the current schema version.
            ///
            /// # Errors
            /// The type is unknown or the content does not fit.
            pub fn read(category: Category, event_type: &str, content: &str) -> Result<Self, VariantError> {
                match category { $(Category::$name => codec::read_variant(event_type, "", content).map(Self::$name),)* }
            }

            /// The event's type and content as JSON, personal data in clear.
            ///
            /// # Errors
            /// The content cannot be written as JSON.
            pub fn write(&self) -> Result<(String, String), serde_json::Error> {
                match self { $(Self::$name(event) => codec::write_variant(event),)* }
            }

            /// The category whose streams hold it.
            #[must_use]
            pub const fn category(&self) -> Category {
                match self { $(Self::$name(_) => Category::$name,)* }
            }
        }

        impl State {
            /// The state before the first event.
            #[must_use]
            pub fn new(category: Category) -> Self {
                match category { $(Category::$name => Self::$name($module::$name::default()),)* }
            }

            /// Folds one event into the state. An event of another category changes nothing.
            pub fn evolve(&mut self, event: &Event) {
                $(if let (Self::$name(state), Event::$name(event)) = (&mut *self, event) {
                    state.evolve(event);
                })*
            }
        }
    };
}

aggregates! {
    /// A customer 客户.
    Customer = customer, "customer", "customers";
    /// A transaction 交易.
    Transaction = transaction, "transaction", "transactions";
    /// A need 需求.
    Need = need, "need", "needs";
    /// An inquiry 咨询.
    Inquiry = inquiry, "inquiry", "inquiries";
    /// Feedback 反馈.
    Feedback = feedback, "feedback", "feedback";
    /// A ticket 工单.
    Ticket = ticket, "ticket", "tickets";
    /// A service plan 服务计划.
    ServicePlan = service_plan, "service_plan", "service-plans";
    /// A service execution 服务执行.
    ServiceExecution = service_execution, "service_execution", "service-executions";
    /// A service evaluation 服务评估.
    ServiceEvaluation = service_evaluation, "service_evaluation", "service-evaluations";
    /// An agent.
    Agent = agent, "agent", "agents";
    /// A team.
    Team = team, "team", "teams";
    /// A business calendar.
    Calendar = calendar, "calendar", "calendars";
    /// An SLA policy.
    SlaPolicy = sla_policy, "sla_policy", "sla-policies";
    /// A scorecard of evaluations.
    Scorecard = scorecard, "scorecard", "scorecards";
}

impl Category {
    /// The category that is written so in subjects and in the store.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|category| category.name() == name)
    }

    /// Whether any of the aggregates has events of this type.
    #[must_use]
    pub fn has_event_type(name: &str) -> bool {
        Self::ALL.iter().any(|category| category.event_types().contains(&name))
    }

    /// Whether its events hold personal data of customers, which an erasure ends.
    #[must_use]
    pub const fn holds_personal_data(self) -> bool {
        match self {
            Self::Customer
            | Self::Transaction
            | Self::Need
            | Self::Inquiry
            | Self::Feedback
            | Self::Ticket
            | Self::ServiceExecution => true,
            Self::ServicePlan
            | Self::ServiceEvaluation
            | Self::Agent
            | Self::Team
            | Self::Calendar
            | Self::SlaPolicy
            | Self::Scorecard => false,
        }
    }
}

/// The event types that are counted: their ordinal is a gap-free number for people.
pub const COUNTED_EVENTS: &[&str] = &["TicketOpened"];
