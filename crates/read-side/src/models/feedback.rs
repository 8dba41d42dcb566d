//! Feedback: one row each for a survey, a complaint or a remark, and figures by kind, score and status.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use domain::feedback::{
    About, Body, Comment, Content, Event, Kind, Metric, Objection, Outcome, Reason, Remedy, Score, Severity, Status,
    Subject,
};
use domain::ids::{AgentId, CustomerId, NeedId, ServicePlanId, TeamId, TicketId};
use domain::personal::Personal;
use domain::ticket::Channel;
use domain::{Category, Event as AnyEvent};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entity::{Entity, Fact, Happened, Keys, Unfit};

/// Feedback: a survey, a complaint or a remark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = Feedback)]
pub struct FeedbackRow {
    /// What kind it is: `survey`, `complaint`, `suggestion` or `praise`.
    #[schema(value_type = String)]
    pub kind: Kind,
    /// Where it stands: `requested`, `reminded`, `responded`, `amended` or `expired`; `received`, `acknowledged`,
    /// `investigating`, `remedy_offered`, `accepted`, `rejected`, `escalated` or `closed`; `submitted`.
    #[schema(value_type = String)]
    pub status: Status,
    /// Whose it is.
    #[schema(value_type = Uuid)]
    pub customer: CustomerId,
    /// What a survey measures: `csat`, `nps` or `ces`.
    #[schema(value_type = Option<String>)]
    pub metric: Option<Metric>,
    /// The ticket that is rated, or that it is about.
    #[schema(value_type = Option<Uuid>)]
    pub ticket: Option<TicketId>,
    /// The agent who is rated, or whom it is about.
    #[schema(value_type = Option<Uuid>)]
    pub agent: Option<AgentId>,
    /// The team that is rated, or that it is about.
    #[schema(value_type = Option<Uuid>)]
    pub team: Option<TeamId>,
    /// The service plan that is rated, or that it is about.
    #[schema(value_type = Option<Uuid>)]
    pub plan: Option<ServicePlanId>,
    /// The plan's revision.
    pub plan_revision: Option<u32>,
    /// The score, if there is an answer.
    #[schema(value_type = Option<u8>)]
    pub score: Option<Score>,
    /// What the customer adds to it.
    #[schema(value_type = Option<String>)]
    pub comment: Option<Personal<Comment>>,
    /// How grave a complaint is: 1 the most to 4.
    #[schema(value_type = Option<u8>)]
    pub severity: Option<Severity>,
    /// What a complaint is about, in a line.
    #[schema(value_type = Option<String>)]
    pub subject: Option<Personal<Subject>>,
    /// The whole complaint, suggestion or praise.
    #[schema(value_type = Option<String>)]
    pub body: Option<Personal<Body>>,
    /// How a complaint came in.
    #[schema(value_type = Option<String>)]
    pub channel: Option<Channel>,
    /// What was offered last to make up for it.
    #[schema(value_type = Option<String>)]
    pub remedy: Option<Personal<Remedy>>,
    /// Why the customer does not take that.
    #[schema(value_type = Option<String>)]
    pub objection: Option<Personal<Objection>>,
    /// Why it went to a higher place.
    #[schema(value_type = Option<String>)]
    pub escalation_reason: Option<Reason>,
    /// How a complaint ended: `upheld`, `partly_upheld`, `not_upheld` or `withdrawn`.
    #[schema(value_type = Option<String>)]
    pub outcome: Option<Outcome>,
    /// The needs of which it is evidence.
    #[schema(value_type = Vec<Uuid>)]
    pub needs: BTreeSet<NeedId>,
    /// When the survey was requested, or the customer spoke.
    pub created_at: DateTime<Utc>,
    /// The last instant for an answer to the survey.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the survey was answered.
    pub responded_at: Option<DateTime<Utc>>,
    /// The last instant at which the answer may be changed.
    pub amend_until: Option<DateTime<Utc>>,
    /// When the complaint was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// When the last event was recorded.
    pub updated_at: DateTime<Utc>,
    /// The stream's version, for `expected_version`.
    pub version: u64,
}

/// The entity model of feedback.
#[derive(Debug)]
pub struct Feedback;

impl Entity for Feedback {
    const NAME: &'static str = "feedback";
    const REVISION: u32 = 1;
    const READS: &'static [Category] = &[Category::Feedback];
    const COLUMNS: &'static str = include_str!("feedback_columns.sql");
    const INDEXES: &'static str = include_str!("feedback_indexes.sql");
    type Row = FeedbackRow;

    fn keys(happened: &Happened) -> Keys {
        Keys::One(happened.stream.id)
    }

    fn apply(row: Option<FeedbackRow>, happened: &Happened) -> Result<Option<FeedbackRow>, Unfit> {
        let AnyEvent::Feedback(event) = &happened.event else { return Ok(row) };
        let mut row = match row {
            Some(row) => row,
            None => FeedbackRow::begun(event, happened)?,
        };
        row.fold(event, happened)?;
        row.status = event.status().unwrap_or(row.status);
        (row.updated_at, row.version) = (happened.recorded_at, happened.version);
        Ok(Some(row))
    }

    /// `kind/<k>` counts all, `survey/<m>` surveys (requested, answered, expired), `score/<m>/<s>` answers, and
    /// `complaint/<s>` complaints by status.
    fn facts(row: &FeedbackRow) -> Vec<Fact> {
        let mut facts = vec![(format!("kind/{}", row.kind.name()), [1, 0, 0, 0])];
        if let Some(metric) = row.metric {
            let (answered, expired) = (row.score.is_some(), row.status == Status::Expired);
            facts.push((format!("survey/{}", metric.name()), [1, i64::from(answered), i64::from(expired), 0]));
            let scored = |score: Score| (format!("score/{}/{}", metric.name(), score.get()), [1, 0, 0, 0]);
            facts.extend(row.score.map(scored));
        }
        if row.kind == Kind::Complaint {
            facts.push((format!("complaint/{}", row.status.name()), [1, 0, 0, 0]));
        }
        facts
    }
}

impl FeedbackRow {
    /// The row of what begins with this event, before the event itself.
    fn begun(event: &Event, happened: &Happened) -> Result<Self, Unfit> {
        let (kind, customer, about) = match event {
            Event::SurveyRequested { customer, rated, .. } => (Kind::Survey, customer, rated),
            Event::FeedbackSubmitted { customer, content: Content::Complaint { about, .. } } => {
                (Kind::Complaint, customer, about)
            }
            Event::FeedbackSubmitted { customer, content: Content::Suggestion { about, .. } } => {
                (Kind::Suggestion, customer, about)
            }
            Event::FeedbackSubmitted { customer, content: Content::Praise { about, .. } } => {
                (Kind::Praise, customer, about)
            }
            Event::FeedbackSubmitted { content: Content::Response { .. }, .. }
            | Event::SurveyReminded {}
            | Event::FeedbackAmended { .. }
            | Event::SurveyExpired {}
            | Event::ComplaintAcknowledged {}
            | Event::ComplaintInvestigationStarted {}
            | Event::RemedyOffered { .. }
            | Event::RemedyAccepted {}
            | Event::RemedyRejected { .. }
            | Event::ComplaintEscalated { .. }
            | Event::FeedbackLinkedToNeed { .. }
            | Event::ComplaintClosed { .. } => return Err(Unfit("the feedback never began".to_owned())),
        };
        let About { ticket, agent, team, plan } = *about;
        Ok(Self {
            kind,
            status: event.status().unwrap_or(Status::Requested),
            customer: *customer,
            metric: None,
            ticket,
            agent,
            team,
            plan: plan.map(|plan| plan.id),
            plan_revision: plan.map(|plan| plan.revision),
            score: None,
            comment: None,
            severity: None,
            subject: None,
            body: None,
            channel: None,
            remedy: None,
            objection: None,
            escalation_reason: None,
            outcome: None,
            needs: BTreeSet::new(),
            created_at: happened.occurred_at,
            expires_at: None,
            responded_at: None,
            amend_until: None,
            closed_at: None,
            updated_at: happened.recorded_at,
            version: 0,
        })
    }

    fn fold(&mut self, event: &Event, happened: &Happened) -> Result<(), Unfit> {
        match event {
            Event::SurveyRequested { metric, expires_at, .. } => {
                self.first()?;
                (self.metric, self.expires_at) = (Some(*metric), Some(*expires_at));
            }
            Event::FeedbackSubmitted { content, customer: _ } => self.hear(content, happened)?,
            Event::FeedbackAmended { score, comment } => {
                (self.score, self.comment) = (Some(*score), comment.clone());
            }
            Event::RemedyOffered { remedy } => {
                (self.remedy, self.objection) = (Some(remedy.clone()), None);
            }
            Event::RemedyRejected { reason } => self.objection = reason.clone(),
            Event::ComplaintEscalated { reason } => self.escalation_reason = Some(reason.clone()),
            Event::ComplaintClosed { outcome } => {
                (self.outcome, self.closed_at) = (Some(*outcome), Some(happened.occurred_at));
            }
            Event::FeedbackLinkedToNeed { need } => _ = self.needs.insert(*need),
            Event::SurveyReminded {}
            | Event::SurveyExpired {}
            | Event::ComplaintAcknowledged {}
            | Event::ComplaintInvestigationStarted {}
            | Event::RemedyAccepted {} => {}
        }
        Ok(())
    }

    fn hear(&mut self, content: &Content, happened: &Happened) -> Result<(), Unfit> {
        match content {
            Content::Response { score, comment, amend_until } => {
                (self.score, self.comment) = (Some(*score), comment.clone());
                (self.responded_at, self.amend_until) = (Some(happened.occurred_at), Some(*amend_until));
            }
            Content::Complaint { severity, subject, body, channel, about: _ } => {
                self.first()?;
                (self.severity, self.channel) = (Some(*severity), *channel);
                (self.subject, self.body) = (Some(subject.clone()), Some(body.clone()));
            }
            Content::Suggestion { body, about: _ } | Content::Praise { body, about: _ } => {
                self.first()?;
                self.body = Some(body.clone());
            }
        }
        Ok(())
    }

    /// What begins comes first.
    fn first(&self) -> Result<(), Unfit> {
        if self.version == 0 { Ok(()) } else { Err(Unfit("the feedback began twice".to_owned())) }
    }
}

#[cfg(test)]
#[path = "feedback_tests.rs"]
mod tests;
