//! Many mistakes at once, and what is no file of ours at all.

use super::*;

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
