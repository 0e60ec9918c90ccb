//! One sentence of the first screen.

use crate::words::Tone;

/// A sentence and what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) tone: Tone,
    /// A command that does something about it; never broken over lines.
    pub(crate) command: Option<String>,
}

impl Line {
    pub(super) fn new(text: impl Into<String>, tone: Tone) -> Line {
        Line {
            text: text.into(),
            tone,
            command: None,
        }
    }
}
