//! What a run leaves open, with the reason, and the stories that go with what was found.

use shakedown_analysis::{Analysis, explain};
use shakedown_record::event::Event;
use shakedown_record::readback::ReadKind;

use crate::build::*;

fn why<'a>(analysis: &'a Analysis, what: &str) -> Option<(&'a str, bool)> {
    let open = analysis.unchecked.iter().find(|open| open.what == what)?;
    Some((open.why.as_str(), open.was_asked))
}

#[test]
fn a_whole_run_names_only_what_nobody_asked_for() {
    let analysis = Run::healthy().judge();
    assert_eq!(
        why(&analysis, "stale orders"),
        Some(("the scenario asks for no read while a fault is on", false))
    );
    assert_eq!(
        why(&analysis, "the copies after a cold restart"),
        Some(("the scenario does not ask for this read", false))
    );
    for known in ["lost orders", "the copies after the heal", "availability"] {
        assert_eq!(why(&analysis, known), None, "{known}");
    }
    let mut run = Run::healthy();
    run.plan.reads.push(ReadKind::Cold);
    assert_eq!(why(&run.judge(), "the copies after a cold restart"), None);
}

#[test]
fn a_copy_that_was_not_read_leaves_its_classes_open_with_the_reason() {
    let run = Run::healthy().with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-3"
        {
            done.complete = false;
            done.reason = Some("connection refused".into());
        }
    });
    let analysis = run.judge();
    let (reason, asked) = why(&analysis, "divergent orders").unwrap();
    assert!(asked && reason.contains("engine-3"), "{reason}");
    assert!(
        analysis.unchecked.is_sorted_by_key(|open| !open.was_asked),
        "what should have been answered comes first"
    );
}

#[test]
fn a_build_that_was_seen_on_one_side_only_may_have_changed() {
    let blind = Run::healthy().without(
        |event| matches!(event, Event::TargetSeen { when, .. } if *when == shakedown_record::event::Moment::After),
    );
    let what = "whether the build changed during the run";
    assert!(why(&blind.judge(), what).is_some());
    assert_eq!(why(&Run::healthy().judge(), what), None);
}

#[test]
fn the_first_order_of_each_class_is_told_as_explain_tells_it() {
    assert_eq!(Run::healthy().judge().stories, Vec::new());
    let run = Run::healthy()
        .every_copy(|rows| {
            rows.retain(|row| row.id != order_id(6_000) && row.id != order_id(6_001))
        })
        .copy("engine-2", |rows| {
            rows.retain(|row| row.id != order_id(3_000))
        });
    let analysis = run.judge();
    let told: Vec<(&str, &str)> = analysis
        .stories
        .iter()
        .map(|story| (story.class.as_str(), story.order.as_str()))
        .collect();
    assert_eq!(
        told,
        [("lost", "abc123-6000"), ("divergent", "abc123-3000")]
    );
    let (_folder, dir) = run.write();
    let explained = explain(&dir, &run.plan, Some("6000")).unwrap();
    assert_eq!(analysis.stories[0].explanation, explained);
}
