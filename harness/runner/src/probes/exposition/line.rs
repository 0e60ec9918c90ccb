//! One line.

use std::collections::BTreeMap;

use shakedown_record::series::SeriesKind;

use super::cursor::Cursor;
use super::fault::LineFault;

/// What a line says.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// Empty, a comment, a help text, a unit.
    Nothing,
    Type {
        name: &'a str,
        kind: SeriesKind,
    },
    Sample {
        name: &'a str,
        labels: BTreeMap<String, String>,
        value: f64,
    },
    /// `# EOF`
    End,
}

/// Reads one line, without its end.
pub(super) fn read_line(line: &str) -> Result<Line<'_>, LineFault> {
    let line = line.trim_matches([' ', '\t', '\r']);
    if line.is_empty() {
        return Ok(Line::Nothing);
    }
    match line.strip_prefix('#') {
        Some(comment) => read_comment(comment),
        None => read_sample(line),
    }
}

fn read_comment(comment: &str) -> Result<Line<'_>, LineFault> {
    let mut words = Cursor::new(comment);
    match words.word() {
        "EOF" if words.rest().is_empty() => Ok(Line::End),
        "TYPE" => {
            let (name, kind) = (words.word(), words.word());
            if !is_name(name) || !words.rest().is_empty() {
                return Err(LineFault::Type);
            }
            let kind = match kind {
                "counter" => SeriesKind::Counter,
                "gauge" => SeriesKind::Gauge,
                "histogram" => SeriesKind::Histogram,
                "summary" => SeriesKind::Summary,
                "untyped" | "unknown" | "info" | "stateset" | "gaugehistogram" => {
                    SeriesKind::Untyped
                }
                _ => return Err(LineFault::Type),
            };
            Ok(Line::Type { name, kind })
        }
        _ => Ok(Line::Nothing),
    }
}

fn read_sample(line: &str) -> Result<Line<'_>, LineFault> {
    let mut cursor = Cursor::new(line);
    let name = cursor.take_while(is_name_sign);
    if !is_name(name) {
        return Err(match line.starts_with('{') {
            true => LineFault::QuotedName,
            false => LineFault::NoName,
        });
    }
    cursor.skip_blanks();
    let labels = match cursor.take('{') {
        true => read_labels(&mut cursor)?,
        false if cursor.rest().len() == line.len() - name.len() && !cursor.rest().is_empty() => {
            return Err(LineFault::NoName);
        }
        false => BTreeMap::new(),
    };
    let word = cursor.word();
    if word.is_empty() {
        return Err(LineFault::NoValue);
    }
    let value = number(word).ok_or_else(|| LineFault::Value(word.to_string()))?;
    read_tail(cursor)?;
    Ok(Line::Sample {
        name,
        labels,
        value,
    })
}

/// A time stamp and an exemplar, both of which may be there and neither of which is kept.
fn read_tail(mut cursor: Cursor<'_>) -> Result<(), LineFault> {
    let mut word = cursor.word();
    if !word.is_empty() && word != "#" {
        if number(word).is_none_or(|stamp| !stamp.is_finite()) {
            return Err(LineFault::TimeStamp(word.to_string()));
        }
        word = cursor.word();
    }
    match word {
        "" => return Ok(()),
        "#" => {}
        other => return Err(LineFault::TooMuch(other.to_string())),
    }
    cursor.skip_blanks();
    if !cursor.take('{') {
        return Err(LineFault::Exemplar);
    }
    read_labels(&mut cursor)?;
    let (value, stamp) = (cursor.word(), cursor.word());
    let stamp_is_good = stamp.is_empty() || number(stamp).is_some();
    match number(value).is_some() && stamp_is_good && cursor.word().is_empty() {
        true => Ok(()),
        false => Err(LineFault::Exemplar),
    }
}

/// Labels up to the closing brace; the opening one is taken already.
fn read_labels(cursor: &mut Cursor<'_>) -> Result<BTreeMap<String, String>, LineFault> {
    let mut labels = BTreeMap::new();
    loop {
        cursor.skip_blanks();
        if cursor.take('}') {
            return Ok(labels);
        }
        match cursor.rest().chars().next() {
            None => return Err(LineFault::LabelsOpen),
            Some('"') => return Err(LineFault::QuotedName),
            Some(_) => {}
        }
        let name = cursor.take_while(|sign| !matches!(sign, '=' | '}' | ',' | ' ' | '\t' | '"'));
        let plain = !name.contains(':') && is_name(name);
        cursor.skip_blanks();
        if !plain {
            return Err(LineFault::LabelName(name.to_string()));
        }
        if !cursor.take('=') {
            return Err(match cursor.rest().is_empty() {
                true => LineFault::LabelsOpen,
                false => LineFault::LabelQuotes(name.to_string()),
            });
        }
        cursor.skip_blanks();
        let value = read_quoted(cursor, name)?;
        if labels.insert(name.to_string(), value).is_some() {
            return Err(LineFault::LabelTwice(name.to_string()));
        }
        cursor.skip_blanks();
        if !cursor.take(',') && !cursor.rest().starts_with('}') {
            return Err(match cursor.rest().is_empty() {
                true => LineFault::LabelsOpen,
                false => LineFault::LabelEnd(name.to_string()),
            });
        }
    }
}

fn read_quoted(cursor: &mut Cursor<'_>, label: &str) -> Result<String, LineFault> {
    if !cursor.take('"') {
        return Err(LineFault::LabelQuotes(label.to_string()));
    }
    let open = || LineFault::LabelOpen(label.to_string());
    let mut value = String::new();
    loop {
        match cursor.next().ok_or_else(open)? {
            '"' => return Ok(value),
            '\\' => value.push(match cursor.next().ok_or_else(open)? {
                'n' => '\n',
                sign @ ('\\' | '"') => sign,
                escape => {
                    return Err(LineFault::LabelEscape {
                        label: label.to_string(),
                        escape,
                    });
                }
            }),
            sign => value.push(sign),
        }
    }
}

fn is_name_sign(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || sign == '_' || sign == ':'
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|sign: char| sign.is_ascii_digit())
        && name.chars().all(is_name_sign)
}

/// A value as Go writes it.
pub(in crate::probes) fn number(text: &str) -> Option<f64> {
    let digits = text.trim_start_matches(['+', '-']);
    match digits.to_ascii_lowercase().as_str() {
        "inf" | "infinity" | "nan" => text.parse().ok(),
        // Rust takes words in more forms than the format has.
        plain if plain.starts_with(|sign: char| sign.is_ascii_digit() || sign == '.') => {
            text.parse().ok()
        }
        _ => None,
    }
}
