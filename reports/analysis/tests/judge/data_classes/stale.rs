//! Copies that are read while a fault is on: who is behind is stale, and nothing is lost by that.

use shakedown_record::run_record::Severity;
use shakedown_scenarios::plan::{Rule, RuleKind};

use super::*;

/// After the fault struck, and before it was healed.
const ASKED: u64 = STRUCK + S;

fn limited(mut run: Run, at_most: u64) -> Run {
    run.plan.rules.push(Rule {
        id: "stale".into(),
        kind: RuleKind::Orders {
            class: DataClass::Stale,
            at_most,
        },
        severity: Severity::Critical,
        source: None,
    });
    run
}

/// Only what was there before this slot.
fn up_to(slot: u64) -> impl Fn(&mut Vec<Row>) {
    move |rows| {
        rows.retain(|row| {
            let number = row
                .id
                .rsplit_once('-')
                .and_then(|(_, rest)| rest.parse::<u64>().ok());
            number.is_some_and(|number| number < slot)
        });
    }
}

#[test]
fn a_copy_that_shows_all_that_was_acknowledged_is_not_stale() {
    // Slot 6519 was acknowledged a millisecond before the question; what came after it proves nothing.
    let slot = ASKED * RATE / S;
    let run = Run::healthy().degraded(ASKED, slot, up_to(slot));
    let analysis = limited(run, 0).judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
    let data = &analysis.record.data_loss;
    assert_eq!((data.stale, data.lost), (Some(0), Some(0)));
    assert_eq!(
        data.coverage.reads,
        [ReadKind::Degraded, ReadKind::Converged]
    );
    assert!(!data.coverage.not_checkable.contains(&"stale".to_string()));
}

#[test]
fn what_was_acknowledged_and_not_shown_is_stale_and_never_lost() {
    let run = Run::healthy().degraded(ASKED, 5_989, up_to(5_990));
    let analysis = limited(run.clone(), 10).judge();
    red(&analysis, "stale", "copies were stale while a fault was on");
    let data = &analysis.record.data_loss;
    assert!(data.stale > Some(10), "{:?}", data.stale);
    assert_eq!((data.lost, data.divergent), (Some(0), Some(0)));
    let observed = &the(&analysis, "stale").observed.text;
    // Due at 11.98 s, asked at 13.037 s.
    for words in [
        "one acknowledged 1.06 s before engine-2 was asked",
        "during leader-dies",
    ] {
        assert!(observed.contains(words), "{observed}");
    }
    assert!(
        !observed.contains("watermark"),
        "it said that it was behind: {observed}"
    );
    let unlimited = run.judge();
    assert_eq!(
        unlimited.record.verdict,
        Verdict::Pass,
        "nothing is implied"
    );
    assert_eq!(unlimited.record.data_loss.stale, data.stale);
}

#[test]
fn a_copy_that_says_that_it_is_current_and_is_not_is_told_by_its_watermark() {
    let run = Run::healthy().degraded(ASKED, 9_000, up_to(5_990));
    let analysis = limited(run, 0).judge();
    let observed = &the(&analysis, "stale").observed.text;
    assert!(
        observed.contains("below the watermark that the copy told"),
        "{observed}"
    );
}

#[test]
fn what_no_read_shows_is_lost_and_not_stale() {
    let run = Run::healthy().every_copy(drop_order(LATE));
    let analysis = run.degraded(ASKED, 9_000, |_| {}).judge();
    let data = &analysis.record.data_loss;
    assert_eq!((data.lost, data.stale), (Some(1), Some(0)));
}

#[test]
fn a_degraded_read_that_reached_nobody_says_nothing() {
    let unread = |event: &mut Event| {
        if let Event::ReadBack(done) = event
            && done.during.is_some()
        {
            (done.complete, done.reason) = (false, Some("connection refused".into()));
        }
    };
    let run = Run::healthy().degraded(ASKED, 0, Vec::clear).with(unread);
    let analysis = limited(run, 0).judge();
    let data = &analysis.record.data_loss;
    assert_eq!(
        (data.stale, data.lost),
        (None, Some(0)),
        "nothing lost is another question"
    );
    assert_eq!(analysis.record.exit_code, 2);
    assert_eq!(data.coverage.reads, [ReadKind::Converged]);
}
