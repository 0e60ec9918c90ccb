//! Doors between pods that must stay shut: what a rule on them may say, and where.

use shakedown_scenarios::plan::isolation::{Door, DoorAt, Guest};
use shakedown_scenarios::{Diagnostic, SourceFile, describe};

use crate::common::{REFERENCE, compile_both, file, only, set, shipped, swapped, with};

const SCENARIO: &str = "kubernetes-isolation";
const KEY: &str = "sla.walls.isolation";

/// The one mistake of the shipped scenario with one value of its rule changed.
fn refused(key: &str, value: &str) -> Diagnostic {
    only(with(SCENARIO, &[set(&format!("{KEY}.{key}"), value)]))
}

#[test]
fn a_wall_is_planned_with_both_guests_and_both_doors() {
    let plan = with(SCENARIO, &[])
        .unwrap_or_else(|told| panic!("{told}"))
        .plan;
    let walls: Vec<_> = plan.walls().collect();
    let [("walls", wall)] = walls[..] else {
        panic!("{walls:?}");
    };
    let engine = DoorAt::Part {
        part: "engine".to_string(),
        port: None,
    };
    assert_eq!(wall.to.at, engine);
    assert_eq!(wall.every_ns, 500_000_000);
    assert_eq!(wall.doors(Guest::Intruder).len(), 2);
    assert_eq!(wall.doors(Guest::Friend).len(), 1);
    assert!(
        describe(&plan).contains("never reaches part engine"),
        "{}",
        describe(&plan)
    );
}

#[test]
fn what_makes_no_wall_is_refused_where_it_stands() {
    for (key, value, at, said) in [
        ("every", "10ms", "every", "no sensible time"),
        ("every", "2s", "every", "no sensible time"),
        (
            "to",
            "{ part: { name: engin } }",
            "to",
            "which pods are the part `engin`",
        ),
        (
            "to",
            "{ part: { name: engine, port: 0 } }",
            "to.part.port",
            "0 is no port",
        ),
        (
            "to",
            "{ service: { name: s, port: 0 } }",
            "to.service.port",
            "0 is no port",
        ),
        (
            "to",
            "{ service: { name: s, port: 1, http: health } }",
            "to.service.http",
            "no path",
        ),
        (
            "control",
            "{ part: { name: desk } }",
            "control",
            "which pods are the part `desk`",
        ),
        (
            "intruder.labels",
            "{ app: engine }",
            "intruder",
            "count as a replica of `engine`",
        ),
        (
            "friend.labels",
            "{ app: engine, x: y }",
            "friend",
            "count as a replica of `engine`",
        ),
        (
            "intruder.labels",
            "{ app: a b }",
            "intruder.labels.app",
            "no label",
        ),
        (
            "friend.labels",
            "{ shakedown.dev/guest: me }",
            "friend.labels.shakedown.dev/guest",
            "marks its own pods",
        ),
    ] {
        let told = refused(key, value);
        let path = format!("{KEY}.{at}");
        assert_eq!(told.path.as_deref(), Some(path.as_str()), "{told}");
        assert!(told.message.contains(said), "{told}");
    }
    let own = refused("friend.labels", "{ app: stranger }");
    assert!(
        own.message.contains("tell the friend from the intruder"),
        "{own}"
    );
    let lacking = only(with(
        SCENARIO,
        &[set(
            KEY,
            "{ to: { part: { name: engine } }, intruder: {}, friend: { labels: { a: b } } }",
        )],
    ));
    assert!(lacking.message.contains("control"), "{lacking}");
}

#[test]
fn a_guest_of_another_namespace_may_have_any_labels() {
    let options = [set(
        &format!("{KEY}.intruder"),
        "{ namespace: other, labels: { app: engine } }",
    )];
    with(SCENARIO, &options).unwrap_or_else(|told| panic!("{told}"));
}

#[test]
fn a_door_is_told_in_words() {
    for (at, words) in [
        (
            DoorAt::Part {
                part: "engine".into(),
                port: Some(90),
            },
            "part engine at port 90",
        ),
        (
            DoorAt::Service {
                namespace: Some("b".into()),
                name: "s".into(),
                port: 1,
            },
            "service b/s:1",
        ),
    ] {
        let door = Door {
            at,
            http: Some("/x".to_string()),
        };
        assert_eq!(door.to_string(), format!("{words}, asked for /x"));
    }
}

#[test]
fn a_wall_takes_a_cluster_and_an_image() {
    let scenario = file(
        "s.yaml",
        &swapped(
            &shipped(SCENARIO).text,
            "environment: kubernetes",
            "environment: local",
        ),
    );
    let told = only(compile_both(&scenario, &shipped(REFERENCE), &[]));
    assert_eq!(told.path.as_deref(), Some(KEY), "{told}");
    assert!(
        told.message.contains("no pods with doors between them"),
        "{told}"
    );
    assert!(
        told.hint
            .is_some_and(|hint| hint.contains("environment: kubernetes"))
    );
    let agent = "    agent: { image: \"localhost/shakedown:local\" }  # made on the nodes of the targets, only while a fault is on\n";
    let without = file("p.yaml", &swapped(&shipped(REFERENCE).text, agent, ""));
    // A fault that takes no agent.
    let deleted = set(
        "faults.leader-crashes",
        "{ do: { delete: {} }, to: { role: leader }, when: { after: { phase: steady } } }",
    );
    let told = only(compile_both(&shipped(SCENARIO), &without, &[deleted]));
    assert!(told.message.contains("which image"), "{told}");
}

/// A profile's own wall, in a scenario of its own environment.
fn with_own_wall() -> SourceFile {
    let rule = "sla:\n  own-wall:\n    isolation:\n      to: { part: { name: engine } }\n      intruder: {}\n      friend: { labels: { a: b } }\n      control: { service: { name: s, port: 80 } }\n";
    file(
        "p.yaml",
        &swapped(&shipped(REFERENCE).text, "sla: {}\n", rule),
    )
}

#[test]
fn a_systems_own_wall_is_left_out_where_there_are_no_pods() {
    let local = compile_both(&shipped("baseline"), &with_own_wall(), &[]);
    let local = local.unwrap_or_else(|told| panic!("{told}")).plan;
    assert_eq!(local.walls().count(), 0);
    let note = |note: &String| note.starts_with("own-wall: ") && note.contains("no pods");
    assert!(local.notes.iter().any(note), "{:?}", local.notes);
    let there = compile_both(&shipped("kubernetes-leader-delete"), &with_own_wall(), &[]);
    let there = there.unwrap_or_else(|told| panic!("{told}")).plan;
    assert_eq!(there.walls().count(), 1);
}
