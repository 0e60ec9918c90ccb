//! A table without a medium.

use crate::words::Tone;

/// What stands where a figure was not measured: never 0, never blank.
pub(crate) const NOT_MEASURED: &str = "not measured";

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) tone: Tone,
}

impl Cell {
    /// A cell without emphasis.
    pub(crate) fn new(text: impl Into<String>) -> Cell {
        Cell::toned(text, Tone::Plain)
    }

    /// A cell with a tone.
    pub(crate) fn toned(text: impl Into<String>, tone: Tone) -> Cell {
        Cell {
            text: text.into(),
            tone,
        }
    }

    /// So short that a line break inside would only hurt.
    pub(crate) fn is_short(&self) -> bool {
        self.text.chars().count() <= 16
    }

    /// A figure, or the words that there is none.
    pub(crate) fn measured<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> Cell {
        value.map_or_else(
            || Cell::toned(NOT_MEASURED, Tone::Quiet),
            |v| Cell::new(show(v)),
        )
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) label: &'static str,
    /// Set to the right.
    pub(crate) numeric: bool,
}

/// Columns and rows; every row has as many cells as there are columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows. A label that starts with `#` heads a column of numbers.
    pub(crate) fn new(labels: &[&'static str]) -> Table {
        let columns = labels
            .iter()
            .map(|label| Column {
                label: label.trim_start_matches('#'),
                numeric: label.starts_with('#'),
            })
            .collect();
        Table {
            columns,
            rows: Vec::new(),
        }
    }

    /// Mostly numbers: such a table is read across, and loses its sense when its rows are taken apart.
    pub(crate) fn is_figures(&self) -> bool {
        let numeric = self.columns.iter().filter(|column| column.numeric).count();
        numeric * 2 > self.columns.len()
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len());
        self.rows.push(row);
    }

    /// Leaves out the columns in which no row has a figure, but for the first.
    pub(crate) fn without_empty_columns(mut self) -> Table {
        let used: Vec<bool> = (0..self.columns.len())
            .map(|index| {
                index == 0
                    || self
                        .rows
                        .iter()
                        .any(|row| row[index].text != NOT_MEASURED && !row[index].text.is_empty())
            })
            .collect();
        retain(&mut self.columns, &used);
        for row in &mut self.rows {
            retain(row, &used);
        }
        self
    }
}

fn retain<T>(items: &mut Vec<T>, keep: &[bool]) {
    let mut index = 0;
    items.retain(|_| {
        index += 1;
        keep[index - 1]
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_without_figures_is_left_out() {
        let mut table = Table::new(&["phase", "#p50", "#p99"]);
        table.push(vec![
            Cell::new("run"),
            Cell::measured(None::<u64>, |n| n.to_string()),
            Cell::measured(Some(5_u64), |n| n.to_string()),
        ]);
        let table = table.without_empty_columns();
        let labels: Vec<_> = table.columns.iter().map(|column| column.label).collect();
        assert_eq!(labels, ["phase", "p99"]);
        assert_eq!(table.rows[0].len(), 2);
    }
}
