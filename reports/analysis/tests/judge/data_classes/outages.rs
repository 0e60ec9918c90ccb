//! Reads after all copies were down at once: what was there before and is gone is lost.

use super::*;

#[test]
fn what_outlives_every_outage_is_not_lost() {
    let run = Run::healthy()
        .outage(ReadKind::Cold, |_| {})
        .outage(ReadKind::PowerCut, |_| {});
    let analysis = run.judge();
    let data = &analysis.record.data_loss;
    assert_eq!(
        (analysis.record.verdict, data.lost),
        (Verdict::Pass, Some(0)),
        "{:?}",
        analysis.record.reasons
    );
    let all = vec![ReadKind::Converged, ReadKind::Cold, ReadKind::PowerCut];
    assert_eq!(
        (&data.coverage.reads, &data.coverage.reads_asked),
        (&all, &all)
    );
    assert_eq!(data.coverage.replicas_read, 3);
    assert!(the(&analysis, "lost").why.contains("or after a power cut"));
}

#[test]
fn what_was_there_after_the_heal_and_is_gone_after_an_outage_is_lost_and_dated_by_it() {
    let analysis = Run::healthy()
        .outage(ReadKind::Cold, drop_order(LATE))
        .judge();
    red(&analysis, "rpo", "acknowledged orders were lost");
    let data = &analysis.record.data_loss;
    assert_eq!((data.lost, data.rpo_orders), (Some(1), Some(1)));
    // Acknowledged at 12.001 s; the copies were stopped a second after the end.
    near(data.rpo_s, (END + S) as f64 / 1e9 - 12.001, 0.1);
    let observed = &the(&analysis, "lost").observed.text;
    assert!(
        observed.contains("1 gone after a cold restart"),
        "{observed}"
    );
    let story = &data.examples[0].story;
    for words in [
        "found on engine-1, engine-2, engine-3 (converged read)",
        "missing on engine-1, engine-2, engine-3 (cold read): gone after a cold restart",
    ] {
        assert!(story.contains(words), "{story}");
    }
}

#[test]
fn a_sentinel_that_is_gone_is_a_lost_order_too() {
    let gone = |rows: &mut Vec<Row>| rows.retain(|row| row.id != format!("{PREFIX}-s0"));
    let analysis = Run::healthy().outage(ReadKind::PowerCut, gone).judge();
    assert_eq!(analysis.record.data_loss.lost, Some(1));
    let observed = &the(&analysis, "lost").observed.text;
    assert!(observed.contains("1 gone after a power cut"), "{observed}");
}

#[test]
fn a_read_that_was_asked_for_and_not_made_leaves_loss_unknown() {
    let cold = || Run::healthy().outage(ReadKind::Cold, |_| {});
    let of_cold =
        |event: &Event| matches!(event, Event::ReadBack(done) if done.read == ReadKind::Cold);
    let never_down = cold().with(|event| {
        if let Event::OutageOver(over) = event {
            over.failed = Some("engine-2 did not come back".into());
        }
    });
    let empty_but_ok = cold().with(|event| {
        if let Event::ReadBack(done) = event
            && done.read == ReadKind::Cold
        {
            (done.complete, done.reason) = (false, Some("it answers OK, but has no order".into()));
        }
    });
    for run in [
        cold().without(of_cold),
        cold().without(|event| matches!(event, Event::OutageOver(_))),
        never_down,
        empty_but_ok,
    ] {
        let analysis = run.judge();
        let data = &analysis.record.data_loss;
        assert_eq!((data.lost, data.divergent), (None, None));
        assert_eq!(
            analysis.record.exit_code, 2,
            "{:?}",
            analysis.record.reasons
        );
        assert_eq!(data.coverage.reads, [ReadKind::Converged]);
        let told = data.coverage.unread.join("; ");
        assert!(told.contains("cold"), "{told}");
    }
}
