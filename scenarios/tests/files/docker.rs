//! The environment `docker`: what a profile says of containers, and what is not done to them.

use shakedown_scenarios::guards::{PROTECTING_LABEL, protected_refusals};
use shakedown_scenarios::plan::{DockerPlan, EnvironmentPlan, Pick};
use shakedown_scenarios::{Compiled, Diagnostics};

use crate::common::{REFERENCE, file, only, set, shipped, swapped, with};

const DOCKER: &str = "profile.environments.docker";

fn docker(of: Compiled) -> DockerPlan {
    match of.plan.environment {
        EnvironmentPlan::Docker(docker) => docker,
        other => panic!("docker was chosen, and {} was planned", other.name()),
    }
}

fn described(text: &str) -> Result<Compiled, Diagnostics> {
    with("docker-leader-pause", &[set(DOCKER, text)])
}

#[test]
fn containers_are_chosen_by_project_service_or_label() {
    let shipped = docker(with("docker-leader-pause", &[]).unwrap());
    assert_eq!(shipped.project.as_deref(), Some("shakedown-reference"));
    let services = ["engine-1", "engine-2", "engine-3"]
        .map(String::from)
        .to_vec();
    assert_eq!(shipped.parts["engine"].pick, Pick::Services(services));
    assert_eq!(
        (shipped.parts["engine"].port, shipped.published),
        (8080, false)
    );
    assert_eq!(shipped.not_production.len(), 1);

    let scaled =
        "{ network: core, reach: published, parts: { engine: { service: engine, port: 9 } } }";
    let scaled = docker(described(scaled).unwrap());
    assert_eq!(
        scaled.parts["engine"].pick,
        Pick::Service("engine".to_string())
    );
    assert_eq!(
        (scaled.network.as_deref(), scaled.published),
        (Some("core"), true)
    );

    let labels = "{ parts: { engine: { labels: { app: acme, tier: core }, port: 9 } } }";
    let labels = docker(described(labels).unwrap());
    let Pick::Labels(pairs) = &labels.parts["engine"].pick else {
        panic!("{labels:?}");
    };
    assert_eq!(
        (pairs["app"].as_str(), pairs["tier"].as_str()),
        ("acme", "core")
    );

    let whole = docker(described("{ project: shop, parts: { engine: { port: 9 } } }").unwrap());
    assert_eq!(whole.parts["engine"].pick, Pick::Project);
}

#[test]
fn what_does_not_say_which_containers_is_refused() {
    for (text, said) in [
        ("{ parts: { engine: { port: 9 } } }", "exactly one of"),
        (
            "{ parts: { engine: { service: a, labels: { b: c }, port: 9 } } }",
            "exactly one of",
        ),
        (
            "{ parts: { engine: { services: [a, b], port: 9 } } }",
            "2 services for 3 replicas",
        ),
        (
            "{ parts: { engine: { services: [a, b, b], port: 9 } } }",
            "named twice",
        ),
        (
            "{ parts: { engine: { service: a, port: 0 } } }",
            "0 is no port",
        ),
        (
            "{ parts: {} }",
            "nothing says which containers are `engine`",
        ),
        (
            "{ parts: { engine: { service: a, port: 9 }, store: { service: b, port: 9 } } }",
            "there is no part `store`",
        ),
        (
            "{ parts: { engine: { service: a, port: 9 } }, entry: [tcp://x] }",
            "is no address",
        ),
    ] {
        let told = only(described(text));
        assert!(told.message.contains(said), "{text}: {told}");
    }
}

#[test]
fn containers_must_be_proven_not_to_be_production() {
    let text = shipped(REFERENCE).text;
    let proof = "not-production:                      # asked before the first order, outside local\n  \
                 - { get: /version, where: { /name: shakedown-engine } }\n";
    let unproven = file("p.yaml", &swapped(&text, proof, ""));
    let told = only(crate::common::compile_both(
        &shipped("docker-leader-pause"),
        &unproven,
        &[],
    ));
    assert!(told.message.contains("nothing proves"), "{told}");
}

#[test]
fn each_environment_refuses_what_it_has_no_means_for() {
    let kind = |scenario: &str, fault: &str, kind: &str| {
        with(scenario, &[set(&format!("faults.{fault}.do"), kind)])
    };
    for not_here in [
        "{ disk-full: {} }",
        "{ slow-disk: { sync-by: 1ms } }",
        "{ failing-disk: { share: 1% } }",
        "{ clock-skew: { ahead: 1s } }",
        "{ power-cut: {} }",
    ] {
        let told = only(kind("docker-leader-pause", "leader-paused", not_here));
        assert!(told.message.contains("is not done to containers"), "{told}");
    }
    for only_here in ["{ stop: {} }", "{ disconnect: {} }"] {
        kind("docker-leader-pause", "leader-paused", only_here).unwrap();
        let told = only(kind("leader-freeze", "leader-freezes", only_here));
        assert!(told.message.contains("is done to containers"), "{told}");
    }
    let long = kind(
        "docker-leader-pause",
        "leader-paused",
        "{ stop: { grace: 11m } }",
    );
    assert!(only(long).message.contains("not sensible"));
}

#[test]
fn a_label_protects_a_replica_whatever_the_files_say() {
    let aimed = set("faults.leader-paused.to", "{ name: engine-2 }");
    let mut plan = with("docker-leader-pause", &[aimed]).unwrap().plan;
    assert_eq!(protected_refusals(&plan), []);
    let (key, value) = PROTECTING_LABEL;
    let labels = [(key.to_string(), value.to_string())].into();
    plan.guards
        .protected
        .carried
        .insert("engine-2".to_string(), labels);
    let refused = protected_refusals(&plan);
    assert_eq!(refused.len(), 1);
    assert!(refused[0].saw.contains("by its label"), "{}", refused[0]);
    let other = [(key.to_string(), "false".to_string())].into();
    plan.guards
        .protected
        .carried
        .insert("engine-2".to_string(), other);
    assert_eq!(protected_refusals(&plan), []);
}
