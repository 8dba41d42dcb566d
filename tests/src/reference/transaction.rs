//! Transactions: what a customer bought, paid or got back.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use super::{Altered, Ask, Case, Judgement, whole};

/// A transaction.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Transaction {
    pub(crate) version: u64,
    pub(crate) customer: Uuid,
    pub(crate) at: i64,
    pub(crate) currency: String,
    pub(crate) amount: i64,
    pub(crate) lines: Vec<Line>,
    pub(crate) refunds: BTreeMap<Uuid, i64>,
    pub(crate) voided: bool,
    /// The selling system and its order number; not known of what is read back.
    pub(crate) source: (String, String),
}

/// A line: what, how much in thousandths, and the prices.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Line {
    pub(crate) sku: String,
    pub(crate) name: Option<String>,
    pub(crate) qty_milli: i64,
    pub(crate) unit: i64,
    pub(crate) discount: i64,
    pub(crate) tax: i64,
}

fn lines(ask: &Ask) -> Vec<Line> {
    let text = |line: &Value, field: &str| line.get(field).and_then(Value::as_str).map(super::name);
    let number = |line: &Value, field: &str| line.get(field).and_then(whole).unwrap_or(0);
    let read = |line: &Value| Line {
        sku: text(line, "sku").unwrap_or_default(),
        name: text(line, "name"),
        qty_milli: number(line, "qty_milli"),
        unit: number(line, "unit_minor"),
        discount: number(line, "discount_minor"),
        tax: number(line, "tax_minor"),
    };
    ask.many("lines").iter().map(read).collect()
}

/// |Σ lines − amount| ≤ 1 minor unit per line; here in thousandths, as quantities are.
fn add_up(amount: i64, lines: &[Line]) -> bool {
    let total = |line: &Line| {
        i128::from(line.qty_milli) * i128::from(line.unit) + 1_000 * (i128::from(line.tax) - i128::from(line.discount))
    };
    let off = lines.iter().map(total).sum::<i128>() - 1_000 * i128::from(amount);
    lines.is_empty() || off.abs() <= 1_000 * lines.len() as i128
}

fn check(amount: i64, lines: &[Line], judged: &mut Judgement) {
    judged.rule(amount < 0, "validation");
    judged.rule(lines.len() > 200, "limit_exceeded");
    judged.rule(lines.iter().any(|line| line.qty_milli <= 0), "validation");
    judged.rule(!add_up(amount, lines), "validation");
}

pub(super) fn judge(case: &Case<'_>, judged: &mut Judgement) {
    let Case { world, ask, at, .. } = case;
    let (id, at) = (ask.id, *at);
    let amount = ask.whole("amount_minor").unwrap_or(0);
    let currency = ask.text("currency").unwrap_or_default().to_owned();
    if ask.name == "record" {
        judged.gate(world.transactions.contains_key(&id), "already_exists");
        let lines = lines(ask);
        check(amount, &lines, judged);
        let customer = ask.id_in("customer");
        case.living(customer, judged);
        // There are no plans here.
        judged.rule(ask.uuid("plan").is_some(), "reference_missing");
        let part = |field: &str| {
            ask.data.get("source").and_then(|source| source.get(field)?.as_str()).map(super::name).unwrap_or_default()
        };
        let source = (part("system"), part("order_no"));
        let taken = world.transactions.values().any(|other| other.source == source);
        judged.rule(taken && !world.is(Altered::OrderShared), "already_exists");
        judged.on_transaction(id, "TransactionRecorded", move |it| {
            let version = it.version;
            let empty = Transaction::default();
            *it = Transaction { version, customer, at, currency, amount, lines, source, ..empty };
        });
        return;
    }
    let Some(it) = world.transactions.get(&id) else { return judged.gate(true, "not_found") };
    let refunded: i64 = it.refunds.values().sum();
    let fully = it.amount > 0 && refunded >= it.amount;
    let other_currency = it.currency != currency;
    match ask.name {
        "correct" => {
            judged.gate(it.voided, "invalid_transition");
            let lines = lines(ask);
            judged.already(!other_currency && it.amount == amount && it.lines == lines);
            judged.rule(other_currency, "currency_mismatch");
            check(amount, &lines, judged);
            judged.rule(amount < refunded, "refund_exceeds");
            judged.on_transaction(id, "TransactionCorrected", move |it| {
                it.amount = amount;
                it.lines = lines;
            });
        }
        "refund" => {
            let refund = ask.id_in("refund_id");
            judged.rule(other_currency, "currency_mismatch");
            if let Some(before) = it.refunds.get(&refund) {
                // Each refund is counted once, whatever became of the transaction since.
                judged.already(*before == amount && !other_currency);
                judged.rule(*before != amount, "validation");
                return;
            }
            judged.gate(it.voided && !world.is(Altered::VoidRefunded), "invalid_transition");
            judged.rule(amount <= 0, "validation");
            judged.rule(at < it.at, "validation");
            judged.rule(it.refunds.len() >= 200, "limit_exceeded");
            let exceeds = refunded.checked_add(amount).is_none_or(|sum| sum > it.amount);
            judged.rule(exceeds && !world.is(Altered::RefundBeyond), "refund_exceeds");
            judged.on_transaction(id, "TransactionRefunded", move |it| {
                it.refunds.insert(refund, amount);
            });
        }
        _ => {
            judged.already(it.voided);
            judged.gate(!it.voided && fully, "invalid_transition");
            judged.on_transaction(id, "TransactionVoided", |it| it.voided = true);
        }
    }
}
