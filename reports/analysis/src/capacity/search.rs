//! What to do next, from what was asked and what was seen. Pure: the same history gives the same step.

use shakedown_record::capacity::{Bound, CapacityAsk, CapacityFound, Missing, Told};

/// One run of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    pub rate_per_s: f64,
    pub told: Told,
}

/// The next step.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Run at this rate, per second.
    Probe(f64),
    /// All is known that can be.
    Found(CapacityFound),
}

/// A rate that shows nothing is tried so often.
const TRIES: usize = 2;

/// Below an answer there must be one rate in each of these parts of it that held.
const BELOW: [(f64, f64, f64); 2] = [(0.55, 0.7, 0.9), (0.25, 0.4, 0.55)];

/// All probes at one rate.
#[derive(Debug, Clone, Copy)]
struct Rate {
    per_s: f64,
    holds: usize,
    breaks: usize,
    unclear: usize,
    starved: usize,
}

impl Rate {
    fn held(&self) -> bool {
        self.holds > 0 && self.breaks == 0
    }

    fn broke(&self) -> bool {
        self.breaks > 0
    }

    fn is_open(&self) -> bool {
        self.holds == 0 && self.breaks == 0 && self.unclear + self.starved < TRIES
    }

    fn bound(&self) -> Bound {
        let rate_per_s = self.per_s;
        match (self.broke(), self.starved > 0) {
            (true, _) => Bound::Broke { rate_per_s },
            (false, true) => Bound::Starved { rate_per_s },
            (false, false) => Bound::Unclear { rate_per_s },
        }
    }
}

/// What all probes together say.
#[derive(Debug, Clone)]
struct Seen {
    /// By rate, lowest first.
    rates: Vec<Rate>,
}

impl Seen {
    fn of(probes: &[Probe]) -> Seen {
        let mut rates: Vec<Rate> = Vec::new();
        for probe in probes {
            let at = match rates.iter().position(|it| it.per_s == probe.rate_per_s) {
                Some(at) => at,
                None => {
                    let (holds, breaks, unclear, starved) = (0, 0, 0, 0);
                    let per_s = probe.rate_per_s;
                    rates.push(Rate {
                        per_s,
                        holds,
                        breaks,
                        unclear,
                        starved,
                    });
                    rates.len() - 1
                }
            };
            match probe.told {
                Told::Holds => rates[at].holds += 1,
                Told::Breaks => rates[at].breaks += 1,
                Told::Unclear => rates[at].unclear += 1,
                Told::Starved => rates[at].starved += 1,
            }
        }
        rates.sort_by(|a, b| a.per_s.total_cmp(&b.per_s));
        Seen { rates }
    }

    /// The lowest rate that did not hold.
    fn top(&self) -> Option<&Rate> {
        self.rates.iter().find(|rate| !rate.held())
    }

    /// The highest rate that held below it.
    fn held(&self) -> Option<&Rate> {
        let below = self.rates.iter().take_while(|rate| rate.held());
        below.last()
    }

    fn held_above_a_break(&self) -> Vec<f64> {
        let above = self.rates.iter().skip_while(|rate| !rate.broke());
        above
            .filter(|rate| rate.held())
            .map(|rate| rate.per_s)
            .collect()
    }

    /// A rate below `held` that has to be looked at.
    fn hole(&self, held: f64, floor: f64) -> Option<f64> {
        BELOW.into_iter().find_map(|(from, at, to)| {
            let is_known = |rate: &Rate| (from * held..=to * held).contains(&rate.per_s);
            let rate = rounded(at * held);
            (rate >= floor && !self.rates.iter().any(is_known)).then_some(rate)
        })
    }
}

/// The next step of a search.
pub fn next(ask: &CapacityAsk, probes: &[Probe]) -> Next {
    let seen = Seen::of(probes);
    match wanted(ask, &seen) {
        Some(rate) if probes.len() < ask.probes as usize => Next::Probe(rate),
        Some(_) | None => Next::Found(found(ask, &seen)),
    }
}

/// The rate that should be probed, if there were no limit.
fn wanted(ask: &CapacityAsk, seen: &Seen) -> Option<f64> {
    if let Some(open) = seen.rates.iter().find(|rate| rate.is_open()) {
        return Some(open.per_s);
    }
    match (seen.held(), seen.top()) {
        (None, None) => Some(ask.from_per_s.clamp(ask.floor_per_s, ask.ceiling_per_s)),
        (None, Some(top)) => {
            let lower = rounded(top.per_s / 2.0).max(ask.floor_per_s);
            (lower < top.per_s).then_some(lower)
        }
        (Some(held), None) if held.per_s < ask.ceiling_per_s => {
            Some(rounded(held.per_s * 2.0).min(ask.ceiling_per_s))
        }
        (Some(held), Some(top)) if !is_near(ask, held, top) => {
            let between = rounded((held.per_s * top.per_s).sqrt());
            let is_between = between > held.per_s && between < top.per_s;
            is_between.then_some(between)
        }
        (Some(held), _) if held.holds < ask.confirm as usize => Some(held.per_s),
        (Some(held), _) => seen.hole(held.per_s, ask.floor_per_s),
    }
}

fn is_near(ask: &CapacityAsk, held: &Rate, top: &Rate) -> bool {
    top.per_s <= held.per_s * (1.0 + ask.precision)
}

fn found(ask: &CapacityAsk, seen: &Seen) -> CapacityFound {
    let (held, top) = (seen.held(), seen.top());
    let mut missing = Vec::new();
    match (held, top) {
        (Some(held), Some(top)) if !is_near(ask, held, top) => missing.push(Missing::Precision),
        (Some(held), None) if held.per_s < ask.ceiling_per_s => missing.push(Missing::Precision),
        (None, Some(top)) if top.per_s > ask.floor_per_s => missing.push(Missing::Precision),
        (None, None) => missing.push(Missing::Precision),
        (Some(_) | None, Some(_) | None) => {}
    }
    if held.is_some_and(|held| held.holds < ask.confirm as usize) {
        missing.push(Missing::Confirmation);
    }
    if held.is_some_and(|held| seen.hole(held.per_s, ask.floor_per_s).is_some()) {
        missing.push(Missing::Below);
    }
    let above = match (top, held) {
        (Some(top), _) => top.bound(),
        (None, Some(held)) if held.per_s >= ask.ceiling_per_s => Bound::Ceiling {
            rate_per_s: held.per_s,
        },
        (None, Some(_) | None) => Bound::Untried,
    };
    match above {
        Bound::Unclear { .. } => missing.push(Missing::Evidence),
        Bound::Starved { .. } => missing.push(Missing::Generator),
        Bound::Broke { .. } | Bound::Ceiling { .. } | Bound::Untried => {}
    }
    CapacityFound {
        capacity_per_s: held.map(|held| held.per_s),
        above,
        confirmed: held.map_or(0, |held| held.holds as u32),
        held_above_a_break_per_s: seen.held_above_a_break(),
        missing,
    }
}

/// To three digits: a rate that somebody can say, and type.
fn rounded(per_s: f64) -> f64 {
    if per_s <= 0.0 {
        return per_s;
    }
    let digits = per_s.log10().floor() as i32 - 2;
    match digits {
        // By a whole number: a tenth is none in binary, and the text of the rate would show it.
        ..0 => {
            let parts = 10_f64.powi(-digits);
            (per_s * parts).round() / parts
        }
        0.. => {
            let step = 10_f64.powi(digits);
            (per_s / step).round() * step
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    const ASK: CapacityAsk = CapacityAsk {
        from_per_s: 300.0,
        floor_per_s: 10.0,
        ceiling_per_s: 100_000.0,
        precision: 0.05,
        probes: 16,
        confirm: 2,
        at_least_per_s: None,
    };

    /// Searches a system that answers as `told` says.
    fn search(ask: &CapacityAsk, told: impl Fn(f64, usize) -> Told) -> (CapacityFound, Vec<Probe>) {
        let mut probes: Vec<Probe> = Vec::new();
        loop {
            match next(ask, &probes) {
                Next::Probe(rate_per_s) => {
                    assert!(probes.len() < ask.probes as usize);
                    assert!((ask.floor_per_s..=ask.ceiling_per_s).contains(&rate_per_s));
                    let told = told(rate_per_s, probes.len());
                    probes.push(Probe { rate_per_s, told });
                }
                Next::Found(found) => return (found, probes),
            }
        }
    }

    fn knee_at(knee: f64) -> impl Fn(f64, usize) -> Told {
        move |rate, _| match rate <= knee {
            true => Told::Holds,
            false => Told::Breaks,
        }
    }

    #[test]
    fn a_knee_is_found_within_the_precision_wherever_it_is() {
        for knee in [11.0, 37.0, 299.0, 300.0, 301.0, 1_234.0, 5_000.0, 9_700.0] {
            let (found, probes) = search(&ASK, knee_at(knee));
            let capacity = found.capacity_per_s.unwrap();
            assert!(
                capacity <= knee && knee < capacity * 1.06,
                "{knee}: {found:?}"
            );
            assert_eq!(found.missing, [], "{knee}: {probes:?}");
            assert_eq!(found.confirmed, 2);
            assert!(matches!(found.above, Bound::Broke { .. }));
        }
    }

    #[test]
    fn twelve_probes_are_enough_where_the_knee_is_within_a_factor_of_four_of_the_first() {
        let ask = CapacityAsk { probes: 12, ..ASK };
        for knee in (0..40).map(|step| 80.0 * 16_f64.powf(f64::from(step) / 40.0)) {
            let (found, probes) = search(&ask, knee_at(knee));
            assert_eq!(found.missing, [], "{knee}: {} {found:?}", probes.len());
        }
    }

    #[test]
    fn what_holds_up_to_the_ceiling_has_no_knee() {
        let ask = CapacityAsk {
            ceiling_per_s: 1_000.0,
            ..ASK
        };
        let (found, _) = search(&ask, |_, _| Told::Holds);
        assert_eq!(found.capacity_per_s, Some(1_000.0));
        assert_eq!(
            found.above,
            Bound::Ceiling {
                rate_per_s: 1_000.0
            }
        );
        assert_eq!(found.missing, []);
    }

    #[test]
    fn what_breaks_down_to_the_floor_has_no_capacity() {
        let (found, probes) = search(&ASK, |_, _| Told::Breaks);
        assert_eq!(found.capacity_per_s, None);
        assert_eq!(found.missing, []);
        assert_eq!(probes.last().unwrap().rate_per_s, ASK.floor_per_s);
    }

    #[test]
    fn a_limit_of_the_generator_is_not_the_engines() {
        let (found, _) = search(&ASK, |rate, _| match rate < 2_000.0 {
            true => Told::Holds,
            false => Told::Starved,
        });
        assert!(found.missing.contains(&Missing::Generator), "{found:?}");
        assert!(matches!(found.above, Bound::Starved { .. }));
        assert!(found.capacity_per_s.is_some_and(|rate| rate < 2_000.0));
    }

    #[test]
    fn a_rate_that_shows_nothing_is_tried_twice_and_is_no_answer() {
        let (found, probes) = search(&ASK, |rate, _| match rate < 500.0 {
            true => Told::Holds,
            false => Told::Unclear,
        });
        assert!(found.missing.contains(&Missing::Evidence), "{found:?}");
        let at_600 = probes.iter().filter(|it| it.rate_per_s == 600.0).count();
        assert_eq!(at_600, 2);
        let (found, _) = search(&ASK, |rate, nth| match (rate < 500.0, nth % 2) {
            (true, _) => Told::Holds,
            (false, 0) => Told::Breaks,
            (false, _) => Told::Unclear,
        });
        assert!(matches!(found.above, Bound::Broke { .. }), "{found:?}");
    }

    #[test]
    fn a_break_at_the_confirmation_lowers_the_answer() {
        let held = RefCell::new(Vec::new());
        let (found, _) = search(&ASK, |rate, _| {
            let again = held.borrow().contains(&rate.to_bits());
            if rate > 580.0 || (rate > 500.0 && again) {
                return Told::Breaks;
            }
            held.borrow_mut().push(rate.to_bits());
            Told::Holds
        });
        assert!(found.capacity_per_s.unwrap() <= 500.0, "{found:?}");
        assert_eq!(found.missing, []);
    }

    #[test]
    fn a_break_below_the_knee_is_found_and_said() {
        // From above: without a look below, nobody would see it.
        let ask = CapacityAsk {
            from_per_s: 4_000.0,
            ..ASK
        };
        let (found, probes) = search(&ask, |rate, _| match rate {
            rate if (380.0..760.0).contains(&rate) => Told::Breaks,
            rate if rate < 1_010.0 => Told::Holds,
            _ => Told::Breaks,
        });
        assert!(
            found.capacity_per_s.unwrap() < 380.0,
            "{found:?} {probes:?}"
        );
        let above = &found.held_above_a_break_per_s;
        assert!(above.iter().all(|rate| (760.0..1_010.0).contains(rate)));
        assert!(!above.is_empty(), "{found:?}");
    }

    #[test]
    fn too_few_probes_are_said() {
        let ask = CapacityAsk { probes: 3, ..ASK };
        let (found, probes) = search(&ask, knee_at(700.0));
        assert_eq!(probes.len(), 3);
        assert_eq!(found.capacity_per_s, Some(600.0));
        assert!(found.missing.contains(&Missing::Precision));
        assert!(found.missing.contains(&Missing::Confirmation));
    }

    #[test]
    fn rates_have_three_digits() {
        assert_eq!(rounded(1_234.567), 1_230.0);
        for (per_s, text) in [(36.05, "36.1"), (0.300_000_1, "0.3"), (36.3333, "36.3")] {
            assert_eq!(rounded(per_s).to_string(), text);
        }
        assert_eq!(rounded(99_960.0), 100_000.0);
    }
}
