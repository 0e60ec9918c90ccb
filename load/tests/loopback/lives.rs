//! Orders that are cancelled and replaced when their lives are over, as the stream says.

use shakedown_load::flow::{Course, Flow};
use shakedown_record::ledger::OrderKind;
use shakedown_scenarios::plan::{LifetimePoint, Lifetimes};

use crate::rig::{config, mix, run};
use crate::server::{Server, accept_now};

const MS: u64 = 1_000_000;

#[test]
fn what_is_sent_is_what_the_stream_says_when_everything_is_acknowledged() {
    let server = Server::start(accept_now);
    let mut config = config(&server.url(), 800.0, 4);
    config.plan.mix = mix(10, 9, 2);
    // Nothing may be late: a slow machine must not end an order in another way.
    config.plan.timeout_ns = 20_000 * MS;
    config.plan.shape.lifetimes = Some(Lifetimes::Table(vec![
        LifetimePoint {
            within_ns: 20 * MS,
            share: 0.0,
        },
        LifetimePoint {
            within_ns: 80 * MS,
            share: 1.0,
        },
    ]));
    let (plan, seed) = (config.plan.clone(), config.seed);
    let run = run(config);
    assert_eq!(run.outcomes().acked, run.finished.scheduled);
    let flow = Flow::new(&plan, seed).unwrap();
    let mut courses = vec![Course::default(); 4];
    let mut ended = 0;
    for (slot, entry) in &run.entries {
        let course = &mut courses[usize::from(entry.session)];
        let draft = flow.draft_in(course, *slot, entry.intended_ns);
        assert_eq!(
            (entry.kind, entry.target),
            (draft.kind, draft.aim),
            "{slot}"
        );
        if let Some(target) = entry.target {
            ended += 1;
            let order = &run.entries[&target];
            assert!(entry.intended_ns - order.intended_ns >= 20 * MS);
        }
    }
    assert!(ended > 300, "{ended}");
    let kinds = [OrderKind::Cancel, OrderKind::Replace];
    assert!(
        kinds
            .iter()
            .all(|kind| run.entries.values().any(|entry| entry.kind == *kind))
    );
}
