//! Mistakes in form: each with its line, column, the line itself and a hint; all of them at once.

use crate::common::{
    FOREIGN, QUICKSTART, REFERENCE, compile_both, file, only, profile_alone, set, shipped, swapped,
    with,
};
use shakedown_scenarios::{FileKind, SourceFile, file_kind, system_reference};

/// Compiles the quickstart with one passage changed.
fn quickstart(from: &str, to: &str) -> shakedown_scenarios::Diagnostic {
    let text = swapped(&shipped(QUICKSTART).text, from, to);
    only(compile_both(
        &file("q.yaml", &text),
        &shipped(REFERENCE),
        &[],
    ))
}

/// Compiles the reference profile with one passage changed.
fn reference(from: &str, to: &str) -> shakedown_scenarios::Diagnostic {
    only(profile_alone(&swapped(&shipped(REFERENCE).text, from, to)))
}

#[test]
fn each_kind_of_mistake_is_told_where_it_stands() {
    for (from, to, line, pointed_at, said, hint) in [
        (
            "  timeout: 1s",
            "  timeuot: 1s",
            14,
            "timeuot:",
            "there is no field `timeuot`",
            "did you mean `timeout`?",
        ),
        (
            "timeout: 1s",
            "timeout: 1",
            14,
            "1",
            "`1` is not a duration: it has no unit",
            "20s, 500ms",
        ),
        (
            "timeout: 1s",
            "timeout: 1sec",
            14,
            "1sec",
            "there is no unit `sec`",
            "1m30s",
        ),
        (
            "rate: 1000/s",
            "rate: 1000",
            10,
            "1000 }",
            "`1000` is not a rate",
            "1500/s",
        ),
        (
            "quantile: 99%",
            "quantile: 99",
            23,
            "99, at",
            "percent sign is missing",
            "99%",
        ),
        (
            "in: steady } }\n  steady-rate",
            "in: stedy } }\n  steady-rate",
            23,
            "stedy }",
            "`stedy` is not known here",
            "did you mean `steady`?",
        ),
        (
            "poisson",
            "poison",
            10,
            "poison:",
            "`poison` is not known here",
            "did you mean `poisson`?",
        ),
        (
            "sessions: 64",
            "sessions: many",
            13,
            "many",
            "expected a whole number from 0 to 4294967295, found `many`",
            "",
        ),
        ("sessions: 64", "sessions: -1", 13, "-1", "found `-1`", ""),
        (
            "  sessions: 64\n",
            "",
            9,
            "load:",
            "`sessions` is missing",
            "",
        ),
        (
            "{ kill: { signal: KILL } }",
            "{ kill: { signal: KIL } }",
            18,
            "KIL }",
            "`KIL` is not known here",
            "did you mean `KILL`?",
        ),
        (
            "{ kill: { signal: KILL } }",
            "{ freeze: { by: cgroups } }",
            18,
            "cgroups",
            "`cgroups` is not known here",
            "did you mean `cgroup`?",
        ),
        (
            "{ kill: { signal: KILL } }",
            "kill",
            18,
            "kill",
            "`kill` needs a value",
            "{ kill: { … } }",
        ),
        (
            "{ kill: { signal: KILL } }",
            "{ kill: {}, freeze: {} }",
            18,
            "{ kill",
            "expected exactly one of",
            "",
        ),
        (
            "tags: [ci]",
            "tags: ci",
            6,
            "ci",
            "expected a list, found `ci`",
            "[ci]",
        ),
        (
            "at-most: 0 } }\n  divergent",
            "at-most: few } }\n  divergent",
            27,
            "few }",
            "found `few`",
            "",
        ),
        (
            "scenario: quickstart",
            "scenario: quick start",
            3,
            "quick start",
            "`quick start` is no name",
            "letters",
        ),
        (
            "seed: 7",
            "sede: 7",
            8,
            "sede:",
            "no field `sede`",
            "did you mean `seed`?",
        ),
        (
            "environment: local",
            "environment: locall",
            7,
            "locall",
            "`locall` is not known",
            "did you mean `local`?",
        ),
    ] {
        let told = quickstart(from, to);
        assert_eq!(
            (told.file.as_str(), told.line),
            ("q.yaml", Some(line)),
            "{told}"
        );
        let text = told.text.clone().expect("the line itself is shown");
        let behind: String = text.chars().skip(told.column.unwrap() - 1).collect();
        assert!(behind.starts_with(pointed_at), "{told}");
        assert!(told.message.contains(said), "{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
    }
}

#[test]
fn mistakes_of_a_profile_are_told_too() {
    for (from, to, said, hint) in [
        (
            "{{account}}",
            "{{acount}}",
            "no variable `acount`",
            "did you mean `{{account}}`?",
        ),
        (
            "after={{cursor}}",
            "after={{id}}",
            "no variable `id` here",
            "`cursor` or `now`",
        ),
        (
            "{{quantity}}\"}'\n    acked: { status: [201]",
            "{{quantity|rot13}}\"}'\n    acked: { status: [201]",
            "no filter `rot13`",
            "base64",
        ),
        (
            "path: /orders\n",
            "path: orders\n",
            "begins with a slash",
            "/v1/orders",
        ),
        (
            "{ /state: accepted }",
            "{ state: accepted }",
            "not a JSON Pointer",
            "/order/id",
        ),
        (
            "/role: leader }, term",
            "/role: [] }, term",
            "can never be met",
            "",
        ),
        (
            "where: { /role: leader }, ",
            "where: {}, ",
            "every reply would do",
            "where:",
        ),
        (
            "status: [201]",
            "status: [2001]",
            "2001 is no HTTP status",
            "599",
        ),
        (
            "tick: 0.01, lot: 0.001",
            "tick: 0, lot: 0.001",
            "a tick of 0",
            "0.01",
        ),
        (
            "tick: 0.01, lot: 0.001",
            "tick: x, lot: 0.001",
            "not a decimal number",
            "",
        ),
        (
            "around: 50000,",
            "around: 50000.001,",
            "no whole number of ticks",
            "",
        ),
        (
            "band: 2% } }\n  ETHUSD",
            "band: 0% } }\n  ETHUSD",
            "narrower than one tick",
            "",
        ),
        ("max: 100,", "max: 100.0001,", "no whole number of lots", ""),
        ("quorum: 2", "quorum: 4", "a quorum of 4", ""),
        ("replicas: 3", "replicas: 0", "0 replicas", ""),
        (
            "protocol: http",
            "protocol: htpp",
            "`htpp` is not known",
            "did you mean `http`?",
        ),
        (
            "protocol: http",
            "protocol: fix",
            "the profile's `gateway` is another one",
            "gateway: { fix:",
        ),
        (
            "protocol: http",
            "protocol: binary",
            "the profile's `gateway` is another one",
            "gateway: { binary: { port: 7410 } }",
        ),
        (
            "session: {",
            "gateway: { binary: { port: 7410 } }\nsession: {",
            "the profile's `gateway` is another one",
            "leave `protocol` out",
        ),
        (
            "session: { protocol: http,",
            "gateway: { binary: { port: 7410, batch: 8 } }\nsession: {",
            "a batch of 8 never comes together: 1 may be in flight",
            "in-flight: 8",
        ),
        (
            "session: { protocol: http,",
            "gateway: { binary: { port: 7410, batch: 257 } }\nsession: {",
            "257 messages cannot be written at once",
            "256",
        ),
        (
            "session: { protocol: http,",
            "gateway: { binary: { port: 0 } }\nsession: {",
            "there is no port 0",
            "65535",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: ws, id: /id, new: { send: '{\"id\":\"{{id}}\"}', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "a path begins with a slash",
            "/ws",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{id}}\"}', acked: { /state: accepted } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "nothing says how it is done over WebSocket",
            "add `cancel`",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{symbol}}\"}', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "does not say which order it means",
            "{{id}}",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{id}}\"}', acked: {} }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "no answer is an acknowledgement",
            "/state: accepted",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, take: { sequence: { header: x-seq } }, new: { send: '{\"id\":\"{{id}}\"}', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "answers over WebSocket have no headers",
            "/sequence",
        ),
        (
            "session: { protocol: http,",
            "gateway: { websocket: { path: /ws, id: /id, new: { send: '{\"id\":\"{{id}}\"', acked: { /state: accepted } }, cancel: { send: '{{id}}', acked: { /s: c } }, replace: { send: '{{id}}', acked: { /s: r } } } }\nsession: {",
            "not valid JSON",
            "",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 0, sender: A, target: B } }\nsession: {",
            "there is no port 0",
            "1 to 65535",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 1, sender: \"A {{session}}\", target: B } }\nsession: {",
            "a CompID has",
            "SHK-{{session}}",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 1, sender: A, target: B, heartbeat: 1500ms } }\nsession: {",
            "whole seconds",
            "600s",
        ),
        (
            "session: { protocol: http,",
            "gateway: { fix: { port: 1, sender: A, target: B, drop-copy: { sender: A, target: B } } }\nsession: {",
            "the names of another one",
            "of its own",
        ),
        (
            "\"id\":\"{{id}}\",",
            "",
            "the request does not send them",
            "{{id}}",
        ),
        (
            "\"type\":\"limit\",",
            "\"type\":\"limit\"",
            "not valid JSON",
            "",
        ),
        (
            "rejected: { status: [404] }",
            "rejected: { status: [409] }",
            "status 409 means `rejected` already",
            "where:",
        ),
        ("    next: /next\n", "", "`next` is missing", "/next"),
        ("&limit=5000", "&limit= 5000", "no spaces", ""),
        (
            "after={{cursor}}&",
            "",
            "every page would be the first",
            "{{cursor}}",
        ),
        (
            "fields: { id: /id, ",
            "fields: { ",
            "`id` is missing",
            "/id",
        ),
        (
            "accounts: [SHK-TEST-1, SHK-TEST-2,",
            "accounts: [SHK-TEST-2, SHK-TEST-2,",
            "there twice",
            "",
        ),
        (
            "latency: order_latency_seconds",
            "latency: order-latency",
            "no name of a Prometheus series",
            "_bucket",
        ),
        (
            "reconnect-every: 10ms",
            "reconnect-every: 1us",
            "no sensible time",
            "",
        ),
        (
            "data: replicated",
            "data: { store: { part: postgres } }",
            "no part `postgres`",
            "engine",
        ),
        (
            "cancel-on-disconnect: none",
            "cancel-on-disconnect: session",
            "not supported",
            "",
        ),
        ("sla: {}", "sla: { p99: {} }", "limits nothing", "latency"),
    ] {
        let told = reference(from, to);
        assert!(told.message.contains(said), "{from} -> {to}:\n{told}");
        assert!(
            told.hint.as_deref().unwrap_or_default().contains(hint),
            "{told}"
        );
        assert!(told.line.is_some() && told.text.is_some(), "{told}");
    }
}

#[test]
fn many_mistakes_come_together_and_read_well() {
    let text = "\
scenario: broken run
system: reference
sed: 7
load:
  arrival: { poisson: { rate: 1500 } }
  mix: { new: 70, cancle: 25 }
  sessions: 64
phases: { warm-up: { at-most: 20 }, steady: 10s, recovery: { at-most: 40s } }
faults:
  leader-dies:
    do: { kill: { signal: KILL } }
    to: { role: laeder }
    when: { after: { phase: steady, bye: 1s } }
    for: 5 s
sla:
  p99: { latency: { quantile: 99%, at-most: 2parsecs, in: steady } }
  both: { rpo: { at-most: 1s }, failover: { at-most: 1s } }
";
    let told = compile_both(&file("broken.yaml", text), &shipped(REFERENCE), &[])
        .unwrap_err()
        .to_string();
    let golden = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/files/golden/mistakes.txt"
    );
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, format!("{told}\n")).unwrap();
    }
    assert_eq!(
        format!("{told}\n"),
        std::fs::read_to_string(golden).unwrap()
    );
}

#[test]
fn form_and_meaning_are_examined_together() {
    let mut text = shipped(QUICKSTART).text;
    for (from, to) in [
        ("tags: [ci]", "tasg: [ci]"),
        ("timeout: 1s", "timeout: 1"),
        ("role: leader", "role: laeder"),
        ("failover: { at-most: 6s }", "failover: { at-most: 10m }"),
        ("quantile: 99%", "quantile: 99.999%"),
    ] {
        text = swapped(&text, from, to);
    }
    let told = compile_both(&file("q.yaml", &text), &shipped(REFERENCE), &[]).unwrap_err();
    let lines: Vec<_> = told.0.iter().filter_map(|one| one.line).collect();
    assert_eq!(lines, [6, 14, 19, 23, 26], "{told}");
}

#[test]
fn mistakes_of_both_files_come_together() {
    let scenario = file(
        "s.yaml",
        &swapped(&shipped(QUICKSTART).text, "timeout: 1s", "timeout: 1"),
    );
    let profile = file(
        "p.yaml",
        &swapped(&shipped(REFERENCE).text, "replicas: 3", "replicas: x"),
    );
    let told = compile_both(&scenario, &profile, &[]).unwrap_err();
    let files: Vec<&str> = told.0.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(files, ["s.yaml", "p.yaml"], "{told}");
    let broken = file("s.yaml", "a: [1\n");
    let told = compile_both(&broken, &file("p.yaml", "b: }\n"), &[]).unwrap_err();
    assert_eq!(told.0.len(), 2, "{told}");
}

#[test]
fn what_was_left_out_for_a_mistake_is_not_complained_about_again() {
    let told = quickstart(
        "    do: { kill: { signal: KILL } }",
        "    od: { kill: { signal: KILL } }",
    );
    assert!(told.message.contains("`od`"), "{told}");
    let profile = swapped(&shipped(REFERENCE).text, "  cancel:\n", "  cancle:\n");
    let told = only(compile_both(
        &shipped(QUICKSTART),
        &file("p.yaml", &profile),
        &[],
    ));
    assert_eq!(
        told.hint.as_deref(),
        Some("did you mean `cancel`?"),
        "{told}"
    );
}

#[test]
fn empty_binary_and_huge_files_are_refused() {
    assert!(SourceFile::from_bytes("s.yaml", b"").is_err());
    assert!(SourceFile::from_bytes("s.yaml", &vec![0u8; 50 << 20]).is_err());
    let huge = file("s.yaml", &"a: 1\n".repeat(10 << 20));
    let told = compile_both(&huge, &shipped(REFERENCE), &[])
        .unwrap_err()
        .to_string();
    assert!(told.starts_with("s.yaml: the file has 52.4 MB"), "{told}");
    for text in [
        "",
        "\n",
        "# only a comment\n",
        "just words",
        "[1, 2]",
        "null",
    ] {
        let source = file("s.yaml", text);
        assert!(
            compile_both(&source, &shipped(REFERENCE), &[]).is_err(),
            "{text:?}"
        );
        assert!(file_kind(&source).is_err(), "{text:?}");
        assert!(system_reference(&source).is_err(), "{text:?}");
    }
}

#[test]
fn a_file_is_recognised_by_its_keys() {
    for (text, kind) in [
        ("scenario: a", FileKind::Scenario),
        ("sceanrio: a\nload: {}", FileKind::Scenario),
        ("system: a\nparts: {}", FileKind::Profile),
        ("system: a\norders: {}", FileKind::Profile),
    ] {
        assert_eq!(file_kind(&file("x", text)).unwrap(), kind, "{text}");
    }
    let told = file_kind(&file("x", "sceanrio: a\n"))
        .unwrap_err()
        .to_string();
    assert!(told.contains("did you mean `scenario`?"), "{told}");
    let told = system_reference(&file("x", "scenario: a\n"))
        .unwrap_err()
        .to_string();
    assert!(told.contains("`system` is missing"), "{told}");
}

#[test]
fn an_option_that_is_wrong_is_named() {
    for (key, value, said) in [
        (
            "sla.steady-p99.latency.at-most",
            "2parsecs",
            "--set:1:32: sla.steady-p99.latency.at-most: `2parsecs` is not",
        ),
        (
            "sla.steady-p99.latency.atmost",
            "2ms",
            "did you mean `at-most`?",
        ),
        ("lod.sessions", "3", "did you mean `load`?"),
        (
            "profile.ceilings.orders",
            "3",
            "--set:1:25: ceilings.orders: `3` is not a rate",
        ),
        ("load..x", "3", "--set:1:1: this is no key"),
        ("load.sessions.x", "3", "`x` cannot be set"),
        ("load", "[", "not valid YAML"),
    ] {
        let told = with(QUICKSTART, &[set(key, value)])
            .unwrap_err()
            .to_string();
        assert!(told.contains(said), "{key}={value}:\n{told}");
        assert!(told.contains(&format!("{key}={value}")), "{told}");
    }
}

#[test]
fn the_value_of_a_secret_is_refused_and_never_shown() {
    let canary = "canary-5f1d";
    for (from, to) in [
        (
            "{ token: { env: FOREIGN_TOKEN } }".to_string(),
            format!("{{ token: {canary} }}"),
        ),
        (
            "{ token: { env: FOREIGN_TOKEN } }".to_string(),
            format!("{{ token: '{canary}' }}"),
        ),
        (
            "{ token: { env: FOREIGN_TOKEN } }".to_string(),
            "{ token: \"\\x63anary-5f1d\" }".to_string(),
        ),
        ("Bearer ${token}".to_string(), format!("Bearer {canary}")),
        ("env: FOREIGN_TOKEN".to_string(), format!("evn: {canary}")),
    ] {
        let text = swapped(FOREIGN, &from, &to);
        let told = profile_alone(&text).unwrap_err();
        let shown = format!("{told}\n{}", serde_json::to_string(&told).unwrap());
        assert!(told.0.iter().any(|one| one.line.is_some()), "{told}");
        if to.contains("evn") {
            assert!(shown.contains("did you mean `env`?"), "{told}");
        } else {
            assert!(!shown.contains(&canary[1..]), "{told}");
        }
    }
    let bare = swapped(FOREIGN, "secrets: { token: { env: FOREIGN_TOKEN } }\n", "");
    let bare = swapped(&bare, "Bearer ${token}", canary);
    let told = profile_alone(&bare).unwrap_err().to_string();
    assert!(
        told.contains("holds no secret") && !told.contains(canary),
        "{told}"
    );
    let option = set("profile.secrets.token", canary);
    let scenario = shipped(QUICKSTART);
    let profile = file("p.yaml", FOREIGN);
    let told = compile_both(&scenario, &profile, &[option])
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("must not stand") && !told.contains(canary),
        "{told}"
    );
}
