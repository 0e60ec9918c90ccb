//! `shakedown capacity`: the answer, and the curve on which it lies.

mod page;
mod words;

use shakedown_record::capacity::{CapacityPoint, CapacityRecord};

use crate::json::pretty;
use crate::look::Look;
use crate::text::Page;

/// The record as JSON, ended by a newline.
pub fn render_capacity_json(record: &CapacityRecord) -> String {
    pretty(record)
}

/// The answer for a terminal, ended by a newline.
pub fn render_capacity_text(record: &CapacityRecord, look: &Look) -> String {
    let mut page = Page::new(*look);
    let (word, tone) = words::word(record);
    let exit = format!("exit {}", record.exit_code);
    page.between(word, tone, word.len() + 3, &record.headline, &exit);
    page.plain(&words::target(record));
    for line in words::notes(record) {
        page.toned(&line.text, line.tone);
    }
    page.gap();
    page.table(&words::table(record));
    page.finish()
}

/// What one probe told, in a line.
pub fn capacity_line(point: &CapacityPoint) -> String {
    words::line(point)
}

/// The page: one file, no network, no scripts.
pub fn render_capacity_html(record: &CapacityRecord) -> String {
    page::render(record)
}
