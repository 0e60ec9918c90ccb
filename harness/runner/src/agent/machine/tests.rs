use super::*;
use Action::{Abandon, Begin, Exit, Say};
use Event::{
    Deadline, Go, HealAsked, HoldOver, LeaseLost, LeaseSeen, Signal, StepDone, StepFailed,
};

const ENDS: [(Event, EndedBy); 5] = [
    (HealAsked, EndedBy::Asked),
    (HoldOver, EndedBy::HoldOver),
    (Deadline, EndedBy::Deadline),
    (LeaseLost, EndedBy::LeaseLost),
    (Signal, EndedBy::Signal),
];

fn after(events: &[Event]) -> Machine {
    let mut machine = Machine::default();
    for event in events {
        machine.on(*event);
    }
    machine
}

const ARMED: [Event; 3] = [LeaseSeen, StepDone(Step::Preflight), StepDone(Step::Arm)];

fn armed_and(more: &[Event]) -> Machine {
    after(&[&ARMED[..], more].concat())
}

#[test]
fn a_whole_life() {
    let mut machine = Machine::default();
    for (event, wanted) in [
        (LeaseSeen, vec![Begin(Step::Preflight)]),
        (LeaseSeen, vec![]),
        (StepDone(Step::Preflight), vec![Begin(Step::Arm)]),
        (StepDone(Step::Arm), vec![]),
        (Go, vec![Begin(Step::Inject)]),
        (Go, vec![]),
        (StepDone(Step::Inject), vec![Begin(Step::Confirm)]),
        (StepDone(Step::Confirm), vec![]),
        (LeaseSeen, vec![]),
        (HealAsked, vec![Say(EndedBy::Asked), Begin(Step::Heal)]),
        (HealAsked, vec![]),
        (StepDone(Step::Heal), vec![Begin(Step::Clean)]),
        (StepDone(Step::Clean), vec![Exit(AgentExit::Clean)]),
    ] {
        assert_eq!(machine.on(event), wanted, "{event:?}");
    }
    assert!(machine.is_over());
}

#[test]
fn go_before_it_is_armed_is_remembered() {
    let mut machine = after(&[LeaseSeen, Go, StepDone(Step::Preflight)]);
    assert_eq!(machine.on(StepDone(Step::Arm)), [Begin(Step::Inject)]);
}

#[test]
fn nothing_begins_before_the_lease_was_seen() {
    let mut machine = Machine::default();
    assert_eq!(machine.on(Go), []);
    for (event, why) in ENDS {
        let exit = match event {
            LeaseLost | Deadline => AgentExit::Failed,
            _ => AgentExit::Clean,
        };
        let mut machine = Machine::default();
        assert_eq!(machine.on(event), [Say(why), Exit(exit)]);
        assert!(machine.is_over());
    }
}

#[test]
fn whatever_ends_it_heals() {
    for (event, why) in ENDS {
        let mut holding = armed_and(&[Go, StepDone(Step::Inject), StepDone(Step::Confirm)]);
        assert_eq!(holding.on(event), [Say(why), Begin(Step::Heal)]);
        let mut unseen = armed_and(&[Go, StepDone(Step::Inject), StepFailed(Step::Confirm)]);
        assert_eq!(unseen.on(event), [Say(why), Begin(Step::Heal)]);
        let mut armed = armed_and(&[]);
        assert_eq!(armed.on(event), [Say(why), Begin(Step::Heal)]);
        let mut looking = armed_and(&[Go, StepDone(Step::Inject)]);
        assert_eq!(looking.on(event), [Abandon, Say(why), Begin(Step::Heal)]);
        // The look that was broken off ends late: nothing comes of it.
        assert_eq!(looking.on(StepDone(Step::Confirm)), []);
    }
}

#[test]
fn steps_that_must_not_be_broken_off_are_not() {
    for (event, why) in ENDS {
        let mut preflight = after(&[LeaseSeen, event]);
        let left = preflight.on(StepDone(Step::Preflight));
        assert_eq!(left[0], Say(why));
        assert!(matches!(
            left[1],
            Exit(AgentExit::Clean | AgentExit::Failed)
        ));

        let mut arming = after(&[LeaseSeen, Go, StepDone(Step::Preflight), event]);
        assert_eq!(
            arming.on(StepDone(Step::Arm)),
            [Say(why), Begin(Step::Heal)],
            "what was to go is not injected any more"
        );

        let mut injecting = armed_and(&[Go, event]);
        assert_eq!(
            injecting.on(StepDone(Step::Inject)),
            [Say(why), Begin(Step::Heal)]
        );
        let mut failing = armed_and(&[Go, event]);
        assert_eq!(
            failing.on(StepFailed(Step::Inject)),
            [Say(why), Begin(Step::Heal)]
        );
    }
}

#[test]
fn the_first_reason_is_told() {
    let mut machine = armed_and(&[Go, LeaseLost, Signal, HealAsked]);
    let healed = machine.on(StepDone(Step::Inject));
    assert_eq!(healed, [Say(EndedBy::LeaseLost), Begin(Step::Heal)]);
}

#[test]
fn a_failure_before_anything_was_touched_is_one() {
    for events in [
        &[LeaseSeen, StepFailed(Step::Preflight)][..],
        &[LeaseSeen, StepDone(Step::Preflight), StepFailed(Step::Arm)],
    ] {
        let (last, before) = events.split_last().unwrap();
        let mut machine = after(before);
        assert_eq!(
            machine.on(*last),
            [Say(EndedBy::Failed), Exit(AgentExit::Failed)]
        );
        assert!(machine.is_over());
    }
}

#[test]
fn a_failed_injection_is_taken_back() {
    let mut machine = armed_and(&[Go]);
    assert_eq!(
        machine.on(StepFailed(Step::Inject)),
        [Say(EndedBy::Failed), Begin(Step::Heal)]
    );
}

#[test]
fn healing_is_tried_three_times_and_then_told_not_to_be_done() {
    let mut machine = armed_and(&[Go, StepDone(Step::Inject), Signal]);
    assert_eq!(machine.on(StepFailed(Step::Heal)), [Begin(Step::Heal)]);
    assert_eq!(machine.on(StepFailed(Step::Heal)), [Begin(Step::Heal)]);
    assert_eq!(
        machine.on(StepFailed(Step::Heal)),
        [Exit(AgentExit::NotClean)]
    );
}

#[test]
fn what_is_not_clean_is_exit_three() {
    let mut machine = armed_and(&[Go, StepDone(Step::Inject), Signal, StepDone(Step::Heal)]);
    assert_eq!(
        machine.on(StepFailed(Step::Clean)),
        [Exit(AgentExit::NotClean)]
    );
    assert_eq!(
        [AgentExit::Clean, AgentExit::Failed, AgentExit::NotClean].map(AgentExit::code),
        [0, 1, 3]
    );
}

/// From every state that events can lead to: what was injected is healed before the end, and no end is begun twice.
#[test]
fn no_order_of_events_leaves_anything_behind() {
    let steps = [
        Step::Preflight,
        Step::Arm,
        Step::Inject,
        Step::Confirm,
        Step::Heal,
        Step::Clean,
    ];
    let outer = [
        LeaseSeen, LeaseLost, Go, HealAsked, HoldOver, Deadline, Signal,
    ];
    let mut open: Vec<Walk> = vec![Walk::default()];
    let mut known: Vec<Walk> = Vec::new();
    while let Some(walk) = open.pop() {
        if known.contains(&walk) {
            continue;
        }
        known.push(walk.clone());
        if walk.machine.is_over() {
            continue;
        }
        let running = steps.iter().filter(|step| walk.running == Some(**step));
        let ends = running.flat_map(|step| [StepDone(*step), StepFailed(*step)]);
        open.extend(outer.into_iter().chain(ends).map(|event| walk.take(event)));
    }
    assert!(known.len() > 30, "{} situations", known.len());
}

/// A machine with what it has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Walk {
    machine: Machine,
    running: Option<Step>,
    injected: bool,
    healed: bool,
}

impl Walk {
    fn take(&self, event: Event) -> Walk {
        let mut next = self.clone();
        if matches!(event, StepDone(_) | StepFailed(_)) {
            next.running = None;
        }
        next.healed |= event == StepDone(Step::Heal);
        for action in next.machine.on(event) {
            match action {
                Begin(step) => {
                    assert_eq!(next.running, None, "{step:?} beside another, by {event:?}");
                    assert!(!(step == Step::Inject && next.injected), "injected twice");
                    next.injected |= step == Step::Inject;
                    next.running = Some(step);
                }
                Abandon => {
                    assert_eq!(next.running, Some(Step::Confirm));
                    next.running = None;
                }
                Say(_) => {}
                Exit(AgentExit::Clean) => {
                    assert!(!next.injected || next.healed, "left behind, by {event:?}");
                    assert_eq!(next.running, None);
                }
                Exit(AgentExit::Failed) => assert!(!next.injected, "{event:?}"),
                Exit(AgentExit::NotClean) => assert_eq!(next.running, None),
            }
        }
        // Whoever is not over either works or waits for somebody.
        next
    }
}
