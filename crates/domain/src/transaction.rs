//! Transaction 交易: what a customer bought, paid or got back. None of its fields are personal data.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::decider::{Aggregate, ClaimChange, ClaimKey, ClaimKind, ClaimQuery, Context, Decision, Loaded};
use crate::envelope::Actor;
use crate::ids::{CustomerId, ServicePlanId, StreamId};
use crate::money::{Currency, Minor};
use crate::rejection::{Code, Rejection};
use crate::text::{FreeText, Name};
use crate::{customer, service_plan};

/// The most lines of a transaction.
pub const LINES_MAX: usize = 200;
/// The most refunds of a transaction.
pub const REFUNDS_MAX: usize = 200;

/// What kind of business it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something was bought.
    #[default]
    Purchase,
    /// Something bought before was prolonged.
    Renewal,
    /// Something was paid.
    Payment,
    /// Money was given back, as a business of its own.
    Refund,
    /// An invoice was lowered.
    CreditNote,
}

/// Where a transaction comes from; unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The selling system.
    pub system: Name<64>,
    /// The order's number there.
    pub order_no: Name<128>,
}

/// One line of a transaction: `qty × unit − discount + tax`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The article.
    pub sku: Name<64>,
    /// The article's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name<200>>,
    /// How much of it, in thousandths; above 0.
    pub qty_milli: i64,
    /// The price of one.
    pub unit_minor: Minor,
    /// What is taken off the line.
    #[serde(default)]
    pub discount_minor: Minor,
    /// What is added to the line.
    #[serde(default)]
    pub tax_minor: Minor,
}

/// What can be asked of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// Records a transaction; it happened at the command's `occurred_at`.
    Record {
        /// Whose it is.
        customer: CustomerId,
        /// Where it comes from.
        source: Source,
        /// What kind of business; a purchase unless said otherwise.
        #[serde(rename = "type", default)]
        kind: Kind,
        /// The one currency of the transaction.
        currency: Currency,
        /// The amount, 0 or above.
        amount_minor: Minor,
        /// What it consists of, at most 200; they add up to the amount within one minor unit each.
        #[serde(default)]
        lines: Vec<Line>,
        /// Where it was made, e.g. `web shop`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Name<64>>,
        /// The service plan that it pays for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<ServicePlanId>,
    },
    /// Corrects the amount and the lines. Never below what was refunded.
    Correct {
        /// The transaction's currency.
        currency: Currency,
        /// The right amount.
        amount_minor: Minor,
        /// The right lines, all of them.
        #[serde(default)]
        lines: Vec<Line>,
    },
    /// Gives money back; it happened at the command's `occurred_at`, not before the transaction.
    Refund {
        /// The refund's id: each is counted once.
        refund_id: Uuid,
        /// The transaction's currency.
        currency: Currency,
        /// How much, above 0.
        amount_minor: Minor,
    },
    /// Declares the transaction void. Nothing can follow.
    Void {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<FreeText<500>>,
    },
}

/// What can have happened to a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The transaction was recorded.
    TransactionRecorded {
        /// Whose it is.
        customer: CustomerId,
        /// Where it comes from.
        source: Source,
        /// What kind of business.
        #[serde(rename = "type")]
        kind: Kind,
        /// When it was made.
        occurred_at: DateTime<Utc>,
        /// The one currency of the transaction.
        currency: Currency,
        /// The amount.
        amount_minor: Minor,
        /// What it consists of.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lines: Vec<Line>,
        /// Where it was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Name<64>>,
        /// The service plan that it pays for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<ServicePlanId>,
    },
    /// The amount and the lines are others.
    TransactionCorrected {
        /// The right amount.
        amount_minor: Minor,
        /// The right lines, all of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lines: Vec<Line>,
    },
    /// Money was given back.
    TransactionRefunded {
        /// The refund's id.
        refund_id: Uuid,
        /// How much this time.
        amount_minor: Minor,
        /// How much in all.
        refunded_minor: Minor,
    },
    /// The transaction is void.
    TransactionVoided {
        /// Why.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<FreeText<500>>,
    },
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Recorded, nothing refunded.
    #[default]
    Recorded,
    /// Refunded in part.
    PartiallyRefunded,
    /// Refunded as a whole.
    Refunded,
    /// Void.
    Voided,
}

impl Status {
    /// The status as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Voided => "voided",
        }
    }

    /// Where a transaction stands of which so much was refunded, unless it is void.
    #[must_use]
    pub const fn of(amount: Minor, refunded: Minor) -> Self {
        match refunded.0 {
            0 => Self::Recorded,
            refunded if refunded < amount.0 => Self::PartiallyRefunded,
            _ => Self::Refunded,
        }
    }

    /// The commands that are possible.
    #[must_use]
    pub const fn allowed(self) -> &'static [&'static str] {
        match self {
            Self::Recorded | Self::PartiallyRefunded => &["correct", "refund", "void"],
            Self::Refunded => &["correct"],
            Self::Voided => &[],
        }
    }
}

/// A transaction, as far as decisions need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transaction {
    /// Whose it is.
    pub customer: Option<CustomerId>,
    /// When it was made.
    pub occurred_at: Option<DateTime<Utc>>,
    /// Its currency.
    pub currency: Option<Currency>,
    /// The amount.
    pub amount: Minor,
    /// What it consists of.
    pub lines: Vec<Line>,
    /// What was given back, by refund.
    pub refunds: BTreeMap<Uuid, Minor>,
    /// What was given back in all.
    pub refunded: Minor,
    /// Whether it is void.
    pub voided: bool,
}

impl Transaction {
    /// Where it stands.
    #[must_use]
    pub const fn status(&self) -> Status {
        if self.voided { Status::Voided } else { Status::of(self.amount, self.refunded) }
    }
}

impl Aggregate for Transaction {
    type Command = Command;
    type Event = Event;

    fn creates(command: &Command) -> bool {
        matches!(command, Command::Record { .. })
    }

    fn reads(_: Uuid, command: &Command, _: &Actor, loaded: &Loaded) -> Vec<StreamId> {
        match command {
            Command::Record { customer, plan, .. } => {
                let plan = plan.map(|plan| service_plan::owned_reads(loaded, plan)).unwrap_or_default();
                customer::chain(loaded, *customer).into_iter().chain(plan).collect()
            }
            Command::Correct { .. } | Command::Refund { .. } | Command::Void { .. } => Vec::new(),
        }
    }

    fn claims(_: Uuid, command: &Command, _: &Loaded) -> Vec<ClaimQuery> {
        match command {
            Command::Record { source, .. } => vec![ClaimQuery { key: order_key(source), range: None }],
            Command::Correct { .. } | Command::Refund { .. } | Command::Void { .. } => Vec::new(),
        }
    }

    fn decide(&self, command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
        if !matches!(command, Command::Record { .. }) {
            context.require_existing()?;
        }
        match command {
            Command::Record { .. } => record(command, context),
            Command::Correct { currency, amount_minor, lines } => {
                self.correct(*currency, *amount_minor, lines, context.stream)
            }
            Command::Refund { refund_id, currency, amount_minor } => {
                self.refund(*refund_id, *currency, *amount_minor, context)
            }
            Command::Void { reason } => self.void(reason.clone(), context.stream),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::TransactionRecorded { customer, occurred_at, currency, amount_minor, lines, .. } => {
                self.customer = Some(*customer);
                self.occurred_at = Some(*occurred_at);
                self.currency = Some(*currency);
                self.amount = *amount_minor;
                self.lines.clone_from(lines);
            }
            Event::TransactionCorrected { amount_minor, lines } => {
                self.amount = *amount_minor;
                self.lines.clone_from(lines);
            }
            Event::TransactionRefunded { refund_id, amount_minor, refunded_minor } => {
                self.refunds.insert(*refund_id, *amount_minor);
                self.refunded = *refunded_minor;
            }
            Event::TransactionVoided { .. } => self.voided = true,
        }
    }
}

fn record(command: &Command, context: &Context<'_>) -> Result<Decision, Rejection> {
    let Command::Record { customer, source, kind, currency, amount_minor, lines, channel, plan } = command else {
        return Ok(Decision::already());
    };
    context.require_new()?;
    check_amount(*amount_minor, lines)?;
    customer::live_customer(context.loaded, "/data/customer", *customer)?;
    if let Some(plan) = plan {
        service_plan::of_customer(context.loaded, "/data/plan", *plan, *customer)?;
    }
    let key = order_key(source);
    if let Some(first) = context.loaded.others(&key, context.stream).next() {
        return Err(Rejection::already_exists(first.holder));
    }
    let recorded = Event::TransactionRecorded {
        customer: *customer,
        source: source.clone(),
        kind: *kind,
        occurred_at: context.occurred_at,
        currency: *currency,
        amount_minor: *amount_minor,
        lines: lines.clone(),
        channel: channel.clone(),
        plan: *plan,
    };
    let claim = ClaimChange::Take { key, holder: context.stream, kind: ClaimKind::Unique };
    Ok(Decision::event(context.stream, recorded).claim(claim))
}

impl Transaction {
    fn correct(
        &self,
        currency: Currency,
        amount: Minor,
        lines: &[Line],
        stream: StreamId,
    ) -> Result<Decision, Rejection> {
        self.possible("correct")?;
        self.same_currency(currency)?;
        if self.amount == amount && self.lines == lines {
            return Ok(Decision::already());
        }
        check_amount(amount, lines)?;
        if amount < self.refunded {
            return Err(refund_exceeds(self.refunded, amount));
        }
        Ok(Decision::event(stream, Event::TransactionCorrected { amount_minor: amount, lines: lines.to_vec() }))
    }

    fn refund(
        &self,
        refund_id: Uuid,
        currency: Currency,
        amount: Minor,
        context: &Context<'_>,
    ) -> Result<Decision, Rejection> {
        if let Some(before) = self.refunds.get(&refund_id) {
            self.same_currency(currency)?;
            return if *before == amount {
                Ok(Decision::already())
            } else {
                let detail = format!("this refund was {}, not {}", before.0, amount.0);
                Err(Rejection::validation("/data/amount_minor", detail))
            };
        }
        if self.voided {
            return Err(self.impossible("refund"));
        }
        self.same_currency(currency)?;
        if amount.0 <= 0 {
            return Err(Rejection::validation("/data/amount_minor", "a refund is above 0"));
        }
        if self.occurred_at.is_some_and(|purchase| context.occurred_at < purchase) {
            return Err(Rejection::validation("/occurred_at", "a refund is not made before its transaction"));
        }
        if self.refunds.len() >= REFUNDS_MAX {
            return Err(Rejection::limit_exceeded("refunds of a transaction", REFUNDS_MAX as u64));
        }
        let refunded = self.refunded.0.checked_add(amount.0).filter(|refunded| *refunded <= self.amount.0);
        let Some(refunded) = refunded.map(Minor) else {
            return Err(refund_exceeds(Minor(self.refunded.0.saturating_add(amount.0)), self.amount));
        };
        let event = Event::TransactionRefunded { refund_id, amount_minor: amount, refunded_minor: refunded };
        Ok(Decision::event(context.stream, event))
    }

    fn void(&self, reason: Option<FreeText<500>>, stream: StreamId) -> Result<Decision, Rejection> {
        if self.voided {
            return Ok(Decision::already());
        }
        self.possible("void")?;
        Ok(Decision::event(stream, Event::TransactionVoided { reason }))
    }

    fn possible(&self, command: &str) -> Result<(), Rejection> {
        if self.status().allowed().contains(&command) { Ok(()) } else { Err(self.impossible(command)) }
    }

    fn impossible(&self, command: &str) -> Rejection {
        Rejection::invalid_transition(self.status().name(), command, self.status().allowed())
    }

    fn same_currency(&self, currency: Currency) -> Result<(), Rejection> {
        match self.currency {
            Some(own) if own != currency => {
                let detail = format!("the transaction is in {own}, not in {currency}");
                Err(Rejection::new(Code::CurrencyMismatch, detail).with("currency", own.as_str()))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// The order number is the transaction's own among all of its source system. Names hold no control characters, so
/// the NUL between the two keeps them apart.
fn order_key(source: &Source) -> ClaimKey {
    ClaimKey::new("transaction.order", format!("{}\0{}", source.system, source.order_no))
}

fn refund_exceeds(refunded: Minor, amount: Minor) -> Rejection {
    Rejection::new(Code::RefundExceeds, format!("refunds of {} exceed the amount of {}", refunded.0, amount.0))
        .with("refunded_minor", refunded.0)
        .with("amount_minor", amount.0)
}

fn check_amount(amount: Minor, lines: &[Line]) -> Result<(), Rejection> {
    if amount.0 < 0 {
        return Err(Rejection::validation(
            "/data/amount_minor",
            "an amount is not negative; the type tells its direction",
        ));
    }
    if lines.len() > LINES_MAX {
        return Err(Rejection::limit_exceeded("lines of a transaction", LINES_MAX as u64));
    }
    if let Some(index) = lines.iter().position(|line| line.qty_milli <= 0) {
        return Err(Rejection::validation(format!("/data/lines/{index}/qty_milli"), "a quantity is above 0"));
    }
    let tolerance_milli = 1_000 * lines.len() as u128;
    let off_milli = lines.iter().try_fold(-1_000 * i128::from(amount.0), |sum, line| sum.checked_add(line_milli(line)));
    match off_milli {
        _ if lines.is_empty() => Ok(()),
        Some(off) if off.unsigned_abs() <= tolerance_milli => Ok(()),
        Some(off) => {
            let detail = format!("the lines differ from the amount by {off} thousandths of a minor unit");
            Err(Rejection::validation("/data/lines", detail))
        }
        None => Err(Rejection::validation("/data/lines", "the lines add up to more than can be counted")),
    }
}

/// A line's total in thousandths of a minor unit. Two factors of 64 bits fit into 128.
fn line_milli(line: &Line) -> i128 {
    let extras = i128::from(line.tax_minor.0) - i128::from(line.discount_minor.0);
    i128::from(line.qty_milli) * i128::from(line.unit_minor.0) + 1_000 * extras
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
