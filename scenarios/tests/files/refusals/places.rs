//! Load beyond what is sensible, environments that cannot be had, systems that may be production.

use super::*;

#[test]
fn load_beyond_what_is_allowed_or_sensible() {
    for (key, value, path, said) in [
        (
            "load.arrival.poisson.rate",
            "20001/s",
            "load.arrival.poisson.rate",
            "above the ceiling of `reference`, 20000/s",
        ),
        (
            "load.arrival.poisson.rate",
            "0/s",
            "load.arrival.poisson.rate",
            "not sensible",
        ),
        (
            "load.arrival.poisson.rate",
            "99999999/s",
            "load.arrival.poisson.rate",
            "not sensible",
        ),
        (
            "load.arrival",
            "{ replay: { file: x.csv } }",
            "load.arrival.replay.file",
            "files are out of reach here",
        ),
        ("load.sessions", "0", "load.sessions", "0 sessions"),
        (
            "load.sessions",
            "4000000000",
            "load.sessions",
            "cannot be had",
        ),
        ("load.threads", "65", "load.threads", "65 load threads"),
        (
            "load.workers",
            "0",
            "load.workers",
            "0 workers cannot be had",
        ),
        (
            "load.workers",
            "65",
            "load.workers",
            "65 workers cannot be had",
        ),
        ("load.timeout", "0s", "load.timeout", "not sensible"),
        ("load.timeout", "1h", "load.timeout", "not sensible"),
        (
            "load.mix",
            "{ new: 0, cancel: 1 }",
            "load.mix.new",
            "nothing to measure",
        ),
        (
            "load.symbols.names",
            "[BTCUSD, XRPUSD]",
            "load.symbols.names.1",
            "no instrument `XRPUSD`",
        ),
        (
            "load.symbols.names",
            "[BTCUSD, BTCUSD]",
            "load.symbols.names.1",
            "there twice",
        ),
        (
            "load.symbols.names",
            "[]",
            "load.symbols.names",
            "no symbol",
        ),
        (
            "load.symbols.skew",
            "{ zipf: 0 }",
            "load.symbols.skew.zipf",
            "not sensible",
        ),
        ("phases.steady", "8d", "phases.steady", "longer than a week"),
        ("phases.steady", "6d", "load.arrival", "million messages"),
        (
            "abort.storm.error-rate.for",
            "0s",
            "abort.storm.error-rate.for",
            "not sensible",
        ),
        (
            "abort.storm.error-rate.above",
            "100%",
            "abort.storm.error-rate.above",
            "no rate is above",
        ),
    ] {
        refused(QUICKSTART, key, value, path, said);
    }
    let told = with(QUICKSTART, &[set("profile.orders.replace", "")])
        .unwrap_err()
        .to_string();
    assert!(told.contains("does not say how to replace"), "{told}");
    let text = swapped(&shipped("reference").text, "max: 100, ", "");
    let told = only(compile_both(
        &shipped(QUICKSTART),
        &file("p.yaml", &text),
        &[],
    ));
    assert!(
        told.message
            .contains("which quantity of BTCUSD is too large"),
        "{told}"
    );
}

#[test]
fn environments_that_cannot_be_had() {
    let (scenario, profile) = (shipped(QUICKSTART), shipped("reference"));
    let without = [set("profile.environments.kubernetes", "")];
    for (kind, overrides, said, hint) in [
        (
            EnvironmentKind::Kubernetes,
            &without[..],
            "has no environment `kubernetes`",
            "it has: local, docker; choose",
        ),
        (
            EnvironmentKind::External,
            &[],
            "has no environment `external`",
            "it has: local, docker, kubernetes; choose",
        ),
    ] {
        let told = only(compile(&CompileInput {
            scenario: (&scenario).into(),
            profile: (&profile).into(),
            overrides,
            environment: Some(kind),
            seed: None,
        }));
        assert_eq!(told.file, "--environment", "{told}");
        assert!(told.message.contains(said), "{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
    }
    let external = "{ entry: [http://127.0.0.1:1], parts: { engine: [http://127.0.0.1:1, http://127.0.0.1:2, http://127.0.0.1:3] } }";
    let options = [
        set("environment", "external"),
        set("profile.environments.external", external),
    ];
    let told = only(with(QUICKSTART, &options));
    assert!(told.message.contains("no handle on processes"), "{told}");
    let plan = with("baseline", &options).unwrap().plan;
    let EnvironmentPlan::External(endpoints) = plan.environment else {
        panic!("external was chosen");
    };
    assert_eq!(endpoints.parts["engine"].len(), 3);
}

#[test]
fn external_systems_must_be_proven_not_to_be_production() {
    let elsewhere = swapped(FOREIGN, "http://127.0.0.1:9100", "http://10.0.0.7:9100");
    let told = only(profile_alone(&elsewhere));
    assert!(told.message.contains("not production"), "{told}");
    let proven =
        format!("{elsewhere}not-production: [ {{ get: /info, where: {{ /env: staging }} }} ]\n");
    assert!(profile_alone(&proven).is_ok());
    let empty = format!("{elsewhere}not-production: [ {{ get: /info }} ]\n");
    assert!(
        profile_alone(&empty)
            .unwrap_err()
            .to_string()
            .contains("every reply would do")
    );
    for (from, to, said) in [
        ("[http://127.0.0.1:9100]", "[]", "no address"),
        ("http://127.0.0.1:9100", "127.0.0.1:9100", "no address"),
        (
            "9100] }",
            "9100], parts: { gateway: [http://127.0.0.1:1, http://127.0.0.1:2] } }",
            "2 addresses for 1 replica",
        ),
        (
            "9100] }",
            "9100], parts: { gate: [http://127.0.0.1:1] } }",
            "no part `gate`",
        ),
    ] {
        let told = profile_alone(&swapped(FOREIGN, from, to))
            .unwrap_err()
            .to_string();
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn a_foreign_engine_says_what_it_cannot_prove() {
    let plan = profile_alone(FOREIGN)
        .unwrap_or_else(|told| panic!("{told}"))
        .plan;
    assert_eq!(plan.load.arrival, Arrival::Constant { rate_per_s: 1.0 });
    assert!(
        matches!(&plan.environment, EnvironmentPlan::External(known) if known.parts["gateway"].len() == 1)
    );
    let provable: Vec<DataClass> = checkable(&plan.system)
        .into_iter()
        .filter(|(_, provable)| provable.is_ok())
        .map(|(class, _)| class)
        .collect();
    assert_eq!(provable, [DataClass::Lost, DataClass::Corrupt]);
    let scenario = file(
        "s.yaml",
        "scenario: s\nsystem: foreign\nenvironment: external\nload: { arrival: { constant: { rate: 100/s } }, sessions: 4, timeout: 1s }\nphases: { steady: 10s }\nsla:\n  twice: { duplicate-orders: { at-most: 0 } }\n",
    );
    let told = only(compile_both(&scenario, &file("p.yaml", FOREIGN), &[]));
    assert_eq!(
        (told.line, told.path.as_deref()),
        (Some(7), Some("sla.twice.duplicate-orders")),
        "{told}"
    );
    let quiet = file("s.yaml", scenario.text.split("sla:").next().unwrap());
    let plan = compile_both(&quiet, &file("p.yaml", FOREIGN), &[])
        .unwrap()
        .plan;
    let implied: Vec<&str> = plan.rules.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(implied, ["lost", "corrupt"]);
    assert!(
        plan.notes
            .iter()
            .any(|note| note.starts_with("phantom cannot be proven")),
        "{:?}",
        plan.notes
    );
}

#[test]
fn a_profile_alone_is_not_held_against_a_load_that_it_does_not_have() {
    let rule = |kind: &str| format!("{FOREIGN}sla: {{ own: {{ {kind} }} }}\n");
    let plan = profile_alone(&rule("latency: { quantile: 99.9%, at-most: 5s, in: run }"))
        .unwrap()
        .plan;
    assert!(plan.rules.is_empty());
    let told = only(profile_alone(&rule("severity: warning")));
    assert!(told.message.contains("limits nothing"), "{told}");
}

#[test]
fn every_thread_of_every_worker_needs_a_session() {
    let many = [set("load.threads", "2"), set("load.workers", "33")];
    let told = only(with(QUICKSTART, &many));
    assert_eq!(told.path.as_deref(), Some("load.workers"));
    assert!(
        told.message
            .contains("33 workers with 2 threads each cannot share 64 sessions"),
        "{told}"
    );
    let plain = with(QUICKSTART, &[]).unwrap().plan;
    let one = with(QUICKSTART, &[set("load.workers", "1")]).unwrap().plan;
    let four = with(QUICKSTART, &[set("load.workers", "4")]).unwrap().plan;
    assert_eq!((plain.load.workers, four.load.workers), (1, 4));
    assert_eq!(
        plain.digest, one.digest,
        "what was there before has the digest it had"
    );
    assert_ne!(plain.digest, four.digest);
}
