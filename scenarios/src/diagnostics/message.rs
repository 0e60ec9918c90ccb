//! One mistake, and all of them together.

use std::fmt;

use serde::Serialize;

/// Characters of a source line that are shown at most.
const WIDEST_LINE: usize = 160;

/// One mistake in a file or an option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// The file as the user named it; `--set` and the like for an option.
    pub file: String,
    /// Counted from 1; `None` when the file as a whole is meant.
    pub line: Option<usize>,
    /// In characters, counted from 1.
    pub column: Option<usize>,
    /// Dotted path of the field, such as `sla.steady-p99.latency.at-most`.
    pub path: Option<String>,
    pub message: String,
    /// The line itself.
    pub text: Option<String>,
    /// What to write instead.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A mistake of a file as a whole.
    pub(crate) fn of_file(file: &str, message: String) -> Diagnostic {
        Diagnostic {
            file: file.to_string(),
            line: None,
            column: None,
            path: None,
            message,
            text: None,
            hint: None,
        }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }

    fn sort_key(&self) -> (usize, usize) {
        (self.line.unwrap_or(0), self.column.unwrap_or(0))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, ":{line}:{column}")?;
        }
        f.write_str(": ")?;
        if let Some(path) = &self.path {
            write!(f, "{}: ", printable(path))?;
        }
        f.write_str(&printable(&self.message))?;
        if let (Some(line), Some(column), Some(text)) = (self.line, self.column, &self.text) {
            let (shown, caret) = excerpt(text, column);
            let gutter = line.to_string();
            write!(f, "\n  {gutter} | {shown}")?;
            write!(f, "\n  {:1$} | ", "", gutter.len())?;
            write!(f, "{:1$}^", "", caret)?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {}", printable(hint))?;
        }
        Ok(())
    }
}

/// The part of a line that is shown, and how many characters stand before the caret.
fn excerpt(text: &str, column: usize) -> (String, usize) {
    let characters: Vec<char> = printable(text).chars().collect();
    let caret = (column - 1).min(characters.len());
    if characters.len() <= WIDEST_LINE {
        return (characters.into_iter().collect(), caret);
    }
    let from = caret.saturating_sub(WIDEST_LINE / 2);
    let to = (from + WIDEST_LINE).min(characters.len());
    let before = if from > 0 { "…" } else { "" };
    let after = if to < characters.len() { "…" } else { "" };
    let middle: String = characters[from..to].iter().collect();
    (
        format!("{before}{middle}{after}"),
        caret - from + before.chars().count(),
    )
}

/// Text without control characters: a file must not be able to drive the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\t' => ' ',
            other if other.is_control() => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// Every mistake that was found, in order of file and position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// True when nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `Err` when there is anything, in order of position and without repetitions.
    pub(crate) fn into_result(mut self) -> Result<(), Diagnostics> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut files: Vec<String> = Vec::new();
        for diagnostic in &self.0 {
            if !files.contains(&diagnostic.file) {
                files.push(diagnostic.file.clone());
            }
        }
        let rank = |file: &str| files.iter().position(|known| known == file);
        self.0
            .sort_by_key(|diagnostic| (rank(&diagnostic.file), diagnostic.sort_key()));
        self.0.dedup();
        Err(self)
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, diagnostic) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize, text: &str) -> Diagnostic {
        Diagnostic {
            line: Some(line),
            column: Some(column),
            text: Some(text.to_string()),
            ..Diagnostic::of_file("a.yaml", "wrong".to_string())
        }
    }

    #[test]
    fn the_caret_stands_under_the_column() {
        assert_eq!(
            at(12, 3, "a bc").with_hint("write b").to_string(),
            "a.yaml:12:3: wrong\n  12 | a bc\n     |   ^\n  hint: write b"
        );
    }

    #[test]
    fn a_long_line_is_cut_around_the_caret_and_controls_are_harmless() {
        let text = format!("{}\u{1b}[31mX{}", "a".repeat(5000), "b".repeat(5000));
        let shown = at(1, 5006, &text).to_string();
        assert!(!shown.contains('\u{1b}'));
        let mut lines = shown.lines().skip(1);
        let (line, caret) = (lines.next().unwrap(), lines.next().unwrap());
        assert!(line.chars().count() < 200);
        let column = caret.chars().position(|c| c == '^').unwrap();
        assert_eq!(line.chars().nth(column), Some('X'));
    }

    #[test]
    fn mistakes_come_in_order_of_position_and_once() {
        let all = Diagnostics(vec![at(9, 1, "x"), at(2, 5, "y"), at(9, 1, "x")]);
        let sorted = all.into_result().unwrap_err();
        let lines: Vec<_> = sorted.0.iter().map(|found| found.line).collect();
        assert_eq!(lines, [Some(2), Some(9)]);
    }
}
