//! `suite.html`.

use askama::Template;
use shakedown_record::suite::SuiteRecord;

use super::{Titled, words};
use crate::html::visible;
use crate::words::Tone;

#[derive(Template)]
#[template(path = "suite.html")]
struct SuitePage<'a> {
    word: &'static str,
    tone: Tone,
    record: &'a SuiteRecord,
    headline: &'a str,
    asked: String,
    tables: Vec<Titled>,
}

pub(super) fn render(record: &SuiteRecord) -> String {
    let (word, tone) = words::word(record);
    let page = SuitePage {
        word,
        tone,
        record,
        headline: words::headline(record),
        asked: words::asked(record),
        tables: words::tables(record),
    };
    visible(page.render().expect("a page is written to memory"))
}
