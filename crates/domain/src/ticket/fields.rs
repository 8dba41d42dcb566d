//! The values that tickets are described by.

use serde::{Deserialize, Serialize};

use crate::named::named;
use crate::ranged::ranged;
use crate::text::{FreeText, Name};

/// What it is about, in a line. Personal data.
pub type Subject = FreeText<300>;
/// The whole story. Personal data.
pub type Description = FreeText<20_000>;
/// The body of a message or note. Personal data.
pub type Body = FreeText<30_000>;
/// What was done about it. Personal data.
pub type ResolutionText = FreeText<10_000>;
/// Why the customer does not take a resolution. Personal data.
pub type RejectionText = FreeText<5_000>;
/// A reason or cause in a line. Never personal data.
pub type Reason = Name<200>;
/// A tag.
pub type Tag = Name<64>;
/// What lay behind it. Never personal data.
pub type RootCause = Name<500>;
/// An article of the knowledge base, by its id or address.
pub type Article = Name<200>;

/// The most levels of a category path.
pub const CATEGORY_LEVELS_MAX: usize = 8;
/// The highest level of escalation.
pub const ESCALATION_MAX: u8 = 5;
/// The longest piece of work that is logged at once, in seconds (1,000 hours).
pub const LOGGED_S_MAX: u32 = 3_600_000;

named! {
    /// Where a ticket stands. Logic is keyed on these, never on a label.
    Status {
        /// New 新建: nobody has taken it up.
        New = "new",
        /// Open 处理中: being worked on.
        Open = "open",
        /// Pending 待客户: waits for the customer.
        Pending = "pending",
        /// On hold 挂起: waits for something else.
        OnHold = "on_hold",
        /// Resolved 已解决: may be reopened for a while.
        Resolved = "resolved",
        /// Closed 已关闭.
        Closed = "closed",
        /// Merged into another ticket.
        Merged = "merged",
        /// Cancelled 已取消.
        Cancelled = "cancelled",
    }
}

impl Status {
    /// Whether it is unfinished: new, open, pending or on hold.
    #[must_use]
    pub const fn unfinished(self) -> bool {
        matches!(self, Self::New | Self::Open | Self::Pending | Self::OnHold)
    }
}

named! {
    /// What kind of matter it is.
    TicketType {
        /// Something does not work.
        Incident = "incident",
        /// The cause behind incidents.
        Problem = "problem",
        /// Something is asked for.
        Request = "request",
        /// Something is asked.
        Question = "question",
        /// Somebody complains.
        Complaint = "complaint",
    }
}

named! {
    /// How it came in.
    Channel {
        /// By e-mail.
        Email = "email",
        /// By phone.
        Phone = "phone",
        /// In a chat.
        Chat = "chat",
        /// Over a web form.
        Web = "web",
        /// Over WeChat 微信.
        Wechat = "wechat",
        /// Over a programming interface.
        Api = "api",
    }
}

named! {
    /// How a ticket was resolved.
    ResolutionCode {
        /// Somebody helped.
        Assistance = "assistance",
        /// A setting was changed.
        Configuration = "configuration",
        /// A bug was fixed.
        BugFixed = "bug_fixed",
        /// Hardware was repaired.
        HardwareRepair = "hardware_repair",
        /// Something was replaced.
        Replacement = "replacement",
        /// Software was updated.
        SoftwareUpdate = "software_update",
        /// Somebody was trained.
        Training = "training",
        /// It is known from another ticket.
        Duplicate = "duplicate",
        /// It does not show again.
        CannotReproduce = "cannot_reproduce",
        /// It stays as it is.
        WontFix = "wont_fix",
        /// The customer did not answer.
        NoResponse = "no_response",
        /// It is meant to be so.
        ByDesign = "by_design",
        /// Anything else.
        Other = "other",
    }
}

named! {
    /// Who closed a ticket.
    ClosedBy {
        /// The timer, when the window for reopening had passed.
        Auto = "auto",
        /// Somebody.
        Manual = "manual",
    }
}

ranged! {
    /// How many are affected: 1 a department, 2 a group, 3 a person.
    Impact(u8) in 1..=3
}

ranged! {
    /// How soon it is needed: 1 at once to 4 whenever.
    Urgency(u8) in 1..=4
}

ranged! {
    /// A level of escalation, 1 to [`ESCALATION_MAX`].
    EscalationLevel(u8) in 1..=ESCALATION_MAX
}

ranged! {
    /// Time worked, 1 to [`LOGGED_S_MAX`] seconds.
    LoggedSeconds(u32) in 1..=LOGGED_S_MAX
}

/// How important a ticket is, P1 the most.
// Read as a text, not as an enum: only then an error inside a map names the priority that leads to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub enum Priority {
    /// The most important.
    P1,
    /// Important.
    P2,
    /// Usual.
    P3,
    /// The least important.
    P4,
}

impl TryFrom<String> for Priority {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let all = [Self::P1, Self::P2, Self::P3, Self::P4];
        let found = all.into_iter().find(|priority| priority.name() == text);
        found.ok_or_else(|| format!("unknown priority `{text}`, expected P1, P2, P3 or P4"))
    }
}

impl Priority {
    /// The priority that impact and urgency call for, by the matrix of the domain.
    #[must_use]
    pub const fn of(impact: Impact, urgency: Urgency) -> Self {
        match (impact.0, urgency.0) {
            (1, 1 | 2) | (2, 1) => Self::P1,
            (1, 3) | (2, 2) | (3, 1) => Self::P2,
            (2, 3) | (3, 2 | 3) => Self::P3,
            _ => Self::P4,
        }
    }

    /// An impact and urgency that call for this priority, those of one person where they can.
    #[must_use]
    pub const fn usual(self) -> (Impact, Urgency) {
        match self {
            Self::P1 => (Impact(2), Urgency(1)),
            Self::P2 => (Impact(3), Urgency(1)),
            Self::P3 => (Impact(3), Urgency(3)),
            Self::P4 => (Impact(3), Urgency(4)),
        }
    }

    /// The priority above it; P1 has none.
    #[must_use]
    pub const fn raised(self) -> Self {
        match self {
            Self::P1 | Self::P2 => Self::P1,
            Self::P3 => Self::P2,
            Self::P4 => Self::P3,
        }
    }

    /// The priority as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
        }
    }
}

/// A category and its sub-categories, the widest first; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<Name<64>>", into = "Vec<Name<64>>")]
pub struct CategoryPath(Vec<Name<64>>);

impl CategoryPath {
    /// The levels, the widest first.
    #[must_use]
    pub fn levels(&self) -> &[Name<64>] {
        &self.0
    }
}

impl TryFrom<Vec<Name<64>>> for CategoryPath {
    type Error = String;

    fn try_from(levels: Vec<Name<64>>) -> Result<Self, String> {
        if levels.len() > CATEGORY_LEVELS_MAX {
            return Err(format!("at most {CATEGORY_LEVELS_MAX} levels"));
        }
        Ok(Self(levels))
    }
}

impl From<CategoryPath> for Vec<Name<64>> {
    fn from(path: CategoryPath) -> Self {
        path.0
    }
}
