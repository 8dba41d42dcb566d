use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::Event as AnyEvent;
use crate::given::{Given, given, monday};
use crate::ids::TransactionId;
use crate::personal::Personal;

const ORDER: TransactionId = TransactionId(Uuid::from_u128(1));
const OTHER: TransactionId = TransactionId(Uuid::from_u128(2));
const LI: CustomerId = CustomerId(Uuid::from_u128(3));

fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn source(order_no: &str) -> Source {
    Source { system: Name::parse("shop").unwrap(), order_no: Name::parse(order_no).unwrap() }
}

fn line(qty_milli: i64, unit: i64, discount: i64, tax: i64) -> Line {
    let [unit_minor, discount_minor, tax_minor] = [unit, discount, tax].map(Minor);
    Line { sku: Name::parse("A-1").unwrap(), name: None, qty_milli, unit_minor, discount_minor, tax_minor }
}

fn with_lines(amount: i64, lines: Vec<Line>) -> Command {
    let (amount_minor, currency) = (Minor(amount), currency("CNY"));
    let kind = Kind::Purchase;
    Command::Record {
        customer: LI,
        source: source("1"),
        kind,
        currency,
        amount_minor,
        lines,
        channel: None,
        plan: None,
    }
}

fn correct(amount: i64) -> Command {
    Command::Correct { currency: currency("CNY"), amount_minor: Minor(amount), lines: Vec::new() }
}

fn refund(id: u128, amount: i64) -> Command {
    Command::Refund { refund_id: Uuid::from_u128(id), currency: currency("CNY"), amount_minor: Minor(amount) }
}

const VOID: Command = Command::Void { reason: None };

fn li() -> (StreamId, AnyEvent) {
    let event = customer::Event::CustomerRegistered {
        kind: customer::Kind::Person,
        display_name: Personal::new(LI.0, Name::parse("李雷").unwrap()),
        contact_points: Vec::new(),
        addresses: Vec::new(),
        external_refs: [].into(),
        tags: [].into(),
        locale: None,
        timezone: None,
        lifecycle: customer::Lifecycle::Prospect,
    };
    (LI.stream(), event.into())
}

/// A purchase of 100.00.
fn purchase() -> Given {
    given([li()]).then(ORDER.stream(), with_lines(10_000, Vec::new()))
}

fn when(given: &Given, command: Command) -> Result<Decision, Rejection> {
    given.when(ORDER.stream(), command)
}

fn code(given: &Given, command: Command) -> Option<Code> {
    when(given, command).err().map(|rejection| rejection.code)
}

fn pointer(given: &Given, command: Command) -> Option<String> {
    when(given, command).err().and_then(|rejection| rejection.errors.into_iter().next()).map(|error| error.pointer)
}

#[test]
fn a_transaction_is_recorded_when_it_happened_and_claims_its_order_number() {
    let decision = when(&given([li()]), with_lines(10_000, Vec::new())).unwrap();
    let [(stream, AnyEvent::Transaction(Event::TransactionRecorded { occurred_at, amount_minor, .. }))] =
        &decision.events[..]
    else {
        panic!("{decision:?}");
    };
    assert_eq!((*stream, *occurred_at, *amount_minor), (ORDER.stream(), monday(), Minor(10_000)));
    let key = ClaimKey::new("transaction.order", "shop\x001");
    assert_eq!(decision.claims, [ClaimChange::Take { key, holder: ORDER.stream(), kind: ClaimKind::Unique }]);
}

#[test]
fn an_order_is_recorded_once_and_the_refusal_names_the_first() {
    let again = purchase().when(OTHER.stream(), with_lines(10_000, Vec::new())).unwrap_err();
    assert_eq!((again.code, &again.facts["holder"]), (Code::AlreadyExists, &ORDER.to_string().into()));
    assert_eq!(code(&purchase(), with_lines(10_000, Vec::new())), Some(Code::AlreadyExists));
    for command in [correct(1), refund(1, 1), VOID] {
        assert_eq!(purchase().when(OTHER.stream(), command).unwrap_err().code, Code::NotFound);
    }
}

#[test]
fn a_transaction_is_of_a_customer_who_exists() {
    let rejection = when(&given([]), with_lines(1, Vec::new())).unwrap_err();
    assert_eq!((rejection.code, rejection.errors[0].pointer.as_str()), (Code::ReferenceMissing, "/data/customer"));
}

#[test]
fn lines_add_up_to_the_amount_within_one_minor_unit_each() {
    let accepted = |amount, lines: &[Line]| code(&given([li()]), with_lines(amount, lines.to_vec())).is_none();
    assert!(accepted(2_000, &[line(2_000, 1_000, 0, 0)]));
    assert!(accepted(2_110, &[line(2_000, 1_000, 50, 160)]));
    let thirds = [line(333, 1_000, 0, 0), line(333, 1_000, 0, 0), line(333, 1_000, 0, 0)];
    assert!(accepted(1_002, &thirds) && accepted(996, &thirds), "999 with three lines is 996 to 1002");
    assert!(!accepted(1_003, &thirds) && !accepted(995, &thirds));
    assert!(accepted(2, &[line(1, 1_001, 0, 0)]), "1.001 is 2 within one");
    assert!(!accepted(3, &[line(1, 1_001, 0, 0)]));
    assert_eq!(pointer(&given([li()]), with_lines(5, vec![line(1_000, 1, 0, 0)])).as_deref(), Some("/data/lines"));
}

#[test]
fn lines_beyond_counting_are_refused() {
    let huge = vec![line(i64::MAX, i64::MAX, 0, 0); LINES_MAX];
    assert_eq!(pointer(&given([li()]), with_lines(1, huge)).as_deref(), Some("/data/lines"));
    let low = vec![line(i64::MAX, i64::MIN, i64::MAX, i64::MIN); LINES_MAX];
    assert_eq!(code(&given([li()]), with_lines(1, low)), Some(Code::Validation));
}

#[test]
fn amounts_are_not_negative_quantities_above_zero_and_lines_bounded() {
    let pointer = |amount, lines| pointer(&given([li()]), with_lines(amount, lines));
    assert_eq!(pointer(-1, Vec::new()).as_deref(), Some("/data/amount_minor"));
    assert_eq!(pointer(0, vec![line(1, 0, 0, 0), line(0, 0, 0, 0)]).as_deref(), Some("/data/lines/1/qty_milli"));
    let many = |count| code(&given([li()]), with_lines(0, vec![line(1, 0, 0, 0); count]));
    assert_eq!((many(LINES_MAX), many(LINES_MAX + 1)), (None, Some(Code::LimitExceeded)));
}

#[test]
fn refunds_add_up_and_never_exceed_the_amount() {
    let partly = purchase().then(ORDER.stream(), refund(1, 4_000));
    let more = when(&partly, refund(2, 6_000)).unwrap();
    let refund_id = Uuid::from_u128(2);
    let event = Event::TransactionRefunded { refund_id, amount_minor: Minor(6_000), refunded_minor: Minor(10_000) };
    assert_eq!(more, Decision::event(ORDER.stream(), event));
    assert_eq!(code(&partly, refund(2, 6_001)), Some(Code::RefundExceeds));
    assert_eq!(code(&partly, refund(2, i64::MAX)), Some(Code::RefundExceeds));
    let whole = partly.then(ORDER.stream(), refund(2, 6_000));
    assert_eq!(code(&whole, refund(3, 1)), Some(Code::RefundExceeds));
}

#[test]
fn a_refund_counts_once() {
    let partly = purchase().then(ORDER.stream(), refund(1, 4_000));
    assert_eq!(when(&partly, refund(1, 4_000)), Ok(Decision::already()));
    assert_eq!(pointer(&partly, refund(1, 4_001)).as_deref(), Some("/data/amount_minor"));
}

#[test]
fn a_refund_is_above_zero_and_not_before_the_purchase() {
    for amount in [0, -1, i64::MIN] {
        assert_eq!(pointer(&purchase(), refund(1, amount)).as_deref(), Some("/data/amount_minor"));
    }
    let earlier = purchase().at(monday() - TimeDelta::microseconds(1));
    assert_eq!(pointer(&earlier, refund(1, 1)).as_deref(), Some("/occurred_at"));
    assert_eq!(code(&purchase().at(monday()), refund(1, 1)), None);
}

#[test]
fn refunds_are_bounded() {
    let full = (0..REFUNDS_MAX as u128).fold(purchase(), |given, n| given.then(ORDER.stream(), refund(100 + n, 1)));
    assert_eq!(code(&full, refund(1, 1)), Some(Code::LimitExceeded));
}

#[test]
fn a_transaction_has_one_currency() {
    let usd = currency("USD");
    let refund = Command::Refund { refund_id: Uuid::from_u128(1), currency: usd, amount_minor: Minor(1) };
    let correct = Command::Correct { currency: usd, amount_minor: Minor(1), lines: Vec::new() };
    for command in [refund, correct] {
        let rejection = when(&purchase(), command).unwrap_err();
        assert_eq!((rejection.code, &rejection.facts["currency"]), (Code::CurrencyMismatch, &"CNY".into()));
    }
}

#[test]
fn a_correction_never_falls_below_the_refunds() {
    let partly = purchase().then(ORDER.stream(), refund(1, 4_000));
    assert_eq!(when(&partly, correct(10_000)), Ok(Decision::already()));
    assert_eq!(code(&partly, correct(3_999)), Some(Code::RefundExceeds));
    assert_eq!(code(&partly, correct(4_000)), None);
    assert_eq!(code(&partly, correct(-1)), Some(Code::Validation));
    let whole = partly.then(ORDER.stream(), correct(4_000));
    assert_eq!(code(&whole, VOID), Some(Code::InvalidTransition), "it is refunded as a whole");
    let higher = whole.then(ORDER.stream(), correct(5_000));
    assert_eq!(code(&higher, refund(2, 1_000)), None);
}

#[test]
fn nothing_follows_a_void() {
    let void = purchase().then(ORDER.stream(), VOID);
    assert_eq!(when(&void, VOID), Ok(Decision::already()));
    for command in [correct(1), refund(1, 1)] {
        let rejection = when(&void, command).unwrap_err();
        assert_eq!((rejection.code, &rejection.facts["from"]), (Code::InvalidTransition, &"voided".into()));
    }
    assert_eq!(code(&void, with_lines(1, Vec::new())), Some(Code::AlreadyExists));
}

#[test]
fn the_status_follows_from_amount_and_refunds() {
    let status = |amount, refunded| Status::of(Minor(amount), Minor(refunded));
    assert_eq!((status(0, 0), status(5, 0)), (Status::Recorded, Status::Recorded));
    assert_eq!((status(5, 4), status(5, 5)), (Status::PartiallyRefunded, Status::Refunded));
}

fn any_command() -> impl Strategy<Value = Command> {
    let amount = || prop_oneof![0..20_i64, Just(i64::MAX), Just(-1)];
    prop_oneof![
        amount().prop_map(|amount| with_lines(amount, Vec::new())),
        amount().prop_map(correct),
        (0..6_u128, amount()).prop_map(|(id, amount)| refund(id, amount)),
        Just(VOID),
    ]
}

proptest! {
    #[test]
    fn refunds_stay_within_the_amount_and_what_was_accepted_is_already_so(commands in prop::collection::vec(any_command(), 0..30)) {
        let (mut past, mut state) = (given([li()]), Transaction::default());
        for command in commands {
            let Ok(decision) = when(&past, command.clone()) else { continue };
            past = past.then(ORDER.stream(), command.clone());
            for (_, event) in &decision.events {
                let AnyEvent::Transaction(event) = event else { panic!("an event of another category") };
                state.evolve(event);
            }
            let refunded: i64 = state.refunds.values().map(|refund| refund.0).sum();
            prop_assert!(refunded == state.refunded.0 && refunded <= state.amount.0);
            if !matches!(command, Command::Record { .. }) {
                prop_assert_eq!(when(&past, command), Ok(Decision::already()));
            }
        }
    }
}
