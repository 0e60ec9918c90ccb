//! Each sensor broken in turn: inconclusive with the reason in words, never a pass.

use shakedown_record::event::{Event, GeneratorReport};
use shakedown_record::ledger::OrderKind;
use shakedown_record::worker::{CLOCK_ERROR_BUDGET_NS, WorkerReport};
use shakedown_record::{LinkOverhead, Outcome, Verdict};

use crate::build::*;

fn inconclusive(run: &Run, reason: &str) {
    let analysis = run.judge();
    let record = &analysis.record;
    assert_eq!(
        (record.verdict, record.exit_code),
        (Verdict::Inconclusive, 2),
        "{:?}",
        record.reasons
    );
    assert!(
        record.reasons.iter().any(|why| why.contains(reason)),
        "{reason}: {:?}",
        record.reasons
    );
}

#[test]
fn a_fault_without_effect() {
    let run = Run::healthy().with(|event| {
        if let Event::FaultEffect { effect, .. } = event {
            (effect.confirmed, effect.text) = (false, "pid 11 still answers".into());
        }
    });
    inconclusive(
        &run,
        "fault leader-dies had no effect: pid 11 still answers",
    );
    let analysis = run.judge();
    assert_eq!(
        ids(&analysis, Verdict::Pass),
        ["steady-p99", "steady-rate"],
        "what came before the fault still counts"
    );
    assert_eq!(
        analysis.record.reasons[0],
        "fault leader-dies had no effect: pid 11 still answers"
    );
}

#[test]
fn a_fault_that_never_fired_or_was_never_confirmed_or_never_clean() {
    let fault = |event: &Event| {
        matches!(
            event,
            Event::FaultPrepared { .. }
                | Event::FaultInjected { .. }
                | Event::FaultEffect { .. }
                | Event::FaultHealing { .. }
                | Event::FaultHealed { .. }
                | Event::FaultClean { .. }
                | Event::RedundancyRestored { .. }
        )
    };
    inconclusive(
        &Run::away(0, Away::Dead).without(fault),
        "fault leader-dies did not fire",
    );
    let effect = |event: &Event| matches!(event, Event::FaultEffect { .. });
    inconclusive(
        &Run::healthy().without(effect),
        "never seen to have an effect",
    );
    let clean = |event: &Event| matches!(event, Event::FaultClean { .. });
    inconclusive(
        &Run::healthy().without(clean),
        "never seen healed and clean",
    );
    let refused = Event::FaultRefused {
        firing: leader_dies(),
        reason: "no replica has the role leader".into(),
    };
    inconclusive(
        &Run::away(0, Away::Dead).without(fault).and(STRUCK, refused),
        "no replica has the role leader",
    );
    let mut twice = Run::healthy();
    twice.plan.faults[0].repeat.times = 2;
    inconclusive(&twice, "did not fire a 2nd time");
}

#[test]
fn a_starved_generator_decides_nothing_about_time_and_everything_about_data() {
    let starve = |event: &mut Event| {
        if let Event::Generator { report } = event {
            report.saturated = true;
            report.why = vec!["CPU time was taken away for 12 % of the run".into()];
        }
    };
    let run = Run::healthy().with(starve);
    inconclusive(&run, "CPU time was taken away");
    let lost = run.every_copy(|rows| {
        rows.remove(77);
    });
    let analysis = lost.judge();
    assert_eq!(analysis.record.verdict, Verdict::Fail);
    assert_eq!(the(&analysis, "steady-p99").verdict, Verdict::Inconclusive);
    assert_eq!(the(&analysis, "lost").verdict, Verdict::Fail);
    assert_eq!(the(&analysis, "duplicate").verdict, Verdict::Pass);
}

#[test]
fn a_number_beyond_its_limit_is_no_fail_without_evidence() {
    let slow = Run::away(6 * S, Away::Dead).with(|event| {
        if let Event::Generator { report } = event {
            *report = GeneratorReport {
                saturated: true,
                ..report.clone()
            };
        }
    });
    let analysis = slow.judge();
    assert_eq!(the(&analysis, "failover").verdict, Verdict::Inconclusive);
    assert_eq!(analysis.record.verdict, Verdict::Inconclusive);
}

#[test]
fn steady_state_that_was_not_reached() {
    let steady = |event: &Event| matches!(event, Event::SteadyReached);
    let missed = Event::SteadyMissed {
        reason: "3 % errors in the last 5 s".into(),
    };
    inconclusive(
        &Run::healthy().without(steady).and(6 * S, missed),
        "steady state was not reached: 3 % errors",
    );
    inconclusive(
        &Run::healthy().without(steady),
        "steady state was not reached",
    );
}

#[test]
fn nothing_acknowledged() {
    let mut run = Run::healthy();
    for entry in &mut run.entries {
        entry.outcome = Some(Outcome::BadResponse);
        entry.sequence = None;
    }
    let run = run.refill();
    inconclusive(&run, "nothing was acknowledged");
    let analysis = run.judge();
    assert_eq!(analysis.record.reasons[0], "nothing was acknowledged");
    assert_eq!(analysis.record.data_loss.lost, None);
    assert_eq!(
        analysis.record.latency_acked[&shakedown_record::Phase::Run].p50_ns,
        None
    );
}

#[test]
fn a_run_that_died() {
    let finished = |event: &Event| matches!(event, Event::RunFinished { .. });
    inconclusive(&Run::healthy().without(finished), "the run did not finish");
    let mut early = Run::healthy();
    early
        .events
        .retain(|stamped| stamped.mono_ns <= ZERO + STRUCK);
    inconclusive(&early, "the run did not finish");
    early
        .entries
        .iter_mut()
        .for_each(|entry| entry.outcome = None);
    inconclusive(&early, "nothing was acknowledged");
}

#[test]
fn missing_and_damaged_files() {
    let run = Run::healthy();
    let judge = |spoil: &dyn Fn(&shakedown_record::run_dir::RunDir)| {
        let (_folder, dir) = run.write();
        spoil(&dir);
        let record = shakedown_analysis::analyse(&dir, &run.plan).unwrap().record;
        assert_ne!(record.verdict, Verdict::Pass);
        (record.exit_code, record.reasons)
    };
    let (code, reasons) = judge(&|dir| std::fs::remove_file(dir.events()).unwrap());
    assert_eq!(code, 2, "{reasons:?}");
    let (code, reasons) = judge(&|dir| std::fs::write(dir.events(), "not json\n{}\n").unwrap());
    assert!(code == 2 && reasons[0].contains("line 1"), "{reasons:?}");
    let (code, reasons) = judge(&|dir| std::fs::remove_dir_all(dir.readback()).unwrap());
    assert!(
        code == 2 && reasons.iter().any(|why| why.contains("cannot be read")),
        "{reasons:?}"
    );
    let (code, reasons) =
        judge(&|dir| std::fs::write(dir.ledger().join("retries.jsonl"), "{\n").unwrap());
    assert!(
        code == 2 && reasons[0].contains("retries.jsonl"),
        "{reasons:?}"
    );
    let (code, reasons) = judge(&|dir| {
        let path = dir.ledger().join("orders-0000.seg");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[64 * 500 + 62] = 99;
        std::fs::write(path, bytes).unwrap();
    });
    assert!(code == 2 && reasons[0].contains("slot 500"), "{reasons:?}");
    let (code, reasons) = judge(&|dir| std::fs::remove_dir_all(dir.ledger()).unwrap());
    assert!(
        code == 70 && reasons[0].contains("do not add up"),
        "{reasons:?}"
    );
}

#[test]
fn an_empty_directory_and_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let dir = shakedown_record::run_dir::RunDir::at(folder.path());
    let record = shakedown_analysis::analyse(&dir, &crate::plan::plan())
        .unwrap()
        .record;
    assert_eq!(
        (record.verdict, record.exit_code),
        (Verdict::Inconclusive, 2)
    );
    assert!(
        record
            .checks
            .iter()
            .all(|check| check.verdict == Verdict::Inconclusive)
    );
    assert_eq!(record.run.scenario, "leader-kill");
    let gone = shakedown_record::run_dir::RunDir::at(&folder.path().join("gone"));
    assert!(shakedown_analysis::analyse(&gone, &crate::plan::plan()).is_err());
}

#[test]
fn no_rule_and_only_warnings_decide_nothing() {
    let mut run = Run::healthy();
    run.plan
        .rules
        .iter_mut()
        .for_each(|rule| rule.severity = shakedown_record::run_record::Severity::Warning);
    inconclusive(&run, "no check decides");
    run.plan.rules.clear();
    inconclusive(&run, "no check decides");
}

#[test]
fn too_few_samples() {
    let mut run = Run::healthy();
    run.plan.rules.truncate(1);
    run.plan.rules[0].kind = shakedown_scenarios::plan::RuleKind::Latency {
        quantile: 0.99999,
        at_most_ns: 20 * MS,
        phase: shakedown_record::Phase::Steady,
    };
    inconclusive(&run, "too few for P99.999");
}

#[test]
fn links_that_cost_more_than_a_tenth_of_a_limit_on_latency() {
    let measured = |through_p99_ns| Event::LinksMeasured {
        overhead: LinkOverhead {
            links: 12,
            round_trips: 500,
            direct_p50_ns: 30_000,
            direct_p99_ns: 100_000,
            through_p50_ns: 70_000,
            through_p99_ns,
        },
    };
    let cheap = Run::healthy().and(0, measured(300_000)).judge();
    assert_eq!(
        cheap.record.verdict,
        Verdict::Pass,
        "{:?}",
        cheap.record.reasons
    );
    assert_eq!(
        cheap.record.links.map(|links| links.added_ns()),
        Some(200_000)
    );
    let dear = Run::healthy().and(0, measured(900_000_000));
    inconclusive(&dear, "userspace links add up to");
    let analysis = dear.judge();
    let check = the(&analysis, "steady-p99");
    assert_eq!(check.verdict, Verdict::Inconclusive);
    assert!(
        check.why.contains("more than a tenth of the limit"),
        "{}",
        check.why
    );
    assert_eq!(the(&analysis, "steady-rate").verdict, Verdict::Pass);
    assert_eq!(Run::healthy().judge().record.links, None);
}

#[test]
fn a_worker_that_was_lost_or_whose_clock_is_not_known() {
    let lost = Event::WorkerLost {
        worker: 2,
        workers: 4,
        why: "it ended by signal 9 (KILL)".into(),
    };
    inconclusive(
        &Run::healthy().and(8 * S, lost),
        "worker 2 of 4 was lost at",
    );
    let within = |clock_error_ns: u64| {
        Run::healthy().with(move |event| {
            if let Event::Generator { report } = event {
                report.workers = vec![WorkerReport {
                    worker: 3,
                    place: "a process".into(),
                    scheduled: report.scheduled,
                    outcomes: report.outcomes,
                    unknown: 0,
                    clock_offset_ns: -5_000_000_000,
                    clock_error_ns,
                    lost: None,
                }];
            }
        })
    };
    inconclusive(
        &within(CLOCK_ERROR_BUDGET_NS + 1),
        "the times of worker 3 are those of the others within",
    );
    let known = within(2_000_000).judge();
    assert_eq!(
        known.record.verdict,
        Verdict::Pass,
        "{:?}",
        known.record.checks
    );
    assert_eq!(known.record.generator.workers.len(), 1);
}

#[test]
fn a_replace_that_names_a_slot_which_was_never_written_is_set_aside() {
    for target in [1 << 40, u64::MAX - 1] {
        let mut run = Run::healthy();
        assert_eq!(run.entries[9].kind, OrderKind::Replace);
        run.entries[9].target = Some(target);
        let analysis = run.refill().judge();
        assert_eq!(analysis.record.data_loss.corrupt, Some(0));
    }
}

#[test]
fn a_loss_in_evidence_that_was_changed_afterwards_proves_nothing() {
    let run = Run::healthy();
    let (_folder, dir) = run.write();
    dir.seal().unwrap();
    let judge = || shakedown_analysis::analyse(&dir, &run.plan).unwrap();
    assert_eq!(judge().record.verdict, Verdict::Pass);
    std::fs::write(dir.summary(), "all is well").unwrap();
    let beside = judge();
    assert_eq!(beside.record.verdict, Verdict::Pass);
    assert_eq!(
        beside.beside,
        ["summary.md was added after the run had ended"]
    );
    for replica in ["engine-1", "engine-2", "engine-3"] {
        let path = dir.readback().join(format!("converged-{replica}.jsonl"));
        let rows = std::fs::read_to_string(&path).unwrap();
        let without = rows.replace(&format!("\"{PREFIX}-3000\""), "\"somebody-else\"");
        assert_ne!(rows, without);
        std::fs::write(path, without).unwrap();
    }
    let record = judge().record;
    assert_eq!(
        (record.verdict, record.exit_code),
        (Verdict::Inconclusive, 2)
    );
    let all = record.checks.iter();
    assert!(all.clone().count() > 0);
    for check in all {
        assert_eq!(check.verdict, Verdict::Inconclusive, "{}", check.id);
        assert!(check.why.contains("converged-engine-2.jsonl was changed"));
    }
}
