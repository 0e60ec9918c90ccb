//! Tables of the console, set by `tabled`.

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Rows};
use tabled::settings::peaker::PriorityMax;
use tabled::settings::{Alignment, Modify, Padding, Style, Width};

use crate::document::Table;
use crate::look::Look;
use crate::words::inert;

/// The table, indented by two, each line ended.
pub(super) fn set(table: &Table, look: &Look) -> String {
    let mut builder = Builder::default();
    builder.push_record(
        table
            .columns
            .iter()
            .map(|column| column.label.to_lowercase()),
    );
    for row in &table.rows {
        builder.push_record(
            row.iter()
                .map(|cell| cell.tone.paint(&inert(&cell.text), look.color)),
        );
    }
    let mut set = builder.build();
    set.with(Style::empty()).with(Padding::new(2, 0, 0, 0));
    set.with(Modify::new(Rows::first()).with(Alignment::left()));
    for (index, column) in table.columns.iter().enumerate() {
        if column.numeric {
            set.with(Modify::new(Columns::one(index)).with(Alignment::right()));
        }
    }
    set.with(
        Width::wrap(look.width)
            .keep_words(true)
            .priority(PriorityMax::new(false)),
    );
    let mut out = String::new();
    for line in set.to_string().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}
