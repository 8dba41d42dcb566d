//! The transition table of tickets, as the specification draws it: a row for each command, a column for each state.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::{Altered, Case, Ticket};

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    New,
    Open,
    Pending,
    OnHold,
    Resolved,
    Closed,
    Merged,
    Cancelled,
}

impl Status {
    pub(crate) const ALL: [Status; 8] = [
        Self::New,
        Self::Open,
        Self::Pending,
        Self::OnHold,
        Self::Resolved,
        Self::Closed,
        Self::Merged,
        Self::Cancelled,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Open => "open",
            Self::Pending => "pending",
            Self::OnHold => "on_hold",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
            Self::Merged => "merged",
            Self::Cancelled => "cancelled",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    pub(crate) const fn is_unfinished(self) -> bool {
        matches!(self, Self::New | Self::Open | Self::Pending | Self::OnHold)
    }
}

/// What a command does in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    No,
    Stay,
    To(Status),
    /// Something that the command knows more about.
    Special,
}

const HEAD: &str =
    "                       new        open       pending    on_hold    resolved closed merged cancelled";

/// The first ten rows are the specification's. It is silent about the others: what describes a ticket can be changed
/// until it is closed, what gives it work until it is resolved, and links come undone in every state but merged.
const TABLE: &str = "
    assign                 open       stay       stay       stay       -        -      -      -
    reply                  open       stay       stay       stay       stay     -      -      -
    await_customer         pending    pending    stay       pending    -        -      -      -
    hold                   on_hold    on_hold    on_hold    stay       -        -      -      -
    receive_customer_reply stay       stay       open       stay       *        *      *      *
    resolve                resolved   resolved   resolved   resolved   -        -      -      -
    close                  -          -          -          -          closed   -      -      -
    reopen                 -          -          -          -          *        *      -      -
    merge                  stay       stay       stay       stay       -        -      -      -
    cancel                 cancelled  cancelled  cancelled  cancelled  -        -      -      -
    unmerge                stay       stay       stay       stay       stay     stay   stay   stay
    restore                -          -          -          -          -        -      -      *
    reject_resolution      -          -          -          -          *        -      -      -
    resume                 -          stay       open       open       -        -      -      -
    classify               stay       stay       stay       stay       stay     -      -      -
    change_priority        stay       stay       stay       stay       -        -      -      -
    route                  stay       stay       stay       stay       -        -      -      -
    unassign               stay       stay       stay       stay       -        -      -      -
    escalate               stay       stay       stay       stay       -        -      -      -
    deescalate             stay       stay       stay       stay       -        -      -      -
    block                  stay       stay       stay       stay       -        -      -      -
    set_parent             stay       stay       stay       stay       -        -      -      -
    mark_duplicate_of      stay       stay       stay       stay       stay     -      -      -
    split                  stay       stay       stay       stay       stay     -      -      -
    unblock                stay       stay       stay       stay       stay     stay   -      stay
    unset_parent           stay       stay       stay       stay       stay     stay   -      stay
    relate                 stay       stay       stay       stay       stay     stay   -      stay
    unrelate               stay       stay       stay       stay       stay     stay   -      stay
    unmark_duplicate_of    stay       stay       stay       stay       stay     stay   -      stay
    add_note               stay       stay       stay       stay       stay     stay   -      -
    log_time               stay       stay       stay       stay       stay     stay   -      -
    add_watcher            stay       stay       stay       stay       stay     stay   -      -
    remove_watcher         stay       stay       stay       stay       stay     stay   -      -
    tag                    stay       stay       stay       stay       stay     stay   -      -
    untag                  stay       stay       stay       stay       stay     stay   -      -
";

impl Case<'_> {
    /// What a command does to a ticket in its state.
    pub(super) fn cell(&self, command: &str, ticket: &Ticket) -> Cell {
        if self.world.is(Altered::ReplyUnheard)
            && (command, ticket.status) == ("receive_customer_reply", Status::Pending)
        {
            return Cell::Stay;
        }
        if self.world.is(Altered::ResolveOpens) && (command, ticket.status) == ("resolve", Status::New) {
            return Cell::To(Status::Open);
        }
        at(command, ticket.status)
    }
}

/// The rows by command, read once.
static ROWS: LazyLock<BTreeMap<&str, [Cell; 8]>> = LazyLock::new(|| {
    let columns: Vec<Status> = HEAD.split_ascii_whitespace().filter_map(Status::parse).collect();
    let rows = TABLE.lines().filter_map(|line| line.trim().split_once(' '));
    rows.map(|(command, cells)| {
        let mut row = [Cell::No; 8];
        for (status, cell) in columns.iter().zip(cells.split_ascii_whitespace()) {
            row[*status as usize] = match cell {
                "-" => Cell::No,
                "stay" => Cell::Stay,
                "*" => Cell::Special,
                other => Cell::To(Status::parse(other).expect("the table names states")),
            };
        }
        (command, row)
    })
    .collect()
});

fn at(command: &str, status: Status) -> Cell {
    ROWS.get(command).map_or(Cell::No, |row| row[status as usize])
}
