//! What an answer is worth, and the sentence that says it.

use shakedown_record::Verdict;
use shakedown_record::capacity::{Bound, CapacityAsk, CapacityFound, Missing};

use crate::words;

/// The verdict on a search, and its headline.
///
/// Without a rate to be reached: pass when there is an answer to rely on, fail when the SLA holds at no rate. With one: pass
/// when it, or more, was confirmed; fail when the SLA broke at it or below.
pub fn judge(ask: &CapacityAsk, found: &CapacityFound) -> (Verdict, String) {
    let verdict = match ask.at_least_per_s {
        None => answer(found),
        Some(wanted) => reaches(wanted, found),
    };
    (verdict, headline(ask, found))
}

fn answer(found: &CapacityFound) -> Verdict {
    match (found.capacity_per_s, found.missing.is_empty()) {
        (Some(_), true) => Verdict::Pass,
        (None, true) => Verdict::Fail,
        (Some(_) | None, false) => Verdict::Inconclusive,
    }
}

/// What lies above an answer that is high enough does not matter.
fn reaches(wanted: f64, found: &CapacityFound) -> Verdict {
    let is_sure = !found.missing.iter().any(|missing| match missing {
        Missing::Confirmation | Missing::Below => true,
        Missing::Precision | Missing::Evidence | Missing::Generator => false,
    });
    if found.capacity_per_s.is_some_and(|held| held >= wanted) {
        return match is_sure {
            true => Verdict::Pass,
            false => Verdict::Inconclusive,
        };
    }
    match found.above {
        Bound::Broke { rate_per_s } if rate_per_s <= wanted => Verdict::Fail,
        Bound::Broke { .. }
        | Bound::Unclear { .. }
        | Bound::Starved { .. }
        | Bound::Ceiling { .. }
        | Bound::Untried => Verdict::Inconclusive,
    }
}

fn headline(ask: &CapacityAsk, found: &CapacityFound) -> String {
    let held = match found.capacity_per_s {
        Some(rate) => format!(
            "the SLA holds at {} ({})",
            words::rate(rate),
            times(found.confirmed)
        ),
        None => format!(
            "the SLA held at no rate that was tried, down to {}",
            words::rate(ask.floor_per_s)
        ),
    };
    let above = match found.above {
        Bound::Broke { rate_per_s } => format!(", and breaks at {}", words::rate(rate_per_s)),
        Bound::Unclear { rate_per_s } => {
            format!("; at {} the runs showed nothing", words::rate(rate_per_s))
        }
        Bound::Starved { rate_per_s } => format!(
            "; at {} the generator was at its own limit",
            words::rate(rate_per_s)
        ),
        Bound::Ceiling { .. } => ", the highest rate that was allowed".to_string(),
        Bound::Untried => "; nothing was tried above".to_string(),
    };
    let wanted = match (ask.at_least_per_s, found.capacity_per_s) {
        (Some(wanted), Some(held)) if held >= wanted => {
            format!("; asked for: {}", words::rate(wanted))
        }
        (Some(wanted), _) => format!("; asked for: {}, not reached", words::rate(wanted)),
        (None, _) => String::new(),
    };
    let lacks: Vec<&str> = found.missing.iter().map(lack).collect();
    let lacks = match lacks.is_empty() {
        true => String::new(),
        false => format!(" ({})", lacks.join(", ")),
    };
    format!("{held}{above}{wanted}{lacks}")
}

fn times(count: u32) -> String {
    match count {
        1 => "1 run".to_string(),
        _ => format!("{count} runs"),
    }
}

fn lack(missing: &Missing) -> &'static str {
    match missing {
        Missing::Precision => "too few probes for the precision",
        Missing::Confirmation => "not confirmed",
        Missing::Evidence => "what is above was not seen",
        Missing::Generator => "a faster generator would see further",
        Missing::Below => "lower rates were not looked at",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: CapacityAsk = CapacityAsk {
        from_per_s: 300.0,
        floor_per_s: 3.0,
        ceiling_per_s: 30_000.0,
        precision: 0.05,
        probes: 12,
        confirm: 2,
        at_least_per_s: None,
    };

    fn found(capacity_per_s: Option<f64>, above: Bound, missing: &[Missing]) -> CapacityFound {
        CapacityFound {
            capacity_per_s,
            above,
            confirmed: 2,
            held_above_a_break_per_s: Vec::new(),
            missing: missing.to_vec(),
        }
    }

    fn verdict(at_least_per_s: Option<f64>, found: &CapacityFound) -> Verdict {
        let ask = CapacityAsk {
            at_least_per_s,
            ..ASK
        };
        judge(&ask, found).0
    }

    #[test]
    fn only_an_answer_with_nothing_missing_passes() {
        let broke = Bound::Broke {
            rate_per_s: 1_050.0,
        };
        let starved = Bound::Starved {
            rate_per_s: 1_050.0,
        };
        assert_eq!(verdict(None, &found(Some(1e3), broke, &[])), Verdict::Pass);
        assert_eq!(verdict(None, &found(None, broke, &[])), Verdict::Fail);
        let limited = found(Some(1e3), starved, &[Missing::Generator]);
        assert_eq!(verdict(None, &limited), Verdict::Inconclusive);
        let none = found(None, starved, &[Missing::Generator]);
        assert_eq!(verdict(None, &none), Verdict::Inconclusive);
    }

    #[test]
    fn a_rate_is_reached_when_it_was_confirmed_and_missed_when_it_broke() {
        let broke = Bound::Broke {
            rate_per_s: 1_050.0,
        };
        let sure = found(Some(1e3), broke, &[]);
        assert_eq!(verdict(Some(900.0), &sure), Verdict::Pass);
        assert_eq!(verdict(Some(1_000.0), &sure), Verdict::Pass);
        assert_eq!(verdict(Some(1_020.0), &sure), Verdict::Inconclusive);
        assert_eq!(verdict(Some(1_050.0), &sure), Verdict::Fail);
        assert_eq!(verdict(Some(5_000.0), &sure), Verdict::Fail);
        let starved = Bound::Starved {
            rate_per_s: 1_050.0,
        };
        let limited = found(Some(1e3), starved, &[Missing::Generator]);
        assert_eq!(verdict(Some(900.0), &limited), Verdict::Pass);
        assert_eq!(verdict(Some(5_000.0), &limited), Verdict::Inconclusive);
        let hasty = found(Some(1e3), broke, &[Missing::Confirmation]);
        assert_eq!(verdict(Some(900.0), &hasty), Verdict::Inconclusive);
    }

    #[test]
    fn the_headline_says_whose_limit_it_is() {
        let starved = Bound::Starved {
            rate_per_s: 1_050.0,
        };
        let limited = found(Some(1e3), starved, &[Missing::Generator]);
        let (_, said) = judge(&ASK, &limited);
        assert_eq!(
            said,
            "the SLA holds at 1,000/s (2 runs); at 1,050/s the generator was at its own limit (a faster generator would \
             see further)"
        );
        let (_, said) = judge(&ASK, &found(None, Bound::Broke { rate_per_s: 3.0 }, &[]));
        assert!(
            said.starts_with("the SLA held at no rate that was tried, down to 3/s"),
            "{said}"
        );
    }
}
