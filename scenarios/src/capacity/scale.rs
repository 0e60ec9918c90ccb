//! A scenario at another rate.
//!
//! The rate of a search is the highest of the load's shape. All rates of a shape are scaled alike, so that a spike stays ten
//! times its surroundings; times stay as they are written.

use crate::plan::{Arrival, Plan, RuleKind};
use crate::source::{Override, SourceFile};
use crate::yaml::Document;

/// Why this plan's rate cannot be searched, with what to do about it; `None` when it can.
pub(super) fn refusal(plan: &Plan) -> Option<String> {
    if plan.peak.is_some() {
        return Some(
            "peak: the recorded peak decides the rate; search with the same scenario without `peak`, and another load.arrival"
                .to_string(),
        );
    }
    match plan.load.arrival {
        Arrival::Replay(_) => Some(
            "load.arrival: a recording has its own rate, and another speed would change how long its orders live; search with \
             another arrival, such as --set 'load.arrival={ hawkes: { rate: 500/s } }'"
                .to_string(),
        ),
        Arrival::Constant { .. }
        | Arrival::Poisson { .. }
        | Arrival::Ramp { .. }
        | Arrival::Steps { .. }
        | Arrival::Spike(_)
        | Arrival::Bursts(_)
        | Arrival::Hawkes(_) => None,
    }
}

/// What is changed in the scenario for a probe at this rate, per second. `scenario` is the resolved one, from which the plan
/// was made.
pub fn at_rate(plan: &Plan, scenario: &str, rate_per_s: f64) -> Vec<Override> {
    let scale = rate_per_s / plan.load.arrival.rate_per_s();
    let rates = rates(&plan.load.arrival);
    let rates = rates.into_iter().map(|(key, per_s)| Override {
        key: format!("load.arrival.{key}"),
        value: rate(per_s * scale),
    });
    let owed = plan.rules.iter().filter_map(|rule| match rule.kind {
        RuleKind::Throughput { at_least_per_s, .. } => Some(Override {
            key: format!(
                "{}sla.{}.throughput.at-least",
                whose(scenario, &rule.id),
                rule.id
            ),
            value: rate(at_least_per_s * scale),
        }),
        RuleKind::Latency { .. }
        | RuleKind::EngineLatency { .. }
        | RuleKind::Failover { .. }
        | RuleKind::Availability { .. }
        | RuleKind::ErrorRate { .. }
        | RuleKind::RejectRate { .. }
        | RuleKind::Orders { .. }
        | RuleKind::CancelOnDisconnect
        | RuleKind::Exposure
        | RuleKind::KillSwitch
        | RuleKind::Terms
        | RuleKind::RestoreRpo { .. }
        | RuleKind::Linearizable
        | RuleKind::Invariants
        | RuleKind::Stops
        | RuleKind::Expiry { .. }
        | RuleKind::DropCopy
        | RuleKind::Rpo { .. }
        | RuleKind::Metric(_)
        | RuleKind::Resource(_)
        | RuleKind::Alert(_)
        | RuleKind::Isolation(_)
        | RuleKind::Canary(_)
        | RuleKind::Feed(_)
        | RuleKind::Points(_)
        | RuleKind::Venue(_)
        | RuleKind::Peak { .. } => None,
    });
    rates.chain(owed).collect()
}

/// Where the rates of an arrival are written, and what they are.
fn rates(arrival: &Arrival) -> Vec<(String, f64)> {
    let named = |key: &str, per_s: f64| (key.to_string(), per_s);
    match arrival {
        Arrival::Constant { rate_per_s } => vec![named("constant.rate", *rate_per_s)],
        Arrival::Poisson { rate_per_s } => vec![named("poisson.rate", *rate_per_s)],
        Arrival::Hawkes(hawkes) => vec![named("hawkes.rate", hawkes.rate_per_s)],
        Arrival::Ramp {
            from_per_s,
            to_per_s,
            ..
        } => vec![named("ramp.from", *from_per_s), named("ramp.to", *to_per_s)],
        Arrival::Steps {
            steps, last_per_s, ..
        } => {
            let before = steps.iter().map(|step| step.rate_per_s);
            let all = before.chain([*last_per_s]).enumerate();
            all.map(|(index, per_s)| (format!("steps.rates.{index}.rate"), per_s))
                .collect()
        }
        Arrival::Spike(spike) => vec![
            named("spike.rate", spike.rate_per_s),
            named("spike.peak", spike.peak_per_s),
        ],
        Arrival::Bursts(bursts) => {
            let open = bursts
                .open
                .map(|it| named("bursts.open.peak", it.peak_per_s));
            let close = bursts
                .close
                .map(|it| named("bursts.close.peak", it.peak_per_s));
            let rate = named("bursts.rate", bursts.rate_per_s);
            [Some(rate), open, close].into_iter().flatten().collect()
        }
        Arrival::Replay(_) => Vec::new(),
    }
}

/// A rate as it is written, to a millionth.
fn rate(per_s: f64) -> String {
    let text = format!("{per_s:.6}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}/s")
}

/// Where a rule is written: the prefix of an override of it.
fn whose(scenario: &str, rule: &str) -> &'static str {
    let file = SourceFile {
        name: String::new(),
        text: scenario.to_string(),
    };
    let is_here = Document::parse(&file).is_ok_and(|it| it.root.find(&["sla", rule]).is_some());
    if is_here { "" } else { "profile." }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{CompileInput, Compiled, compile};
    use crate::library;

    fn quickstart(arrival: &str, changes: &[Override]) -> Result<Compiled, String> {
        let scenario = library::find("quickstart").unwrap();
        let profile = library::find("reference").unwrap();
        let file = |name: &str, text: &str| SourceFile {
            name: name.to_string(),
            text: text.to_string(),
        };
        let first = [("load.arrival", arrival), ("faults", "{}"), ("sla", "{}")];
        let mut overrides: Vec<Override> = first
            .into_iter()
            .map(|(key, value)| Override {
                key: key.to_string(),
                value: value.to_string(),
            })
            .collect();
        overrides.push(Override {
            key: "sla.rate".to_string(),
            value: "{ throughput: { at-least: 30/s, in: run } }".to_string(),
        });
        overrides.extend_from_slice(changes);
        compile(&CompileInput {
            scenario: (&file("quickstart", scenario.text)).into(),
            profile: (&file("reference", profile.text)).into(),
            overrides: &overrides,
            environment: None,
            seed: None,
        })
        .map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn every_shape_keeps_its_shape_at_another_rate() {
        let shapes = [
            "{ constant: { rate: 300/s } }",
            "{ poisson: { rate: 300/s } }",
            "{ ramp: { from: 100/s, to: 300/s, over: 2s } }",
            "{ ramp: { from: 300/s, to: 100/s, over: 2s } }",
            "{ steps: { rates: [ { rate: 50/s, for: 1s }, { rate: 0/s, for: 1s }, { rate: 300/s } ] } }",
            "{ spike: { rate: 60/s, peak: 300/s, at: 1s, for: 1s } }",
            "{ bursts: { rate: 60/s, open: { peak: 300/s, over: 1s }, close: { peak: 100/s, over: 1s, at: 5s } } }",
            "{ hawkes: { rate: 300/s } }",
        ];
        for shape in shapes {
            let base = quickstart(shape, &[]).unwrap();
            assert_eq!(refusal(&base.plan), None, "{shape}");
            assert_eq!(base.plan.load.arrival.rate_per_s(), 300.0, "{shape}");
            let changes = at_rate(&base.plan, &base.scenario_yaml, 750.0);
            let changed = quickstart(shape, &changes).unwrap();
            let (before, after) = (&base.plan.load.arrival, &changed.plan.load.arrival);
            assert_eq!(after.rate_per_s(), 750.0, "{shape}");
            for end_ns in [500_000_000, 3_000_000_000, 20_000_000_000] {
                let (slots, scaled) = (before.slots_before(end_ns), after.slots_before(end_ns));
                assert!(
                    (scaled - 2.5 * slots).abs() <= 3.0,
                    "{shape}: {slots} {scaled}"
                );
            }
            let owed = changed.plan.rules.iter().find(|rule| rule.id == "rate");
            let RuleKind::Throughput { at_least_per_s, .. } = owed.unwrap().kind else {
                panic!("{shape}: {owed:?}");
            };
            assert_eq!(at_least_per_s, 75.0, "{shape}");
        }
    }

    #[test]
    fn rates_are_written_as_people_write_them() {
        assert_eq!(rate(300.0), "300/s");
        assert_eq!(rate(0.1 + 0.2), "0.3/s");
        assert_eq!(rate(0.0), "0/s");
    }
}
