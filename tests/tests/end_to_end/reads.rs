//! Reads beyond the one after the heal, with real processes: what outlives all of them going down at once.

use std::fs;

use rustix::process::Signal;
use shakedown_record::event::{Event, read_events};
use shakedown_record::readback::ReadKind;
use shakedown_record::run_dir::RunDir;
use shakedown_record::{Verdict, run_record::RunRecord};
use shakedown_tests::drill::{has_told, scenario};
use shakedown_tests::shakedown::{
    Running, Sandbox, ScenarioRun, beside, check, library, run_arguments, within_s,
};

fn events(run: &ScenarioRun) -> Vec<Event> {
    let events = read_events(&RunDir::at(&run.dir).events()).expect("the run has events");
    events.into_iter().map(|it| it.event).collect()
}

/// The scenario passes: nothing is lost, and all reads were made on all copies.
fn passes(name: &str, reads: &[ReadKind], more: &[&str]) -> RunRecord {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = sandbox.run_soundly(&library(name), more);
    let record = run.expect_code(0);
    let data = &record.data_loss;
    assert_eq!((record.verdict, data.lost), (Verdict::Pass, Some(0)));
    assert_eq!(data.coverage.reads, reads);
    assert_eq!(data.coverage.replicas_read, 3);
    let outages = events(&run).into_iter().filter_map(|event| match event {
        Event::OutageOver(over) => Some(over),
        _ => None,
    });
    for over in outages {
        assert!(
            over.failed.is_none() && over.down_after_ns.is_some(),
            "{over:?}"
        );
    }
    let last = reads.last().expect("it is asked for some");
    run.finished.expect_words(&[last.moment()]);
    assert_eq!(sandbox.left_after_s(2.0), []);
    record
}

#[test]
fn a_clean_engine_keeps_everything_over_a_cold_restart() {
    passes("cold-restart", &[ReadKind::Converged, ReadKind::Cold], &[]);
}

#[test]
fn a_clean_engine_keeps_everything_over_a_power_cut() {
    passes("power-cut", &[ReadKind::Converged, ReadKind::PowerCut], &[]);
}

#[test]
fn a_log_that_is_never_synced_outlives_the_end_of_every_process() {
    let more = ["--defect", "no-fsync"];
    passes(
        "cold-restart",
        &[ReadKind::Converged, ReadKind::Cold],
        &more,
    );
}

#[test]
fn and_no_power_cut() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let more = ["--defect", "no-fsync"];
    let run = sandbox.run_soundly(&library("power-cut"), &more);
    let record = run.expect_code(1);
    let lost = check(&record, "lost");
    assert_eq!(lost.verdict, Verdict::Fail, "{}", run.finished.said());
    assert!(
        lost.observed.text.contains("gone after a power cut"),
        "{lost:?}"
    );
    // Nor does the trade that each of them was part of.
    let invariants = check(&record, "invariants");
    assert_eq!(invariants.verdict, Verdict::Fail, "{invariants:?}");
    let data = &record.data_loss;
    // Nothing is told of the copies that were read before: they had all of it.
    assert!(data.lost > Some(data.acknowledged / 2), "{data:?}");
    assert!(
        data.rpo_s > Some(3.0),
        "as old as the load: {:?}",
        data.rpo_s
    );
    let story = &data.examples[0].story;
    assert!(
        story.contains("found on engine-1, engine-2, engine-3 (converged read)"),
        "{story}"
    );
    let dropped = events(&run).into_iter().find_map(|event| match event {
        Event::OutageOver(over) => Some(over.dropped),
        _ => None,
    });
    let dropped = dropped.expect("there was an outage");
    assert_eq!(dropped.len(), 3, "{dropped:?}");
    assert!(
        dropped.iter().all(|of| of.files > 0 && of.bytes > 10_000),
        "{dropped:?}"
    );
    assert_eq!(sandbox.left_after_s(2.0), []);
}

/// The scenario in which the leader alone loses its power, run with these switches and this in the place of the cut.
fn one_node(sandbox: &Sandbox, cut: &str, more: &[&str]) -> ScenarioRun {
    let text = fs::read_to_string(library("power-cut-one")).expect("it is shipped");
    let path = sandbox.write("one.yaml", text.replace("{ power-cut: {} }", cut));
    let more = [&["--set", "phases.steady=3s"], more].concat();
    sandbox.run_soundly(&path, &more)
}

/// What the leader had not synced, as the record, the effect in words, and the journal tell it.
fn dropped_by_the_leader(run: &ScenarioRun, record: &RunRecord) -> u64 {
    let cut = record.faults.iter().find(|it| it.kind == "power-cut");
    let cut = cut.expect("it is on record");
    assert!(cut.effect.confirmed && cut.clean_at_s.is_some(), "{cut:?}");
    assert_eq!(cut.targets[0].role.as_deref(), Some("leader"));
    let figures = &cut.effect.figures;
    let bytes = figures.iter().find(|it| it.unit == "bytes");
    let bytes = bytes.and_then(|it| it.measured).expect("they are counted") as u64;
    let journal = fs::read_to_string(run.dir.join("journal.jsonl")).expect("it is kept");
    let dropped = journal.lines().find(|line| line.contains("\"dropped\""));
    let dropped = dropped.expect("the journal tells it");
    assert!(dropped.contains(&format!("\"bytes\":{bytes}")), "{dropped}");
    assert!(dropped.contains(&cut.targets[0].name), "{dropped}");
    bytes
}

#[test]
fn a_clean_engine_keeps_everything_when_the_leader_alone_loses_power() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = one_node(&sandbox, "{ power-cut: {} }", &[]);
    let record = run.expect_code(0);
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(record.data_loss.divergent, Some(0));
    dropped_by_the_leader(&run, &record);
    let stood: Vec<&str> = record.faults[..2]
        .iter()
        .map(|fault| fault.targets[0].name.as_str())
        .collect();
    assert_ne!(stood[0], stood[1], "both followers stood still");
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_log_that_is_never_synced_is_lost_with_the_power_of_one_node() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = one_node(&sandbox, "{ power-cut: {} }", &["--defect", "no-fsync"]);
    // What is said quotes the end of the node whose history was written anew: consensus stops there.
    assert_eq!(run.finished.code, Some(1), "{}", run.finished.said());
    let record = run.record();
    assert!(dropped_by_the_leader(&run, &record) > 10_000);
    // Two of three decided again what had been decided, and the third has the rest, or stops over it.
    for id in ["resurrected", "reordered"] {
        let red = check(&record, id);
        assert_eq!(red.verdict, Verdict::Fail, "{}", run.finished.said());
    }
    assert_ne!(check(&record, "lost").verdict, Verdict::Pass);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn and_not_when_that_node_is_killed() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let run = one_node(&sandbox, "{ kill: {} }", &["--defect", "no-fsync"]);
    let record = run.expect_code(0);
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(record.data_loss.divergent, Some(0));
}

#[test]
fn a_shakedown_that_is_killed_while_the_power_is_cut_leaves_nothing_mounted() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let cut = "cut: { do: { power-cut: {} }, to: { role: leader }, when: { after: { phase: steady } }, for: 20s }";
    let path = sandbox.write("drill.yaml", scenario(&[cut.to_string()]));
    let dir = sandbox.new_run_dir();
    let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
    let is_cut = within_s(60.0, || has_told(&dir, "fault-effect", Some("cut")));
    assert!(is_cut, "{}", running.finish().said());
    running.signal(Signal::KILL);
    running.finish();
    assert_eq!(sandbox.left_after_s(2.0), []);
    let own = sandbox.path().display().to_string();
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("there are mounts");
    assert!(!mounts.contains(&own), "{mounts}");
    sandbox.run(&["recover"]).expect_code(0);
    let again = sandbox.run(&["recover"]);
    again.expect_code(0).expect_words(&["clean"]);
}

#[test]
fn copies_that_are_asked_during_a_fault_are_a_moment_behind_at_most() {
    let reads = [ReadKind::Degraded, ReadKind::Converged];
    let record = passes("degraded-read", &reads, &[]);
    let stale = check(&record, "stale");
    assert!(stale.observed.value.is_some(), "{stale:?}");
}

#[test]
fn a_follower_that_shows_the_orders_of_a_while_ago_is_stale_and_loses_nothing() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let more = ["--defect", "stale-reads"];
    let run = sandbox.run_soundly(&library("degraded-read"), &more);
    let record = run.expect_code(1);
    let stale = check(&record, "stale");
    assert_eq!(stale.verdict, Verdict::Fail, "{}", run.finished.said());
    assert!(
        stale.observed.text.contains("below the watermark"),
        "{stale:?}"
    );
    assert_eq!(record.data_loss.lost, Some(0));
    assert_eq!(check(&record, "lost").verdict, Verdict::Pass);
}

#[test]
fn a_replica_that_answers_ok_and_empty_never_means_that_nothing_was_lost() {
    let _beside = beside();
    let sandbox = Sandbox::new();
    let more = ["--defect", "empty-ok"];
    let run = sandbox.run_soundly(&library("degraded-read"), &more);
    let record = run.expect_code(2);
    for id in ["lost", "divergent"] {
        let check = check(&record, id);
        assert_eq!(
            check.verdict,
            Verdict::Inconclusive,
            "{}",
            run.finished.said()
        );
        assert!(
            check.why.contains("answers OK, but has no order"),
            "{check:?}"
        );
    }
    assert_eq!(record.data_loss.lost, None);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

#[test]
fn a_cold_read_of_what_is_not_ours_is_refused_before_anything_is_touched() {
    let sandbox = Sandbox::new();
    let more = ["--environment", "docker"];
    let run = sandbox.run_scenario(&library("cold-restart"), &more);
    run.finished.expect_code(64);
    assert!(
        run.finished
            .stderr
            .contains("only to replicas that it has started itself")
    );
}
