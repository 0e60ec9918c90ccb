//! Options change single values, and the resolved texts give the same plan again.

use crate::common::{FOREIGN, QUICKSTART, compile_both, file, set, shipped, with};
use shakedown_scenarios::plan::{Arrival, RuleKind, Selector};
use shakedown_scenarios::{
    CompileInput, Compiled, EnvironmentKind, FileKind, compile, compile_profile, library,
};

fn recompiled(first: &Compiled) -> Compiled {
    let scenario = file("scenario.yaml", &first.scenario_yaml);
    let profile = file("system.yaml", &first.system_yaml);
    compile_both(&scenario, &profile, &[])
        .unwrap_or_else(|told| panic!("{told}\n{}\n{}", first.scenario_yaml, first.system_yaml))
}

#[test]
fn resolved_texts_give_the_same_plan() {
    for one in library::all()
        .iter()
        .filter(|one| one.kind == FileKind::Scenario)
    {
        let first = with(one.name, &[]).unwrap();
        let again = recompiled(&first);
        assert_eq!(again.plan.digest, first.plan.digest, "{}", one.name);
        assert_eq!(again.scenario_yaml, first.scenario_yaml);
        assert_eq!(again.system_yaml, first.system_yaml);
    }
}

#[test]
fn options_reach_everything_and_survive_the_round_trip() {
    let options = [
        set("sla.steady-p99.latency.at-most", "2ms"),
        set(
            "sla.own",
            "{ rpo: { at-most: 1s }, severity: warning, source: \"MSA: 4.2\" }",
        ),
        set("load.arrival", "{ constant: { rate: 500/s } }"),
        set("sla.steady-rate.throughput.at-least", "400/s"),
        set("faults.leader-dies.to", "{ name: engine-2 }"),
        set("profile.instruments.BTCUSD.price.around", "60000"),
        set("profile.accounts.0", "OTHER"),
        set("tags", "[a, b]"),
    ];
    let plain = with(QUICKSTART, &[]).unwrap();
    let first = with(QUICKSTART, &options).unwrap();
    let plan = &first.plan;
    assert_ne!(plan.digest, plain.plan.digest);
    assert_eq!(plan.load.arrival, Arrival::Constant { rate_per_s: 500.0 });
    assert_eq!(plan.faults[0].to, Selector::Name("engine-2".to_string()));
    assert_eq!(plan.load.symbols[0].instrument.around_ticks, 6_000_000);
    assert_eq!(plan.load.accounts[0], "OTHER");
    assert_eq!(plan.tags, ["a", "b"]);
    let p99 = plan
        .rules
        .iter()
        .find(|rule| rule.id == "steady-p99")
        .unwrap();
    assert!(matches!(
        p99.kind,
        RuleKind::Latency {
            at_most_ns: 2_000_000,
            ..
        }
    ));
    let own = plan.rules.iter().find(|rule| rule.id == "own").unwrap();
    assert_eq!(own.source.as_deref(), Some("MSA: 4.2"));
    assert_eq!(recompiled(&first).plan.digest, plan.digest);
}

#[test]
fn seed_and_environment_are_written_out() {
    let (scenario, profile) = (shipped(QUICKSTART), shipped("reference"));
    let first = compile(&CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &[],
        environment: Some(EnvironmentKind::Local),
        seed: Some(u64::MAX),
    })
    .unwrap();
    assert_eq!(first.plan.seed, u64::MAX);
    assert!(first.scenario_yaml.contains(&format!("seed: {}", u64::MAX)));
    assert_eq!(recompiled(&first).plan.digest, first.plan.digest);
    let bare = file(
        "s.yaml",
        &scenario
            .text
            .replace("seed: 7\n", "")
            .replace("environment: local\n", ""),
    );
    let defaults = compile_both(&bare, &profile, &[]).unwrap();
    assert_eq!(defaults.plan.seed, 1);
    assert!(
        defaults.scenario_yaml.contains("seed: 1\n")
            && defaults.scenario_yaml.contains("environment: local\n")
    );
}

#[test]
fn profiles_survive_the_round_trip() {
    let first = compile_profile(&file("p.yaml", FOREIGN), None).unwrap();
    let again = compile_profile(&file("p.yaml", &first.system_yaml), None).unwrap();
    assert_eq!(again.plan.digest, first.plan.digest);
    assert_eq!(again.system_yaml, first.system_yaml);
    let plan = serde_json::to_string(&first.plan).unwrap();
    assert!(
        plan.contains("FOREIGN_TOKEN"),
        "secrets are known by where they come from"
    );
}

#[test]
fn numbers_are_exact() {
    let plan = with(QUICKSTART, &[]).unwrap().plan;
    let bitcoin = &plan.load.symbols[0].instrument;
    assert_eq!(
        (bitcoin.tick.to_string(), bitcoin.lot.to_string()),
        ("0.01".to_string(), "0.001".to_string())
    );
    assert_eq!(
        (bitcoin.around_ticks, bitcoin.band_ticks),
        (5_000_000, 100_000)
    );
    assert_eq!(bitcoin.oversized_lots, Some(100_001));
    let shares: f64 = plan.load.symbols.iter().map(|symbol| symbol.share).sum();
    assert!((shares - 1.0).abs() < 1e-12 && plan.load.symbols[0].share > 0.6);
}
