//! What a piece of text is about. A tone is never the only sign: the words say it too.

use shakedown_record::exit::Verdict;
use shakedown_record::run_record::Severity;

/// How a piece of text is set off, where the medium can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Good,
    Bad,
    /// Inconclusive, or a warning.
    Unsure,
    /// Of less interest.
    Quiet,
}

impl Tone {
    /// The tone of a check: a warning never looks like what decides the verdict.
    pub(crate) fn of(verdict: Verdict, severity: Severity) -> Tone {
        match (verdict, severity) {
            (Verdict::Pass, _) => Tone::Good,
            (Verdict::Fail, Severity::Critical) => Tone::Bad,
            (Verdict::Fail, Severity::Warning) | (Verdict::Inconclusive, _) => Tone::Unsure,
        }
    }

    /// Class in the HTML report; empty for plain.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Unsure => "unsure",
            Tone::Quiet => "quiet",
        }
    }

    /// The text in the colours of a terminal, bold where it matters.
    pub(crate) fn paint(self, text: &str, color: bool) -> String {
        let code = match self {
            _ if !color || text.is_empty() => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Unsure => "33",
            Tone::Quiet => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_escape_sequence_without_colour() {
        assert_eq!(Tone::Bad.paint("FAIL", false), "FAIL");
        assert_eq!(Tone::Bad.paint("FAIL", true), "\u{1b}[1;31mFAIL\u{1b}[0m");
        assert_eq!(Tone::Plain.paint("x", true), "x");
    }
}
