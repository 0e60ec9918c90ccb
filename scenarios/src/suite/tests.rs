use super::*;
use crate::source::SourceFile;

const SUITE: &str = "\
suite: acme
about: What acme promises.
scenarios: [steady.yaml, kill.yaml]
requirements:
  latency: { figure: P99 below 10 ms, source: page 3, shown-by: [steady/p99, kill/p99] }
  recovery: { figure: RTO below 1 min, shown-by: [kill] }
  regions: { figure: three regions }
waive:
  regions: { reason: there is one machine, until: 2027-06-30 }
  kill/p99: { reason: known, until: 2027-01-31 }
";

fn file(text: &str) -> SourceFile {
    SourceFile {
        name: "suite.yaml".to_string(),
        text: text.to_string(),
    }
}

fn members() -> Vec<Member> {
    let member = |scenario: &str, checks: &[&str]| Member {
        scenario: scenario.to_string(),
        checks: checks.iter().map(|check| (*check).to_string()).collect(),
    };
    vec![
        member("steady", &["p99", "lost"]),
        member("kill", &["p99", "failover", "lost"]),
    ]
}

fn read(text: &str) -> Result<Suite, String> {
    let draft = Draft::read(&file(text)).map_err(|told| told.to_string())?;
    draft.against(&members()).map_err(|told| told.to_string())
}

#[test]
fn a_suite_is_what_its_file_says() {
    let suite = read(SUITE).unwrap();
    assert_eq!(suite.files, ["steady.yaml", "kill.yaml"]);
    let shown: Vec<String> = (suite.requirements.iter())
        .flat_map(|it| it.shown_by.iter().map(ToString::to_string))
        .collect();
    assert_eq!(shown, ["steady/p99", "kill/p99", "kill"]);
    let subjects: Vec<String> = (suite.waivers.iter())
        .map(|waiver| waiver.subject.to_string())
        .collect();
    assert_eq!(subjects, ["regions", "kill/p99"]);
    let day = |text: &str| text.parse().unwrap();
    assert!(suite.waivers[1].holds_on(day("2027-01-31")));
    assert!(!suite.waivers[1].holds_on(day("2027-02-01")));
}

#[test]
fn every_name_that_means_nothing_is_told_at_once() {
    let text = SUITE
        .replace("steady/p99", "stedy/p99")
        .replace("shown-by: [kill]", "shown-by: [kill/failver]")
        .replace("  regions: { reason", "  region: { reason")
        .replace("  kill/p99: { reason: known", "  kill/p98: { reason: ''");
    let told = read(&text).unwrap_err();
    for words in [
        "suite.yaml:5:",
        "the suite has no scenario `stedy`",
        "did you mean `steady`?",
        "scenario `kill` has no check `failver`",
        "nothing shows `regions`",
        "there is no requirement `region`",
        "scenario `kill` has no check `p98`",
        "a waiver says why",
    ] {
        assert!(told.contains(words), "{words} is not in {told}");
    }
}

#[test]
fn a_suite_of_nothing_is_a_mistake() {
    let draft = Draft::read(&file("suite: acme\nscenarios: []\n")).unwrap();
    let told = draft.against(&[]).unwrap_err().to_string();
    assert!(
        told.contains("a suite without scenarios shows nothing"),
        "{told}"
    );
}

#[test]
fn two_scenarios_of_one_name_are_told_apart_by_nobody() {
    let draft = Draft::read(&file("suite: acme\nscenarios: [a.yaml, b.yaml]\n")).unwrap();
    let twice = vec![members().remove(0), members().remove(0)];
    let told = draft.against(&twice).unwrap_err().to_string();
    assert!(
        told.contains("there is another scenario `steady`"),
        "{told}"
    );
}
