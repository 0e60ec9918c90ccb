//! A whole text: its lines, and what they say of each other.

use std::collections::BTreeMap;
use std::collections::HashSet;

use shakedown_record::series::{NativeSample, SeriesKind};

use super::family::Families;
use super::fault::LineFault;
use super::line::{Line, read_line};

/// Which of the two formats a text is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Text,
    /// Ends with `# EOF`: a text without it was cut off.
    OpenMetrics,
}

impl Dialect {
    /// By the `content-type` of the answer; the plain format where it says nothing else.
    pub fn of(content_type: Option<&str>) -> Self {
        let media = content_type.and_then(|value| value.split(';').next());
        match media.map(|media| {
            media
                .trim()
                .eq_ignore_ascii_case("application/openmetrics-text")
        }) {
            Some(true) => Dialect::OpenMetrics,
            Some(false) | None => Dialect::Text,
        }
    }
}

/// One sample of a text.
#[derive(Debug, Clone, PartialEq)]
pub struct Exposed {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
    /// What the text says of its family; parts of a histogram (`_bucket`, `_sum`, `_count`) are of the histogram's kind.
    pub kind: SeriesKind,
}

/// A line that is not of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct Malformed {
    /// From 1.
    pub line: usize,
    pub fault: LineFault,
}

/// An answer, taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exposition {
    /// In the order of the text.
    pub samples: Vec<Exposed>,
    pub malformed: Vec<Malformed>,
    /// None in a text.
    pub natives: Vec<NativeSample>,
}

/// Takes a text apart. Every line is looked at, whatever is wrong with others.
pub fn parse(text: &str, dialect: Dialect) -> Exposition {
    let mut told = Exposition::default();
    let mut families = Families::default();
    let mut seen: HashSet<(String, BTreeMap<String, String>)> = HashSet::new();
    let mut ended = false;
    let mut last = 0;
    for (index, line) in text.lines().enumerate() {
        last = index + 1;
        let mut wrong = |fault| {
            told.malformed.push(Malformed {
                line: index + 1,
                fault,
            });
        };
        if ended && !line.trim().is_empty() {
            wrong(LineFault::AfterEnd);
            continue;
        }
        match read_line(line) {
            Ok(Line::Nothing) => {}
            Ok(Line::End) => ended = true,
            Ok(Line::Type { name, kind }) => {
                if let Err(fault) = families.declare(name, kind) {
                    wrong(fault);
                }
            }
            Ok(Line::Sample {
                name,
                labels,
                value,
            }) => {
                let kind = families.kind_of(name);
                if !seen.insert((name.to_string(), labels.clone())) {
                    wrong(LineFault::SampleTwice(name.to_string()));
                    continue;
                }
                told.samples.push(Exposed {
                    name: name.to_string(),
                    labels,
                    value,
                    kind,
                });
            }
            Err(fault) => wrong(fault),
        }
    }
    let cut = match dialect {
        Dialect::OpenMetrics if !ended => Some(LineFault::NoEnd),
        Dialect::OpenMetrics | Dialect::Text => {
            let whole = text.is_empty() || text.ends_with('\n') || ended;
            (!whole).then_some(LineFault::NoLineEnd)
        }
    };
    told.malformed
        .extend(cut.map(|fault| Malformed { line: last, fault }));
    told
}
