//! What is kept under `docs/evidence` parses, and shows what it claims.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use shakedown_tests::evidence::Evidence;
use shakedown_tests::shakedown::workspace;
use shakedown_tests::source_tree::files;

#[test]
fn every_table_shows_what_it_claims() {
    for file in files(&workspace().join("docs/evidence"), &[".tsv"]) {
        if file.name == "peers.tsv" {
            // Of another shape: `benchmarks` holds it.
            continue;
        }
        let evidence =
            Evidence::parse(&file.text).unwrap_or_else(|wrong| panic!("{}: {wrong}", file.name));
        evidence
            .supports_its_claim()
            .unwrap_or_else(|wrong| panic!("{}: {wrong}", file.name));
        let stem = file.name.trim_end_matches(".tsv");
        assert_eq!(evidence.facts["campaign"], stem, "{}", file.name);
    }
}

#[test]
fn every_file_is_listed_where_people_look() {
    let folder = workspace().join("docs/evidence");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    for file in files(&folder, &[".tsv", ".txt"]) {
        assert!(
            index.contains(&format!("({})", file.name)),
            "docs/evidence/README.md does not link {}",
            file.name
        );
    }
}

#[test]
fn the_spike_answers_every_question() {
    let path = workspace().join("docs/evidence/spike.txt");
    let spike = std::fs::read_to_string(path).unwrap();
    for probe in [
        "root",
        "network namespace",
        "mount namespace",
        "pid namespace",
        "time namespace",
        "cgroups",
        "nftables flags owner",
        "Docker Engine",
        "Kubernetes from Go",
        "User-Mode Linux",
        "headless Chromium",
        "cache: cargo target",
    ] {
        let line = spike
            .lines()
            .find(|line| line.starts_with(probe))
            .unwrap_or_else(|| panic!("nothing about {probe}"));
        let answer = line[22..].split_whitespace().next();
        assert!(matches!(answer, Some("yes" | "no")), "{line}");
    }
}
