//! Faults of resources that no shipped scenario has, one after the other in one run: a clock, CPUs, a disk that fails.

use shakedown_record::Verdict;
use shakedown_tests::shakedown::{Sandbox, alone, library};

const FOLLOWER: &str = "to: { random: { part: engine, without-role: leader } }";

#[test]
fn clocks_cpus_and_failing_disks_bite_and_heal() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let fault = |id: &str, what: &str, after: &str, hold: &str| {
        format!(
            "faults.{id}={{ do: {{ {what} }}, {FOLLOWER}, when: {{ after: {after} }}, for: {hold} }}"
        )
    };
    let after = |id: &str| format!("{{ fault: {id}, by: 12s }}");
    let sets = [
        fault(
            "leader-held-back",
            "cpu: { stress: 1 }",
            "{ phase: steady }",
            "3s",
        ),
        fault(
            "skewed",
            "clock-skew: { behind: 1m }",
            &after("leader-held-back"),
            "3s",
        ),
        fault(
            "failing",
            "failing-disk: { share: 50% }",
            &after("skewed"),
            "3s",
        ),
    ];
    let mut more = vec![
        "--set",
        "load.arrival.poisson.rate=400/s",
        "--set",
        "sla.steady-rate.throughput.at-least=300/s",
        "--set",
        "phases.steady=5s",
    ];
    for set in &sets {
        more.extend_from_slice(&["--set", set]);
    }
    let run = sandbox.run_soundly(&library("cpu-limit"), &more);
    let record = run.expect_code(0);
    assert_eq!(record.verdict, Verdict::Pass);
    assert_eq!(record.data_loss.lost, Some(0));
    let seen: Vec<(&str, &str)> = record
        .faults
        .iter()
        .map(|fault| (fault.kind.as_str(), fault.effect.text.as_str()))
        .collect();
    let words = [
        ("cpu", "of CPU time"),
        ("clock-skew", "clock off by -60.000 s"),
        ("failing-disk", "were hit"),
    ];
    assert_eq!(seen.len(), words.len(), "{seen:?}");
    for ((kind, text), (wanted, word)) in seen.iter().zip(words) {
        assert!(
            *kind == wanted && text.contains(word),
            "{wanted}, {word}: {seen:?}"
        );
    }
    for fault in &record.faults {
        assert!(
            fault.effect.confirmed && fault.clean_at_s.is_some(),
            "{fault:?}"
        );
    }
    assert_eq!(sandbox.left_after_s(2.0), []);
}
