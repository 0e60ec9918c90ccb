//! The environment `kubernetes`: faults, places and profiles of clusters.

mod faults;
mod isolation;
mod places;
mod profile;
mod words;

use shakedown_scenarios::plan::Plan;
use shakedown_scenarios::{Compiled, Diagnostic, Diagnostics, SourceFile};

use crate::common::{REFERENCE, compile_both, file, shipped, swapped};

const CLUSTER: &str = "profile.environments.kubernetes";
const BARE: &str =
    "namespace: n, parts: { engine: { selector: app=engine } }, entry: { service: s, port: 8080 }";

/// What only a cluster can do, to whom, and whether somebody must say for how long.
const KINDS: [(&str, &str, Option<&str>, bool); 18] = [
    ("delete", "{ delete: {} }", Some("{ role: leader }"), false),
    (
        "delete",
        "{ delete: { grace: 2s } }",
        Some("{ role: leader }"),
        false,
    ),
    ("evict", "{ evict: {} }", Some("{ part: engine }"), false),
    ("cordon", "{ cordon: {} }", Some("{ role: leader }"), true),
    ("drain", "{ drain: {} }", Some("{ node: node-1 }"), true),
    (
        "taint",
        "{ taint: { key: maintenance } }",
        Some("{ zone: zone-a }"),
        true,
    ),
    (
        "node-stop",
        "{ node-stop: {} }",
        Some("{ zone: zone-a }"),
        true,
    ),
    (
        "reboot",
        "{ reboot: {} }",
        Some("{ name: engine-2 }"),
        false,
    ),
    (
        "kubelet-stop",
        "{ kubelet-stop: {} }",
        Some("{ role: leader }"),
        true,
    ),
    (
        "runtime-stop",
        "{ runtime-stop: {} }",
        Some("{ label: { tier: core } }"),
        true,
    ),
    ("api-server-stop", "{ api-server-stop: {} }", None, true),
    (
        "rolling-update",
        "{ rolling-update: {} }",
        Some("{ stateful-set: engine }"),
        false,
    ),
    (
        "rolling-update",
        "{ rolling-update: { image: e:2 } }",
        Some("{ deployment: engine }"),
        true,
    ),
    (
        "rollback",
        "{ rollback: {} }",
        Some("{ stateful-set: engine }"),
        true,
    ),
    (
        "scale",
        "{ scale: { replicas: 2 } }",
        Some("{ stateful-set: engine }"),
        true,
    ),
    (
        "switch",
        "{ switch: { service: s, selector: { color: green } } }",
        None,
        true,
    ),
    (
        "delete",
        "{ delete: { grace: 0s } }",
        Some("{ service: engine-orders }"),
        false,
    ),
    (
        "taint",
        "{ taint: { key: a.b/c, value: d, effect: no-schedule } }",
        Some("{ role: leader }"),
        true,
    ),
];

const ON_LEADER: Option<&str> = Some("{ role: leader }");
const ON_LINK: Option<&str> = Some("{ link: { from: { role: leader }, to: { peers: {} } } }");

/// A shipped scenario with this fault alone.
fn faulted(what: &str, to: Option<&str>, hold: Option<&str>) -> SourceFile {
    let text = shipped("kubernetes-leader-crash").text;
    let begin = text.find("faults:\n").expect("it has faults");
    let end = text.find("sla:\n").expect("it has rules");
    let line = |key: &str, value: Option<&str>| {
        value.map_or(String::new(), |value| format!("    {key}: {value}\n"))
    };
    let fault = format!(
        "faults:\n  f:\n{}{}{}{}",
        line("do", Some(what)),
        line("to", to),
        line("when", Some("{ after: { phase: steady } }")),
        line("for", hold)
    );
    file(
        "s.yaml",
        &format!("{}{fault}{}", &text[..begin], &text[end..]),
    )
}

fn compiled(what: &str, to: Option<&str>, hold: Option<&str>) -> Result<Compiled, Diagnostics> {
    compile_both(&faulted(what, to, hold), &shipped(REFERENCE), &[])
}

fn elsewhere(place: &str, what: &str, to: Option<&str>) -> Result<Compiled, Diagnostics> {
    let mut scenario = faulted(what, to, Some("5s"));
    let place = format!("environment: {place}");
    scenario.text = swapped(&scenario.text, "environment: kubernetes", &place);
    compile_both(&scenario, &shipped(REFERENCE), &[])
}

/// The mistake stands at this place of the scenario, where the file has these words, and its hint has those.
fn stands(told: &Diagnostic, path: &str, at: &str, hint: &str) {
    assert_eq!(told.file, "s.yaml", "{told}");
    assert_eq!(told.path.as_deref(), Some(path), "{told}");
    assert!(told.line.is_some_and(|line| line > 1), "{told}");
    assert!(told.to_string().contains(at), "{told}");
    assert!(
        told.hint.as_deref().unwrap_or_default().contains(hint),
        "{told}"
    );
}

fn plan(what: &str, to: Option<&str>, hold: Option<&str>) -> Plan {
    compiled(what, to, hold)
        .unwrap_or_else(|told| panic!("{told}"))
        .plan
}
