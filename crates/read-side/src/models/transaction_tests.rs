use std::collections::BTreeSet;

use domain::ids::TransactionId;
use domain::transaction::Source;

use super::*;

const SALE: TransactionId = TransactionId(Uuid::from_u128(1));
const LI: CustomerId = CustomerId(Uuid::from_u128(2));

fn fold(events: Vec<Event>) -> Result<TransactionRow, Unfit> {
    let fold = |row, (event, version): (Event, u64)| {
        Transaction::apply(
            row,
            &Happened {
                position: version,
                stream: SALE.stream(),
                version,
                ordinal: None,
                occurred_at: DateTime::UNIX_EPOCH,
                recorded_at: DateTime::UNIX_EPOCH,
                event: event.into(),
            },
        )
    };
    events.into_iter().zip(1..).try_fold(None, fold)?.ok_or_else(|| Unfit("no row".to_owned()))
}

fn recorded(amount_minor: i64) -> Event {
    Event::TransactionRecorded {
        customer: LI,
        source: Source { system: Name::parse("shop").unwrap(), order_no: Name::parse("1").unwrap() },
        kind: Kind::Purchase,
        occurred_at: DateTime::UNIX_EPOCH,
        currency: Currency::parse("CNY").unwrap(),
        amount_minor: Minor(amount_minor),
        lines: Vec::new(),
        channel: None,
        plan: None,
    }
}

fn refunded(amount_minor: i64, refunded_minor: i64) -> Event {
    Event::TransactionRefunded {
        refund_id: Uuid::from_u128(3),
        amount_minor: Minor(amount_minor),
        refunded_minor: Minor(refunded_minor),
    }
}

#[test]
fn refunds_and_corrections_move_the_status() {
    assert_eq!(fold(vec![recorded(100)]).unwrap().status, Status::Recorded);
    assert_eq!(fold(vec![recorded(100), refunded(40, 40)]).unwrap().status, Status::PartiallyRefunded);
    let corrected = Event::TransactionCorrected { amount_minor: Minor(40), lines: Vec::new() };
    let row = fold(vec![recorded(100), refunded(40, 40), corrected]).unwrap();
    assert_eq!((row.status, row.corrections, row.refunds.len()), (Status::Refunded, 1, 1));
}

#[test]
fn a_transaction_counts_in_total_and_for_its_customer_until_it_is_void() {
    let row = fold(vec![recorded(100), refunded(40, 40)]).unwrap();
    let numbers = [1, 100, 40, 0];
    assert_eq!(Transaction::facts(&row), [("total/CNY".to_owned(), numbers), (format!("customer/{LI}/CNY"), numbers)]);
    let row = fold(vec![recorded(100), Event::TransactionVoided { reason: None }]).unwrap();
    assert!(Transaction::facts(&row).iter().all(|(_, numbers)| *numbers == [0; 4]));
}

#[test]
fn figures_of_several_customers_add_up_by_currency() {
    let figure = |fact: &str, numbers| Figure { fact: fact.to_owned(), numbers };
    let totals = by_currency(vec![
        figure("customer/1/USD", [1, 5, 0, 0]),
        figure("customer/2/CNY", [0, 0, 0, 0]),
        figure("customer/2/USD", [2, 7, 1, 0]),
    ]);
    let usd = CurrencyTotal { currency: "USD".to_owned(), count: 3, amount_minor: 12, refunded_minor: 1 };
    assert_eq!(totals, [usd]);
}

#[test]
fn events_out_of_place_do_not_fit() {
    assert!(fold(vec![refunded(1, 1)]).is_err());
    assert!(fold(vec![recorded(1), recorded(1)]).is_err());
}

#[test]
fn a_row_survives_json_and_its_fields_are_the_columns() {
    let row = fold(vec![recorded(9_007_199_254_740_993)]).unwrap();
    let json = serde_json::to_value(&row).unwrap();
    assert_eq!(serde_json::from_value::<TransactionRow>(json.clone()).unwrap(), row);
    let fields: BTreeSet<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    let columns: BTreeSet<&str> = Transaction::COLUMNS.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(fields, columns);
}
