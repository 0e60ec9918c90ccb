//! `shakedown suite`: what is waived, each figure with what shows it, and every scenario.

mod junit;
mod markdown;
mod page;
mod words;

use shakedown_record::suite::SuiteRecord;

use crate::document::Table;
use crate::json::pretty;
use crate::look::Look;
use crate::text::Page;

/// In which form a suite is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SuiteFormat {
    /// For a terminal.
    Text,
    /// The record.
    Json,
    /// One file: no network, no scripts.
    Html,
    /// For the step summary of a CI system.
    Markdown,
    /// A test case for each figure and each scenario.
    Junit,
}

/// The suite, ended by a newline.
pub fn render_suite(format: SuiteFormat, record: &SuiteRecord, look: &Look) -> String {
    match format {
        SuiteFormat::Text => text(record, look),
        SuiteFormat::Json => pretty(record),
        SuiteFormat::Html => page::render(record),
        SuiteFormat::Markdown => markdown::render(record),
        SuiteFormat::Junit => junit::render(record),
    }
}

fn text(record: &SuiteRecord, look: &Look) -> String {
    let mut page = Page::new(*look);
    let (word, tone) = words::word(record);
    let exit = format!("exit {}", record.exit_code);
    page.between(word, tone, word.len() + 3, words::headline(record), &exit);
    page.plain(&words::asked(record));
    for reason in record.reasons.iter().skip(1) {
        page.hanging("also: ", reason, crate::words::Tone::Plain);
    }
    for (title, table) in words::tables(record) {
        page.gap();
        page.plain(title);
        page.table(&table);
    }
    page.finish()
}

/// A title, and what stands under it.
type Titled = (&'static str, Table);
