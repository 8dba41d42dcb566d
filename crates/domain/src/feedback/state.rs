//! Feedback as far as decisions need it, folded from its events.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::event::{Content, Event};
use super::fields::{AmendSeconds, Body, Metric, Score, Status};
use crate::ids::{CustomerId, NeedId};
use crate::personal::Personal;

/// Feedback, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feedback {
    /// What it is; `None` before it began.
    pub matter: Option<Matter>,
}

/// What a customer says or was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Matter {
    /// Whose it is.
    pub customer: CustomerId,
    /// Where it stands.
    pub status: Status,
    /// Which course it takes.
    pub course: Course,
    /// What is asked for, if it is a complaint or suggestion.
    pub wish: Option<Personal<Body>>,
    /// The needs of which it is evidence.
    pub needs: BTreeSet<NeedId>,
}

/// The courses that feedback can take.
#[derive(Clone, Debug, PartialEq)]
pub enum Course {
    /// The customer was asked.
    Survey(Survey),
    /// The customer complains.
    Complaint,
    /// The customer suggests or praises.
    Remark,
}

/// A survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// What it measures.
    pub metric: Metric,
    /// The last instant for an answer.
    pub expires_at: DateTime<Utc>,
    /// How long the answer can be changed.
    pub amend_for: AmendSeconds,
    /// The answer.
    pub answer: Option<Answer>,
}

/// The answer to a survey.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The score.
    pub score: Score,
    /// When it was given.
    pub given_at: DateTime<Utc>,
    /// Whether the customer added something.
    pub has_comment: bool,
    /// The last instant at which it may be changed.
    pub amend_until: DateTime<Utc>,
}

impl Matter {
    /// The survey, if it is one.
    #[must_use]
    pub const fn survey(&self) -> Option<&Survey> {
        match &self.course {
            Course::Survey(survey) => Some(survey),
            Course::Complaint | Course::Remark => None,
        }
    }
}

impl Feedback {
    pub(super) fn fold(&mut self, event: &Event) {
        match event {
            Event::SurveyRequested { customer, metric, rated: _, expires_at, amend_for_s } => {
                let (metric, expires_at, amend_for) = (*metric, *expires_at, *amend_for_s);
                let survey = Survey { metric, expires_at, amend_for, answer: None };
                self.begin(*customer, Course::Survey(survey), None);
            }
            Event::FeedbackSubmitted { customer, content } => match content {
                Content::Response { score, comment, amend_until } => {
                    let (score, has_comment, amend_until) = (*score, comment.is_some(), *amend_until);
                    self.answer(|survey| {
                        let given_at = survey.amend_for.before(amend_until);
                        Answer { score, given_at, has_comment, amend_until }
                    });
                }
                Content::Complaint { body, .. } => self.begin(*customer, Course::Complaint, Some(body)),
                Content::Suggestion { body, .. } => self.begin(*customer, Course::Remark, Some(body)),
                Content::Praise { .. } => self.begin(*customer, Course::Remark, None),
            },
            Event::FeedbackAmended { score, comment } => {
                if let Some(answer) = self.survey().and_then(|survey| survey.answer.as_mut()) {
                    (answer.score, answer.has_comment) = (*score, comment.is_some());
                }
            }
            Event::FeedbackLinkedToNeed { need } => {
                if let Some(matter) = &mut self.matter {
                    matter.needs.insert(*need);
                }
            }
            Event::SurveyReminded {}
            | Event::SurveyExpired {}
            | Event::ComplaintAcknowledged {}
            | Event::ComplaintInvestigationStarted {}
            | Event::RemedyOffered { .. }
            | Event::RemedyAccepted {}
            | Event::RemedyRejected { .. }
            | Event::ComplaintEscalated { .. }
            | Event::ComplaintClosed { .. } => {}
        }
        if let (Some(matter), Some(status)) = (&mut self.matter, event.status()) {
            matter.status = status;
        }
    }

    fn begin(&mut self, customer: CustomerId, course: Course, wish: Option<&Personal<Body>>) {
        let (status, wish) = (Status::Requested, wish.cloned());
        self.matter = Some(Matter { customer, status, course, wish, needs: BTreeSet::new() });
    }

    fn answer(&mut self, answer: impl FnOnce(&Survey) -> Answer) {
        if let Some(survey) = self.survey() {
            survey.answer = Some(answer(survey));
        }
    }

    fn survey(&mut self) -> Option<&mut Survey> {
        match self.matter.as_mut().map(|matter| &mut matter.course) {
            Some(Course::Survey(survey)) => Some(survey),
            Some(Course::Complaint | Course::Remark) | None => None,
        }
    }
}
