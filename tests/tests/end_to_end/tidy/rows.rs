//! The table of invariants and trading rows in `docs/correctness.md`: all rows are there, and whatever they name exists.

use std::collections::BTreeSet;

use shakedown_engine::defects;
use shakedown_scenarios::{SchemaKind, schema};

use super::{rust_files, workspace};

const HEADING: &str = "## Row by row";

struct Row {
    name: String,
    rules: BTreeSet<String>,
    /// Defects, and tests as `module::name`.
    red_by: BTreeSet<String>,
}

fn rows() -> Vec<Row> {
    let path = workspace().join("docs/correctness.md");
    let text = std::fs::read_to_string(path).expect("the document is there");
    let after = text.split(HEADING).nth(1).expect("it has the table");
    let lines = after.lines().skip_while(|line| !line.starts_with('|'));
    let table = lines.take_while(|line| line.starts_with('|')).skip(2);
    table
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 5, "{line}");
            Row {
                name: cells[0].trim().to_string(),
                rules: quoted(cells[2]),
                red_by: quoted(cells[4]),
            }
        })
        .collect()
}

/// What stands between backticks.
fn quoted(cell: &str) -> BTreeSet<String> {
    let words = cell.split('`').skip(1).step_by(2);
    words.map(str::to_string).collect()
}

#[test]
fn every_row_is_there_once_and_in_order() {
    let expected = (1..=8)
        .map(|n| format!("I{n}"))
        .chain((1..=12).map(|n| format!("T{n}")));
    let names: Vec<String> = rows().into_iter().map(|row| row.name).collect();
    assert_eq!(names, expected.collect::<Vec<_>>());
}

#[test]
fn every_rule_that_a_row_names_can_be_asked_for() {
    let schema = schema(SchemaKind::Scenario);
    let known = schema["$defs"]["RuleSpec"]["properties"]
        .as_object()
        .expect("rules have properties");
    for row in rows() {
        for rule in &row.rules {
            assert!(known.contains_key(rule), "{}: {rule}", row.name);
        }
    }
}

#[test]
fn every_defect_and_test_that_a_row_names_exists_and_no_rule_is_without() {
    let defects: BTreeSet<&str> = defects().iter().map(|info| info.name).collect();
    let tests: Vec<_> = rust_files().into_iter().filter(|it| it.is_test()).collect();
    for row in rows() {
        for name in &row.red_by {
            let is_there = match name.rsplit_once("::") {
                None => defects.contains(name.as_str()),
                Some((module, test)) => {
                    let file = format!("{}.rs", module.replace("::", "/"));
                    let function = format!("fn {test}()");
                    let in_it = |it: &&super::SourceFile| it.name.ends_with(&file);
                    let mut files = tests.iter().filter(in_it);
                    files.any(|it| it.text.contains(&function))
                }
            };
            assert!(is_there, "{}: {name}", row.name);
        }
        assert_eq!(row.rules.is_empty(), row.red_by.is_empty(), "{}", row.name);
    }
}
