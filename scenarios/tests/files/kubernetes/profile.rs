//! What a profile says of a cluster: which pods are meant, what each fault needs, and that it is not production.

use std::collections::BTreeSet;
use std::path::Path;

use shakedown_scenarios::guards::confirmation;
use shakedown_scenarios::plan::EnvironmentPlan;
use shakedown_scenarios::{FileKind, library};

use super::{BARE, CLUSTER, KINDS, ON_LEADER, ON_LINK, faulted, stands};
use crate::common::{
    REFERENCE, compile_both, file, only, profile_alone, set, shipped, swapped, with,
};
use crate::guards::said;

#[test]
fn a_section_of_the_profile_that_a_fault_needs_is_named() {
    let bare = |more: &str, what: &str, to: Option<&str>| {
        let profile = set(CLUSTER, &format!("{{ {BARE}{more} }}"));
        compile_both(
            &faulted(what, to, Some("5s")),
            &shipped(REFERENCE),
            &[profile],
        )
    };
    let power = ", nodes: { stop: [a, \"{{node}}\"], start: [b, \"{{node}}\"] }";
    let reboot = ", nodes: { reboot: [a, \"{{node}}\"] }";
    let api_server = ", api-server: { stop: [a], start: [b] }";
    let agent = ", agent: { image: i }";
    for (what, to, section, mends, does_not) in [
        ("{ node-stop: {} }", ON_LEADER, "nodes`", power, reboot),
        ("{ reboot: {} }", ON_LEADER, "nodes.reboot`", reboot, power),
        (
            "{ api-server-stop: {} }",
            None,
            "api-server`",
            api_server,
            agent,
        ),
        ("{ kubelet-stop: {} }", ON_LEADER, "agent`", agent, power),
        ("{ runtime-stop: {} }", ON_LEADER, "agent`", agent, power),
        ("{ kill: {} }", ON_LEADER, "agent`", agent, power),
        ("{ freeze: {} }", ON_LEADER, "agent`", agent, power),
        ("{ cpu: { limit: 10% } }", ON_LEADER, "agent`", agent, power),
        ("{ cpu: { stress: 1 } }", ON_LEADER, "agent`", agent, power),
        (
            "{ memory: { limit: 8MiB } }",
            ON_LEADER,
            "agent`",
            agent,
            power,
        ),
        ("{ out-of-memory: {} }", ON_LEADER, "agent`", agent, power),
        ("{ dns: {} }", ON_LEADER, "agent`", agent, power),
        ("{ partition: {} }", ON_LINK, "agent`", agent, power),
        ("{ loss: { share: 1% } }", ON_LINK, "agent`", agent, power),
        ("{ reset: {} }", ON_LINK, "agent`", agent, power),
        ("{ delay: { by: 1ms } }", ON_LINK, "agent`", agent, power),
        (
            "{ bandwidth: { rate: 1MB/s } }",
            ON_LINK,
            "agent`",
            agent,
            power,
        ),
    ] {
        for not_enough in ["", does_not] {
            let told = only(bare(not_enough, what, to));
            let said = format!("needs `environments.kubernetes.{section} in the profile");
            assert!(told.message.contains(&said), "{what}: {told}");
            let key = section
                .trim_end_matches('`')
                .rsplit('.')
                .next()
                .unwrap_or_default();
            stands(&told, "faults.f.do", what, &format!("{key}: "));
        }
        bare(mends, what, to).unwrap_or_else(|told| panic!("{what}: {told}"));
    }
    for by_api in [
        "{ delete: {} }",
        "{ evict: {} }",
        "{ cordon: {} }",
        "{ drain: {} }",
        "{ taint: { key: k } }",
        "{ rolling-update: {} }",
        "{ rollback: {} }",
        "{ scale: { replicas: 2 } }",
    ] {
        bare("", by_api, ON_LEADER).unwrap_or_else(|told| panic!("{by_api}: {told}"));
    }
}

#[test]
fn what_a_profile_says_of_pods_must_be_clear() {
    let bare = |from: &str, to: &str| set(CLUSTER, &format!("{{ {} }}", swapped(BARE, from, to)));
    for (from, to, said) in [
        ("app=engine", "app", "no label with its value"),
        (
            "selector: app=engine",
            "selector: app=engine, port: 0",
            "0 is no port",
        ),
        (
            "{ engine: { selector: app=engine } }",
            "{}",
            "nothing says which pods are `engine`",
        ),
        (
            "{ engine: { selector: app=engine } }",
            "{ engine: { selector: a=b }, store: { selector: c=d } }",
            "no part `store`",
        ),
        (
            "service: s, port: 8080",
            "service: s",
            "a service and its port, or to URLs",
        ),
        (
            "service: s, port: 8080",
            "service: s, port: 0",
            "0 is no port",
        ),
        (
            "service: s, port: 8080",
            "",
            "a service and its port, or to URLs",
        ),
        (
            "service: s, port: 8080",
            "service: s, port: 1, urls: [http://a:1]",
            "or to URLs",
        ),
        (
            "service: s, port: 8080",
            "urls: [http://a:1]",
            "`port` is missing",
        ),
        (
            "service: s, port: 8080 }",
            "service: s, port: 1 }, nodes: { stop: [a, \"{{node}}\"] }",
            "belong together",
        ),
        (
            "service: s, port: 8080 }",
            "service: s, port: 1 }, nodes: { reboot: [a] }",
            "which node is meant",
        ),
        (
            "service: s, port: 8080 }",
            "service: s, port: 1 }, nodes: { reboot: [] }",
            "there is no program",
        ),
        (
            "service: s, port: 8080 }",
            "service: s, port: 1 }, api-server: { stop: [], start: [a] }",
            "no program",
        ),
        (
            "service: s, port: 8080 }",
            "service: s, port: 1 }, agent: { image: \"\" }",
            "this is no image",
        ),
    ] {
        let told = only(with("kubernetes-leader-delete", &[bare(from, to)]));
        assert!(told.message.contains(said), "{to}: {told}");
        assert!(
            told.path
                .as_deref()
                .unwrap_or_default()
                .starts_with("environments.kubernetes"),
            "{told}"
        );
        assert!(told.hint.is_some(), "{told}");
    }
}

#[test]
fn a_cluster_must_be_proven_not_to_be_production() {
    let text = shipped(REFERENCE).text;
    let proof = "  - { get: /version, where: { /name: shakedown-engine } }\n";
    let scenario = shipped("kubernetes-leader-delete");
    let with_proof = |proof_of: &str| {
        let profile = file("p.yaml", &swapped(&text, proof, proof_of));
        compile_both(&scenario, &profile, &[])
    };
    let by_uid = with_proof("  - { cluster-uid: 5b1e }\n").unwrap().plan;
    let EnvironmentPlan::Kubernetes(cluster) = &by_uid.environment else {
        panic!("kubernetes was chosen");
    };
    assert_eq!(cluster.cluster_uids, ["5b1e"]);
    assert_eq!(said(&by_uid), []);
    let head =
        "not-production:                      # asked before the first order, outside local\n";
    let unproven = file("p.yaml", &swapped(&text, &format!("{head}{proof}"), ""));
    let told = only(compile_both(&scenario, &unproven, &[]));
    assert!(
        told.message
            .contains("nothing proves that this is not production"),
        "{told}"
    );
    assert!(
        told.hint
            .as_deref()
            .unwrap_or_default()
            .contains("cluster-uid"),
        "{told}"
    );
    profile_alone(&unproven.text).expect("local needs no proof");
}

#[test]
fn shipped_scenarios_of_clusters_are_refused_by_no_guard_and_ask_for_a_yes() {
    let mut kinds = BTreeSet::new();
    let mut count = 0;
    for shipped in library::all() {
        if shipped.kind != FileKind::Scenario || !shipped.name.starts_with("kubernetes-") {
            continue;
        }
        count += 1;
        let plan = with(shipped.name, &[]).unwrap().plan;
        assert!(
            matches!(plan.environment, EnvironmentPlan::Kubernetes(_)),
            "{}",
            shipped.name
        );
        assert_eq!(said(&plan), [], "{}", shipped.name);
        let asked = confirmation(&plan).expect("outside local somebody says yes");
        assert!(asked.contains("namespace shakedown-reference"), "{asked}");
        let lost = plan.rules.iter().any(|rule| rule.id == "lost");
        assert!(
            lost && plan.tags.contains(&"kubernetes".to_string()),
            "{}",
            shipped.name
        );
        kinds.extend(plan.faults.iter().map(|fault| fault.kind.name()));
    }
    assert_eq!(count, 25);
    for kind in [
        "kill",
        "delete",
        "evict",
        "drain",
        "taint",
        "node-stop",
        "rolling-update",
        "rollback",
        "scale",
        "switch",
    ] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
}

fn documentation() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/kubernetes.md");
    std::fs::read_to_string(path).expect("it is there")
}

#[test]
fn the_profile_of_the_documentation_compiles() {
    let text = documentation();
    let behind = text.split("## In a profile").nth(1).expect("its section");
    let example = behind.split("```").nth(1).expect("its example");
    let example = example.strip_prefix("yaml\n").expect("it is YAML");
    let reference = shipped(REFERENCE).text;
    let begin = reference.find("environments:\n").expect("there");
    let end = reference.find("accounts:").expect("there");
    let profile = format!("{}{example}{}", &reference[..begin], &reference[end..]);
    let two_parts = "    restarted-by: platform\n  store: { replicas: 1 }\n";
    let profile = swapped(&profile, "    restarted-by: platform\n", two_parts);
    for name in [
        "kubernetes-node-stop",
        "kubernetes-api-server-stop",
        "kubernetes-dns",
    ] {
        let compiled = compile_both(&shipped(name), &file("p.yaml", &profile), &[]);
        compiled.unwrap_or_else(|told| panic!("{name}: {told}"));
    }
}

#[test]
fn the_documentation_names_every_kind_and_every_scenario() {
    let text = documentation();
    for (kind, _, _, _) in KINDS {
        let named = [format!("| `{kind}` "), format!("| `{kind}: ")];
        assert!(named.iter().any(|it| text.contains(it)), "{kind}");
    }
    let scenarios = text.split("## Scenarios").nth(1).expect("its section");
    for shipped in library::all() {
        if let Some(what) = shipped.name.strip_prefix("kubernetes-") {
            let words = scenarios.split([' ', ',', '\n']);
            assert_eq!(words.filter(|word| *word == what).count(), 1, "{what}");
        }
    }
}

#[test]
fn drills_are_kept_where_the_profile_says_and_otherwise_not_with_the_agents() {
    let drills = |more: &str| {
        let profile = set(CLUSTER, &format!("{{ {BARE}{more} }}"));
        let fault = faulted("{ cordon: {} }", ON_LEADER, Some("5s"));
        let compiled = compile_both(&fault, &shipped(REFERENCE), &[profile]).unwrap();
        let cluster = compiled.plan.environment.cluster().unwrap();
        cluster.drills.clone()
    };
    assert_eq!(drills(""), "shakedown");
    assert_eq!(
        drills(", agent: { image: i, namespace: mine }"),
        "shakedown"
    );
    assert_eq!(drills(", agent: { image: i }, drills: others"), "others");
}

#[test]
fn pods_of_workers_need_an_image_and_a_namespace() {
    let with_workers = |more: &str| {
        let cluster = set(CLUSTER, &format!("{{ {BARE}{more} }}"));
        let scenario = faulted("{ delete: {} }", ON_LEADER, None);
        let overrides = [cluster, set("load.workers", "4")];
        compile_both(&scenario, &shipped(REFERENCE), &overrides)
    };
    let plan = with_workers(", agent: { image: i }").unwrap().plan;
    assert_eq!(plan.load.workers, 4);
    let told = only(with_workers(""));
    assert_eq!(told.path.as_deref(), Some("load.workers"));
    assert!(
        told.message
            .contains("which image the pods of workers have"),
        "{told}"
    );
}
