//! What can have happened to feedback.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::fields::{
    About, AmendSeconds, Body, Comment, Metric, Objection, Outcome, Reason, Remedy, Score, Severity, Status, Subject,
};
use crate::ids::{CustomerId, NeedId};
use crate::personal::Personal;
use crate::ticket::Channel;

/// What can have happened to feedback.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A customer was asked for a score (`requested`).
    SurveyRequested {
        /// Who.
        customer: CustomerId,
        /// What it measures.
        metric: Metric,
        /// Who is rated, whatever is reassigned later.
        rated: About,
        /// The last instant for an answer.
        expires_at: DateTime<Utc>,
        /// How long the answer can be changed, in seconds.
        amend_for_s: AmendSeconds,
    },
    /// The customer was asked again (`reminded`).
    SurveyReminded {},
    /// A customer spoke: an answer to a survey (`responded`), a complaint (`received`), a suggestion or praise
    /// (`submitted`).
    FeedbackSubmitted {
        /// Who.
        customer: CustomerId,
        /// What was said, by its kind.
        content: Content,
    },
    /// The answer is another (`amended`).
    FeedbackAmended {
        /// The score now.
        score: Score,
        /// What the customer adds now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Personal<Comment>>,
    },
    /// No answer came in time (`expired`).
    SurveyExpired {},
    /// The customer was told that the complaint is there (`acknowledged`).
    ComplaintAcknowledged {},
    /// It is being looked into (`investigating`).
    ComplaintInvestigationStarted {},
    /// Something was offered to make up for it (`remedy_offered`).
    RemedyOffered {
        /// What.
        remedy: Personal<Remedy>,
    },
    /// The customer takes it (`accepted`).
    RemedyAccepted {},
    /// The customer does not take it (`rejected`).
    RemedyRejected {
        /// Why not.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Personal<Objection>>,
    },
    /// It went to a higher place (`escalated`).
    ComplaintEscalated {
        /// Why.
        reason: Reason,
    },
    /// It asks for something that is wanted: it is evidence of a need. Its status stays.
    FeedbackLinkedToNeed {
        /// Which.
        need: NeedId,
    },
    /// It has ended (`closed`).
    ComplaintClosed {
        /// How.
        outcome: Outcome,
    },
}

/// What a customer said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Content {
    /// The answer to a survey.
    Response {
        /// The score.
        score: Score,
        /// What the customer adds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<Personal<Comment>>,
        /// The last instant at which it may be changed.
        amend_until: DateTime<Utc>,
    },
    /// A complaint.
    Complaint {
        /// How grave it is, 1 the most.
        severity: Severity,
        /// What it is about, in a line.
        subject: Personal<Subject>,
        /// The whole story.
        body: Personal<Body>,
        /// What or whom it is about.
        #[serde(default, skip_serializing_if = "About::is_empty")]
        about: About,
        /// How it came in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Channel>,
    },
    /// A suggestion.
    Suggestion {
        /// The suggestion.
        body: Personal<Body>,
        /// What or whom it is about.
        #[serde(default, skip_serializing_if = "About::is_empty")]
        about: About,
    },
    /// Praise.
    Praise {
        /// The praise.
        body: Personal<Body>,
        /// What or whom it is about.
        #[serde(default, skip_serializing_if = "About::is_empty")]
        about: About,
    },
}

impl Event {
    /// Where the feedback stands after it; `None` if that stays.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        Some(match self {
            Self::FeedbackLinkedToNeed { .. } => return None,
            Self::SurveyRequested { .. } => Status::Requested,
            Self::SurveyReminded {} => Status::Reminded,
            Self::FeedbackSubmitted { content, .. } => match content {
                Content::Response { .. } => Status::Responded,
                Content::Complaint { .. } => Status::Received,
                Content::Suggestion { .. } | Content::Praise { .. } => Status::Submitted,
            },
            Self::FeedbackAmended { .. } => Status::Amended,
            Self::SurveyExpired {} => Status::Expired,
            Self::ComplaintAcknowledged {} => Status::Acknowledged,
            Self::ComplaintInvestigationStarted {} => Status::Investigating,
            Self::RemedyOffered { .. } => Status::RemedyOffered,
            Self::RemedyAccepted {} => Status::Accepted,
            Self::RemedyRejected { .. } => Status::Rejected,
            Self::ComplaintEscalated { .. } => Status::Escalated,
            Self::ComplaintClosed { .. } => Status::Closed,
        })
    }
}
