//! Reads beyond the one after the heal, with real processes: what outlives all of them going down at once.

use shakedown_record::event::{Event, read_events};
use shakedown_record::readback::ReadKind;
use shakedown_record::run_dir::RunDir;
use shakedown_record::{Verdict, run_record::RunRecord};
use shakedown_tests::shakedown::{Sandbox, ScenarioRun, beside, check, library};

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
