//! Rules that the reference can be made to keep differently.

macro_rules! altered {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A rule kept differently than the specification says: the comparison must notice each.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Altered { $($(#[$doc])* $name,)* }

        impl Altered {
            /// All of them.
            pub const ALL: &[Altered] = &[$(Altered::$name,)*];
        }
    };
}

altered! {
    /// `expected_version` is not looked at.
    VersionIgnored,
    /// A time may lie an hour ahead.
    SkewOfAnHour,
    /// Everybody has every role.
    RolesIgnored,
    /// An agent takes one ticket more than the capacity.
    CapacityOneMore,
    /// An agent who is offline may be given tickets.
    OfflineAssigned,
    /// An agent of another team may be given tickets.
    TeamIgnored,
    /// A ticket that waits for another can be resolved.
    BlockersIgnored,
    /// A parent can be resolved before its children.
    ChildrenIgnored,
    /// A problem can be resolved without a root cause.
    RootCauseForgotten,
    /// A resolved ticket can be reopened for ever.
    WindowForgotten,
    /// A resolution asks nobody for a score.
    NobodyAsked,
    /// The reopening of a closed ticket takes no supervisor.
    AnybodyReopens,
    /// Links may close a circle.
    CirclesAllowed,
    /// Tickets of different customers can be merged.
    CustomersMixed,
    /// A customer's reply leaves a pending ticket pending.
    ReplyUnheard,
    /// Resolving a new ticket opens it only.
    ResolveOpens,
    /// A contact point can be two customers'.
    ContactShared,
    /// An id in another system can be two customers'.
    ReferenceShared,
    /// A contact point's removal leaves its kind without a primary one.
    PrimaryForgotten,
    /// A merged customer can be changed.
    MergedChanged,
    /// An unmerge leaves what was filled in.
    FilledKept,
    /// Refunds may exceed the amount.
    RefundBeyond,
    /// A void transaction can be refunded.
    VoidRefunded,
    /// An order number can be two transactions'.
    OrderShared,
}
