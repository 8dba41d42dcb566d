//! Random commands against the reference model: short forms of what `tests/torture model-pure model-postgres` runs.

use carelog_tests::model::{postgres, pure};
use carelog_tests::reference::Altered;

/// Within so many commands the comparison must notice an altered rule.
const NOTICED_WITHIN: u64 = 20_000;

fn seed() -> u64 {
    let seed = 20_260_302;
    println!("seed {seed}");
    seed
}

#[test]
fn the_domain_decides_as_the_reference_does() {
    let settings = pure::Settings { commands: 6_000, seed: seed(), threads: 2, altered: None };
    let evidence = pure::run(&settings);
    println!("{}", evidence.coverage);
    assert!(evidence.violations.is_empty(), "{}", evidence.summary());
    assert_eq!(evidence.invoked, settings.commands);
}

#[test]
fn every_altered_rule_is_noticed() {
    let seed = seed();
    let unnoticed: Vec<&Altered> = Altered::ALL
        .iter()
        .filter(|altered| {
            let settings = pure::Settings { commands: NOTICED_WITHIN, seed, threads: 1, altered: Some(**altered) };
            let evidence = pure::run(&settings);
            println!("{altered:?}: noticed after {} commands", evidence.invoked);
            evidence.violations.is_empty()
        })
        .collect();
    assert!(unnoticed.is_empty(), "{unnoticed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answers_of_six_clients_over_three_lanes_can_be_explained_by_the_history() {
    let settings = postgres::Settings { commands: 1_500, seed: seed(), clients: 6, lanes: 3 };
    let evidence = postgres::run(settings).await;
    println!("{}", evidence.coverage);
    assert!(evidence.violations.is_empty(), "{}", evidence.summary());
    assert_eq!((evidence.invoked, evidence.unknown), (settings.commands, 0));
}
