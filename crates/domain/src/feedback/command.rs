//! What can be asked of feedback.

use serde::{Deserialize, Serialize};

use super::fields::{
    About, AmendSeconds, Body, Comment, ExpirySeconds, Metric, Objection, Outcome, Reason, Remedy, Score, Severity,
    Subject,
};
use crate::ids::{CustomerId, NeedId};
use crate::need::Title;
use crate::ticket::Channel;

/// What can be asked of feedback. Customers may answer and amend, complain, suggest and praise, accept or reject a remedy
/// and escalate; everything else is for agents, services, rules and systems.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Asks a customer for a score, by a new survey.
    RequestSurvey {
        /// Whom.
        customer: CustomerId,
        /// What it measures.
        metric: Metric,
        /// Who is rated: a ticket, with its agent, team and plan of this moment, or an agent, a team, a plan or several of
        /// them.
        rated: About,
        /// How long it can be answered, in seconds; 14 times 24 hours unless said otherwise.
        #[serde(default)]
        expires_after_s: ExpirySeconds,
        /// How long the answer can be changed, in seconds; 7 times 24 hours unless said otherwise.
        #[serde(default)]
        amend_window_s: AmendSeconds,
    },
    /// Asks again.
    Remind {},
    /// Answers a survey, once.
    Submit {
        /// The score, in the metric's scale.
        score: Score,
        /// What the customer adds. Personal data.
        #[serde(default)]
        comment: Option<Comment>,
    },
    /// Changes the answer, within the window after it.
    Amend {
        /// The score, in the metric's scale.
        score: Score,
        /// What the customer adds, instead of what was added before. Personal data.
        #[serde(default)]
        comment: Option<Comment>,
    },
    /// Ends a survey that was not answered. Sent by its timer. For systems.
    Expire {},
    /// Brings a new complaint.
    FileComplaint {
        /// Who complains.
        customer: CustomerId,
        /// How grave it is, 1 the most.
        severity: Severity,
        /// What it is about, in a line. Personal data.
        subject: Subject,
        /// The whole story. Personal data.
        body: Body,
        /// What or whom it is about.
        #[serde(default)]
        about: About,
        /// How it came in.
        #[serde(default)]
        channel: Option<Channel>,
    },
    /// Tells the customer that the complaint is there.
    Acknowledge {},
    /// Begins to look into it.
    StartInvestigation {},
    /// Offers something to make up for it; also another time, when the complaint was escalated.
    OfferRemedy {
        /// What. Personal data.
        remedy: Remedy,
    },
    /// Takes the remedy, for the customer.
    AcceptRemedy {},
    /// Does not take the remedy, for the customer.
    RejectRemedy {
        /// Why not. Personal data.
        #[serde(default)]
        reason: Option<Objection>,
    },
    /// Brings a complaint whose remedy was rejected to a higher place.
    Escalate {
        /// Why.
        reason: Reason,
    },
    /// Ends a complaint: when the remedy was accepted or the complaint escalated, or at any time as withdrawn.
    Close {
        /// How it ended.
        outcome: Outcome,
    },
    /// Captures a new need of what a complaint or suggestion asks for, with the same words.
    RaiseNeed {
        /// The new need's id.
        need: NeedId,
        /// What is wanted, in a line. Nobody should write names there.
        title: Title,
    },
    /// Makes a complaint or suggestion evidence of a need that is there.
    LinkToNeed {
        /// Which.
        need: NeedId,
    },
    /// Brings a suggestion.
    Suggest {
        /// Whose it is.
        customer: CustomerId,
        /// The suggestion. Personal data.
        body: Body,
        /// What or whom it is about.
        #[serde(default)]
        about: About,
    },
    /// Brings praise.
    Praise {
        /// Whose it is.
        customer: CustomerId,
        /// The praise. Personal data.
        body: Body,
        /// What or whom it is about.
        #[serde(default)]
        about: About,
    },
}
