//! Did the system's own alarm ring: an alert must fire in time after each injection of a fault, and be over in time after the
//! heal. Whether it fires is only known at the looks, so each time has a least and a greatest value.

use shakedown_record::series::{ALERTS, ALERTS_TARGET, Origin};
use shakedown_scenarios::plan::{AlertRule, Plan, SeriesPattern};

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::facts::FiringFacts;
use crate::input::Input;
use crate::measured::Measured;
use crate::metrics::{Looks, fires_at};
use crate::words::{duration_ns, moment_s};

/// A look at the alerts.
#[derive(Debug, Clone, Copy)]
struct Look {
    asked_ns: i64,
    answered_ns: i64,
    fires: bool,
}

/// A time that lies between two values, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Between {
    at_least_ns: i64,
    at_most_ns: i64,
}

impl Between {
    fn words(self) -> String {
        let ns = |ns: i64| duration_ns(ns.max(0) as f64);
        format!("{} to {}", ns(self.at_least_ns), ns(self.at_most_ns))
    }

    /// Held against a limit; `what` happened so long after.
    fn within(self, limit_ns: u64, what: &str) -> Holds {
        let limit_ns = i64::try_from(limit_ns).unwrap_or(i64::MAX);
        if self.at_most_ns <= limit_ns {
            return Holds::Yes;
        }
        match self.at_least_ns > limit_ns {
            true => Holds::No,
            false => Holds::Unknown(format!(
                "{what} after {}, for alerts are only known at the looks",
                self.words()
            )),
        }
    }
}

/// What became of one injection.
struct Told {
    fired: Option<Between>,
    holds: Holds,
    words: String,
}

/// Holds the alerts that were seen against a rule.
pub(crate) fn alert(input: &Input, plan: &Plan, measured: &Measured, rule: &AlertRule) -> Finding {
    let limit_s = rule.within_ns as f64 / 1e9;
    let limit = quantity(Some(limit_s), "s", limit_words(rule));
    let why = format!(
        "when {} fired after {}, and was over",
        rule.words(),
        rule.after
    );
    let open = |holds: Holds| Finding {
        limit: limit.clone(),
        observed: unmeasured("s"),
        holds,
        why: why.clone(),
    };
    let watched = measured.store.of_target(Origin::Alerts, ALERTS_TARGET);
    let Some(watched) = watched else {
        return open(Holds::Unknown("nobody looked at the alerts".to_string()));
    };
    let looks = looks(watched, &pattern(plan, rule));
    if looks.is_empty() {
        let why = watched.why_between(i64::MIN, i64::MAX);
        return open(Holds::Unknown(format!(
            "the alerts could not be looked at: {}",
            why.unwrap_or("no reason was given")
        )));
    }
    let injected = injections(input, &rule.after);
    let mut worst: Option<Told> = None;
    for (number, (firing, injected_ns)) in injected.iter().enumerate() {
        let until_ns = injected.get(number + 1).map_or(i64::MAX, |(_, next)| *next);
        let healed_ns = firing.healed.and_then(|at| input.facts.since_zero(at));
        let told = follow(&looks, rule, *injected_ns, healed_ns, until_ns);
        if worst
            .as_ref()
            .is_none_or(|known| weight(&told) > weight(known))
        {
            worst = Some(told);
        }
    }
    let Some(worst) = worst else {
        return open(Holds::Unknown(format!("fault {} never struck", rule.after)));
    };
    let fired_s = worst.fired.map(|fired| fired.at_most_ns as f64 / 1e9);
    Finding {
        observed: quantity(fired_s, "s", worst.words),
        limit,
        holds: worst.holds,
        why,
    }
}

fn limit_words(rule: &AlertRule) -> String {
    let within = duration_ns(rule.within_ns as f64);
    match rule.resolved_within_ns {
        None => within,
        Some(over_ns) => format!(
            "{within}, over {} after the heal",
            duration_ns(over_ns as f64)
        ),
    }
}

/// The alert by its name, and by the labels of the rule and of the system.
fn pattern(plan: &Plan, rule: &AlertRule) -> SeriesPattern {
    let alerts = plan.system.alerts.as_ref();
    let mut labels = alerts.map_or_else(Default::default, |alerts| alerts.labels.clone());
    labels.extend(rule.labels.clone());
    labels.insert("alertname".to_string(), rule.name.clone());
    SeriesPattern {
        name: ALERTS.to_string(),
        labels,
    }
}

fn looks(watched: &Looks, pattern: &SeriesPattern) -> Vec<Look> {
    let fires = fires_at(watched, pattern);
    let looks = watched.looks.iter().enumerate();
    looks
        .map(|(number, look)| Look {
            asked_ns: look.asked_ns,
            answered_ns: look.answered_ns,
            fires: fires.contains(&number),
        })
        .collect()
}

fn injections<'a>(input: &'a Input, fault: &str) -> Vec<(&'a FiringFacts, i64)> {
    let firings = input.facts.firings.iter();
    let mut struck: Vec<(&FiringFacts, i64)> = firings
        .filter(|firing| firing.firing.fault == fault)
        .filter_map(|firing| Some((firing, input.facts.since_zero(firing.injected?)?)))
        .collect();
    struck.sort_by_key(|(_, at_ns)| *at_ns);
    struck
}

/// What weighs more is what is told.
fn weight(told: &Told) -> (u8, i64) {
    let kind = match told.holds {
        Holds::Yes => 0,
        Holds::Unknown(_) => 1,
        Holds::No | Holds::NoWithProof => 2,
    };
    (kind, told.fired.map_or(i64::MAX, |fired| fired.at_most_ns))
}

/// Why what happened before an injection lets nothing be said of it.
fn unfit(looks: &[Look], rule: &AlertRule, injected_ns: i64) -> Option<String> {
    let at = moment_s(injected_ns as f64 / 1e9);
    let mut before = looks.iter().rev();
    match before.find(|look| look.answered_ns <= injected_ns) {
        None => Some(format!(
            "nobody looked at the alerts before {} struck, at {at}",
            rule.after
        )),
        Some(look) if look.fires => Some(format!(
            "it fired already before {} struck, at {at}",
            rule.after
        )),
        Some(_) => None,
    }
}

fn follow(
    looks: &[Look],
    rule: &AlertRule,
    injected_ns: i64,
    healed_ns: Option<i64>,
    until_ns: i64,
) -> Told {
    let told = |fired, holds, words: String| Told {
        fired,
        holds,
        words,
    };
    if let Some(why) = unfit(looks, rule, injected_ns) {
        return told(None, Holds::Unknown(why.clone()), why);
    }
    let later: Vec<Look> = looks
        .iter()
        .filter(|look| look.answered_ns > injected_ns && look.asked_ns < until_ns)
        .copied()
        .collect();
    let Some(fired_at) = later.iter().position(|look| look.fires) else {
        let watched_ns = later.last().map_or(0, |last| last.asked_ns - injected_ns);
        let words = format!("never, in {}", duration_ns(watched_ns.max(0) as f64));
        let within_ns = i64::try_from(rule.within_ns).unwrap_or(i64::MAX);
        let holds = match watched_ns > within_ns {
            true => Holds::No,
            false => Holds::Unknown(format!(
                "it had not fired {} after {} struck, when nobody looked any more",
                duration_ns(watched_ns.max(0) as f64),
                rule.after
            )),
        };
        return told(None, holds, words);
    };
    let last_silent_ns = match fired_at.checked_sub(1) {
        Some(before) => later[before].asked_ns,
        None => injected_ns,
    };
    let fired = Between {
        at_least_ns: (last_silent_ns - injected_ns).max(0),
        at_most_ns: later[fired_at].answered_ns - injected_ns,
    };
    let in_time = fired.within(rule.within_ns, "it fired");
    let words = format!("fired after {}", fired.words());
    let Some(resolved_ns) = rule.resolved_within_ns else {
        return told(Some(fired), in_time, words);
    };
    let (in_time_over, over_words) = over(&later, healed_ns, resolved_ns);
    let holds = match (in_time, in_time_over) {
        (Holds::No, _) | (_, Holds::No) => Holds::No,
        (Holds::Yes, other) => other,
        (other, _) => other,
    };
    told(Some(fired), holds, format!("{words}, {over_words}"))
}

/// When it was over, after the heal.
fn over(later: &[Look], healed_ns: Option<i64>, limit_ns: u64) -> (Holds, String) {
    let Some(healed_ns) = healed_ns else {
        let why = "the fault was never seen healed".to_string();
        return (Holds::Unknown(why.clone()), why);
    };
    let Some(last) = later.iter().rposition(|look| look.fires) else {
        return (Holds::Yes, "over".to_string());
    };
    let at_least_ns = later[last].asked_ns - healed_ns;
    let Some(silent) = later.get(last + 1) else {
        let words = format!(
            "still firing {} after the heal",
            duration_ns(at_least_ns.max(0) as f64)
        );
        let holds = match at_least_ns > i64::try_from(limit_ns).unwrap_or(i64::MAX) {
            true => Holds::No,
            false => Holds::Unknown(format!("it was {words}, when nobody looked any more")),
        };
        return (holds, words);
    };
    let over = Between {
        at_least_ns,
        at_most_ns: silent.answered_ns - healed_ns,
    };
    let words = format!("over {} after the heal", over.words());
    (over.within(limit_ns, "it was over"), words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000_000;

    fn rule(within_s: u64, resolved_s: Option<u64>) -> AlertRule {
        AlertRule {
            name: "LeaderDown".into(),
            labels: Default::default(),
            after: "leader-dies".into(),
            within_ns: within_s * S as u64,
            resolved_within_ns: resolved_s.map(|resolved_s| resolved_s * S as u64),
        }
    }

    /// A look a second, up to and including `to_s`; it fires in `[from_s, until_s)`.
    fn each_second(to_s: i64, from_s: i64, until_s: i64) -> Vec<Look> {
        (0..=to_s)
            .map(|second| Look {
                asked_ns: second * S,
                answered_ns: second * S + S / 100,
                fires: (from_s..until_s).contains(&second),
            })
            .collect()
    }

    /// Struck at 10.5 s, healed at 15.5 s.
    fn told(looks: &[Look], rule: &AlertRule) -> Told {
        follow(looks, rule, 10 * S + S / 2, Some(15 * S + S / 2), i64::MAX)
    }

    #[test]
    fn an_alert_fires_between_the_last_silent_look_and_the_first_firing_one() {
        let looks = each_second(40, 14, 20);
        let seen = told(&looks, &rule(4, None));
        let fired = Between {
            at_least_ns: 5 * S / 2,
            at_most_ns: 7 * S / 2 + S / 100,
        };
        assert_eq!((seen.fired, seen.holds), (Some(fired), Holds::Yes));
        assert_eq!(told(&looks, &rule(2, None)).holds, Holds::No);
        assert!(matches!(
            told(&looks, &rule(3, None)).holds,
            Holds::Unknown(_)
        ));
    }

    #[test]
    fn an_alert_that_never_fires_is_late_only_when_it_was_watched_for_long_enough() {
        assert_eq!(
            told(&each_second(20, 99, 99), &rule(9, None)).holds,
            Holds::No
        );
        let short = told(&each_second(15, 99, 99), &rule(9, None));
        assert!(matches!(short.holds, Holds::Unknown(why) if why.contains("had not fired 4.5 s")));
    }

    #[test]
    fn an_alert_that_fired_before_the_fault_says_nothing_of_it() {
        let looks = each_second(40, 5, 20);
        let seen = told(&looks, &rule(9, None));
        assert!(matches!(seen.holds, Holds::Unknown(why) if why.contains("already before")));
        let seen = told(&looks[11..], &rule(9, None));
        assert!(matches!(seen.holds, Holds::Unknown(why) if why.contains("nobody looked")));
    }

    #[test]
    fn an_alert_is_over_in_time_after_the_heal() {
        let looks = each_second(40, 12, 20);
        let seen = told(&looks, &rule(9, Some(5)));
        assert_eq!(seen.holds, Holds::Yes, "{}", seen.words);
        assert!(
            seen.words.ends_with("over 3.5 s to 4.51 s after the heal"),
            "{}",
            seen.words
        );
        assert_eq!(told(&looks, &rule(9, Some(3))).holds, Holds::No);
        assert!(matches!(
            told(&looks, &rule(9, Some(4))).holds,
            Holds::Unknown(_)
        ));
        // It fires to the end: too long only once that was seen.
        let looks = each_second(20, 12, 99);
        assert_eq!(told(&looks, &rule(9, Some(4))).holds, Holds::No);
        assert!(matches!(
            told(&looks, &rule(9, Some(9))).holds,
            Holds::Unknown(_)
        ));
        let unhealed = follow(&looks, &rule(9, Some(4)), 10 * S, None, i64::MAX);
        assert!(matches!(unhealed.holds, Holds::Unknown(_)));
        // Over before the heal is over in time.
        let early = told(&each_second(40, 12, 14), &rule(9, Some(1)));
        assert_eq!(early.holds, Holds::Yes);
    }

    #[test]
    fn an_alert_of_the_next_injection_is_not_taken_for_this_one() {
        let looks = each_second(40, 30, 33);
        let first = follow(&looks, &rule(9, None), 10 * S, Some(12 * S), 28 * S);
        assert_eq!((first.fired, first.holds), (None, Holds::No));
    }
}
