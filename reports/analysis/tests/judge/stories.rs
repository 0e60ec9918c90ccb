//! `explain`: the story of an order, and of the verdict.

use shakedown_analysis::{AnalysisError, explain};

use crate::build::*;

#[test]
fn an_order_is_found_by_its_id_its_slot_and_the_short_form() {
    let run = Run::healthy().every_copy(|rows| rows.retain(|row| row.id != order_id(6_000)));
    let (_folder, dir) = run.write();
    for name in ["abc123-6000", "o-6000", "6000"] {
        let story = explain(&dir, &run.plan, Some(name)).unwrap();
        assert_eq!(story.subject, "order abc123-6000, slot 6,000");
        for part in [
            "buy 0.001 BTCUSD at 50000 due at 12.000 s",
            "acknowledged at 12.001 s by engine-1, sequence 6000",
            "missing on engine-1",
        ] {
            assert!(story.headline.contains(part), "{part}: {}", story.headline);
        }
        assert!(
            story
                .steps
                .iter()
                .any(|step| step.text == "leader-dies struck")
        );
        let last = story.steps.last().unwrap();
        assert_eq!(last.text, "missing on engine-1, engine-2, engine-3");
    }
    for name in ["abc123-99999999", "zzz999-5", "nonsense", ""] {
        let error = explain(&dir, &run.plan, Some(name)).unwrap_err();
        assert!(matches!(error, AnalysisError::NoSuchOrder { .. }), "{name}");
        assert!(error.to_string().contains("abc123-0"), "{error}");
    }
}

#[test]
fn an_order_that_was_cancelled_or_replaced_tells_so() {
    let run = Run::healthy();
    let (_folder, dir) = run.write();
    let told = |slot: &str| {
        let steps = explain(&dir, &run.plan, Some(slot)).unwrap().steps;
        steps
            .into_iter()
            .map(|step| step.text)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert!(
        told("2002").contains("cancel of slot 2002: acknowledged"),
        "{}",
        told("2002")
    );
    assert!(
        told("2001").contains("replace of slot 2001 by "),
        "{}",
        told("2001")
    );
    assert!(
        told("2011").contains("too large on purpose"),
        "{}",
        told("2011")
    );
}

#[test]
fn the_verdict_is_told_in_order_of_time() {
    let run = Run::healthy().copy("engine-2", |rows| {
        rows.remove(0);
    });
    let (_folder, dir) = run.write();
    let story = explain(&dir, &run.plan, None).unwrap();
    assert_eq!(story.headline, "fail: copies do not hold the same orders");
    let times: Vec<f64> = story.steps.iter().filter_map(|step| step.at_s).collect();
    assert!(times.is_sorted() && times.len() >= 6, "{times:?}");
    let all = story
        .steps
        .iter()
        .map(|step| step.text.as_str())
        .collect::<Vec<_>>()
        .join("\n");
    for part in [
        "leader-dies: kill engine-1, the leader",
        "effect seen",
        "good again after",
        "fail divergent: limit 0",
        "divergent abc123-0",
    ] {
        assert!(all.contains(part), "{part}: {all}");
    }
}
