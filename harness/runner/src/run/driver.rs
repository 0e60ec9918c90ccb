//! Carries out what the state machine wants of faults, each step as a task of its own with a time limit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::RunZero;
use shakedown_record::event::{Event, Leftover, LeftoverKind};
use shakedown_record::fault::{Effect, Firing};
use shakedown_scenarios::guards::Guard;
use shakedown_scenarios::overlap::{FarReach, Reach, clash};
use shakedown_scenarios::plan::{FaultKind, FaultPlan};
use tokio::task::{AbortHandle, Id, JoinSet};

use super::confirm_within::confirm_within;
use super::events::EventLog;
use super::protocol::FaultStep;
use super::targets::{resolve, with_neighbours};
use crate::environment::Environment;
use crate::faults::{Aim, ClockOffset, NotClean, Prepared};
use crate::guard::{self, Refusal};
use crate::journal::Journal;
use crate::probes::together::panic_of;
use crate::probes::{Scraper, Target};

/// Longest time that each step may take; beyond it the step counts as failed and the next one is tried.
/// Agents have to be made.
const PREPARE_WITHIN: Duration = Duration::from_secs(50);
const INJECT_WITHIN: Duration = Duration::from_secs(180);
const HEAL_WITHIN: Duration = Duration::from_secs(60);

type Shared<T> = Arc<tokio::sync::Mutex<T>>;

/// An armed fault.
#[derive(Debug, Clone)]
struct Open {
    prepared: Shared<Prepared>,
    /// For the step that shows it to be clean.
    clean_within: Duration,
}

/// What every step needs.
#[derive(Debug)]
pub struct Faults {
    pub target: Arc<Target>,
    pub environment: Arc<Environment>,
    pub journal: Arc<Journal>,
    pub events: Arc<EventLog>,
    pub zero: RunZero,
    /// Looks at the system's own series when a phase begins or ends.
    pub(super) scraper: Option<Arc<Scraper>>,
    /// Faults that were armed and are not known to be clean.
    open: Mutex<BTreeMap<Firing, Open>>,
    /// Those of them that were injected, and when, by the monotonic clock.
    pub(super) injected: Mutex<BTreeMap<Firing, u64>>,
    /// Replicas that firings have taken, or are about to.
    aimed: Mutex<BTreeMap<Firing, Vec<String>>>,
    /// What firings have hold of until they are healed.
    holds: Mutex<BTreeMap<Firing, (FaultKind, Reach)>>,
    /// Guards that a person has overruled for this run.
    pub(super) overridden: BTreeSet<Guard>,
    /// Ids of the faults that are left without effect on purpose.
    pub(super) blunted: BTreeSet<String>,
    /// How the clocks stood when the run began.
    pub(super) began: ClockOffset,
}

impl Faults {
    pub fn new(
        target: &Arc<Target>,
        environment: &Arc<Environment>,
        journal: &Arc<Journal>,
        events: &Arc<EventLog>,
        zero: RunZero,
    ) -> Self {
        Self {
            target: Arc::clone(target),
            environment: Arc::clone(environment),
            journal: Arc::clone(journal),
            events: Arc::clone(events),
            zero,
            scraper: None,
            open: Mutex::default(),
            injected: Mutex::default(),
            aimed: Mutex::default(),
            holds: Mutex::default(),
            overridden: BTreeSet::new(),
            blunted: BTreeSet::new(),
            began: ClockOffset::now(),
        }
    }

    /// The same, with guards that a person has overruled.
    pub fn overruling(self, overridden: BTreeSet<Guard>) -> Self {
        Self { overridden, ..self }
    }

    /// The same, with faults that are left without effect on purpose.
    pub fn blunting(self, blunted: BTreeSet<String>) -> Self {
        Self { blunted, ..self }
    }

    async fn prepare(&self, firing: &Firing, plan: &FaultPlan, scrape: bool) -> FaultStep {
        if scrape {
            self.scrape_now().await;
        }
        let pods = self.environment.pods();
        let aim = match resolve(&self.target, &plan.to, firing, pods).await {
            Ok(aim) => with_neighbours(&self.target, aim, &plan.kind, pods).await,
            Err(reason) => return FaultStep::Refused { reason },
        };
        if let Err(refusal) = self.guard(firing, plan, &aim) {
            let reason = refusal.to_string();
            return FaultStep::Refused { reason };
        }
        if let Err(reason) = self.hold(firing, plan, &aim) {
            lock(&self.aimed).remove(firing);
            return FaultStep::Refused { reason };
        }
        match self.arm(firing, plan, &aim).await {
            Ok(prepared) => {
                let step = FaultStep::Prepared {
                    kind: plan.kind.name().to_string(),
                    targets: prepared.targets(),
                    mechanism: prepared.mechanism(),
                };
                let open = Open {
                    clean_within: prepared.clean_within(),
                    prepared: Arc::new(tokio::sync::Mutex::new(prepared)),
                };
                lock(&self.open).insert(firing.clone(), open);
                step
            }
            Err(error) => {
                lock(&self.aimed).remove(firing);
                lock(&self.holds).remove(firing);
                FaultStep::Refused {
                    reason: error.to_string(),
                }
            }
        }
    }

    /// Guards once more, now that the targets have names: protected ones, and how many would be down at once. What
    /// is allowed counts from now on, so that two firings cannot both take the last one.
    fn guard(&self, firing: &Firing, plan: &FaultPlan, aim: &Aim) -> Result<(), Refusal> {
        let names: Vec<String> = aim.targets.iter().map(|it| it.name.clone()).collect();
        let mut aimed = lock(&self.aimed);
        let others: Vec<(&str, &[String])> = aimed
            .iter()
            .filter(|(other, _)| *other != firing)
            .map(|(other, names)| (other.fault.as_str(), names.as_slice()))
            .collect();
        guard::at_fire(&self.target.plan, (plan, &names), &others, &self.overridden)?;
        aimed.insert(firing.clone(), names);
        Ok(())
    }

    /// Takes hold of what the fault is on, unless another fault has hold of it with which it cannot be on at one time.
    fn hold(&self, firing: &Firing, plan: &FaultPlan, aim: &Aim) -> Result<(), String> {
        let reach = Reach {
            replicas: aim.targets.iter().map(|it| it.name.clone()).collect(),
            far: aim.far.as_ref().map(|far| FarReach {
                replicas: far.replicas.iter().chain(&far.services).cloned().collect(),
                clients: far.clients,
                direction: far.direction,
            }),
        };
        let mut holds = lock(&self.holds);
        for (other, (kind, held)) in holds.iter().filter(|(other, _)| *other != firing) {
            if let Some(why) = clash((kind, held), (&plan.kind, &reach)) {
                return Err(format!("{} is not healed yet: {why}", other.label()));
            }
        }
        holds.insert(firing.clone(), (plan.kind.clone(), reach));
        Ok(())
    }

    async fn inject(&self, firing: &Firing) -> FaultStep {
        let prepared = self.prepared(firing);
        let mut prepared = prepared.lock().await;
        let mono_ns = self.events.emit(Event::FaultInjected {
            firing: firing.clone(),
        });
        lock(&self.injected).insert(firing.clone(), mono_ns);
        let injected = prepared.inject(&self.environment).await;
        let at_ns = self.zero.since_ns(mono_ns).max(0) as u64;
        match injected {
            Ok(()) => FaultStep::Injected { at_ns },
            Err(error) => FaultStep::InjectFailed {
                at_ns,
                reason: error.to_string(),
            },
        }
    }

    async fn confirm(&self, firing: &Firing, deadline: Duration) -> FaultStep {
        let prepared = self.prepared(firing);
        let prepared = prepared.lock().await;
        FaultStep::Effect(prepared.confirm(&self.environment, deadline).await)
    }

    async fn heal(&self, firing: &Firing) -> FaultStep {
        let prepared = self.prepared(firing);
        let mut prepared = prepared.lock().await;
        match prepared.heal(&self.environment, &self.journal).await {
            Ok(()) => {
                lock(&self.holds).remove(firing);
                FaultStep::Healed
            }
            Err(error) => FaultStep::HealFailed {
                reason: error.to_string(),
            },
        }
    }

    async fn check_clean(&self, firing: &Firing) -> FaultStep {
        let prepared = self.prepared(firing);
        let step = match prepared
            .lock()
            .await
            .confirm_clean(&self.environment, &self.journal)
            .await
        {
            Ok(()) => FaultStep::Clean,
            Err(NotClean {
                left: Some(left), ..
            }) => FaultStep::Dirty(left),
            Err(NotClean { left: None, reason }) => FaultStep::NotBack { reason },
        };
        lock(&self.open).remove(firing);
        // What did not come back is still down, and counts.
        if !matches!(step, FaultStep::NotBack { .. }) {
            lock(&self.aimed).remove(firing);
        }
        step
    }

    /// Heals whatever is still open: what was armed and never injected, and everything when the run broke.
    ///
    /// Returns what could not be healed.
    pub async fn heal_all(&self) -> Vec<Leftover> {
        let mut left = Vec::new();
        let open: Vec<Firing> = lock(&self.open).keys().cloned().collect();
        for firing in open {
            let told = lock(&self.injected).contains_key(&firing);
            let tell = |event: Event| {
                if told {
                    self.events.emit(event);
                }
            };
            tell(Event::FaultHealing {
                firing: firing.clone(),
            });
            let healed = tokio::time::timeout(HEAL_WITHIN, self.heal(&firing)).await;
            if healed == Ok(FaultStep::Healed) {
                tell(Event::FaultHealed {
                    firing: firing.clone(),
                });
            }
            let clean_within = self.open(&firing).clean_within;
            let clean = tokio::time::timeout(clean_within, self.check_clean(&firing)).await;
            match (healed, clean) {
                (_, Ok(FaultStep::Dirty(leftover))) => left.push(leftover),
                (Ok(FaultStep::Healed), Ok(FaultStep::Clean)) => tell(Event::FaultClean { firing }),
                (Ok(FaultStep::Healed), Ok(FaultStep::NotBack { reason })) => {
                    tell(Event::FaultFailed { firing, reason });
                }
                (_, _) => left.push(self.not_healed(&firing)),
            }
        }
        left
    }

    fn not_healed(&self, firing: &Firing) -> Leftover {
        Leftover {
            kind: LeftoverKind::Fault,
            what: format!("fault {} could not be healed", firing.label()),
            remove_with: format!("shakedown recover {}", self.journal.run_id()),
        }
    }

    fn prepared(&self, firing: &Firing) -> Shared<Prepared> {
        self.open(firing).prepared
    }

    fn open(&self, firing: &Firing) -> Open {
        let open = lock(&self.open).get(firing).cloned();
        open.expect("the machine asks for a step only of a fault that is armed")
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is reported for a step whose task died or hung.
struct Running {
    firing: Firing,
    fallback: FaultStep,
}

/// Runs the steps.
pub struct Driver {
    faults: Arc<Faults>,
    tasks: JoinSet<FaultStep>,
    running: HashMap<Id, Running>,
    confirming: HashMap<Firing, AbortHandle>,
    /// Panics of steps: bugs.
    pub bugs: Vec<String>,
}

impl Driver {
    pub fn new(faults: Arc<Faults>) -> Self {
        Self {
            faults,
            tasks: JoinSet::new(),
            running: HashMap::new(),
            confirming: HashMap::new(),
            bugs: Vec::new(),
        }
    }

    pub fn prepare(&mut self, firing: Firing, plan: &FaultPlan, scrape: bool) {
        let (faults, plan, own) = (Arc::clone(&self.faults), plan.clone(), firing.clone());
        let fallback = FaultStep::Refused {
            reason: failed("resolving its targets", PREPARE_WITHIN),
        };
        self.begin(firing, PREPARE_WITHIN, fallback, async move {
            faults.prepare(&own, &plan, scrape).await
        });
    }

    pub fn inject(&mut self, firing: Firing, now_ns: u64) {
        let (faults, own) = (Arc::clone(&self.faults), firing.clone());
        let fallback = FaultStep::InjectFailed {
            at_ns: now_ns,
            reason: failed("injecting", INJECT_WITHIN),
        };
        self.begin(firing, INJECT_WITHIN, fallback, async move {
            faults.inject(&own).await
        });
    }

    pub fn confirm(&mut self, firing: Firing, plan: &FaultPlan) {
        let (faults, own) = (Arc::clone(&self.faults), firing.clone());
        let deadline = confirm_within(plan);
        let within = deadline + Duration::from_secs(10);
        let fallback =
            FaultStep::Effect(Effect::not_seen(failed("looking for its effect", within)));
        let key = firing.clone();
        let task = self.begin(firing, within, fallback, async move {
            faults.confirm(&own, deadline).await
        });
        self.confirming.insert(key, task);
    }

    /// Heals; a search for the effect that is still going on is given up.
    pub fn heal(&mut self, firing: Firing) {
        if let Some(confirming) = self.confirming.remove(&firing) {
            confirming.abort();
        }
        let (faults, own) = (Arc::clone(&self.faults), firing.clone());
        let fallback = FaultStep::HealFailed {
            reason: failed("healing", HEAL_WITHIN),
        };
        self.begin(firing, HEAL_WITHIN, fallback, async move {
            faults.heal(&own).await
        });
    }

    pub fn check_clean(&mut self, firing: Firing) {
        let (faults, own) = (Arc::clone(&self.faults), firing.clone());
        let fallback = FaultStep::Dirty(self.faults.not_healed(&firing));
        let within = faults.open(&firing).clean_within;
        self.begin(firing, within, fallback, async move {
            faults.check_clean(&own).await
        });
    }

    fn begin(
        &mut self,
        firing: Firing,
        within: Duration,
        fallback: FaultStep,
        step: impl Future<Output = FaultStep> + Send + 'static,
    ) -> AbortHandle {
        let late = fallback.clone();
        let task = self.tasks.spawn(async move {
            let ended = tokio::time::timeout(within, step).await;
            ended.unwrap_or(late)
        });
        self.running.insert(task.id(), Running { firing, fallback });
        task
    }

    /// The next step that ended; never while none is under way.
    pub async fn next(&mut self) -> (Firing, FaultStep) {
        loop {
            let Some(joined) = self.tasks.join_next_with_id().await else {
                std::future::pending::<()>().await;
                continue;
            };
            let (id, step) = match joined {
                Ok((id, step)) => (id, Ok(step)),
                Err(error) => (error.id(), Err(error)),
            };
            let Some(running) = self.running.remove(&id) else {
                continue;
            };
            match step {
                Ok(step) => return (running.firing, step),
                Err(error) => {
                    // Only a search for an effect is told to end; what it would have said is not needed any more.
                    if let Some(panic) = panic_of(error) {
                        self.bugs.push(panic);
                        return (running.firing, running.fallback);
                    }
                }
            }
        }
    }
}

fn failed(what: &str, within: Duration) -> String {
    let seconds = within.as_secs();
    format!("{what} failed, or did not end within {seconds} s")
}
