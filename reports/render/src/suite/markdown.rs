//! `summary.md`: the suite for the step summary of a CI system.

use shakedown_record::Verdict;
use shakedown_record::suite::SuiteRecord;

use super::words;
use crate::markdown::{escape, section};

pub(super) fn render(record: &SuiteRecord) -> String {
    let (word, _) = words::word(record);
    let sign = match record.verdict {
        Verdict::Pass if record.exit_code == 0 => "✅",
        Verdict::Pass | Verdict::Fail => "❌",
        Verdict::Inconclusive => "⚠️",
    };
    let mut out = format!(
        "## {sign} {word}: suite {}\n\n**{}** (exit {})\n\n{}\n\n",
        escape(&record.suite),
        escape(words::headline(record)),
        record.exit_code,
        escape(&words::asked(record)),
    );
    for reason in record.reasons.iter().skip(1) {
        out.push_str(&format!("- {}\n", escape(reason)));
    }
    for (title, table) in words::tables(record) {
        section(&mut out, title, &table);
    }
    out
}
