use shakedown_record::Outcome;
use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_record::slots::{SLOT_NS, SlotTally};
use shakedown_scenarios::plan::{
    AbortRule, FaultKind, FaultPlan, Phases, Repeat, Selector, Signal, Trigger,
};

use super::*;

const MS: u64 = 1_000_000;
const S: u64 = 1_000 * MS;

fn slot(outcome: Outcome, response_ns: u64) -> SlotStats {
    let mut tally = SlotTally::default();
    (0..100).for_each(|_| tally.add(outcome, response_ns, 0));
    tally.stats()
}

fn good() -> SlotStats {
    slot(Outcome::Acked, 2 * MS)
}

fn bad() -> SlotStats {
    slot(Outcome::Refused, S)
}

fn kill(id: &str, when: Trigger, hold_ns: u64) -> FaultPlan {
    FaultPlan {
        id: id.to_string(),
        kind: FaultKind::Kill {
            signal: Signal::Kill,
        },
        to: Selector::Role("leader".to_string()),
        when,
        hold_ns,
        repeat: Repeat {
            times: 1,
            every_ns: 0,
            jitter_ns: 0,
        },
    }
}

fn config(faults: Vec<FaultPlan>) -> MachineConfig {
    MachineConfig {
        seed: 7,
        phases: Phases {
            warm_up_at_most_ns: 20 * S,
            steady_ns: 10 * S,
            recovery_at_most_ns: 30 * S,
        },
        faults,
        abort: Vec::new(),
        sla_p99_ns: None,
    }
}

type Reply = Option<(u64, FaultStep)>;

/// A world around the machine: a clock in steps of 20 ms, a load, and mechanisms that answer after a while.
struct World {
    machine: Machine,
    now_ns: u64,
    done: Vec<(u64, Action)>,
    pending: Vec<(u64, Input)>,
    load_stopping: bool,
}

impl World {
    fn new(config: MachineConfig) -> Self {
        Self {
            machine: Machine::new(config),
            now_ns: 0,
            done: Vec::new(),
            pending: Vec::new(),
            load_stopping: false,
        }
    }

    fn feed(&mut self, input: Input, mechanism: &dyn Fn(&Action, u64) -> Reply) {
        for action in self.machine.step(self.now_ns, input) {
            if let Some((after_ns, step)) = mechanism(&action, self.now_ns) {
                let firing = firing_of(&action).expect("only firings have steps");
                self.pending
                    .push((self.now_ns + after_ns, Input::Fault { firing, step }));
            }
            if action == Action::StopLoad {
                self.load_stopping = true;
                self.pending
                    .push((self.now_ns + 1_100 * MS, Input::LoadStopped));
            }
            self.done.push((self.now_ns, action));
        }
    }

    fn run(
        &mut self,
        until_ns: u64,
        load: impl Fn(usize) -> SlotStats,
        mechanism: impl Fn(&Action, u64) -> Reply,
    ) {
        while self.now_ns < until_ns && !self.machine.is_done() {
            self.now_ns += 20 * MS;
            if self.now_ns.is_multiple_of(SLOT_NS as u64) && !self.load_stopping {
                let index = (self.now_ns / SLOT_NS as u64) as usize - 1;
                let stats = load(index);
                self.feed(Input::Slot { index, stats }, &mechanism);
            }
            let (ready, later) = std::mem::take(&mut self.pending)
                .into_iter()
                .partition(|(due_ns, _)| *due_ns <= self.now_ns);
            self.pending = later;
            let ready: Vec<(u64, Input)> = ready;
            for (_, input) in ready {
                self.feed(input, &mechanism);
            }
            self.feed(Input::Tick, &mechanism);
        }
    }

    /// Run times at which events of one kind were emitted.
    fn times(&self, pick: impl Fn(&Event) -> bool) -> Vec<u64> {
        let emitted = self.done.iter().filter_map(|(at_ns, action)| match action {
            Action::Emit(event) if pick(event) => Some(*at_ns),
            _ => None,
        });
        emitted.collect()
    }

    fn actions(&self, pick: impl Fn(&Action) -> bool) -> Vec<u64> {
        let done = self.done.iter();
        done.filter(|(_, action)| pick(action))
            .map(|(at_ns, _)| *at_ns)
            .collect()
    }

    fn injections(&self) -> Vec<u64> {
        self.actions(|action| matches!(action, Action::Inject(_)))
    }

    fn heals(&self) -> usize {
        self.actions(|action| matches!(action, Action::Heal(_)))
            .len()
    }

    fn stop_ns(&self) -> u64 {
        self.actions(|action| *action == Action::StopLoad)[0]
    }

    fn refusals(&self) -> Vec<String> {
        let events = self.done.iter().filter_map(|(_, action)| match action {
            Action::Emit(Event::FaultRefused { reason, .. }) => Some(reason.clone()),
            _ => None,
        });
        events.collect()
    }
}

fn firing_of(action: &Action) -> Option<Firing> {
    match action {
        Action::Prepare { firing, .. }
        | Action::Inject(firing)
        | Action::Confirm(firing)
        | Action::Heal(firing)
        | Action::CheckClean(firing) => Some(firing.clone()),
        Action::Emit(_) | Action::Scrape | Action::StopLoad => None,
    }
}

fn prepared() -> FaultStep {
    FaultStep::Prepared {
        kind: "kill".to_string(),
        targets: Vec::new(),
        mechanism: "signal".to_string(),
    }
}

fn seen(confirmed: bool) -> FaultStep {
    FaultStep::Effect(Effect {
        confirmed,
        text: "socket dead".to_string(),
        figures: Vec::new(),
    })
}

/// Mechanisms that do what they are asked.
fn works(action: &Action, now_ns: u64) -> Reply {
    match action {
        Action::Prepare { .. } => Some((20 * MS, prepared())),
        Action::Inject(_) => Some((20 * MS, FaultStep::Injected { at_ns: now_ns })),
        Action::Confirm(_) => Some((20 * MS, seen(true))),
        Action::Heal(_) => Some((300 * MS, FaultStep::Healed)),
        Action::CheckClean(_) => Some((40 * MS, FaultStep::Clean)),
        Action::Emit(_) | Action::Scrape | Action::StopLoad => None,
    }
}

fn leader_dies() -> FaultPlan {
    kill("leader-dies", Trigger::AfterSteady { by_ns: 0 }, 5 * S)
}

#[test]
fn a_run_without_faults_ends_with_its_steady_phase() {
    let mut world = World::new(config(Vec::new()));
    world.run(200 * S, |_| good(), works);
    assert!(world.machine.is_done());
    let steady = world.times(|event| *event == Event::SteadyReached);
    assert_eq!(steady, [5 * S]);
    assert_eq!(world.stop_ns(), 15 * S);
    assert_eq!(world.actions(|action| *action == Action::Scrape).len(), 2);
}

#[test]
fn a_kill_is_prepared_injected_confirmed_healed_and_followed_by_five_healthy_seconds() {
    let mut world = World::new(config(vec![leader_dies()]));
    let load = |index: usize| {
        if (150..180).contains(&index) {
            bad()
        } else {
            good()
        }
    };
    world.run(200 * S, load, works);
    assert!(world.machine.is_done());
    let names: Vec<&str> = world
        .done
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Emit(Event::FaultPrepared { .. }) => Some("prepared"),
            Action::Inject(_) => Some("inject"),
            Action::Emit(Event::FaultEffect { effect, .. }) if effect.confirmed => Some("effect"),
            Action::Emit(Event::FaultHealing { .. }) => Some("healing"),
            Action::Emit(Event::FaultHealed { .. }) => Some("healed"),
            Action::Emit(Event::FaultClean { .. }) => Some("clean"),
            Action::StopLoad => Some("stop"),
            _ => None,
        })
        .collect();
    assert_eq!(
        names,
        [
            "prepared", "inject", "effect", "healing", "healed", "clean", "stop"
        ]
    );
    let clean_ns = world.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(world.injections(), [15_020 * MS]);
    assert!((20 * S..21 * S).contains(&clean_ns), "{clean_ns}");
    assert!((clean_ns + 5 * S..clean_ns + 5_300 * MS).contains(&world.stop_ns()));
}

#[test]
fn without_steady_state_nothing_is_injected_and_the_reason_is_named() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(200 * S, |_| bad(), works);
    assert!(world.machine.is_done());
    assert!(world.injections().is_empty());
    assert_eq!(world.stop_ns(), 20 * S);
    let missed = world.done.iter().find_map(|(_, action)| match action {
        Action::Emit(Event::SteadyMissed { reason }) => Some(reason.clone()),
        _ => None,
    });
    assert!(missed.unwrap().contains("nothing was acknowledged"));
}

#[test]
fn a_load_without_finished_slots_misses_steady_state_too() {
    let mut machine = Machine::new(config(vec![leader_dies()]));
    let out = machine.step(20 * S, Input::Tick);
    assert!(matches!(
        &out[0],
        Action::Emit(Event::SteadyMissed { reason }) if reason.contains("only 0 of 50")
    ));
    assert!(out.contains(&Action::StopLoad));
}

#[test]
fn warm_up_is_extended_until_steady_state_is_proven() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(
        200 * S,
        |index| if index < 40 { bad() } else { good() },
        works,
    );
    assert_eq!(world.times(|event| *event == Event::SteadyReached), [9 * S]);
    assert_eq!(world.injections(), [19_020 * MS]);
}

#[test]
fn a_fault_waits_when_steady_state_is_lost_before_it_and_is_refused_after_the_limit() {
    let blip = |index: usize| if index == 148 { bad() } else { good() };
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(200 * S, blip, works);
    assert_eq!(world.injections(), [19_920 * MS]);

    let mut lost = World::new(config(vec![leader_dies()]));
    lost.run(
        200 * S,
        |index| if index > 140 { bad() } else { good() },
        works,
    );
    assert!(lost.machine.is_done() && lost.injections().is_empty());
    assert!(lost.refusals()[0].contains("steady state was not there"));
    assert_eq!(lost.stop_ns(), 35 * S);
}

#[test]
fn no_recovery_ends_at_its_limit() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(
        200 * S,
        |index| if index > 150 { bad() } else { good() },
        works,
    );
    let clean_ns = world.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(world.stop_ns(), clean_ns + 30 * S);
}

#[test]
fn slow_slots_are_no_recovery_unless_the_limit_allows_them() {
    let slow = |index: usize| {
        if index > 150 {
            slot(Outcome::Acked, 50 * MS)
        } else {
            good()
        }
    };
    let mut strict = World::new(config(vec![leader_dies()]));
    strict.run(200 * S, slow, works);
    let clean_ns = strict.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(strict.stop_ns(), clean_ns + 30 * S);

    let mut lenient = World::new(MachineConfig {
        sla_p99_ns: Some(60 * MS),
        ..config(vec![leader_dies()])
    });
    lenient.run(200 * S, slow, works);
    assert!(lenient.stop_ns() < clean_ns + 6 * S);
}

#[test]
fn the_slot_that_the_fault_hits_does_not_loosen_the_limit() {
    let hit = |index: usize| match index {
        149 => slot(Outcome::Acked, 900 * MS),
        150.. => slot(Outcome::Acked, 100 * MS),
        _ => good(),
    };
    let mut world = World::new(config(vec![kill(
        "leader-dies",
        Trigger::At { at_ns: 15 * S },
        5 * S,
    )]));
    world.run(200 * S, hit, works);
    let clean_ns = world.times(|event| matches!(event, Event::FaultClean { .. }))[0];
    assert_eq!(world.stop_ns(), clean_ns + 30 * S);
}

#[test]
fn repeats_prove_steady_state_again_and_are_jittered_by_the_seed() {
    let repeated = |every_ns, jitter_ns| FaultPlan {
        repeat: Repeat {
            times: 3,
            every_ns,
            jitter_ns,
        },
        ..kill("leader-dies", Trigger::AfterSteady { by_ns: 0 }, S)
    };
    let mut tight = World::new(config(vec![repeated(0, 0)]));
    tight.run(400 * S, |_| good(), works);
    let cleans = tight.times(|event| matches!(event, Event::FaultClean { .. }));
    let injections = tight.injections();
    assert_eq!((injections.len(), cleans.len()), (3, 3));
    assert!(injections[1] >= cleans[0] + 5 * S && injections[2] >= cleans[1] + 5 * S);

    let mut wide = World::new(config(vec![repeated(20 * S, 2 * S)]));
    wide.run(400 * S, |_| good(), works);
    let gaps: Vec<u64> = wide
        .injections()
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .collect();
    assert!(
        gaps.iter()
            .all(|gap_ns| (20 * S..=22 * S + 100 * MS).contains(gap_ns)),
        "{gaps:?}"
    );
    assert_ne!(gaps[0], gaps[1]);
}

#[test]
fn a_firing_after_a_dirty_one_is_refused() {
    let twice = FaultPlan {
        repeat: Repeat {
            times: 2,
            every_ns: 10 * S,
            jitter_ns: 0,
        },
        ..leader_dies()
    };
    let mut world = World::new(config(vec![twice]));
    let dirty = |action: &Action, now_ns: u64| match action {
        Action::CheckClean(_) => Some((
            0,
            FaultStep::Dirty(Leftover {
                kind: LeftoverKind::Fault,
                what: "pid 4711 does not run".to_string(),
                remove_with: "shakedown recover".to_string(),
            }),
        )),
        other => works(other, now_ns),
    };
    world.run(400 * S, |_| good(), dirty);
    assert!(world.machine.is_done());
    assert_eq!(world.injections().len(), 1);
    assert!(world.refusals()[0].contains("did not end clean"));
}

#[test]
fn a_second_fault_hits_while_the_first_is_on() {
    let second = kill(
        "follower-dies",
        Trigger::AfterFault {
            fault: "leader-dies".to_string(),
            by_ns: 2 * S,
        },
        2 * S,
    );
    let mut world = World::new(config(vec![second, leader_dies()]));
    world.run(200 * S, |_| good(), works);
    assert_eq!(world.injections(), [15_020 * MS, 17_040 * MS]);
    assert_eq!(world.heals(), 2);
}

#[test]
fn what_waits_for_a_refused_fault_is_refused_and_the_run_ends() {
    let second = kill(
        "follower-dies",
        Trigger::AfterFault {
            fault: "leader-dies".to_string(),
            by_ns: 0,
        },
        S,
    );
    let mut world = World::new(config(vec![leader_dies(), second]));
    let nobody = |action: &Action, _| match action {
        Action::Prepare { .. } => Some((
            2 * S,
            FaultStep::Refused {
                reason: "no replica is leader".to_string(),
            },
        )),
        other => panic!("nothing but preparing may happen: {other:?}"),
    };
    let quiet = |action: &Action, now_ns| match firing_of(action) {
        Some(_) => nobody(action, now_ns),
        None => None,
    };
    world.run(200 * S, |_| good(), quiet);
    assert!(world.machine.is_done());
    assert_eq!(world.refusals().len(), 2);
    assert!(world.refusals()[1].contains("was not injected"));
    assert!(world.stop_ns() < 18 * S);
}

#[test]
fn a_fault_at_a_time_before_steady_state_is_refused() {
    let early = kill("early", Trigger::At { at_ns: 2 * S }, S);
    let mut world = World::new(config(vec![early]));
    world.run(200 * S, |_| good(), works);
    assert!(world.injections().is_empty());
    assert!(world.refusals()[0].contains("not proven by 2.0 s"));
    assert_eq!(world.stop_ns(), 15 * S);
}

#[test]
fn healing_waits_for_the_search_for_the_effect() {
    let mut world = World::new(config(vec![kill(
        "f",
        Trigger::AfterSteady { by_ns: 0 },
        100 * MS,
    )]));
    let slow = |action: &Action, now_ns: u64| match action {
        Action::Confirm(_) => Some((3 * S, seen(false))),
        other => works(other, now_ns),
    };
    world.run(200 * S, |_| good(), slow);
    let effect = world.times(|event| matches!(event, Event::FaultEffect { .. }));
    let healing = world.times(|event| matches!(event, Event::FaultHealing { .. }));
    assert_eq!(effect.len(), 1);
    assert!(healing[0] >= effect[0]);
}

#[test]
fn a_failed_injection_is_healed_at_once() {
    let mut world = World::new(config(vec![leader_dies()]));
    let fails = |action: &Action, now_ns: u64| match action {
        Action::Inject(_) => Some((
            0,
            FaultStep::InjectFailed {
                at_ns: now_ns,
                reason: "no such process".to_string(),
            },
        )),
        other => works(other, now_ns),
    };
    world.run(200 * S, |_| good(), fails);
    assert!(world.machine.is_done());
    assert_eq!(world.heals(), 1);
    assert_eq!(
        world
            .times(|event| matches!(event, Event::FaultFailed { .. }))
            .len(),
        1
    );
}

#[test]
fn a_failed_heal_is_still_checked() {
    let mut world = World::new(config(vec![leader_dies()]));
    let fails = |action: &Action, now_ns: u64| match action {
        Action::Heal(_) => Some((
            0,
            FaultStep::HealFailed {
                reason: "port taken".to_string(),
            },
        )),
        other => works(other, now_ns),
    };
    world.run(200 * S, |_| good(), fails);
    assert!(world.machine.is_done());
    assert_eq!(
        world.actions(|action| matches!(action, Action::CheckClean(_))),
        world.times(|event| matches!(event, Event::FaultFailed { .. }))
    );
}

#[test]
fn an_interrupt_heals_first_and_then_stops_the_load() {
    for at_ns in (200 * MS..26 * S).step_by(370 * MS as usize) {
        let mut world = World::new(config(vec![leader_dies()]));
        world.run(at_ns, |_| good(), works);
        let by = "SIGINT".to_string();
        world.feed(Input::Interrupted { by: by.clone() }, &works);
        world.feed(Input::Interrupted { by }, &works);
        world.run(200 * S, |_| good(), works);
        assert!(world.machine.is_done(), "interrupted at {at_ns}");
        assert_eq!(world.injections().len(), world.heals(), "at {at_ns}");
        let interrupted = world.times(|event| matches!(event, Event::Interrupted { .. }));
        let stops = world.actions(|action| *action == Action::StopLoad);
        assert_eq!((interrupted.len(), stops.len()), (1, 1), "at {at_ns}");
        let cleans = world.times(|event| matches!(event, Event::FaultClean { .. }));
        assert_eq!(cleans.len(), world.injections().len(), "at {at_ns}");
        assert!(world.now_ns < at_ns + 2 * S, "at {at_ns}");
    }
}

#[test]
fn an_interrupt_while_targets_are_resolved_injects_nothing() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(15 * S, |_| good(), works);
    assert_eq!(world.machine.in_progress().len(), 1);
    let by = "halt".to_string();
    world.feed(Input::Interrupted { by }, &works);
    world.run(200 * S, |_| good(), works);
    assert!(world.machine.is_done() && world.injections().is_empty());
    assert_eq!(world.refusals(), ["the run ended before it"]);
}

#[test]
fn an_abort_condition_heals_and_stops() {
    let storm = AbortRule::ErrorRate {
        id: "storm".to_string(),
        above: 0.5,
        for_ns: 2 * S,
    };
    let mut world = World::new(MachineConfig {
        abort: vec![storm],
        ..config(vec![leader_dies()])
    });
    world.run(
        200 * S,
        |index| if index > 150 { bad() } else { good() },
        works,
    );
    assert!(world.machine.is_done());
    let met = world.times(|event| matches!(event, Event::AbortMet { .. }));
    assert_eq!(met, [17_100 * MS]);
    assert_eq!((world.stop_ns(), world.heals()), (17_100 * MS, 1));
    assert!(
        world
            .times(|event| matches!(event, Event::Interrupted { .. }))
            .is_empty()
    );
}

#[test]
fn a_load_that_ends_by_itself_stops_the_run() {
    let mut world = World::new(config(vec![leader_dies()]));
    world.run(17 * S, |_| good(), works);
    world.feed(Input::LoadStopped, &works);
    world.run(200 * S, |_| good(), works);
    assert!(world.machine.is_done());
    assert_eq!(world.heals(), 1);
}

#[test]
fn a_step_of_an_unknown_firing_changes_nothing() {
    let mut machine = Machine::new(config(Vec::new()));
    let firing = Firing {
        fault: "nobody".to_string(),
        occurrence: 0,
    };
    let step = FaultStep::Healed;
    assert!(machine.step(S, Input::Fault { firing, step }).is_empty());
}
