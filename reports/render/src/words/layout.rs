//! Setting text in a terminal: wrapped between words, padded, and without the power to move the cursor.

/// Text of others made harmless for a terminal: control and bidirectional-override characters become `\u{fffd}`.
///
/// An engine that answers with escape sequences must not be able to repaint the verdict.
pub(crate) fn inert(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                '\u{fffd}'
            }
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Columns that a text takes: one for each character.
pub(crate) fn width_of(text: &str) -> usize {
    text.chars().count()
}

/// The text padded with spaces on the right.
pub(crate) fn pad(text: &str, width: usize) -> String {
    let missing = width.saturating_sub(width_of(text));
    format!("{text}{}", " ".repeat(missing))
}

/// Wraps between words. The first line has `first` columns, the others `rest`; a word is never broken.
pub(crate) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in glued(text) {
        let room = if lines.len() == 1 { first } else { rest };
        let line = lines.last_mut().expect("there is always a line");
        let taken = width_of(line);
        if taken == 0 {
            line.push_str(&word);
        } else if taken + 1 + width_of(&word) <= room {
            line.push(' ');
            line.push_str(&word);
        } else {
            lines.push(word);
        }
    }
    lines
}

/// Words of a text; a number and its unit are one.
fn glued(text: &str) -> Vec<String> {
    const UNITS: [&str; 7] = ["%", "ns", "us", "ms", "s", "min", "h"];
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let unit = word.trim_end_matches([',', ';', ':', '.', ')']);
        match words.last_mut() {
            Some(last) if UNITS.contains(&unit) && last.ends_with(|c: char| c.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_words_never_do() {
        assert_eq!(wrap("one two three", 7, 7), ["one two", "three"]);
        assert_eq!(wrap("one two three", 3, 9), ["one", "two three"]);
        assert_eq!(wrap("unbreakable", 4, 4), ["unbreakable"]);
        assert_eq!(wrap("", 4, 4), [""]);
        assert_eq!(wrap("after 12 ms; x", 8, 8), ["after", "12 ms; x"]);
    }

    #[test]
    fn escape_sequences_lose_their_power() {
        let text = inert("a\u{1b}[2Jb\u{202e}c\nd\u{9b}31m");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert_eq!(text, "a\u{fffd}[2Jb\u{fffd}c d\u{fffd}31m");
    }
}
