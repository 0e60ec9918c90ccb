//! `shakedown explain`: a story, step by step, each with its moment.

use shakedown_analysis::{Explanation, Step, words};

use crate::look::Look;
use crate::text::Page;
use crate::words::{Tone, width_of};

/// The story for a terminal, ended by a newline.
///
/// Steps with a moment come with their run time, the others as a list; both in the order in which they are given.
pub fn render_explanation(explanation: &Explanation, look: &Look) -> String {
    let mut page = Page::new(*look);
    page.plain(&explanation.subject);
    page.toned(&explanation.headline, Tone::Plain);
    if explanation.steps.is_empty() {
        return page.finish();
    }
    page.gap();
    let width = explanation
        .steps
        .iter()
        .map(|step| width_of(&moment(step)))
        .max();
    let width = width.unwrap_or(0);
    for step in &explanation.steps {
        let moment = moment(step);
        let label = match step.at_s {
            Some(_) => format!("  {moment:>width$}  "),
            None => "  - ".to_owned(),
        };
        page.under(&label, &step.text, Tone::Plain);
    }
    page.finish()
}

fn moment(step: &Step) -> String {
    step.at_s.map(words::moment_s).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at_s: Option<f64>, text: &str) -> Step {
        Step {
            at_s,
            text: text.into(),
        }
    }

    #[test]
    fn a_story_is_told_in_its_order_and_its_words_are_inert() {
        let explanation = Explanation {
            subject: "order k3x9qa-7731".into(),
            headline: "acknowledged by engine-1, and on none of 3 copies".into(),
            steps: vec![
                step(Some(15.159), "due in session 3"),
                step(
                    Some(115.2),
                    "leader-dies: kill engine-1, the leader, which had acknowledged it",
                ),
                step(None, "not on engine-2\u{1b}[2J"),
            ],
        };
        let look = Look {
            color: false,
            width: 60,
        };
        assert_eq!(
            render_explanation(&explanation, &look),
            "order k3x9qa-7731\n\
             acknowledged by engine-1, and on none of 3 copies\n\
             \n\
             \x20  15.159 s  due in session 3\n\
             \x20 115.200 s  leader-dies: kill engine-1, the leader, which\n\
             \x20            had acknowledged it\n\
             \x20 - not on engine-2\u{fffd}[2J\n"
        );
    }
}
