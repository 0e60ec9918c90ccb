//! Recorded peaks: the load is their double, and what a standard does not ask for is refused where it stands.

use jiff::civil::{Date, date};
use shakedown_scenarios::plan::{Arrival, PeakFlow, RuleKind};
use shakedown_scenarios::{CompileInput, Compiled, Diagnostics, Override, compile_on};

use crate::common::{REFERENCE, set, shipped, with};

const TODAY: Date = date(2026, 10, 15);

/// A shipped double as if its figures were somebody's, compiled on this day.
fn on(today: Date, name: &str, changes: &[Override]) -> Result<Compiled, Diagnostics> {
    let mut overrides = vec![set("peak.example", "false")];
    overrides.extend_from_slice(changes);
    let (scenario, profile) = (shipped(name), shipped(REFERENCE));
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &overrides,
        environment: None,
        seed: None,
    };
    compile_on(today, &input, &|_, _| Err("no recording".to_string()))
}

#[track_caller]
fn refused(name: &str, changes: &[(&str, &str)], path: &str, said: &str) {
    let overrides: Vec<Override> = changes.iter().map(|(key, value)| set(key, value)).collect();
    let told = on(TODAY, name, &overrides).expect_err("it must be refused");
    let found = told.0.iter().any(|one| {
        let is_there = one.path.as_deref() == Some(path);
        is_there && one.message.contains(said) && one.line.is_some() && one.column.is_some()
    });
    assert!(found, "{changes:?} should say {said:?} at {path}:\n{told}");
}

#[test]
fn the_load_and_the_rules_are_twice_the_peak() {
    let plan = on(TODAY, "rts6-double", &[]).unwrap().plan;
    assert_eq!(plan.load.arrival, Arrival::Constant { rate_per_s: 240.0 });
    let owed: Vec<(&str, PeakFlow, f64)> = plan
        .rules
        .iter()
        .filter_map(|rule| match rule.kind {
            RuleKind::Peak {
                flow,
                at_least_per_s,
            } => Some((rule.id.as_str(), flow, at_least_per_s)),
            _ => None,
        })
        .collect();
    assert_eq!(
        owed,
        [
            ("peak-in", PeakFlow::In, 240.0),
            ("peak-out", PeakFlow::Out, 240.0),
            ("peak-trades", PeakFlow::Trades, 24.0),
        ]
    );
    let source = plan.rules.iter().find(|rule| rule.id == "peak-in");
    let source = source.and_then(|rule| rule.source.clone()).unwrap();
    assert!(
        source.starts_with("RTS 6 article 10: twice the peak of 2026-04-01 to 2026-09-30"),
        "{source}"
    );
    let venue = on(TODAY, "rts7-double", &[]).unwrap().plan;
    assert_eq!(venue.load.arrival, Arrival::Constant { rate_per_s: 300.0 });
    assert!(!venue.rules.iter().any(|rule| rule.id == "peak-trades"));
    let larger = [
        set("peak.messages.out", "400/s"),
        set("load.arrival.doubled-peak.of", "larger"),
    ];
    let larger = on(TODAY, "rts7-double", &larger).unwrap().plan;
    assert_eq!(larger.load.arrival, Arrival::Constant { rate_per_s: 800.0 });
}

#[test]
fn a_wrong_window_is_refused_where_it_stands() {
    let from = "peak.measured.from";
    let to = "peak.measured.to";
    for (name, changes, path, said) in [
        (
            "rts6-double",
            vec![(from, "2026-04-02")],
            from,
            "a window of 182 days is too short: RTS 6 article 10 asks for the peak of six months",
        ),
        (
            "rts7-double",
            vec![(from, "2026-04-01")],
            from,
            "six months are what rts-6 asks for",
        ),
        (
            "rts7-double",
            vec![(from, "2021-10-02")],
            from,
            "asks for the peak of five years",
        ),
        (
            "rts6-double",
            vec![(from, "2021-09-01")],
            from,
            "this is the window of rts-7",
        ),
        (
            "rts6-double",
            vec![("peak.standard", "rts-7")],
            from,
            "too short: RTS 7 article 11",
        ),
        (
            "rts6-double",
            vec![(to, "2026-03-01")],
            to,
            "before it begins",
        ),
        (
            "rts6-double",
            vec![
                (from, "2026-01-01"),
                (to, "2026-08-31"),
                ("peak.date", "2026-09-01"),
            ],
            to,
            "this peak is too old: RTS 6 article 10 asks for the previous six months, and the window ended on 2026-08-31",
        ),
        (
            "rts6-double",
            vec![(to, "2026-10-16"), ("peak.date", "2026-10-16")],
            to,
            "2026-10-16 is still to come",
        ),
        (
            "rts6-double",
            vec![("peak.date", "2027-01-01")],
            "peak.date",
            "2027-01-01 is still to come",
        ),
        (
            "rts6-double",
            vec![("peak.date", "2026-09-29")],
            "peak.date",
            "their window ends on 2026-09-30 only",
        ),
    ] {
        refused(name, &changes, path, said);
    }
    let young = [set(from, "2026-08-01"), set("peak.since", "2026-08-01")];
    on(TODAY, "rts6-double", &young).expect("there is nothing older to be measured");
    let longer = [set(from, "2025-01-01")];
    on(TODAY, "rts6-double", &longer).expect("the peak of a longer time is no lower");
}

#[test]
fn figures_that_say_nothing_are_refused() {
    for (changes, path, said) in [
        (("peak.messages.in", "0/s"), "peak.messages.in", "is none"),
        (("peak.trades", ""), "peak", "`trades` is missing"),
        (
            ("peak.source", "' '"),
            "peak.source",
            "where the figures are from",
        ),
        (
            ("peak.messages.out", "130/s"),
            "peak.messages.out",
            "of 240/s offered, 260/s cannot be seen to go out",
        ),
        (
            ("load.arrival", "{ constant: { rate: 240/s } }"),
            "load.arrival",
            "its load has another rate",
        ),
        (
            ("peak", ""),
            "load.arrival.doubled-peak",
            "there is no peak to double",
        ),
        (
            ("peak.messages.in", "12000/s"),
            "load.arrival.doubled-peak",
            "24000/s is above the ceiling",
        ),
        (
            ("profile.read-back.list.filled", "[]"),
            "peak.trades",
            "nothing says which orders are filled",
        ),
        (
            (
                "sla.peak-in",
                "{ throughput: { at-least: 1/s, in: steady } }",
            ),
            "sla.peak-in",
            "belongs to the rule that `peak` implies",
        ),
    ] {
        // Where there is no peak left, nothing can be its example.
        let told = with("rts6-double", &[set(changes.0, changes.1)]).expect_err(said);
        let found = told.0.iter().any(|one| {
            one.path.as_deref() == Some(path) && one.message.contains(said) && one.line.is_some()
        });
        assert!(found, "{changes:?} should say {said:?} at {path}:\n{told}");
    }
}

#[test]
fn examples_and_saved_runs_are_of_any_age() {
    let late = date(2040, 1, 1);
    on(late, "rts6-double", &[set("peak.example", "true")]).expect("its age does not matter");
    assert!(on(late, "rts6-double", &[]).is_err());
    let saved = with("rts6-double", &[set("peak.example", "false")]).expect("there is no day");
    let example = with("rts6-double", &[]).unwrap();
    let source = |compiled: &Compiled| {
        let rule = compiled.plan.rules.iter().find(|rule| rule.id == "peak-in");
        rule.and_then(|rule| rule.source.clone())
            .unwrap_or_default()
    };
    assert!(source(&example).starts_with("an example, nobody's peak"));
    assert!(source(&saved).starts_with("RTS 6"));
}
