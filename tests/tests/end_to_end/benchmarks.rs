//! The benchmarks that are kept: what is claimed of them holds, and their tables are those of their runs.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use shakedown_tests::evidence::Evidence;
use shakedown_tests::peers::{Table, document, supports};
use shakedown_tests::shakedown::workspace;

fn kept() -> Table {
    let text = std::fs::read_to_string(workspace().join("docs/evidence/peers.tsv")).unwrap();
    Table::read(&text).unwrap()
}

#[test]
fn the_runs_that_are_kept_show_what_is_claimed() {
    let table = kept();
    assert_eq!(table.facts["campaign"], "peers");
    if !table.rows.is_empty() {
        assert_eq!(supports(&table), Vec::<String>::new());
    }
}

#[test]
fn the_tables_of_the_document_are_those_of_the_runs() {
    let page = std::fs::read_to_string(workspace().join("docs/benchmarks.md")).unwrap();
    let made = document(&page, &kept()).unwrap();
    assert!(
        made == page,
        "docs/benchmarks.md is not what tests/peers/run --tables makes of docs/evidence/peers.tsv"
    );
}

#[test]
fn what_judging_takes_is_what_its_campaign_measured() {
    let read = |name: &str| std::fs::read_to_string(workspace().join("docs").join(name)).unwrap();
    let (page, table) = (read("benchmarks.md"), read("evidence/scale.tsv"));
    let evidence = Evidence::parse(&table).unwrap_or_else(|wrong| panic!("{wrong}"));
    for row in evidence.rows {
        let line = format!("| {} |", row[..8].join(" | "));
        assert!(page.contains(&line), "docs/benchmarks.md lacks {line}");
    }
}
