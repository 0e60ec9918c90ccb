//! Kill switches: what is let in, replaced, filled or open after one is found by time and by number, and what was not tried shows
//! nothing.

use shakedown_record::event::GeneratorReport;
use shakedown_record::fault::{Effect, EffectFigure, FaultTarget, Firing};
use shakedown_record::worker::WorkerReport;
use shakedown_scenarios::plan::{FaultKind, FaultPlan, Repeat, Selector, Trigger};

use super::*;

const CHECK: &str = "kept-out";

/// The kill switch of account B is pulled a second before the leader dies, and acknowledged with the number of that moment.
const PULLED: u64 = STRUCK - S;
const ACKED: u64 = PULLED + 4 * MS;
const NUMBER: u64 = PULLED * RATE / S;

/// The first slot that is sent when it is acknowledged, of account B and a new order.
const LATE: u64 = ACKED * RATE / S + 2;

fn firing() -> Firing {
    Firing {
        fault: "killed".into(),
        occurrence: 0,
    }
}

fn is_killed(entry: &Entry) -> bool {
    entry.account == 1
}

/// Every other order is of account B.
fn entries() -> Vec<Entry> {
    let mut entries = Run::healthy().entries;
    for (slot, entry) in (0u64..).zip(&mut entries) {
        let order = entry.target.unwrap_or(slot);
        entry.account = (order % 2) as u8;
        let is_late = entry.sent_ns.is_some_and(|sent| sent > PULLED + MS);
        if is_killed(entry) && is_late && entry.outcome == Some(Outcome::Acked) {
            entry.outcome = Some(Outcome::Rejected);
            entry.sequence = None;
        }
    }
    entries
}

fn run_of(entries: Vec<Entry>) -> Run {
    run_with(
        entries,
        Effect {
            figures: vec![EffectFigure {
                name: "B".into(),
                measured: Some(NUMBER as f64),
                unit: EffectFigure::SEQUENCE.into(),
                ..EffectFigure::default()
            }],
            ..Effect::seen("B: acknowledged")
        },
    )
}

fn run_with(entries: Vec<Entry>, effect: Effect) -> Run {
    let mut run = Run::of(entries);
    run.plan.load.accounts = vec!["A".into(), "B".into()];
    run.plan.rules = vec![rule(CHECK, RuleKind::KillSwitch)];
    run.plan.faults.insert(
        0,
        FaultPlan {
            id: firing().fault,
            kind: FaultKind::KillSwitch {
                accounts: vec!["B".into()],
            },
            to: Selector::System,
            when: Trigger::AfterSteady { by_ns: 0 },
            hold_ns: 0,
            repeat: Repeat {
                times: 1,
                every_ns: 0,
                jitter_ns: 0,
            },
        },
    );
    let entries = run.entries.clone();
    let target = FaultTarget {
        name: "B".into(),
        role: None,
        handle: "by request".into(),
    };
    let prepared = Event::FaultPrepared {
        firing: firing(),
        kind: "kill-switch".into(),
        targets: vec![target],
        mechanism: "the profile's request, POST".into(),
    };
    run.every_copy(|rows| {
        for row in rows.iter_mut() {
            let slot: Option<usize> = row.id.rsplit('-').next().and_then(|it| it.parse().ok());
            if slot.is_some_and(|slot| is_killed(&entries[slot])) {
                row.state = Some("cancelled".into());
            }
        }
        rows.retain(|row| row.id != sentinel().id);
        rows.push(sentinel());
    })
    .and(PULLED - MS, prepared)
    .and(PULLED, Event::FaultInjected { firing: firing() })
    .and(
        ACKED,
        Event::FaultEffect {
            firing: firing(),
            effect,
        },
    )
    .and(ACKED + MS, Event::FaultHealing { firing: firing() })
    .and(ACKED + MS, Event::FaultHealed { firing: firing() })
    .and(ACKED + 2 * MS, Event::FaultClean { firing: firing() })
}

fn killed() -> Run {
    run_of(entries())
}

/// A new order of B that is sent so much after the acknowledgement.
fn late(by_slots: u64) -> u64 {
    let entries = entries();
    let is = |slot: &u64| {
        let entry = &entries[*slot as usize];
        is_killed(entry) && entry.kind == OrderKind::New && entry.sent_ns.is_some()
    };
    (LATE + by_slots..).find(is).unwrap()
}

fn acknowledged(slot: u64, sequence: Option<u64>) -> Run {
    let mut entries = entries();
    entries[slot as usize].outcome = Some(Outcome::Acked);
    entries[slot as usize].sequence = sequence;
    run_of(entries)
}

#[test]
fn an_account_that_is_kept_out_passes_whoever_leads() {
    let run = killed();
    passes(&run, CHECK);
    let record = run.judge().record;
    let found = record.kill_switch.unwrap();
    assert_eq!(
        (found.accounts, found.contradictions, found.open),
        (1, 0, None)
    );
    let after = found.tried_after_faults.unwrap();
    assert!(
        found.tried > after && after > 1000,
        "{} {after}",
        found.tried
    );
    // It breaks nothing: failover is the leader's alone.
    let faults: Vec<_> = record
        .failover
        .iter()
        .map(|it| it.fault.as_deref())
        .collect();
    assert_eq!(faults, [Some("leader-dies")]);
}

#[test]
fn what_was_sent_after_it_and_let_in_is_found_by_time() {
    let slot = late(900);
    let run = acknowledged(slot, None);
    fails(&run, CHECK, "after the kill switch of B");
    assert_eq!(run.judge().stories[0].order, order_id(slot));
    assert_eq!(run.judge().stories[0].class, "kill-switch");
    // Nothing is wrong with those of others, nor with what had been sent before.
    let mut entries = entries();
    let early = last_before(&entries);
    entries[early as usize].done_ns = Some(ACKED + 20 * MS);
    passes(&run_of(entries), CHECK);
}

/// The last new order of B that was sent before the kill switch was pulled.
fn last_before(entries: &[Entry]) -> u64 {
    let is = |slot: &u64| {
        let entry = &entries[*slot as usize];
        is_killed(entry) && entry.kind == OrderKind::New && entry.sent_ns.unwrap() < PULLED
    };
    (0..NUMBER).rev().find(is).unwrap()
}

#[test]
fn what_was_numbered_after_it_is_found_however_early_it_was_sent() {
    let mut entries = entries();
    let slot = last_before(&entries);
    entries[slot as usize].sequence = Some(NUMBER + 3);
    let run = run_of(entries);
    fails(
        &run,
        CHECK,
        &format!("was acknowledged at {}, above {NUMBER}", NUMBER + 3),
    );
    // A replace that is answered with the number of an earlier one changes nothing.
    let replace = |sequence| {
        let mut entries = self::entries();
        let slot = (LATE + 40..).find(|slot| {
            let entry = &entries[*slot as usize];
            is_killed(entry) && entry.kind == OrderKind::Replace
        });
        let slot = slot.unwrap() as usize;
        entries[slot].outcome = Some(Outcome::Acked);
        entries[slot].sequence = sequence;
        run_of(entries)
    };
    passes(&replace(Some(NUMBER - 9)), CHECK);
    fails(&replace(Some(NUMBER + 9)), CHECK, "a replace of");
    fails(&replace(None), CHECK, "a replace of");
}

#[test]
fn what_is_open_on_one_copy_or_filled_or_there_without_an_answer_is_found() {
    let entries = entries();
    let slot = last_before(&entries);
    let open = killed().copy("engine-2", |rows| {
        let row = rows.iter_mut().find(|row| row.id == order_id(slot));
        row.unwrap().state = Some("open".into());
    });
    fails(
        &open,
        CHECK,
        "is open on engine-2, after the kill switch of B",
    );
    let trade = |sequence: u64| {
        killed().trades(vec![Trade {
            id: "7".into(),
            maker: order_id(slot),
            taker: order_id(slot - 1),
            price: "50000".into(),
            quantity: "0.001".into(),
            sequence: Some(sequence.to_string()),
        }])
    };
    passes(&trade(NUMBER), CHECK);
    fails(&trade(NUMBER + 1), CHECK, "was filled at");
    let mut entries = entries;
    let unanswered = late(900) as usize;
    entries[unanswered].outcome = Some(Outcome::Timeout);
    let run = run_of(entries);
    let row = run.row(unanswered as u64);
    passes(&run, CHECK);
    let there = run.every_copy(|rows| {
        let state = Some("cancelled".into());
        rows.insert(
            0,
            Row {
                state,
                ..row.clone()
            },
        );
    });
    fails(
        &there,
        CHECK,
        "is on engine-1, sent after the kill switch of B",
    );
}

#[test]
fn without_an_acknowledgement_or_a_copy_or_a_try_nothing_is_shown() {
    let unseen = run_with(
        entries(),
        Effect::not_seen("B: not acknowledged: status 503"),
    );
    is_open(&unseen, CHECK, "");
    let open = |run: &Run| run.judge().record.kill_switch.unwrap().open.unwrap();
    let why = open(&unseen);
    assert!(
        why.contains("never acknowledged: B: not acknowledged: status 503"),
        "{why}"
    );
    let unread = killed().with(|event| {
        if let Event::ReadBack(done) = event
            && done.replica == "engine-2"
        {
            done.complete = false;
            done.reason = Some("connection refused".into());
        }
    });
    is_open(&unread, CHECK, "connection refused");
    let silent_from = |at_ns: u64| {
        let mut entries = entries();
        let silent = |entry: &&mut Entry| is_killed(entry) && entry.intended_ns > at_ns;
        for entry in entries.iter_mut().filter(silent) {
            (entry.sent_ns, entry.sequence) = (None, None);
            entry.outcome = Some(Outcome::NotSent);
        }
        run_of(entries)
    };
    is_open(&silent_from(PULLED), CHECK, "it was not tried");
    is_open(
        &silent_from(STRUCK),
        CHECK,
        "whether it outlasts it was not tried",
    );
}

#[test]
fn the_clocks_of_workers_are_not_taken_for_the_engines_fault() {
    let mut entries = entries();
    let slot = late(0) as usize;
    entries[slot].sent_ns = Some(ACKED + 2 * MS);
    entries[slot].done_ns = Some(ACKED + 3 * MS);
    entries[slot].outcome = Some(Outcome::Acked);
    let run = run_of(entries);
    fails(&run, CHECK, "after the kill switch of B");
    let unsure = |clock_error_ns: u64| {
        run.clone().with(move |event| {
            if let Event::Generator { report } = event {
                *report = GeneratorReport {
                    workers: vec![WorkerReport {
                        worker: 1,
                        place: "here".into(),
                        scheduled: report.scheduled,
                        outcomes: report.outcomes,
                        unknown: 0,
                        clock_offset_ns: 0,
                        clock_error_ns,
                        lost: None,
                    }],
                    ..report.clone()
                };
            }
        })
    };
    fails(&unsure(MS), CHECK, "after the kill switch of B");
    passes(&unsure(5 * MS), CHECK);
}
