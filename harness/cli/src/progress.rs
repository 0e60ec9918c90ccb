//! What is shown while a run goes on: plain lines on stderr, one a second at most.

use std::io::{self, IsTerminal};

use indicatif::{ProgressBar, ProgressStyle};
use shakedown_runner::Progress;

use crate::output::say;

/// Shows progress: a line that changes on a terminal, a line every five seconds elsewhere.
pub struct Display {
    bar: Option<ProgressBar>,
    lines: u64,
}

impl Display {
    /// A display on stderr.
    pub fn new() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(
                ProgressStyle::with_template("{spinner} {msg}")
                    .unwrap_or(ProgressStyle::default_spinner()),
            );
            bar
        });
        Self { bar, lines: 0 }
    }

    /// Shows one step.
    pub fn show(&mut self, progress: &Progress) {
        match (&self.bar, progress) {
            (_, Progress::Second { .. }) => self.second(line(progress)),
            (Some(bar), Progress::Note(_) | Progress::Fault(_)) => {
                bar.suspend(|| say(&line(progress)))
            }
            (None, Progress::Note(_) | Progress::Fault(_)) => say(&line(progress)),
        }
    }

    /// Shows the line of one more second.
    pub fn second(&mut self, line: String) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(line);
                bar.tick();
            }
            None => {
                if self.lines.is_multiple_of(5) {
                    say(&line);
                }
                self.lines += 1;
            }
        }
    }

    /// Removes the changing line.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn line(progress: &Progress) -> String {
    match progress {
        Progress::Note(text) | Progress::Fault(text) => format!("  {text}"),
        Progress::Second {
            at_s,
            phase,
            offered_per_s,
            achieved_per_s,
            p99_ns,
            errors,
        } => {
            let p99 = p99_ns.map_or("-".to_string(), |ns| format!("{:.1} ms", ns as f64 / 1e6));
            format!(
                "  {at_s:>6.1} s  {:<8}  {offered_per_s:>6.0}/s offered  {achieved_per_s:>6.0}/s acknowledged  \
                 worst P99 {p99:>9}  {errors} errors",
                phase.name()
            )
        }
    }
}
