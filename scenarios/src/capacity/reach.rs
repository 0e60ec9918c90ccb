//! Which rates a scenario can be asked about at all.
//!
//! A scenario that is fine at its own rate need not be at another: at a low one a quantile has too few samples, at a high one
//! there are more messages than can be kept. That is found before the first probe, not in the middle of a search.

use shakedown_record::capacity::CapacityAsk;

use super::arguments::WrongSearch;
use crate::compile::rate_text;

/// Steps of the bisection: finer than the three digits that rates are rounded to.
const STEPS: u32 = 20;

/// A search whose rates can all be answered, and what was changed in it for that.
#[derive(Debug, Clone, PartialEq)]
pub struct Reach {
    pub ask: CapacityAsk,
    /// In words; empty when nothing was changed.
    pub notes: Vec<String>,
}

/// Which bounds of a search somebody named: they are not moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) floor: bool,
    pub(super) ceiling: bool,
}

/// Holds a search within the rates at which the scenario compiles. `compiles` says what is wrong at a rate.
///
/// # Errors
/// Where a rate that was named is out of reach, with what is wrong there.
pub fn within_reach(
    ask: CapacityAsk,
    typed: &super::SearchArguments,
    compiles: &dyn Fn(f64) -> Result<(), String>,
) -> Result<Reach, WrongSearch> {
    let named = Named {
        floor: typed.floor.is_some(),
        ceiling: typed.ceiling.is_some(),
    };
    let mut wrong = Vec::new();
    if let Err(why) = compiles(ask.from_per_s) {
        wrong.push(unanswerable("--from", ask.from_per_s, &why));
        return Err(WrongSearch(wrong));
    }
    let mut notes = Vec::new();
    let mut bound = |name: &str, per_s: f64, is_named: bool, side: &str| {
        let Err(why) = compiles(per_s) else {
            return per_s;
        };
        if is_named {
            wrong.push(unanswerable(name, per_s, &why));
            return per_s;
        }
        let nearest = nearest(ask.from_per_s, per_s, compiles);
        let reason = why.lines().next().unwrap_or_default();
        notes.push(format!(
            "No probe {side} {}: at {} this scenario cannot be answered ({reason})",
            rate_text(nearest),
            rate_text(per_s)
        ));
        nearest
    };
    let floor_per_s = bound("--floor", ask.floor_per_s, named.floor, "below");
    let ceiling_per_s = bound("--ceiling", ask.ceiling_per_s, named.ceiling, "above");
    if let Some(wanted) = ask.at_least_per_s.filter(|wanted| *wanted > ceiling_per_s) {
        let why = compiles(wanted).err().unwrap_or_default();
        wrong.push(unanswerable("--at-least", wanted, &why));
    }
    match wrong.is_empty() {
        true => Ok(Reach {
            ask: CapacityAsk {
                floor_per_s,
                ceiling_per_s,
                ..ask
            },
            notes,
        }),
        false => Err(WrongSearch(wrong)),
    }
}

fn unanswerable(option: &str, per_s: f64, why: &str) -> String {
    format!(
        "{option} {}: the scenario cannot be answered at this rate\n{why}",
        rate_text(per_s)
    )
}

/// The rate nearest to `bad` that compiles, to three digits.
fn nearest(good: f64, bad: f64, compiles: &dyn Fn(f64) -> Result<(), String>) -> f64 {
    let (mut good, mut bad) = (good, bad);
    for _ in 0..STEPS {
        let between = (good * bad).sqrt();
        match compiles(between) {
            Ok(()) => good = between,
            Err(_) => bad = between,
        }
    }
    let rounded = match good < bad {
        true => to_three_digits(good, f64::floor),
        false => to_three_digits(good, f64::ceil),
    };
    match compiles(rounded) {
        Ok(()) => rounded,
        Err(_) => good,
    }
}

fn to_three_digits(per_s: f64, round: fn(f64) -> f64) -> f64 {
    match per_s.log10().floor() as i32 - 2 {
        digits @ ..0 => {
            let parts = 10_f64.powi(-digits);
            round(per_s * parts) / parts
        }
        digits @ 0.. => {
            let step = 10_f64.powi(digits);
            round(per_s / step) * step
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::SearchArguments;

    const TYPED: SearchArguments = SearchArguments {
        from: None,
        floor: None,
        ceiling: None,
        at_least: None,
        precision: "5%",
        probes: 12,
        confirm: 2,
    };

    const ASK: CapacityAsk = CapacityAsk {
        from_per_s: 300.0,
        floor_per_s: 3.0,
        ceiling_per_s: 30_000.0,
        precision: 0.05,
        probes: 12,
        confirm: 2,
        at_least_per_s: None,
    };

    fn between(low: f64, high: f64) -> impl Fn(f64) -> Result<(), String> {
        move |rate| match (low..=high).contains(&rate) {
            true => Ok(()),
            false => Err("out of reach\nmore of it".to_string()),
        }
    }

    #[test]
    fn bounds_that_nobody_named_are_moved_to_where_there_is_an_answer() {
        let reach = within_reach(ASK, &TYPED, &between(33.33, 20_000.0)).unwrap();
        assert_eq!(reach.ask.floor_per_s, 33.4);
        assert!((19_900.0..=20_000.0).contains(&reach.ask.ceiling_per_s));
        assert_eq!(reach.notes.len(), 2, "{:?}", reach.notes);
        assert!(
            reach.notes[0].contains("below 33.4/s") && reach.notes[0].contains("(out of reach)")
        );
        let free = within_reach(ASK, &TYPED, &|_| Ok(())).unwrap();
        assert_eq!((free.ask, free.notes), (ASK, Vec::new()));
    }

    #[test]
    fn bounds_that_were_named_are_refused_with_what_is_wrong_there() {
        let typed = SearchArguments {
            floor: Some("3/s"),
            ceiling: Some("30000/s"),
            ..TYPED
        };
        let wrong = within_reach(ASK, &typed, &between(33.0, 20_000.0)).unwrap_err();
        assert_eq!(wrong.0.len(), 2);
        assert!(wrong.0[0].starts_with("--floor 3/s: the scenario cannot be answered"));
        assert!(wrong.0[1].contains("more of it"));
        let wrong = within_reach(ASK, &TYPED, &between(400.0, 500.0)).unwrap_err();
        assert!(wrong.0[0].starts_with("--from 300/s"), "{wrong}");
        let owed = CapacityAsk {
            at_least_per_s: Some(25_000.0),
            ..ASK
        };
        let wrong = within_reach(owed, &TYPED, &between(33.0, 20_000.0)).unwrap_err();
        assert!(wrong.0[0].starts_with("--at-least 25000/s"), "{wrong}");
    }
}
