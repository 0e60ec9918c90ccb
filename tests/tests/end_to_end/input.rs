//! Wrong input: exit 64, the place where there is one, no panic; and the commands that the README shows.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::fs;

use serde_json::Value;
use shakedown_tests::shakedown::{Finished, Sandbox, library, workspace};

/// The quickstart with one thing changed; the change must be there.
fn changed(sandbox: &Sandbox, from: &str, to: &str) -> String {
    let text = fs::read_to_string(library("quickstart")).unwrap();
    assert!(text.contains(from), "the quickstart has no '{from}'");
    let path = sandbox.write("changed.yaml", text.replacen(from, to, 1));
    path.to_str().unwrap().to_string()
}

/// `validate`, `plan` and `run` all refuse a file, at a place in it.
#[track_caller]
fn refused(sandbox: &Sandbox, file: &str, words: &[&str]) -> Finished {
    for command in ["validate", "plan", "run"] {
        let finished = sandbox.run(&[command, file]);
        finished.expect_code(64).expect_words(words);
        assert!(finished.elapsed_s < 5.0, "{:.1} s", finished.elapsed_s);
    }
    assert!(!sandbox.path().join("runs").exists(), "a run was begun");
    sandbox.run(&["validate", file])
}

/// True when a text names a line and a column of a file.
fn has_place(text: &str, file: &str) -> bool {
    text.match_indices(&format!("{file}:")).any(|(at, found)| {
        let mut numbers = text[at + found.len()..].split(':');
        let mut number = || {
            numbers
                .next()
                .is_some_and(|part| part.parse::<u32>().is_ok())
        };
        number() && number()
    })
}

#[test]
fn mistakes_are_refused_with_line_and_column() {
    let sandbox = Sandbox::new();
    for (from, to, words) in [
        ("\nload:", "\nlode: 1\nload:", vec!["lode", "load"]),
        ("\nseed:", "\nseed: many # ", vec!["seed"]),
        ("{ role: leader }", "{ role: king }", vec!["king", "leader"]),
        ("timeout: 1s", "timeout: 1 parsec", vec!["timeout"]),
        ("\nphases:", "\nphases: nonsense\nphase: ", vec!["phase"]),
    ] {
        let file = changed(&sandbox, from, to);
        let finished = refused(&sandbox, &file, &words);
        assert!(
            has_place(&finished.said(), "changed.yaml"),
            "{}",
            finished.said()
        );
    }
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once() {
    let sandbox = Sandbox::new();
    let text = fs::read_to_string(library("quickstart")).unwrap();
    let text = text
        .replacen("{ role: leader }", "{ role: king }", 1)
        .replacen("\nload:", "\nlode: 1\nload:", 1)
        .replacen("timeout: 1s", "timeout: 1 parsec", 1);
    let path = sandbox.write("three.yaml", text);
    let finished = sandbox.run(&["validate", path.to_str().unwrap()]);
    finished
        .expect_code(64)
        .expect_words(&["king", "lode", "parsec"]);
    let json = sandbox.run(&["validate", path.to_str().unwrap(), "--json"]);
    json.expect_code(64);
    let mistakes = json.json();
    let list = mistakes.as_array().expect("a list of mistakes");
    assert!(list.len() >= 3, "{mistakes:#}");
    assert!(list.iter().all(|mistake| mistake["line"].is_u64()));
}

#[test]
fn limits_that_cannot_be_answered_are_refused() {
    let sandbox = Sandbox::new();
    let scenario = library("quickstart");
    let scenario = scenario.to_str().unwrap();
    for (set, words) in [
        (
            "sla.failover={ failover: { at-most: 10h } }",
            vec!["failover"],
        ),
        (
            "sla.fine={ latency: { quantile: 99.99999%, at-most: 5ms, in: steady } }",
            vec!["fine", "too few"],
        ),
        (
            "load.arrival={ poisson: { rate: 900000000/s } }",
            vec!["rate"],
        ),
        ("nothing.here=1", vec!["nothing"]),
        ("sla.failover", vec!["="]),
        ("=1", vec!["="]),
    ] {
        for command in ["plan", "run"] {
            sandbox
                .run(&[command, scenario, "--set", set])
                .expect_code(64)
                .expect_words(&words);
        }
    }
}

#[test]
fn files_that_are_none_are_refused() {
    let sandbox = Sandbox::new();
    let large = sandbox.write("large.yaml", vec![b'#'; 50_000_000]);
    let binary = sandbox.write("binary.yaml", [0x7f, b'E', b'L', b'F', 0, 0xff, 0xfe, 0x80]);
    let empty = sandbox.write("empty.yaml", "");
    let deep = sandbox.write("deep.yaml", "[".repeat(200_000));
    let bomb = sandbox.write("bomb.yaml", alias_bomb());
    let folder = sandbox.path().join("folder.yaml");
    fs::create_dir(&folder).unwrap();
    let missing = sandbox.path().join("missing.yaml");
    for (path, word) in [
        (large, "large.yaml"),
        (binary, "binary"),
        (empty, "empty"),
        (deep, "deep.yaml"),
        (bomb, "bomb.yaml"),
        (folder, "folder.yaml"),
        (missing, "missing.yaml"),
    ] {
        refused(&sandbox, path.to_str().unwrap(), &[word]);
    }
}

/// Nine levels of nine aliases each: a small file that means a billion values.
fn alias_bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    text
}

#[test]
fn wrong_command_lines_are_refused() {
    let sandbox = Sandbox::new();
    let scenario = library("quickstart");
    let scenario = scenario.to_str().unwrap();
    for arguments in [
        vec!["run"],
        vec!["run", scenario, "--frobnicate"],
        vec!["run", scenario, "--seed", "seven"],
        vec!["run", scenario, "--environment", "the-moon"],
        vec!["run", scenario, "--defect", "no-such-defect"],
        vec!["report", "no-such-run"],
        vec!["explain", "no-such-run"],
        vec!["load", "not-a-url", "--rate", "10/s"],
        vec!["load", "http://127.0.0.1:9/", "--rate", "fast"],
        vec![
            "load",
            "http://127.0.0.1:9/",
            "--rate",
            "10/s",
            "--fail-if",
            "p98 is bad",
        ],
        vec!["dance"],
        vec![],
    ] {
        sandbox.run(&arguments).expect_code(64);
    }
    assert!(!sandbox.path().join("runs").exists(), "a run was begun");
}

#[test]
fn a_target_that_nobody_serves_is_unavailable() {
    let sandbox = Sandbox::new();
    sandbox
        .run(&[
            "load",
            "http://127.0.0.1:9/",
            "--rate",
            "50/s",
            "--duration",
            "1s",
        ])
        .expect_code(69);
}

#[test]
fn a_dry_run_touches_nothing() {
    let sandbox = Sandbox::new();
    let scenario = library("quickstart");
    let dir = sandbox.new_run_dir();
    let plan = sandbox.run(&[
        "run",
        scenario.to_str().unwrap(),
        "--dry-run",
        "--out",
        dir.to_str().unwrap(),
    ]);
    plan.expect_code(0).expect_words(&["kill", "leader"]);
    assert!(!dir.exists());
    assert_eq!(sandbox.processes(), []);
}

/// The documents of `plan --rights`, by kind, with their namespace where they have one.
fn granted(sandbox: &Sandbox, more: &[&str]) -> Vec<(String, Option<String>, Value)> {
    let plan = [&["plan"], more, &["--rights"]].concat();
    let plan = sandbox.run(&plan);
    plan.expect_code(0);
    assert!(!plan.stdout.contains('*'), "{}", plan.stdout);
    let text = |value: &Value| value.as_str().map(str::to_string);
    let documents = plan.stdout.split("---\n").map(|document| {
        let document: Value = serde_saphyr::from_str(document).unwrap();
        let (kind, place) = (&document["kind"], &document["metadata"]["namespace"]);
        (text(kind).unwrap(), text(place), document)
    });
    documents.collect()
}

#[test]
fn the_rights_of_a_scenario_are_printed_without_a_cluster() {
    let sandbox = Sandbox::new();
    let account = ["--account", "ops/drills"];
    let all = granted(
        &sandbox,
        &["kubernetes-leader-crash", account[0], account[1]],
    );
    let kinds: Vec<(&str, Option<&str>)> = all
        .iter()
        .map(|(kind, place, _)| (kind.as_str(), place.as_deref()))
        .collect();
    let (agents, own) = (Some("shakedown-agents"), Some("shakedown-reference"));
    let drills = Some("shakedown");
    let wanted = [
        ("ClusterRole", None),
        ("ClusterRoleBinding", None),
        ("Role", drills),
        ("RoleBinding", drills),
        ("Role", agents),
        ("RoleBinding", agents),
        ("Role", own),
        ("RoleBinding", own),
    ];
    assert_eq!(kinds, wanted);
    for (kind, _, document) in &all {
        assert_eq!(document["metadata"]["name"], all[0].2["metadata"]["name"]);
        match kind.strip_suffix("Binding") {
            Some(role) => {
                let subject = &document["subjects"][0];
                assert_eq!(document["roleRef"]["kind"], role);
                assert_eq!(
                    (&subject["namespace"], &subject["name"]),
                    (&"ops".into(), &"drills".into())
                );
            }
            None => assert!(document["rules"][0]["verbs"][0].is_string(), "{document:#}"),
        }
    }
    // Nothing where agents are made for what the API alone does.
    let plain = granted(&sandbox, &["kubernetes-leader-delete"]);
    assert!(plain.iter().all(|(_, place, _)| place.as_deref() != agents));
    assert_eq!(plain[1].2["subjects"][0]["name"], "shakedown-runner");
}

#[test]
fn rights_are_of_a_cluster() {
    let sandbox = Sandbox::new();
    sandbox
        .run(&["plan", "quickstart", "--rights"])
        .expect_code(64)
        .expect_words(&["environment local needs no rights of a cluster"]);
    let crash = "kubernetes-leader-crash";
    for more in [
        vec!["--rights", "--account", "runner"],
        vec!["--rights", "--json"],
        vec!["--account", "ops/drills"],
    ] {
        let arguments = [&["plan", crash], more.as_slice()].concat();
        sandbox.run(&arguments).expect_code(64);
    }
}

#[test]
fn what_init_writes_is_valid() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init", "mine"]).expect_code(0);
    let mut count = 0;
    for entry in fs::read_dir(sandbox.path().join("mine")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "yaml")
        {
            count += 1;
            sandbox
                .run(&["validate", path.to_str().unwrap()])
                .expect_code(0);
        }
    }
    assert!(count >= 2, "{count} files");
    sandbox.run(&["init", "mine"]).expect_code(64);
}

#[test]
fn a_profile_is_drafted_from_what_runs() {
    let sandbox = Sandbox::new();
    let compose =
        "name: acme\nservices:\n  api: { ports: [\"8000:8080\"], deploy: { replicas: 2 } }\n";
    sandbox.write("compose.yaml", compose);
    let made = sandbox.run(&["init", "drafted", "--from", "compose:compose.yaml"]);
    made.expect_code(0);
    let profile = fs::read_to_string(sandbox.path().join("drafted/system.yaml")).unwrap();
    assert!(
        profile.contains("project: acme") && profile.contains("port: 8080"),
        "{profile}"
    );
    for file in ["drafted/system.yaml", "drafted/scenario.yaml"] {
        sandbox.run(&["validate", file]).expect_code(0);
    }
    let again = sandbox.run(&["init", "drafted", "--from", "compose:compose.yaml"]);
    again.expect_code(64);
    for (target, code, words) in [
        (
            "compose:compose.yaml#web",
            64,
            "no service `web`; there are api",
        ),
        ("compose:nowhere.yaml", 64, "nowhere.yaml"),
        ("deployment:hft", 64, "write deployment:NAMESPACE/NAME"),
        ("ftp://nowhere", 64, "expected http://HOST:PORT"),
        ("http://127.0.0.1:9", 69, "connection refused"),
    ] {
        let finished = sandbox.run(&["init", "other", "--from", target]);
        finished.expect_code(code);
        finished.expect_words(&[words]);
        assert!(!sandbox.path().join("other").exists(), "{target}");
    }
}

#[test]
fn schemas_and_lists_are_machine_readable() {
    let sandbox = Sandbox::new();
    for which in ["scenario", "profile", "record", "webhook"] {
        let schema = sandbox.run(&["schema", which]);
        schema.expect_code(0);
        assert!(schema.json()["$schema"].is_string(), "{which}");
        assert!(schema.json()["properties"].is_object(), "{which}");
    }
    let list = sandbox.run(&["list", "--json"]);
    list.expect_code(0);
    assert!(list.stdout.contains("quickstart"), "{}", list.stdout);
    for fixture in ["foreign.yaml", "foreign-baseline.yaml"] {
        let path = workspace().join("tests/fixtures").join(fixture);
        sandbox
            .run(&["validate", path.to_str().unwrap()])
            .expect_code(0);
    }
}

#[test]
fn commands_of_the_readme_exist() {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let sandbox = Sandbox::new();
    let mut commands: Vec<&str> = readme
        .lines()
        .map(str::trim_start)
        .filter_map(|line| {
            line.strip_prefix("cargo run --release -- ")
                .or_else(|| line.strip_prefix("shakedown "))
        })
        .filter_map(|rest| rest.split_whitespace().next())
        .collect();
    commands.sort_unstable();
    commands.dedup();
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        sandbox.run(&[command, "--help"]).expect_code(0);
    }
}
