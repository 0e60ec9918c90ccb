//! When messages are due: each shape is read, said in words, and refused where it makes no sense.

use crate::common::{QUICKSTART, REFERENCE, compile_both, file, set, shipped, swapped, with};
use shakedown_scenarios::plan::{Arrival, Burst, Bursts, Hawkes, RateStep, Spacing, Spike};
use shakedown_scenarios::{Compiled, describe};

const S: u64 = 1_000_000_000;

/// The baseline with another arrival, without its limits.
fn arriving(arrival: &str) -> Compiled {
    with(
        "baseline",
        &[set("load.arrival", arrival), set("sla", "{}")],
    )
    .unwrap_or_else(|told| panic!("{told}"))
}

#[test]
fn each_shape_is_read_and_said_in_words() {
    for (written, arrival, words) in [
        (
            "{ ramp: { from: 100/s, to: 2000/s, over: 30s } }",
            Arrival::Ramp {
                from_per_s: 100.0,
                to_per_s: 2_000.0,
                begins_ns: 0,
                over_ns: 30 * S,
                spacing: Spacing::Even,
            },
            "100/s until 0 ns, then within 30 s to 2000/s, evenly spaced",
        ),
        (
            "{ steps: { rates: [ { rate: 100/s, for: 10s }, { rate: 500/s } ], spacing: random } }",
            Arrival::Steps {
                steps: vec![RateStep {
                    rate_per_s: 100.0,
                    for_ns: 10 * S,
                }],
                last_per_s: 500.0,
                spacing: Spacing::Random,
            },
            "100/s for 10 s, then 500/s, at random",
        ),
        (
            "{ spike: { rate: 500/s, peak: 9000/s, at: 15s, for: 20ms, edge: 5ms, every: 1s } }",
            Arrival::Spike(Spike {
                rate_per_s: 500.0,
                peak_per_s: 9_000.0,
                at_ns: 15 * S,
                for_ns: S / 50,
                edge_ns: S / 200,
                every_ns: Some(S),
                spacing: Spacing::Even,
            }),
            "500/s with a spike to 9000/s for 20 ms at 15 s, again every 1 s, evenly spaced",
        ),
        (
            "{ bursts: { rate: 500/s, open: { peak: 5000/s, over: 5s }, close: { peak: 3000/s, over: 2s, at: 30s } } }",
            Arrival::Bursts(Bursts {
                rate_per_s: 500.0,
                open: Some(Burst {
                    peak_per_s: 5_000.0,
                    over_ns: 5 * S,
                }),
                close: Some(Burst {
                    peak_per_s: 3_000.0,
                    over_ns: 2 * S,
                }),
                close_at_ns: 30 * S,
                every_ns: None,
                spacing: Spacing::Even,
            }),
            "500/s, 5000/s falling for 5 s at the open, climbing for 2 s to 3000/s at the close at 30 s, evenly spaced",
        ),
        (
            "{ hawkes: { rate: 800/s } }",
            Arrival::Hawkes(Hawkes {
                rate_per_s: 800.0,
                branching: 0.9,
                decays_ns: vec![S / 1_000, S / 100, S / 10, S],
            }),
            "800/s in the mean, in clusters (Hawkes, branching ratio 0.9)",
        ),
    ] {
        let plan = arriving(written).plan;
        assert_eq!(plan.load.arrival, arrival);
        let text = describe(&plan);
        assert!(text.contains(words), "{words}\n{text}");
    }
}

#[test]
fn what_a_saved_scenario_says_is_the_same_plan() {
    let first = arriving("{ bursts: { rate: 500/s, open: { peak: 5000/s, over: 5s } } }");
    let again = compile_both(
        &file("scenario.yaml", &first.scenario_yaml),
        &file("system.yaml", &first.system_yaml),
        &[],
    )
    .unwrap_or_else(|told| panic!("{told}"));
    assert_eq!(again.plan.digest, first.plan.digest);
}

#[test]
fn the_longest_run_schedules_what_the_rate_says() {
    // 20 s of warm-up at most and 20 s of steady time: 10 s at 100/s, 30 s at 500/s, in entries of 64 bytes.
    let steps = "{ steps: { rates: [ { rate: 100/s, for: 10s }, { rate: 15000/s } ] } }";
    let notes = arriving(steps).plan.notes;
    let megabytes = (1_000.0 + 30.0 * 15_000.0) * 64.0 / 1e6;
    assert!(
        notes[0].contains(&format!("up to {megabytes:.0} MB")),
        "{notes:?}"
    );
}

/// A key of the shape, and what is wrong with it there.
fn refused(arrival: &str, path: &str, said: &str) {
    let options = [set("load.arrival", arrival), set("sla", "{}")];
    let told = with("baseline", &options).expect_err(&format!("{arrival} must be refused"));
    let path = format!("load.arrival.{path}");
    let found = told
        .0
        .iter()
        .any(|one| one.path.as_deref() == Some(path.as_str()) && one.message.contains(said));
    assert!(found, "{arrival} should say {said:?} at {path}:\n{told}");
    assert_eq!(told.0.len(), 1, "{told}");
}

#[test]
fn shapes_that_make_no_sense_are_refused_where_they_stand() {
    for (arrival, path, said) in [
        (
            "{ ramp: { from: 1/s, over: 1s } }",
            "ramp",
            "`to` is missing",
        ),
        (
            "{ ramp: { from: 5/s, to: 5/s, over: 1s } }",
            "ramp.to",
            "equal rates",
        ),
        (
            "{ ramp: { from: 0.5/s, to: 5/s, over: 1s } }",
            "ramp.from",
            "not sensible",
        ),
        (
            "{ ramp: { from: 5/s, to: 0/s, over: 1s } }",
            "ramp.to",
            "not sensible",
        ),
        (
            "{ ramp: { from: 5/s, to: 9/s, over: 0s } }",
            "ramp.over",
            "not sensible",
        ),
        (
            "{ ramp: { from: 5/s, to: 9/s, over: 1s, at: 40s } }",
            "ramp.at",
            "the run is over after 40 s",
        ),
        (
            "{ ramp: { from: 5/s, to: 20001/s, over: 1s } }",
            "ramp.to",
            "above the ceiling of `reference`, 20000/s",
        ),
        ("{ steps: { rates: [] } }", "steps.rates", "no rate"),
        (
            "{ steps: { rates: [ { rate: 5/s }, { rate: 6/s } ] } }",
            "steps.rates.0",
            "only the last",
        ),
        (
            "{ steps: { rates: [ { rate: 5/s, for: 1s }, { rate: 6/s, for: 1s } ] } }",
            "steps.rates.1.for",
            "stays until",
        ),
        (
            "{ steps: { rates: [ { rate: 5/s, for: 1s }, { rate: 0/s } ] } }",
            "steps.rates.1.rate",
            "not sensible",
        ),
        (
            "{ steps: { rates: [ { rate: 5/s, for: 41s }, { rate: 6/s } ] } }",
            "steps.rates",
            "the last rate begins after 41 s",
        ),
        (
            "{ spike: { rate: 500/s, peak: 500/s, at: 1s, for: 1s } }",
            "spike.peak",
            "not above the rate of 500/s",
        ),
        (
            "{ spike: { rate: 500/s, peak: 900/s, at: 8d, for: 1s } }",
            "spike.at",
            "not sensible",
        ),
        (
            "{ spike: { rate: 500/s, peak: 900/s, at: 1h, for: 1s } }",
            "spike.at",
            "the spike begins after 1 h",
        ),
        (
            "{ spike: { rate: 500/s, peak: 900/s, at: 1s, for: 1s, edge: 1s, every: 2s } }",
            "spike.every",
            "takes 3 s",
        ),
        (
            "{ spike: { rate: 500/s, peak: 900000/s, at: 1s, for: 1s } }",
            "spike.peak",
            "above the ceiling",
        ),
        (
            "{ bursts: { rate: 500/s } }",
            "bursts",
            "neither an open nor a close",
        ),
        (
            "{ bursts: { rate: 500/s, open: { peak: 5/s, over: 1s } } }",
            "bursts.open.peak",
            "not above the rate",
        ),
        (
            "{ bursts: { rate: 5/s, open: { peak: 9/s, over: 2s }, close: { peak: 9/s, over: 2s, at: 3s } } }",
            "bursts.close.at",
            "the bursts take 4 s",
        ),
        (
            "{ bursts: { rate: 5/s, close: { peak: 9/s, over: 2s, at: 9s }, every: 8s } }",
            "bursts.every",
            "a day takes 9 s",
        ),
        (
            "{ hawkes: { rate: 5/s, branching: 1 } }",
            "hawkes.branching",
            "there is no mean rate",
        ),
        (
            "{ hawkes: { rate: 5/s, branching: 0 } }",
            "hawkes.branching",
            "not sensible",
        ),
        (
            "{ hawkes: { rate: 5/s, decays: [] } }",
            "hawkes.decays",
            "0 times",
        ),
        (
            "{ hawkes: { rate: 5/s, decays: [1s, 2m] } }",
            "hawkes.decays.1",
            "not sensible",
        ),
        (
            "{ poisson: { rate: 5/s, spacing: random } }",
            "poisson",
            "there is no field `spacing`",
        ),
    ] {
        refused(arrival, path, said);
    }
}

#[test]
fn all_mistakes_of_a_shape_are_told_at_once_with_line_and_column() {
    let text = swapped(
        &shipped(QUICKSTART).text,
        "arrival: { poisson: { rate: 1000/s } }",
        "arrival:\n    spike:\n      rate: 30000/s\n      peak: 0/s\n      at: 8d\n      for: 0s\n      every: 1d",
    );
    let told = compile_both(&file("q.yaml", &text), &shipped(REFERENCE), &[]).unwrap_err();
    let places: Vec<(Option<usize>, Option<usize>)> =
        told.0.iter().map(|one| (one.line, one.column)).collect();
    assert_eq!(
        places,
        [(12, 13), (13, 13), (14, 11), (15, 12)].map(|(line, column)| (Some(line), Some(column))),
        "{told}"
    );
}

#[test]
fn limits_count_on_the_lowest_rate_that_a_phase_may_meet() {
    let limit = set(
        "sla.steady-p99",
        "{ latency: { quantile: 99%, at-most: 100ms, in: steady } }",
    );
    let told = |arrival: &str| {
        let options = [
            set("load.arrival", arrival),
            set("sla", "{}"),
            limit.clone(),
        ];
        with("baseline", &options)
            .err()
            .map(|told| told.to_string())
    };
    assert_eq!(
        told("{ ramp: { from: 100/s, to: 200/s, over: 10s } }"),
        None
    );
    // From 5 s on it is 26/s at least: 520 messages in 20 s.
    let few = told("{ ramp: { from: 2/s, to: 50/s, over: 10s } }").unwrap();
    assert!(
        few.contains("520 messages in `steady` are too few"),
        "{few}"
    );
    let pause = "{ steps: { rates: [ { rate: 900/s, for: 10s }, { rate: 0/s, for: 1s }, { rate: 900/s } ] } }";
    let silent = told(pause).unwrap();
    assert!(silent.contains("falls to 0/s"), "{silent}");
    let options = [set("load.arrival", pause)];
    let told = with(QUICKSTART, &options).unwrap_err().to_string();
    assert!(
        told.contains("sla.failover.failover.at-most") && told.contains("falls to 0/s"),
        "{told}"
    );
}
