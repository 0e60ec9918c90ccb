//! `report.html`: one file that needs nothing else, for a reader who has a minute and for one who has an hour.
//!
//! No network, no scripts, no fonts of others; a content security policy in the page says so to the browser. What
//! comes from outside is escaped by the template, or by the chart that shows it.

mod section;
mod sections;

use askama::Template;
use shakedown_analysis::Analysis;

use crate::screen::FirstScreen;
use section::Section;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    screen: FirstScreen,
    sections: Vec<Section>,
    scenario: &'a str,
    about: Option<&'a str>,
    version: &'a str,
    run_id: &'a str,
    /// When it began, and who began it.
    who: String,
}

/// The page.
pub(crate) fn render_html(analysis: &Analysis) -> String {
    let run = &analysis.record.run;
    let about = analysis.about.trim();
    let page = Page {
        screen: FirstScreen::of(&analysis.record),
        sections: sections::all(analysis),
        scenario: &run.scenario,
        about: (!about.is_empty()).then_some(about),
        version: &run.shakedown_version,
        run_id: &run.id,
        who: who(analysis),
    };
    visible(page.render().expect("a page is written to memory"))
}

/// `started 2026-11-20T23:15:00Z by ada`.
fn who(analysis: &Analysis) -> String {
    let run = &analysis.record.run;
    let started = match run.started_at.is_empty() {
        true => "never started".to_owned(),
        false => format!("started {}", run.started_at),
    };
    match &run.operator {
        Some(operator) => format!("{started} by {operator}"),
        None => started,
    }
}

/// Replaces characters that HTML forbids or that turn the direction of text around.
pub(crate) fn visible(html: String) -> String {
    let hidden = |c: char| match c {
        '\n' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    match html.contains(hidden) {
        true => html.replace(hidden, "\u{fffd}"),
        false => html,
    }
}
