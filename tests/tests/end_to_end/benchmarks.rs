//! The benchmarks that are kept: what is claimed of them holds, and their tables are those of their runs.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

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
