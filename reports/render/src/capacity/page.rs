//! `capacity.html`.

use askama::Template;
use shakedown_record::capacity::CapacityRecord;

use super::words;
use crate::chart::{Canvas, knee};
use crate::document::Table;
use crate::html::visible;
use crate::screen::Line;
use crate::words::Tone;

#[derive(Template)]
#[template(path = "capacity.html")]
struct CapacityPage<'a> {
    word: &'static str,
    tone: Tone,
    record: &'a CapacityRecord,
    target: String,
    notes: Vec<Line>,
    wide: Option<String>,
    narrow: Option<String>,
    table: Table,
}

pub(super) fn render(record: &CapacityRecord) -> String {
    let (word, tone) = words::word(record);
    let page = CapacityPage {
        word,
        tone,
        record,
        target: words::target(record),
        notes: words::notes(record),
        wide: knee(record, Canvas::WIDE),
        narrow: knee(record, Canvas::NARROW),
        table: words::table(record),
    };
    visible(page.render().expect("a page is written to memory"))
}
