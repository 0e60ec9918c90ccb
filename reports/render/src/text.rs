//! The console: the first screen of a result, then the tables that a person may want next.
//!
//! Lines break between words and never inside one. A command is never broken at all, even where it is wider than the
//! terminal: a command that was cut cannot be copied. Text of the engine is made inert first.

mod block;
mod table;

use shakedown_analysis::Analysis;

pub(crate) use block::Page;

use crate::document::{data_loss_found, data_loss_table, phases_table, recovery_point};
use crate::look::Look;
use crate::screen::{CheckLine, FirstScreen, Headline};
use crate::words::{Tone, pad, width_of};

/// Widest column of check ids and limits; longer ones push the rest to the next line.
const WIDEST_COLUMN: usize = 22;

/// The report for a terminal.
pub(crate) fn render_text(analysis: &Analysis, look: &Look) -> String {
    let record = &analysis.record;
    let screen = FirstScreen::of(record);
    let mut page = Page::new(*look);
    first_screen(&mut page, &screen);
    if data_loss_found(&record.data_loss) {
        page.gap();
        let summary = recovery_point(&record.data_loss);
        let summary = summary.map(|text| format!(" ({text})")).unwrap_or_default();
        page.plain(&format!("Data loss{summary}"));
        page.table(&data_loss_table(&record.data_loss, true));
    }
    let latency = phases_table(record);
    if !latency.rows.is_empty() {
        page.gap();
        page.plain(
            "Response time from the moment an order was due; failures count as the timeout:",
        );
        page.table(&latency);
    }
    page.gap();
    page.toned(&format!("Run {}", screen.run), Tone::Quiet);
    page.finish()
}

fn first_screen(page: &mut Page, screen: &FirstScreen) {
    headline(page, &screen.headline);
    for reason in &screen.reasons {
        page.hanging("also: ", reason, Tone::Plain);
    }
    page.plain(&screen.target);
    if let Some(defect) = &screen.defect {
        page.toned(
            &format!("Defect of the stand-in switched on: {defect}"),
            Tone::Unsure,
        );
    }
    if let Some(self_test) = &screen.self_test {
        page.hanging("Self-test: ", self_test, Tone::Unsure);
    }
    for overruled in &screen.overruled {
        page.hanging("Guard overruled: ", overruled, Tone::Unsure);
    }
    for line in screen.faults.iter().chain(&screen.outages) {
        page.toned(&line.text, line.tone);
    }
    checks(page, &screen.checks);
    remains(page, screen);
}

fn headline(page: &mut Page, headline: &Headline) {
    let exit = format!("exit {}", headline.exit_code);
    let indent = width_of(&headline.word) + 3;
    page.between(&headline.word, headline.tone, indent, &headline.text, &exit);
}

fn checks(page: &mut Page, checks: &[CheckLine]) {
    let widest = |of: fn(&CheckLine) -> usize| checks.iter().map(of).max().unwrap_or(0);
    let word_width = widest(|check| width_of(check.word));
    let id_width = widest(|check| width_of(&check.id)).min(WIDEST_COLUMN);
    let limit_width = widest(|check| width_of(&check.limit)).min(WIDEST_COLUMN);
    let full = word_width + id_width + limit_width + 6;
    let indent = match page.width() >= full + 34 {
        true => full,
        false => word_width + 2,
    };
    for check in checks {
        let id = pad(&check.id, id_width);
        let lead = format!("{id}  {}", pad(&check.limit, limit_width));
        let word = pad(check.word, word_width);
        page.row(&word, check.tone, &lead, indent, &check.observed);
    }
}

fn remains(page: &mut Page, screen: &FirstScreen) {
    let read_back = format!("Read back: {}", screen.read_back.text);
    let generator = format!("Generator: {}", screen.generator.text);
    let tones = [screen.read_back.tone, screen.generator.tone];
    page.pair([&read_back, &generator], tones);
    for (index, line) in screen.left_behind.iter().enumerate() {
        let label = if index == 0 { "Left behind: " } else { "  " };
        page.hanging(label, &line.text, line.tone);
    }
    if let Some(classes) = &screen.not_checked {
        page.hanging("Not checked: ", classes, Tone::Quiet);
    }
}
