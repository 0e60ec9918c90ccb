//! The run as a pure state machine: finished slots, fault steps and the time go in, actions come out.
//!
//! ```text
//! warm-up --steady proven--> steady --triggers--> faults --all over--> recovery --stable, or its limit--> load stops
//!    `--limit--> steady missed: no fault fires, the load stops, the run goes on to its read-back
//! ```
//!
//! It has no clock, no socket and no thread, so that every path, also those of dying engines and of Ctrl-C at the
//! worst moment, is tested in microseconds. Whatever happens, what was injected is healed before the machine is done.

use shakedown_record::event::Event;
use shakedown_record::fault::{Effect, Firing};
use shakedown_record::phase::Phase;
use shakedown_record::slots::{NotSteady, SlotStats, p99_limit_ns, slot_index, steady_slots};

use super::abort::AbortWatch;
use super::firings::{Due, End, Firings, State};
use super::protocol::{Action, FaultStep, Input, MachineConfig};
use super::tail::Tail;

/// Where the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    WarmUp,
    /// Steady state was proven at this run time; faults fire, and recovery follows them.
    Running {
        steady_from_ns: u64,
    },
    /// The load is stopping, and faults are being healed.
    Stopping,
}

/// The state of a run from the first slot until the load is gone and every fault is over.
#[derive(Debug, Clone)]
pub struct Machine {
    config: MachineConfig,
    stage: Stage,
    tail: Tail,
    firings: Firings,
    aborts: Vec<AbortWatch>,
    /// Run time at which steady state was first proven.
    steady_from_ns: Option<u64>,
    /// Finished slots of which it is not certain yet whether they belong to the steady phase.
    undecided: Vec<(usize, SlotStats)>,
    p99_limit_ns: u64,
    /// Whether steady state is proven by the slots since the last fault.
    proof: Result<(), NotSteady>,
    load_stopped: bool,
    interrupted: bool,
}

impl Machine {
    /// The machine of a run whose load begins at run time 0.
    pub fn new(config: MachineConfig) -> Self {
        Self {
            firings: Firings::new(config.seed, &config.faults),
            aborts: config.abort.iter().cloned().map(AbortWatch::new).collect(),
            p99_limit_ns: p99_limit_ns(&[], config.sla_p99_ns),
            stage: Stage::WarmUp,
            tail: Tail::default(),
            steady_from_ns: None,
            undecided: Vec::new(),
            proof: Err(NotSteady::TooEarly { slots: 0 }),
            load_stopped: false,
            interrupted: false,
            config,
        }
    }

    /// What has to be done after `input` at run time `now_ns`.
    pub fn step(&mut self, now_ns: u64, input: Input) -> Vec<Action> {
        let mut out = Vec::new();
        match input {
            Input::Tick => {}
            Input::Slot { index, stats } => self.on_slot(now_ns, index, stats, &mut out),
            Input::Fault { firing, step } => self.on_fault(now_ns, &firing, step, &mut out),
            Input::Interrupted { by } => {
                if !self.interrupted {
                    out.push(Action::Emit(Event::Interrupted { by }));
                }
                self.interrupted = true;
                self.stop(&mut out);
            }
            Input::Broken => self.stop(&mut out),
            Input::LoadStopped => {
                self.stop(&mut out);
                self.load_stopped = true;
            }
        }
        self.advance(now_ns, &mut out);
        out
    }

    /// True when the load is gone and every fault is over.
    pub fn is_done(&self) -> bool {
        self.load_stopped && !self.firings.any_in_progress()
    }

    /// The phase for the progress line; the analysis derives its own from the events.
    pub fn phase(&self) -> Phase {
        match self.steady_from_ns {
            None => Phase::WarmUp,
            Some(_) if self.firings.any_in_progress() => Phase::Impact,
            Some(_) if self.firings.first_injection_ns().is_none() => Phase::Steady,
            Some(_) => Phase::Recovery,
        }
    }

    /// Firings that are injected and not yet over.
    pub fn in_progress(&self) -> Vec<Firing> {
        let cells = self.firings.cells.iter();
        cells
            .filter(|cell| cell.in_progress())
            .map(|cell| cell.firing.clone())
            .collect()
    }

    fn on_slot(&mut self, now_ns: u64, index: usize, stats: SlotStats, out: &mut Vec<Action>) {
        self.tail.push(index, stats);
        self.undecided.push((index, stats));
        self.settle_limit(now_ns);
        self.proof = self.tail.steady_since(self.first_slot_after_faults());
        if self.stage == Stage::Stopping {
            return;
        }
        let met = self
            .aborts
            .iter_mut()
            .find_map(|watch| watch.look(index, &stats));
        if let Some(event) = met {
            out.push(Action::Emit(event));
            self.stop(out);
        }
    }

    /// Folds slots into the limit as soon as they are known to lie in the steady phase.
    fn settle_limit(&mut self, now_ns: u64) {
        let Some(from_ns) = self.steady_from_ns else {
            self.undecided.clear();
            return;
        };
        let injected_ns = self.firings.first_injection_ns();
        let steady = steady_slots(from_ns, injected_ns.unwrap_or(now_ns));
        let sla_ns = self.config.sla_p99_ns;
        for (index, stats) in &self.undecided {
            if steady.contains(index) {
                self.p99_limit_ns = self.p99_limit_ns.max(p99_limit_ns(&[*stats], sla_ns));
            }
        }
        self.undecided
            .retain(|(index, _)| injected_ns.is_none() && *index >= steady.end);
    }

    /// Slots before this one were touched by a fault, or by healing it.
    fn first_slot_after_faults(&self) -> usize {
        self.firings
            .last_over_ns()
            .map_or(0, |over_ns| slot_index(over_ns) + 1)
    }

    fn advance(&mut self, now_ns: u64, out: &mut Vec<Action>) {
        match self.stage {
            Stage::WarmUp => self.advance_warm_up(now_ns, out),
            Stage::Running { .. } | Stage::Stopping => {}
        }
        self.advance_firings(now_ns, out);
        if let Stage::Running { steady_from_ns } = self.stage {
            self.advance_end(now_ns, steady_from_ns, out);
        }
    }

    fn advance_warm_up(&mut self, now_ns: u64, out: &mut Vec<Action>) {
        match &self.proof {
            Ok(()) => {
                self.stage = Stage::Running {
                    steady_from_ns: now_ns,
                };
                self.steady_from_ns = Some(now_ns);
                out.extend([Action::Emit(Event::SteadyReached), Action::Scrape]);
            }
            Err(why) if now_ns >= self.config.phases.warm_up_at_most_ns => {
                let reason = format!(
                    "no steady state within {:.1} s: {why}",
                    self.config.phases.warm_up_at_most_ns as f64 / 1e9
                );
                out.push(Action::Emit(Event::SteadyMissed { reason }));
                self.stop(out);
            }
            Err(_) => {}
        }
    }

    fn advance_firings(&mut self, now_ns: u64, out: &mut Vec<Action>) {
        for at in 0..self.firings.cells.len() {
            match self.firings.cells[at].state {
                State::Waiting if self.stage != Stage::Stopping => {
                    self.advance_waiting(at, now_ns, out);
                }
                State::Active {
                    heal_at_ns,
                    effect_known: true,
                } if now_ns >= heal_at_ns => self.heal(at, out),
                State::Waiting
                | State::Preparing
                | State::Injecting
                | State::Active { .. }
                | State::Healing
                | State::Checking
                | State::Over(_) => {}
            }
        }
    }

    fn advance_waiting(&mut self, at: usize, now_ns: u64, out: &mut Vec<Action>) {
        let steady = self
            .steady_from_ns
            .map(|from_ns| (from_ns, from_ns + self.config.phases.steady_ns));
        let due_ns = match self.firings.due(at, now_ns, steady) {
            Due::NotYet => return,
            Due::Never(reason) => return self.refuse(at, reason, out),
            Due::At(due_ns) if now_ns < due_ns => return,
            Due::At(due_ns) => due_ns,
        };
        if self.firings.needs_proof(at) {
            let waited_too_long = now_ns >= due_ns + self.config.phases.warm_up_at_most_ns;
            match &self.proof {
                Ok(()) if !self.firings.any_in_progress() => {}
                Err(why) if waited_too_long => {
                    let reason = format!("steady state was not there when it was due: {why}");
                    return self.refuse(at, reason, out);
                }
                Ok(()) if waited_too_long => {
                    let reason = "another fault was still on when it was due".to_string();
                    return self.refuse(at, reason, out);
                }
                Ok(()) | Err(_) => return,
            }
        }
        let scrape = self.firings.first_injection_ns().is_none();
        let cell = &mut self.firings.cells[at];
        cell.state = State::Preparing;
        let firing = cell.firing.clone();
        out.push(Action::Prepare { firing, scrape });
    }

    /// Ends the run when nothing more will fire and service is stable, or has had its time.
    fn advance_end(&mut self, now_ns: u64, steady_from_ns: u64, out: &mut Vec<Action>) {
        let steady_end_ns = steady_from_ns + self.config.phases.steady_ns;
        if !self.firings.all_over() || now_ns < steady_end_ns {
            return;
        }
        let Some(over_ns) = self.firings.last_over_ns() else {
            return self.stop(out);
        };
        let stable = self
            .tail
            .healthy_since(self.first_slot_after_faults(), self.p99_limit_ns);
        if stable || now_ns >= over_ns + self.config.phases.recovery_at_most_ns {
            self.stop(out);
        }
    }

    fn on_fault(&mut self, now_ns: u64, firing: &Firing, step: FaultStep, out: &mut Vec<Action>) {
        let Some(at) = self.firings.find(firing) else {
            return;
        };
        let stopping = self.stage == Stage::Stopping;
        let firing = firing.clone();
        match step {
            FaultStep::Prepared { .. } if stopping => {
                self.refuse(at, "the run ended before it".to_string(), out);
            }
            FaultStep::Prepared {
                kind,
                targets,
                mechanism,
            } => {
                self.firings.cells[at].state = State::Injecting;
                out.push(Action::Emit(Event::FaultPrepared {
                    firing: firing.clone(),
                    kind,
                    targets,
                    mechanism,
                }));
                out.push(Action::Inject(firing));
            }
            FaultStep::Refused { reason } => self.refuse(at, reason, out),
            FaultStep::Injected { at_ns } => self.injected(at, at_ns, stopping, out),
            FaultStep::InjectFailed { at_ns, reason } => {
                self.firings.cells[at].injected_ns = Some(at_ns);
                out.push(Action::Emit(Event::FaultFailed { firing, reason }));
                self.heal(at, out);
            }
            FaultStep::Effect(effect) => self.effect(at, effect, out),
            FaultStep::Healed => {
                self.firings.cells[at].state = State::Checking;
                out.push(Action::Emit(Event::FaultHealed {
                    firing: firing.clone(),
                }));
                out.push(Action::CheckClean(firing));
            }
            FaultStep::HealFailed { reason } => {
                self.firings.cells[at].state = State::Checking;
                out.push(Action::Emit(Event::FaultFailed {
                    firing: firing.clone(),
                    reason,
                }));
                out.push(Action::CheckClean(firing));
            }
            FaultStep::Clean => {
                out.push(Action::Emit(Event::FaultClean { firing }));
                self.over(at, now_ns, End::Clean);
            }
            FaultStep::Dirty(left) => {
                out.push(Action::Emit(Event::FaultDirty { firing, left }));
                self.over(at, now_ns, End::Dirty);
            }
            FaultStep::NotBack { reason } => {
                out.push(Action::Emit(Event::FaultFailed { firing, reason }));
                self.over(at, now_ns, End::Dirty);
            }
        }
    }

    fn injected(&mut self, at: usize, at_ns: u64, stopping: bool, out: &mut Vec<Action>) {
        let heal_at_ns = at_ns + self.firings.plan(at).hold_ns;
        let cell = &mut self.firings.cells[at];
        cell.injected_ns = Some(at_ns);
        cell.state = State::Active {
            heal_at_ns,
            effect_known: false,
        };
        if stopping {
            self.heal(at, out);
        } else {
            out.push(Action::Confirm(cell.firing.clone()));
        }
    }

    fn effect(&mut self, at: usize, effect: Effect, out: &mut Vec<Action>) {
        let cell = &mut self.firings.cells[at];
        // A search that ended after healing began says nothing that was not said already.
        let State::Active { effect_known, .. } = &mut cell.state else {
            return;
        };
        *effect_known = true;
        let firing = cell.firing.clone();
        out.push(Action::Emit(Event::FaultEffect { firing, effect }));
    }

    fn heal(&mut self, at: usize, out: &mut Vec<Action>) {
        let cell = &mut self.firings.cells[at];
        let firing = cell.firing.clone();
        if let State::Active {
            effect_known: false,
            ..
        } = cell.state
        {
            let effect = Effect::not_seen("healed before its effect was seen");
            let firing = firing.clone();
            out.push(Action::Emit(Event::FaultEffect { firing, effect }));
        }
        cell.state = State::Healing;
        out.push(Action::Emit(Event::FaultHealing {
            firing: firing.clone(),
        }));
        out.push(Action::Heal(firing));
    }

    fn refuse(&mut self, at: usize, reason: String, out: &mut Vec<Action>) {
        let cell = &mut self.firings.cells[at];
        cell.state = State::Over(End::NotInjected);
        let firing = cell.firing.clone();
        out.push(Action::Emit(Event::FaultRefused { firing, reason }));
    }

    fn over(&mut self, at: usize, now_ns: u64, end: End) {
        let cell = &mut self.firings.cells[at];
        cell.state = State::Over(end);
        cell.over_ns = Some(now_ns);
        self.proof = self.tail.steady_since(self.first_slot_after_faults());
    }

    /// Heals what is on, then stops the load; what is being prepared or injected is refused or healed when it reports.
    fn stop(&mut self, out: &mut Vec<Action>) {
        if self.stage == Stage::Stopping {
            return;
        }
        self.stage = Stage::Stopping;
        for at in 0..self.firings.cells.len() {
            match self.firings.cells[at].state {
                State::Active { .. } => self.heal(at, out),
                State::Waiting => {
                    self.firings.cells[at].state = State::Over(End::NotInjected);
                }
                State::Preparing
                | State::Injecting
                | State::Healing
                | State::Checking
                | State::Over(_) => {}
            }
        }
        out.extend([Action::Scrape, Action::StopLoad]);
    }
}

#[cfg(test)]
mod tests;
