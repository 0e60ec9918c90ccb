//! `report.html`: one file that needs nothing else, for a reader who has a minute and for one who has an hour.
//!
//! No network, no scripts, no fonts of others; a content security policy in the page says so to the browser. What
//! comes from outside is escaped by the template, or by the chart that shows it.

mod sections;

use askama::Template;
use shakedown_analysis::Analysis;

use crate::screen::FirstScreen;
use sections::Section;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    screen: FirstScreen,
    sections: Vec<Section>,
    scenario: &'a str,
    about: Option<&'a str>,
    version: &'a str,
    run_id: &'a str,
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
    };
    visible(page.render().expect("a page is written to memory"))
}

/// Replaces characters that HTML forbids or that turn the direction of text around.
fn visible(html: String) -> String {
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
