//! What an agent does next. Pure: events in, actions out; nothing here waits or looks at a clock.
//!
//! ```text
//! Leashing --lease seen--> Preflight -> Arm -> Armed --go--> Inject -> Confirm -> Holding
//!                                                |              any end |            |
//!                                                +----------------------+----------> Heal -> Clean -> Over
//! ```
//!
//! Nothing is prepared until the Lease was seen: whoever cannot see it would not see it end. Preflight, arming and
//! injection are not broken off, because half of them is worse than all; an end that comes meanwhile is remembered.
//! Looking for the effect is broken off. The first reason to end is the one that is told.

use std::fmt;

use serde::{Deserialize, Serialize};

/// So often it is tried to take the fault back.
const HEALS_TRIED: u32 = 3;

/// A piece of work that takes time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Find the targets, pin them, see whether it can be done. Touches nothing.
    Preflight,
    /// Journal, watchdogs, a picture of before.
    Arm,
    Inject,
    Confirm,
    Heal,
    /// See that everything is as before.
    Clean,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Preflight => "finding the targets",
            Step::Arm => "arming",
            Step::Inject => "injecting",
            Step::Confirm => "confirming",
            Step::Heal => "healing",
            Step::Clean => "looking whether all is as before",
        })
    }
}

/// Why a fault is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedBy {
    #[serde(rename = "asked")]
    Asked,
    #[serde(rename = "hold over")]
    HoldOver,
    #[serde(rename = "deadline")]
    Deadline,
    /// The runner has not renewed its Lease, or the Lease cannot be seen.
    #[serde(rename = "lease lost")]
    LeaseLost,
    #[serde(rename = "signal")]
    Signal,
    /// A step failed.
    #[serde(rename = "failed")]
    Failed,
    /// An earlier life of this agent was cut short.
    #[serde(rename = "restarted")]
    Restarted,
}

/// What has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The Lease was seen for the first time since the start, or renewed since.
    LeaseSeen,
    LeaseLost,
    /// The runner says: inject.
    Go,
    /// The runner says: heal.
    HealAsked,
    HoldOver,
    Deadline,
    Signal,
    StepDone(Step),
    StepFailed(Step),
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Begin(Step),
    /// Stop looking for the effect.
    Abandon,
    /// Say why it ends.
    Say(EndedBy),
    Exit(AgentExit),
}

/// How an agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentExit {
    /// Nothing of it is left.
    Clean,
    /// It failed before anything was touched.
    Failed,
    /// Something is left, or not as before.
    NotClean,
}

impl AgentExit {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            AgentExit::Clean => 0,
            AgentExit::Failed => 1,
            AgentExit::NotClean => 3,
        }
    }
}

impl fmt::Display for EndedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EndedBy::Asked => "asked",
            EndedBy::HoldOver => "hold over",
            EndedBy::Deadline => "deadline",
            EndedBy::LeaseLost => "lease lost",
            EndedBy::Signal => "signal",
            EndedBy::Failed => "failed",
            EndedBy::Restarted => "restarted",
        })
    }
}

/// Where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Leashing,
    Preparing(Step),
    Armed,
    Injecting,
    Confirming,
    Holding,
    /// The how manieth attempt this is, from 1.
    Healing(u32),
    Cleaning,
    Over,
}

/// The life of one agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    state: State,
    /// Told to go before it was armed.
    go: bool,
    /// A reason to end that has to wait for a step.
    pending: Option<EndedBy>,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine {
            state: State::Leashing,
            go: false,
            pending: None,
        }
    }
}

impl Machine {
    /// Takes one event in.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::LeaseSeen if self.state == State::Leashing => self.prepare(Step::Preflight),
            Event::LeaseSeen => Vec::new(),
            Event::Go => {
                self.go = true;
                self.go_if_armed()
            }
            Event::HealAsked => self.end(EndedBy::Asked),
            Event::HoldOver => self.end(EndedBy::HoldOver),
            Event::Deadline => self.end(EndedBy::Deadline),
            Event::LeaseLost => self.end(EndedBy::LeaseLost),
            Event::Signal => self.end(EndedBy::Signal),
            Event::StepDone(step) => self.done(step),
            Event::StepFailed(step) => self.failed(step),
        }
    }

    /// True once there is nothing more to do.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn prepare(&mut self, step: Step) -> Vec<Action> {
        self.state = State::Preparing(step);
        vec![Action::Begin(step)]
    }

    fn go_if_armed(&mut self) -> Vec<Action> {
        if self.state != State::Armed || !self.go {
            return Vec::new();
        }
        self.state = State::Injecting;
        vec![Action::Begin(Step::Inject)]
    }

    fn end(&mut self, why: EndedBy) -> Vec<Action> {
        match self.state {
            State::Leashing => self.leave(why),
            State::Preparing(_) | State::Injecting => {
                self.pending.get_or_insert(why);
                Vec::new()
            }
            State::Armed | State::Holding => self.heal(vec![Action::Say(why)]),
            State::Confirming => self.heal(vec![Action::Abandon, Action::Say(why)]),
            State::Healing(_) | State::Cleaning | State::Over => Vec::new(),
        }
    }

    /// Nothing was touched, and nothing is in place.
    fn leave(&mut self, why: EndedBy) -> Vec<Action> {
        self.state = State::Over;
        let exit = match why {
            EndedBy::Asked | EndedBy::Signal | EndedBy::HoldOver | EndedBy::Restarted => {
                AgentExit::Clean
            }
            EndedBy::LeaseLost | EndedBy::Deadline | EndedBy::Failed => AgentExit::Failed,
        };
        vec![Action::Say(why), Action::Exit(exit)]
    }

    fn heal(&mut self, mut first: Vec<Action>) -> Vec<Action> {
        self.state = State::Healing(1);
        first.push(Action::Begin(Step::Heal));
        first
    }

    fn done(&mut self, step: Step) -> Vec<Action> {
        match (self.state, step) {
            (State::Preparing(Step::Preflight), Step::Preflight) => match self.pending {
                Some(why) => self.leave(why),
                None => self.prepare(Step::Arm),
            },
            (State::Preparing(Step::Arm), Step::Arm) => {
                self.state = State::Armed;
                match self.pending {
                    Some(why) => self.end(why),
                    None => self.go_if_armed(),
                }
            }
            (State::Injecting, Step::Inject) => match self.pending {
                Some(why) => self.heal(vec![Action::Say(why)]),
                None => {
                    self.state = State::Confirming;
                    vec![Action::Begin(Step::Confirm)]
                }
            },
            (State::Confirming, Step::Confirm) => {
                self.state = State::Holding;
                Vec::new()
            }
            (State::Healing(_), Step::Heal) => {
                self.state = State::Cleaning;
                vec![Action::Begin(Step::Clean)]
            }
            (State::Cleaning, Step::Clean) => self.exit(AgentExit::Clean),
            // The end of a step that was broken off.
            _ => Vec::new(),
        }
    }

    fn failed(&mut self, step: Step) -> Vec<Action> {
        match (self.state, step) {
            (State::Preparing(_), Step::Preflight | Step::Arm) => {
                self.state = State::Over;
                let why = self.pending.unwrap_or(EndedBy::Failed);
                vec![Action::Say(why), Action::Exit(AgentExit::Failed)]
            }
            (State::Injecting, Step::Inject) => {
                let why = self.pending.unwrap_or(EndedBy::Failed);
                self.heal(vec![Action::Say(why)])
            }
            // An effect that is not there is a report, not a failure; that nobody could look is one, and the runner's
            // to judge. The fault holds until somebody ends it.
            (State::Confirming, Step::Confirm) => {
                self.state = State::Holding;
                Vec::new()
            }
            (State::Healing(tried), Step::Heal) if tried < HEALS_TRIED => {
                self.state = State::Healing(tried + 1);
                vec![Action::Begin(Step::Heal)]
            }
            (State::Healing(_), Step::Heal) | (State::Cleaning, Step::Clean) => {
                self.exit(AgentExit::NotClean)
            }
            _ => Vec::new(),
        }
    }

    fn exit(&mut self, how: AgentExit) -> Vec<Action> {
        self.state = State::Over;
        vec![Action::Exit(how)]
    }
}

#[cfg(test)]
mod tests;
