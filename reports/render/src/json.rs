//! `record.json`: the record as it is, its keys in the order of the schema.

use serde::Serialize;
use shakedown_record::run_record::RunRecord;

/// The record as indented JSON, ended by a newline. Equal records give equal bytes.
pub(crate) fn render_json(record: &RunRecord) -> String {
    pretty(record)
}

pub(crate) fn pretty(value: &impl Serialize) -> String {
    let mut text =
        serde_json::to_string_pretty(value).expect("a record has text keys and no failing parts");
    text.push('\n');
    text
}
