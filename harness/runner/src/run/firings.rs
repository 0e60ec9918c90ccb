//! The firings of a plan: when each is due, and where in its life it is.

use shakedown_record::fault::Firing;
use shakedown_scenarios::plan::{FaultPlan, Trigger};

use super::choice::jitter_ns;

/// Where in its life a firing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not due yet, or due and waiting for the proof of steady state.
    Waiting,
    /// Targets are being resolved.
    Preparing,
    /// The mutating call is under way.
    Injecting,
    /// It bites until `heal_at_ns`; it is never healed before the search for its effect has ended.
    Active {
        heal_at_ns: u64,
        effect_known: bool,
    },
    Healing,
    /// Healed; the snapshot after is being compared with the one before.
    Checking,
    /// Nothing more will happen to it.
    Over(End),
}

/// How a firing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Clean,
    /// Something was left, or the system did not come back.
    Dirty,
    NotInjected,
}

/// When a firing is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// What it waits for has not happened yet.
    NotYet,
    /// Run time in nanoseconds.
    At(u64),
    /// What it waits for will not happen.
    Never(String),
}

/// One firing of one fault.
#[derive(Debug, Clone)]
pub struct Cell {
    pub firing: Firing,
    /// Index into the plan's faults.
    pub fault: usize,
    pub state: State,
    /// Run time of the stamp before the mutating call.
    pub injected_ns: Option<u64>,
    /// Run time at which it was over.
    pub over_ns: Option<u64>,
    jitter_ns: u64,
}

impl Cell {
    /// True from the first touch of the target until nothing more happens to it.
    pub fn in_progress(&self) -> bool {
        match self.state {
            State::Waiting | State::Over(_) => false,
            State::Preparing
            | State::Injecting
            | State::Active { .. }
            | State::Healing
            | State::Checking => true,
        }
    }
}

/// All firings of a plan; those of one fault stand together, in order.
#[derive(Debug, Clone)]
pub struct Firings {
    pub cells: Vec<Cell>,
    faults: Vec<FaultPlan>,
}

impl Firings {
    /// The firings of these faults, none begun, with their jitter drawn from the seed.
    pub fn new(seed: u64, faults: &[FaultPlan]) -> Self {
        let of_fault = |(fault, plan): (usize, &FaultPlan)| {
            let (id, repeat) = (plan.id.clone(), plan.repeat);
            (0..repeat.times.max(1)).map(move |occurrence| Cell {
                jitter_ns: jitter_ns(seed, &id, occurrence, repeat.jitter_ns),
                firing: Firing {
                    fault: id.clone(),
                    occurrence,
                },
                fault,
                state: State::Waiting,
                injected_ns: None,
                over_ns: None,
            })
        };
        Self {
            cells: faults.iter().enumerate().flat_map(of_fault).collect(),
            faults: faults.to_vec(),
        }
    }

    /// The plan of the fault that a cell fires.
    pub fn plan(&self, cell: usize) -> &FaultPlan {
        &self.faults[self.cells[cell].fault]
    }

    /// Index of the cell of a firing.
    pub fn find(&self, firing: &Firing) -> Option<usize> {
        self.cells.iter().position(|cell| cell.firing == *firing)
    }

    /// When a waiting firing is due, as far as is known at `now_ns`; `steady` is [from, end) of the steady phase.
    pub fn due(&self, at: usize, now_ns: u64, steady: Option<(u64, u64)>) -> Due {
        let cell = &self.cells[at];
        if cell.firing.occurrence > 0 {
            return self.due_again(at);
        }
        match (&self.plan(at).when, steady) {
            (Trigger::At { at_ns }, Some(_)) => Due::At(*at_ns),
            (Trigger::At { at_ns }, None) if now_ns < *at_ns => Due::NotYet,
            (Trigger::At { at_ns }, None) => Due::Never(format!(
                "steady state was not proven by {:.1} s, when the fault was due",
                *at_ns as f64 / 1e9
            )),
            (Trigger::AfterSteady { by_ns }, Some((_, end_ns))) => Due::At(end_ns + by_ns),
            (Trigger::AfterSteady { .. }, None) => Due::NotYet,
            (Trigger::AfterFault { fault, by_ns }, _) => self.due_after(fault, *by_ns),
        }
    }

    fn due_again(&self, at: usize) -> Due {
        let before = &self.cells[at - 1];
        match (before.state, before.injected_ns) {
            (State::Over(End::Clean), Some(injected_ns)) => {
                let every_ns = self.plan(at).repeat.every_ns;
                Due::At(injected_ns + every_ns + self.cells[at].jitter_ns)
            }
            (State::Over(_), _) => Due::Never(format!(
                "{}, the firing before it, did not end clean",
                before.firing.label()
            )),
            _ => Due::NotYet,
        }
    }

    fn due_after(&self, fault: &str, by_ns: u64) -> Due {
        let first = Firing {
            fault: fault.to_string(),
            occurrence: 0,
        };
        match self.find(&first).map(|at| &self.cells[at]) {
            Some(Cell {
                injected_ns: Some(injected_ns),
                ..
            }) => Due::At(injected_ns + by_ns),
            Some(cell) if !matches!(cell.state, State::Over(_)) => Due::NotYet,
            Some(_) | None => Due::Never(format!(
                "fault '{fault}', after which it fires, was not injected"
            )),
        }
    }

    /// Must steady state be proven once more right before this firing?
    ///
    /// Always between firings of one fault, and for a fault after the steady phase unless it is meant to hit while
    /// another one is on. A fault with a time of its own, or a distance from another fault, keeps that time.
    pub fn needs_proof(&self, at: usize) -> bool {
        let alone = !self.cells.iter().any(Cell::in_progress);
        self.cells[at].firing.occurrence > 0
            || (alone && matches!(self.plan(at).when, Trigger::AfterSteady { .. }))
    }

    /// True while a fault is on, or being put on or taken off.
    pub fn any_in_progress(&self) -> bool {
        self.cells.iter().any(Cell::in_progress)
    }

    /// True when nothing more will fire and nothing is left to heal.
    pub fn all_over(&self) -> bool {
        self.cells
            .iter()
            .all(|cell| matches!(cell.state, State::Over(_)))
    }

    /// Run time of the first injection.
    pub fn first_injection_ns(&self) -> Option<u64> {
        self.cells.iter().filter_map(|cell| cell.injected_ns).min()
    }

    /// Run time at which the last injected firing was over; `None` when none was.
    pub fn last_over_ns(&self) -> Option<u64> {
        let injected = self.cells.iter().filter(|cell| cell.injected_ns.is_some());
        injected.map(|cell| cell.over_ns).max().flatten()
    }
}
