//! Refusals: a command that is not accepted gets a stable code, a sentence, and the facts behind it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::ids::StreamId;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal;)*) => {
        /// Every code with which a command can be refused. Codes are part of the public contract and never change.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Whether a rejection with this code is decided for good and kept as the command's receipt. The others may
            /// be asked again with the same id.
            #[must_use]
            pub const fn is_decided(self) -> bool {
                !matches!(self, Code::Forbidden | Code::Malformed) && self.status() != 503
            }

            /// All codes, in the order of the documentation.
            pub const ALL: &[Code] = &[$(Code::$name,)*];

            /// The code as it stands on the wire, e.g. `version_conflict`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// The HTTP-like status that goes with the code.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }

            /// A short title for people, the same for every occurrence of the code.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }

            /// The code that is written so on the wire.
            #[must_use]
            pub fn parse(text: &str) -> Option<Code> {
                Code::ALL.iter().copied().find(|code| code.as_str() == text)
            }
        }
    };
}

codes! {
    /// The message is not the JSON that the contract asks for.
    Malformed = "malformed", 400, "The message is malformed";
    /// The message is longer than 256 KiB.
    PayloadTooLarge = "payload_too_large", 400, "The message is too large";
    /// The subject names no known command.
    UnknownCommand = "unknown_command", 404, "There is no such command";
    /// A field's value is outside what the field allows.
    Validation = "validation", 400, "A field is not valid";
    /// `occurred_at` lies more than five minutes in the future.
    ClockSkew = "clock_skew", 400, "The time lies in the future";
    /// The actor or publisher may not do this.
    Forbidden = "forbidden", 403, "Not permitted";
    /// The aggregate does not exist.
    NotFound = "not_found", 404, "Not found";
    /// It exists already; `holder` names it.
    AlreadyExists = "already_exists", 409, "It exists already";
    /// The stream has moved past the expected version.
    VersionConflict = "version_conflict", 409, "The version is not the expected one";
    /// The command id was used with other content.
    CommandMismatch = "command_mismatch", 409, "The command id was used with other content";
    /// The present state does not allow the command; `from`, `command` and `allowed` tell.
    InvalidTransition = "invalid_transition", 409, "Not possible in the present state";
    /// The customer, ticket or need was merged; `survivor` names where it went.
    MergedInto = "merged_into", 409, "It was merged into another";
    /// The data subject was erased.
    SubjectErased = "subject_erased", 410, "The data subject was erased";
    /// A field refers to something that does not exist.
    ReferenceMissing = "reference_missing", 422, "A reference does not exist";
    /// A bound of the system or the model is reached.
    LimitExceeded = "limit_exceeded", 422, "A limit is reached";
    /// Another live customer has the contact point; `holder` names it.
    ContactPointTaken = "contact_point_taken", 422, "The contact point belongs to another customer";
    /// A customer cannot be merged into itself.
    SelfMerge = "self_merge", 422, "It cannot be merged into itself";
    /// The loser is merged already.
    AlreadyMerged = "already_merged", 422, "It is merged already";
    /// The merge would close a circle.
    MergeCycle = "merge_cycle", 422, "The merge would close a circle";
    /// Organization links must not close a circle.
    OrganizationCycle = "organization_cycle", 422, "The link would close a circle";
    /// Refunds would exceed the amount.
    RefundExceeds = "refund_exceeds", 422, "The refunds would exceed the amount";
    /// The currency differs from the transaction's.
    CurrencyMismatch = "currency_mismatch", 422, "The currency differs";
    /// The agent is not a member of the team.
    AgentNotInTeam = "agent_not_in_team", 422, "The agent is not in the team";
    /// The agent is not active.
    AgentInactive = "agent_inactive", 422, "The agent is not active";
    /// The agent has no capacity left.
    Capacity = "capacity", 422, "The agent has no capacity left";
    /// An open blocker or child stands in the way; `blocked_by` lists them.
    Blocked = "blocked", 422, "Open blockers or children stand in the way";
    /// A root cause is required here.
    RootCauseRequired = "root_cause_required", 422, "A root cause is required";
    /// A link would close a circle.
    LinkCycle = "link_cycle", 422, "The link would close a circle";
    /// The window for reopening has passed.
    ReopenWindowPassed = "reopen_window_passed", 422, "The window for reopening has passed";
    /// Two things belong to different customers.
    CustomerMismatch = "customer_mismatch", 422, "The customers differ";
    /// There is no evidence.
    EvidenceRequired = "evidence_required", 422, "Evidence is required";
    /// It is not known whose the inquiry is.
    NotIdentified = "not_identified", 422, "It is not known whose it is";
    /// The survey was answered already; its answer can only be amended.
    AlreadyAnswered = "already_answered", 422, "The survey was answered already";
    /// The window for changing the answer has passed; `amend_until` tells when.
    AmendWindowPassed = "amend_window_passed", 422, "The window for changing the answer has passed";
    /// The service plan is not active, or its period does not contain the time.
    PlanNotActive = "plan_not_active", 422, "The service plan is not in force";
    /// The service plan does not cover this; `not_covered` names what.
    NotCovered = "not_covered", 422, "The service plan does not cover this";
    /// The service plan has fewer units left; `remaining` tells how many.
    AllocationExhausted = "allocation_exhausted", 422, "The allocation is exhausted";
    /// The rule of a recurrence cannot be used.
    RruleInvalid = "rrule_invalid", 422, "The recurrence rule is not valid";
    /// The resource is booked in that time; `holder` names by which execution, `start` and `end` tell when.
    ResourceBusy = "resource_busy", 422, "The resource is booked already";
    /// The resources lack skills that are needed; `skills` lists them.
    SkillsMissing = "skills_missing", 422, "The resources lack skills";
    /// The time lies outside the window, from `earliest` to `latest`.
    OutsideWindow = "outside_window", 422, "The time lies outside the window";
    /// Mandatory items of the checklist are not done; `missing` lists them.
    ChecklistIncomplete = "checklist_incomplete", 422, "The checklist is incomplete";
    /// Criteria are not scored, or none applies; `criteria` lists them.
    ScoresMissing = "scores_missing", 422, "Scores are missing";
    /// The evaluator would judge work of their own.
    EvaluatorIsRated = "evaluator_is_rated", 422, "Nobody evaluates work of their own";
    /// The queue is full; try again with the same command id.
    Overloaded = "overloaded", 503, "Too much work at once";
    /// The store cannot be reached, or the outcome is unknown; ask again with the same command id.
    Unavailable = "unavailable", 503, "Temporarily unavailable";
    /// The sender's deadline passed before the command was decided.
    DeadlinePassed = "deadline_passed", 503, "The deadline has passed";
}

/// What is wrong with one field of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the message, e.g. `/data/subject`.
    pub pointer: String,
    /// What is wrong, in a sentence.
    pub detail: String,
}

/// A refused command: nothing was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Rejection {
    /// The stable code.
    pub code: Code,
    /// What happened this time, with the values. Never personal data.
    pub detail: String,
    /// The fields at fault, if the message is.
    pub errors: Vec<FieldError>,
    /// Further members of the answer, such as `holder` or `survivor`.
    pub facts: Map<String, Value>,
}

impl Rejection {
    /// A rejection with a code and what happened.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), facts: Map::new() }
    }

    /// Adds a fact to the answer.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }

    /// A field's value is not valid. `pointer` begins with `/data`.
    pub fn validation(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let errors = vec![FieldError { pointer: pointer.into(), detail: detail.clone() }];
        Self { code: Code::Validation, detail, errors, facts: Map::new() }
    }

    /// The aggregate that the command addresses does not exist.
    #[must_use]
    pub fn not_found(stream: StreamId) -> Self {
        Self::new(Code::NotFound, format!("there is no {stream}"))
    }

    /// The aggregate exists already, or another one holds what must be unique.
    #[must_use]
    pub fn already_exists(holder: StreamId) -> Self {
        Self::new(Code::AlreadyExists, format!("{holder} exists already")).with("holder", holder.id.to_string())
    }

    /// A field refers to something that does not exist.
    #[must_use]
    pub fn reference_missing(pointer: &str, stream: StreamId) -> Self {
        let mut rejection = Self::new(Code::ReferenceMissing, format!("there is no {stream}"));
        rejection.errors.push(FieldError { pointer: pointer.to_owned(), detail: rejection.detail.clone() });
        rejection
    }

    /// A field refers to something of another customer.
    #[must_use]
    pub fn customer_mismatch(pointer: &str, stream: StreamId) -> Self {
        let mut rejection = Self::new(Code::CustomerMismatch, format!("{stream} is another customer's"));
        rejection.errors.push(FieldError { pointer: pointer.to_owned(), detail: rejection.detail.clone() });
        rejection
    }

    /// The present state does not allow the command.
    #[must_use]
    pub fn invalid_transition(from: &str, command: &str, allowed: &[&str]) -> Self {
        Self::new(Code::InvalidTransition, format!("{command} is not possible from {from}"))
            .with("from", from)
            .with("command", command)
            .with("allowed", allowed.to_vec())
    }

    /// The aggregate was merged into another.
    #[must_use]
    pub fn merged_into(survivor: Uuid) -> Self {
        Self::new(Code::MergedInto, format!("merged into {survivor}")).with("survivor", survivor.to_string())
    }

    /// The data subject was erased.
    #[must_use]
    pub fn subject_erased(subject: Uuid) -> Self {
        Self::new(Code::SubjectErased, format!("the customer {subject} was erased"))
    }

    /// A bound of the model is reached. `what` names it, `max` is its value.
    #[must_use]
    pub fn limit_exceeded(what: &str, max: u64) -> Self {
        Self::new(Code::LimitExceeded, format!("at most {max} {what}")).with("limit", max)
    }

    /// The actor lacks the right; `needs` says what it takes.
    #[must_use]
    pub fn forbidden(needs: &str) -> Self {
        Self::new(Code::Forbidden, format!("this takes {needs}"))
    }
}
