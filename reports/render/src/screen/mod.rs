//! The first screen of a result: what console, Markdown and HTML all show before anything else.
//!
//! It is made once, as sentences with tones; the media only set it. Nothing here decides anything: verdicts, limits
//! and reasons come from the record.

mod checks;
mod faults;
mod first_screen;
mod headline;
mod line;
mod remains;

pub(crate) use checks::{CheckLine, by_urgency, observed_text, verdict_word};
pub(crate) use faults::outage;
pub(crate) use first_screen::FirstScreen;
pub(crate) use headline::Headline;
pub(crate) use line::Line;
pub(crate) use remains::generator;
