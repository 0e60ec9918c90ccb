//! The machine alone, in a world of its own time.

mod ends;
mod faults;
mod recovery;
mod warm_up;

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
