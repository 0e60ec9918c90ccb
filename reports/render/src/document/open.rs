//! What a run leaves open, as a table.

use shakedown_analysis::Unchecked;

use super::{Cell, Table};
use crate::words::Tone;

/// Every open question with its reason, those first that the run should have answered.
pub(crate) fn unchecked_table(open: &[Unchecked]) -> Table {
    let mut table = Table::new(&["Not known", "Why", "Asked for"]);
    for question in open {
        table.push(vec![
            Cell::new(question.what.clone()),
            Cell::new(question.why.clone()),
            match question.was_asked {
                true => Cell::toned("YES", Tone::Unsure),
                false => Cell::toned("no", Tone::Quiet),
            },
        ]);
    }
    table
}
