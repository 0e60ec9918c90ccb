//! What is lost, what diverges, and where that cannot be known.

use super::*;

#[test]
fn an_acknowledged_order_on_no_copy_is_lost_with_its_age() {
    let analysis = Run::healthy()
        .every_copy(drop_order(LATE))
        .every_copy(drop_order(LATE - 2))
        .judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["rpo", "lost"]);
    red(&analysis, "rpo", "acknowledged orders were lost");
    let data = &analysis.record.data_loss;
    assert_eq!(
        (data.lost, data.divergent, data.rpo_orders),
        (Some(2), Some(0), Some(2))
    );
    // Due at 11.996 s, acknowledged a millisecond later.
    near(data.rpo_s, STRUCK as f64 / 1e9 - 11.997, 0.1);
    let example = &data.examples[0];
    assert_eq!(
        (example.class.as_str(), example.slot),
        ("lost", Some(LATE - 2))
    );
    assert!(
        example.story.contains("40 ms before leader-dies struck"),
        "{}",
        example.story
    );
    assert!(
        example
            .story
            .contains("missing on engine-1, engine-2, engine-3"),
        "{}",
        example.story
    );
    assert!(
        the(&analysis, "lost")
            .observed
            .text
            .contains("; first abc123-5998")
    );
}

#[test]
fn a_loss_that_no_fault_explains_has_no_age_and_fails_all_the_same() {
    let analysis = Run::healthy().every_copy(drop_order(12_000)).judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["rpo", "lost"]);
    assert_eq!(analysis.record.data_loss.rpo_s, None);
    assert!(
        the(&analysis, "rpo")
            .observed
            .text
            .contains("belong to no fault")
    );
}

#[test]
fn an_order_on_some_copies_only_is_divergent() {
    let analysis = Run::healthy().copy("engine-2", drop_order(LATE)).judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["divergent"]);
    red(&analysis, "divergent", "copies do not hold the same orders");
    assert_eq!(
        (
            analysis.record.data_loss.lost,
            analysis.record.data_loss.divergent
        ),
        (Some(0), Some(1))
    );
}

#[test]
fn of_sharded_data_any_copy_will_do() {
    let mut run = Run::healthy().copy("engine-2", drop_order(LATE));
    run.plan.system.data = DataLayout::Sharded {
        by: "symbol".into(),
    };
    run.plan.rules.retain(|rule| rule.id != "divergent");
    let analysis = run.judge();
    assert_eq!(
        analysis.record.verdict,
        Verdict::Pass,
        "{:?}",
        analysis.record.reasons
    );
    assert_eq!(analysis.record.data_loss.divergent, None);
    assert!(
        analysis
            .record
            .data_loss
            .coverage
            .not_checkable
            .contains(&"divergent".to_string())
    );
    let lost = run.every_copy(drop_order(LATE)).judge();
    assert_eq!(lost.record.data_loss.lost, Some(1));
}

/// The same run with the store as the first part's name: its replicas are the copies.
fn of_a_store(mut run: Run, method: &str) -> Run {
    let system = &mut run.plan.system;
    let engine = system.parts[0].clone();
    system.parts.insert(
        0,
        Part {
            name: "gateway".into(),
            ..engine
        },
    );
    system.data = DataLayout::Store {
        part: "engine".into(),
    };
    match system.read_back.as_mut().unwrap() {
        ReadBack::List { get, .. } | ReadBack::ById { get, .. } => get.method = method.into(),
    }
    run
}

#[test]
fn every_server_of_a_store_that_is_read_must_hold_every_order() {
    let healthy = of_a_store(Run::healthy(), Request::SQL).judge();
    assert_eq!(ids(&healthy, Verdict::Fail), Vec::<&str>::new());
    assert_eq!(healthy.record.data_loss.lost, Some(0));
    let run = Run::healthy().copy("engine-2", drop_order(LATE));
    let analysis = of_a_store(run, Request::SQL).judge();
    assert_eq!(ids(&analysis, Verdict::Fail), ["divergent"]);
    let lost = of_a_store(Run::healthy().every_copy(drop_order(LATE)), Request::SQL).judge();
    assert_eq!(lost.record.data_loss.lost, Some(1));
}

fn incomplete(run: Run, replica: &'static str) -> Run {
    run.with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == replica
        {
            (done.complete, done.reason) = (false, Some("connection refused".into()));
        }
    })
}

#[test]
fn an_unread_copy_makes_loss_unknown_and_never_zero() {
    let read = |event: &Event| matches!(event, Event::ReadBack(done) if done.replica == "engine-2");
    for run in [
        incomplete(Run::healthy(), "engine-2"),
        Run::healthy().without(read),
    ] {
        let analysis = run.every_copy(drop_order(LATE)).judge();
        let data = &analysis.record.data_loss;
        assert_eq!((data.lost, data.rpo_orders, data.rpo_s), (None, None, None));
        assert_eq!(
            (data.phantom, data.duplicate, data.corrupt, data.divergent),
            (None, None, None, None)
        );
        assert_eq!(
            (analysis.record.verdict, analysis.record.exit_code),
            (Verdict::Inconclusive, 2)
        );
        assert!(
            analysis
                .record
                .reasons
                .iter()
                .any(|why| why.contains("engine-2")),
            "{:?}",
            analysis.record.reasons
        );
        assert_eq!(
            (data.coverage.replicas_expected, data.coverage.replicas_read),
            (3, 2)
        );
    }
}

#[test]
fn what_was_found_is_proof_although_another_copy_was_not_read() {
    let run = incomplete(Run::healthy(), "engine-2");
    let divergent = run.clone().copy("engine-3", drop_order(LATE)).judge();
    assert_eq!(divergent.record.data_loss.divergent, Some(1));
    assert_eq!(divergent.record.verdict, Verdict::Fail);
    let phantom = run
        .clone()
        .copy("engine-2", add_order(&run, REJECTED))
        .judge();
    assert_eq!(
        (phantom.record.data_loss.phantom, phantom.record.verdict),
        (Some(1), Verdict::Fail)
    );
}

#[test]
fn a_list_without_its_sentinel_or_with_a_torn_file_was_not_read() {
    let is_sentinel = |row: &Row| row.id == format!("{PREFIX}-s0");
    let short = Run::healthy()
        .copy("engine-1", |rows| rows.retain(|row| !is_sentinel(row)))
        .judge();
    let empty = Run::healthy().copy("engine-1", Vec::clear).judge();
    let mut torn = Run::healthy();
    torn.rows.get_mut("engine-1").unwrap().pop();
    let unacked = Run::healthy().with(|event| {
        if let Event::Sentinel { acked, .. } = event {
            *acked = false;
        }
    });
    let unsent = Run::healthy().without(|event| matches!(event, Event::Sentinel { .. }));
    for analysis in [short, empty, torn.judge(), unacked.judge(), unsent.judge()] {
        assert_eq!(analysis.record.data_loss.lost, None);
        assert_eq!(
            analysis.record.exit_code, 2,
            "{:?}",
            analysis.record.reasons
        );
    }
}

#[test]
fn without_a_read_back_nothing_is_known() {
    let mut run = Run::healthy();
    run.plan.system.read_back = None;
    run.plan.reads.clear();
    let analysis = run.judge();
    let data = &analysis.record.data_loss;
    assert_eq!(
        (
            data.lost,
            data.phantom,
            data.unresolved,
            data.coverage.orders
        ),
        (None, None, None, 0)
    );
    assert_eq!(analysis.record.verdict, Verdict::Inconclusive);
    assert!(data.coverage.not_checkable.contains(&"lost".to_string()));
}
