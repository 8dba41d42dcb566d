//! A service execution as far as decisions need it, folded from its events.

use std::collections::{BTreeMap, BTreeSet};

use super::booking::Booking;
use super::course::Course;
use super::event::Event;
use super::fields::{Content, Item, ItemId, ItemResult, Note, Site, Skill, Status, Window};
use crate::ids::{CustomerId, ServicePlanId, TicketId};
use crate::personal::Personal;
use crate::revisions::RevisionOf;
use crate::text::Name;

/// What is to be done; carried into follow-ups.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// What it is called.
    pub name: Name<200>,
    /// What is to be done.
    pub content: Option<Content>,
    /// For whom.
    pub customer: CustomerId,
    /// The ticket that asks for it.
    pub ticket: Option<TicketId>,
    /// The service plan under which it is done.
    pub plan: Option<RevisionOf<ServicePlanId>>,
    /// Where.
    pub site: Option<Personal<Site>>,
    /// When it is to be done.
    pub window: Window,
    /// What the resources must know, between them.
    pub skills: BTreeSet<Skill>,
    /// What is to be done step by step.
    pub checklist: Vec<Item>,
}

/// A service execution, as far as decisions need it.
#[derive(Clone, Debug)]
pub struct ServiceExecution {
    /// What is to be done; `None` before it was planned.
    pub order: Option<Order>,
    /// Where it stands.
    pub status: Status,
    /// Its time and resources, once it has them.
    pub booking: Option<Booking>,
    /// When it was travelled and worked.
    pub course: Course,
    /// What came of each item of the checklist, as far as something did.
    pub results: BTreeMap<ItemId, (ItemResult, Option<Note>)>,
    /// How many times a part was used.
    pub parts: usize,
    /// How many times it was paused.
    pub pauses: usize,
}

impl Default for ServiceExecution {
    fn default() -> Self {
        Self {
            order: None,
            status: Status::Planned,
            booking: None,
            course: Course::default(),
            results: BTreeMap::new(),
            parts: 0,
            pauses: 0,
        }
    }
}

impl ServiceExecution {
    pub(super) fn fold(&mut self, event: &Event) {
        self.course.evolve(event);
        match event {
            Event::ServiceExecutionPlanned {
                name,
                content,
                customer,
                ticket,
                plan,
                occurrence: _,
                site,
                window,
                skills,
                checklist,
                follow_up_of: _,
            } => {
                self.order = Some(Order {
                    name: name.clone(),
                    content: content.clone(),
                    customer: *customer,
                    ticket: *ticket,
                    plan: *plan,
                    site: site.clone(),
                    window: *window,
                    skills: skills.clone(),
                    checklist: checklist.clone(),
                });
            }
            Event::ServiceExecutionScheduled { start, end, resources, overridden: _ }
            | Event::ServiceExecutionRescheduled { start, end, resources, overridden: _ } => {
                self.status = Status::Scheduled;
                self.booking = Some(Booking { start: *start, end: *end, resources: resources.clone() });
            }
            Event::ServiceExecutionDispatched {} => self.status = Status::Dispatched,
            Event::TravelStarted { .. } => self.status = Status::EnRoute,
            Event::ServiceExecutionStarted { .. } | Event::ServiceExecutionResumed { .. } => {
                self.status = Status::InProgress;
            }
            Event::ServiceExecutionPaused { .. } => {
                self.status = Status::Paused;
                self.pauses += 1;
            }
            Event::ChecklistItemCompleted { item, result, note } => {
                self.results.insert(item.clone(), (*result, note.clone()));
            }
            Event::PartUsed { .. } => self.parts += 1,
            Event::ServiceExecutionCompleted { .. } => self.status = Status::Completed,
            Event::CustomerSignedOff { .. } => self.status = Status::Verified,
            Event::ServiceExecutionFailed { .. } => self.status = Status::CannotComplete,
            Event::ServiceExecutionCancelled { .. } => self.status = Status::Cancelled,
            Event::CustomerNoShow { .. } => self.status = Status::NoShow,
            Event::FollowUpScheduled { .. } => {}
        }
    }
}
