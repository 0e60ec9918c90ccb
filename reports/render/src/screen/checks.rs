//! A line per check: failed first, then inconclusive, then passed.

use shakedown_record::exit::Verdict;
use shakedown_record::run_record::{Check, Quantity, RunRecord, Severity};

use super::Line;
use crate::document::NOT_MEASURED;
use crate::words::{Tone, amount, shell_word};

/// One check as the first screen shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CheckLine {
    pub(crate) word: &'static str,
    pub(crate) id: String,
    pub(crate) limit: String,
    /// What was observed, why that is not a pass, and what to do next.
    pub(crate) observed: Line,
    pub(crate) tone: Tone,
}

/// Checks in the order in which a person wants them: failed, inconclusive, passed; warnings after what decides.
pub(crate) fn by_urgency(checks: &[Check]) -> Vec<&Check> {
    let mut ordered: Vec<&Check> = checks.iter().collect();
    ordered.sort_by_key(|check| match (check.verdict, check.severity) {
        (Verdict::Fail, Severity::Critical) => 0,
        (Verdict::Inconclusive, Severity::Critical) => 1,
        (Verdict::Fail, Severity::Warning) => 2,
        (Verdict::Inconclusive, Severity::Warning) => 3,
        (Verdict::Pass, _) => 4,
    });
    ordered
}

/// `FAIL`, `warn`, `inconclusive` or `pass`. Only what decides the verdict shouts.
pub(crate) fn verdict_word(check: &Check) -> &'static str {
    match (check.verdict, check.severity) {
        (Verdict::Fail, Severity::Critical) => "FAIL",
        (Verdict::Fail, Severity::Warning) => "warn",
        (Verdict::Inconclusive, _) => "inconclusive",
        (Verdict::Pass, _) => "pass",
    }
}

/// What was observed, in words.
pub(crate) fn observed_text(check: &Check) -> String {
    quantity_text(&check.observed)
}

fn quantity_text(quantity: &Quantity) -> String {
    if !quantity.text.trim().is_empty() {
        return quantity.text.trim().to_owned();
    }
    let Some(value) = quantity.value else {
        return NOT_MEASURED.into();
    };
    amount(value, &quantity.unit)
}

/// The lines of all checks. Missing evidence that the headline or an earlier line tells is not told again.
pub(super) fn lines(record: &RunRecord) -> Vec<CheckLine> {
    let mut told: Vec<&str> = record
        .reasons
        .first()
        .map(String::as_str)
        .into_iter()
        .collect();
    let mut lines = Vec::new();
    for check in by_urgency(&record.checks) {
        lines.push(CheckLine {
            word: verdict_word(check),
            id: check.id.clone(),
            limit: limit_text(check),
            observed: observed_line(record, check, &mut told),
            tone: Tone::of(check.verdict, check.severity),
        });
    }
    lines
}

/// `limit 20 ms`, or `at least 1,470/s` where more is better.
fn limit_text(check: &Check) -> String {
    let text = quantity_text(&check.limit);
    match check.kind.as_str() {
        _ if text.starts_with("at ") => text,
        "throughput" | "availability" => format!("at least {text}"),
        _ => format!("limit {text}"),
    }
}

fn observed_line<'a>(record: &RunRecord, check: &'a Check, told: &mut Vec<&'a str>) -> Line {
    let mut text = observed_text(check);
    if check.verdict == Verdict::Inconclusive {
        let parts = check.why.split("; ").filter(|part| !part.trim().is_empty());
        let new: Vec<&str> = parts
            .filter(|part| !told.iter().any(|known| known.contains(part)))
            .collect();
        text = match new.is_empty() {
            true => format!("{text}; see above"),
            false => format!("{text}; {}", new.join("; ")),
        };
        told.extend(new);
    }
    if check.severity == Severity::Warning && check.verdict != Verdict::Pass {
        text.push_str(" (a warning: does not decide)");
    }
    Line {
        text,
        tone: Tone::Plain,
        command: explain_command(record, check),
    }
}

/// The command that tells the story of the first order of the class that this check limits.
fn explain_command(record: &RunRecord, check: &Check) -> Option<String> {
    if check.verdict != Verdict::Fail {
        return None;
    }
    let run = shell_word(&record.run.id);
    let class = class_of(check)?;
    let example = record
        .data_loss
        .examples
        .iter()
        .find(|example| example.class == class)?;
    let order = shell_word(&example.order);
    Some(format!("shakedown explain {run} --order {order}"))
}

/// Class of data loss that a check is about: its kind is `<class>-orders`; the recovery point is about lost ones.
fn class_of(check: &Check) -> Option<&str> {
    match check.kind.as_str() {
        "rpo" => Some("lost"),
        kind => kind.strip_suffix("-orders"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(value: Option<f64>, unit: &str, text: &str) -> Quantity {
        Quantity {
            value,
            unit: unit.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_quantity_without_words_is_put_into_words() {
        let cases = [
            (quantity(Some(7.4e6), "ns", ""), "7.4 ms"),
            (quantity(Some(60.0), "s", ""), "60 s"),
            (quantity(Some(0.9999), "fraction", ""), "99.99 %"),
            (quantity(Some(1470.0), "/s", " "), "1,470/s"),
            (quantity(Some(3.0), "orders", ""), "3"),
            (quantity(Some(3.5), "flux", ""), "3.5 flux"),
            (quantity(None, "ns", ""), "not measured"),
            (quantity(Some(1.0), "ns", "one"), "one"),
        ];
        for (quantity, text) in cases {
            assert_eq!(quantity_text(&quantity), text);
        }
    }
}
