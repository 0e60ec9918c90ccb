//! What the events say, gathered by subject. What is not an event did not happen.

mod seen;

use std::collections::BTreeMap;

use shakedown_record::event::{
    Bucket, Event, GeneratorReport, Leftover, Moment, OutageOver, ReadBackDone, ReplicaSeen,
    Stamped,
};
use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_record::feed::FeedReport;
use shakedown_record::platform::PlatformChange;
use shakedown_record::points::PointsReport;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::GuardOverride;
use shakedown_record::venue::TradesDone;
use shakedown_record::{LinkOverhead, RunZero};

pub(crate) use seen::{LostWorker, RoleSeen};

/// A run as its events tell it. Moments are monotonic nanoseconds until [`Facts::since_zero`] turns them.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub started: Option<Started>,
    pub before: Option<TargetSeen>,
    pub after: Option<TargetSeen>,
    pub environment_failed: Option<String>,
    /// Guard and reason.
    pub guard_refused: Option<(String, String)>,
    pub links: Option<LinkOverhead>,
    pub zero: Option<RunZero>,
    pub steady_mono_ns: Option<u64>,
    pub steady_missed: Option<String>,
    pub stopped: Option<Stopped>,
    pub generator: Option<GeneratorReport>,
    pub lost_workers: Vec<LostWorker>,
    /// In order of first mention.
    pub firings: Vec<FiringFacts>,
    /// Condition and reason.
    pub abort: Option<(String, String)>,
    pub interrupted: Option<String>,
    /// The last word on each sentinel, by the read before which it was sent and its id.
    pub sentinels: BTreeMap<ReadKind, BTreeMap<String, Result<(), String>>>,
    /// When the last sentinel before a read was answered.
    pub sentinel_seen: BTreeMap<ReadKind, u64>,
    /// When all replicas were stopped for a read.
    pub outages_begun: BTreeMap<ReadKind, u64>,
    pub outages: Vec<OutageOver>,
    pub reads: Vec<ReadBackDone>,
    /// When the last copy had been read.
    pub read_ended: BTreeMap<ReadKind, u64>,
    pub cleaned: Option<CleanedUp>,
    pub scrapes: Vec<Scrape>,
    /// Replica and reason.
    pub scrapes_missing: Vec<(String, String)>,
    pub left: Vec<Leftover>,
    pub overrides: Vec<GuardOverride>,
    /// Ids of faults that were left without effect on purpose.
    pub blunted: Vec<String>,
    pub finished_at: Option<String>,
    /// In the order in which they were written.
    pub roles: Vec<RoleSeen>,
    /// What the platform did, in the order in which it was heard of.
    pub platform: Vec<PlatformChange>,
    pub feed: Option<FeedReport>,
    /// How listening went for who came late.
    pub late_feed: Option<FeedReport>,
    pub points: Option<PointsReport>,
    pub trades: Option<TradesDone>,
}

#[derive(Debug, Clone)]
pub(crate) struct Started {
    pub run_id: String,
    pub scenario: String,
    pub system: String,
    pub environment: String,
    pub seed: u64,
    pub started_at: String,
    pub operator: Option<String>,
    pub shakedown_version: String,
    pub order_prefix: String,
    pub defect: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) struct TargetSeen {
    pub version: Option<String>,
    pub image_digests: Vec<String>,
    pub replicas: Vec<ReplicaSeen>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopped {
    pub scheduled: u64,
    pub end_ns: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct CleanedUp {
    pub orders_open: Option<u64>,
    pub reason: Option<String>,
}

/// One look at a replica's own latency histogram.
#[derive(Debug, Clone)]
pub(crate) struct Scrape {
    pub mono_ns: u64,
    pub replica: String,
    pub buckets: Vec<Bucket>,
    pub count: u64,
}

/// The life of one firing; moments are monotonic nanoseconds.
#[derive(Debug, Clone)]
pub(crate) struct FiringFacts {
    pub firing: Firing,
    pub kind: String,
    pub targets: Vec<FaultTarget>,
    pub mechanism: String,
    pub refused: Option<String>,
    pub failed: Option<String>,
    pub injected: Option<u64>,
    pub effect: Option<(u64, Effect)>,
    pub healing: Option<u64>,
    pub healed: Option<u64>,
    pub clean: Option<u64>,
    pub dirty: Option<Leftover>,
    pub redundancy: Option<u64>,
}

impl FiringFacts {
    fn new(firing: Firing) -> Self {
        Self {
            firing,
            kind: String::new(),
            targets: Vec::new(),
            mechanism: String::new(),
            refused: None,
            failed: None,
            injected: None,
            effect: None,
            healing: None,
            healed: None,
            clean: None,
            dirty: None,
            redundancy: None,
        }
    }

    /// A kill switch breaks nothing: it strikes nobody.
    pub fn is_kill_switch(&self) -> bool {
        self.kind == "kill-switch"
    }

    /// The effect was seen from the target's side.
    pub fn is_confirmed(&self) -> bool {
        let effect = self.effect.as_ref();
        self.injected.is_some() && effect.is_some_and(|(_, effect)| effect.confirmed)
    }
}

impl Facts {
    /// Gathers events in their order.
    pub fn gather(events: &[Stamped]) -> Self {
        let mut facts = Self::default();
        events.iter().for_each(|stamped| facts.take(stamped));
        facts.platform.sort_by_key(|change| change.at_mono_ns);
        facts
    }

    /// Run time in nanoseconds of a monotonic reading; `None` before the load began.
    pub fn since_zero(&self, mono_ns: u64) -> Option<i64> {
        self.zero.map(|zero| zero.since_ns(mono_ns))
    }

    /// Run time in seconds of a monotonic reading.
    pub fn at_s(&self, mono_ns: Option<u64>) -> Option<f64> {
        Some(self.since_zero(mono_ns?)? as f64 / 1e9)
    }

    /// The prefix of our order ids, or a text that no id begins with.
    pub fn prefix(&self) -> &str {
        self.started
            .as_ref()
            .map_or("\0", |started| &started.order_prefix)
    }

    fn firing(&mut self, firing: &Firing) -> &mut FiringFacts {
        let index = match self
            .firings
            .iter()
            .position(|known| known.firing == *firing)
        {
            Some(index) => index,
            None => {
                self.firings.push(FiringFacts::new(firing.clone()));
                self.firings.len() - 1
            }
        };
        &mut self.firings[index]
    }

    fn take(&mut self, stamped: &Stamped) {
        let at = stamped.mono_ns;
        match &stamped.event {
            Event::RunStarted { .. } | Event::TargetSeen { .. } => {
                self.take_identity(&stamped.event)
            }
            Event::FaultPrepared { .. }
            | Event::FaultRefused { .. }
            | Event::FaultInjected { .. }
            | Event::FaultEffect { .. }
            | Event::FaultFailed { .. }
            | Event::FaultHealing { .. }
            | Event::FaultHealed { .. }
            | Event::FaultClean { .. }
            | Event::FaultDirty { .. }
            | Event::RedundancyRestored { .. } => self.take_fault(at, &stamped.event),
            Event::LoadStarted { .. }
            | Event::SteadyReached
            | Event::SteadyMissed { .. }
            | Event::LoadStopped { .. }
            | Event::Generator { .. }
            | Event::WorkerLost { .. } => self.take_load(at, &stamped.event),
            Event::Sentinel { .. }
            | Event::OutageBegun { .. }
            | Event::OutageOver(_)
            | Event::ReadBack(_)
            | Event::CleanedUp { .. }
            | Event::EngineLatency { .. }
            | Event::EngineLatencyMissing { .. } => self.take_look(at, &stamped.event),
            Event::EnvironmentFailed { reason } => self.environment_failed = Some(reason.clone()),
            Event::GuardRefused { guard, reason } => {
                self.guard_refused = Some((guard.clone(), reason.clone()));
            }
            Event::GuardOverridden {
                guard,
                reason,
                operator,
                saw,
            } => self.overrides.push(GuardOverride {
                guard: guard.clone(),
                reason: reason.clone(),
                operator: operator.clone(),
                saw: saw.clone(),
            }),
            Event::FaultBlunted { fault } => self.blunted.push(fault.clone()),
            Event::LinksMeasured { overhead } => self.links = Some(*overhead),
            Event::AbortMet { condition, reason } => {
                self.abort = Some((condition.clone(), reason.clone()));
            }
            Event::Interrupted { by } => self.interrupted = Some(by.clone()),
            Event::LeftBehind { left } => self.left.push(left.clone()),
            Event::RunFinished { finished_at } => self.finished_at = Some(finished_at.clone()),
            Event::RoleChanged {
                replica,
                role,
                term,
            } => self.roles.push(RoleSeen {
                mono_ns: at,
                replica: replica.clone(),
                role: role.clone(),
                term: *term,
            }),
            Event::PlatformChanged(change) => self.platform.push(change.clone()),
            Event::TradesRead { done } => self.trades = Some(done.clone()),
            Event::PointsPublished { report } => self.points = Some(report.clone()),
            Event::FeedHeard { .. } | Event::LateFeedHeard { .. } => self.hear(&stamped.event),
            Event::ReplicaReady { .. } | Event::RetriesDone { .. } => {}
        }
    }

    fn hear(&mut self, event: &Event) {
        match event {
            Event::FeedHeard { report } => self.feed = Some(report.clone()),
            Event::LateFeedHeard { report } => self.late_feed = Some(report.clone()),
            _ => {}
        }
    }

    fn take_load(&mut self, at: u64, event: &Event) {
        match event {
            Event::LoadStarted { zero_mono_ns, .. } => {
                self.zero = Some(RunZero {
                    mono_ns: *zero_mono_ns,
                });
            }
            Event::SteadyReached => self.steady_mono_ns = self.steady_mono_ns.or(Some(at)),
            Event::SteadyMissed { reason } => self.steady_missed = Some(reason.clone()),
            Event::LoadStopped { scheduled, end_ns } => {
                self.stopped = Some(Stopped {
                    scheduled: *scheduled,
                    end_ns: *end_ns,
                });
            }
            Event::Generator { report } => self.generator = Some(report.clone()),
            Event::WorkerLost {
                worker,
                workers,
                why,
            } => self.lost_workers.push(LostWorker {
                mono_ns: at,
                worker: *worker,
                workers: *workers,
                why: why.clone(),
            }),
            _ => {}
        }
    }

    /// What was looked at, after the load or beside it.
    fn take_look(&mut self, at: u64, event: &Event) {
        match event {
            Event::Sentinel {
                acked,
                id,
                reason,
                read,
            } => {
                let word = match acked {
                    true => Ok(()),
                    false => Err(reason.clone().unwrap_or_else(|| "no answer".to_string())),
                };
                let behind = self.sentinels.entry(*read).or_default();
                behind.insert(id.clone(), word);
                self.sentinel_seen.insert(*read, at);
            }
            Event::OutageBegun { read, .. } => {
                self.outages_begun.insert(*read, at);
            }
            Event::OutageOver(over) => self.outages.push(over.clone()),
            Event::ReadBack(done) => {
                self.read_ended.insert(done.read, at);
                self.reads.push(done.clone());
            }
            Event::CleanedUp {
                orders_open,
                reason,
                ..
            } => {
                self.cleaned = Some(CleanedUp {
                    orders_open: *orders_open,
                    reason: reason.clone(),
                });
            }
            Event::EngineLatency {
                replica,
                buckets,
                count,
            } => self.scrapes.push(Scrape {
                mono_ns: at,
                replica: replica.clone(),
                buckets: buckets.clone(),
                count: *count,
            }),
            Event::EngineLatencyMissing { replica, reason } => {
                self.scrapes_missing.push((replica.clone(), reason.clone()));
            }
            _ => {}
        }
    }

    fn take_identity(&mut self, event: &Event) {
        match event {
            Event::RunStarted {
                run_id,
                scenario,
                system,
                environment,
                seed,
                started_at,
                operator,
                shakedown_version,
                order_prefix,
                defect,
            } => {
                self.started = Some(Started {
                    run_id: run_id.clone(),
                    scenario: scenario.clone(),
                    system: system.clone(),
                    environment: environment.clone(),
                    seed: *seed,
                    started_at: started_at.clone(),
                    operator: operator.clone(),
                    shakedown_version: shakedown_version.clone(),
                    order_prefix: order_prefix.clone(),
                    defect: defect.clone(),
                });
            }
            Event::TargetSeen {
                when,
                version,
                image_digests,
                replicas,
            } => {
                let seen = TargetSeen {
                    version: version.clone(),
                    image_digests: image_digests.clone(),
                    replicas: replicas.clone(),
                };
                match when {
                    Moment::Before => self.before = Some(seen),
                    Moment::After => self.after = Some(seen),
                }
            }
            _ => {}
        }
    }

    fn take_fault(&mut self, at: u64, event: &Event) {
        match event {
            Event::FaultPrepared {
                firing,
                kind,
                targets,
                mechanism,
            } => {
                let facts = self.firing(firing);
                (facts.kind, facts.targets) = (kind.clone(), targets.clone());
                facts.mechanism.clone_from(mechanism);
            }
            Event::FaultRefused { firing, reason } => {
                self.firing(firing).refused = Some(reason.clone());
            }
            Event::FaultInjected { firing } => self.firing(firing).injected = Some(at),
            Event::FaultEffect { firing, effect } => {
                self.firing(firing).effect = Some((at, effect.clone()));
            }
            Event::FaultFailed { firing, reason } => {
                self.firing(firing).failed = Some(reason.clone());
            }
            Event::FaultHealing { firing } => self.firing(firing).healing = Some(at),
            Event::FaultHealed { firing } => self.firing(firing).healed = Some(at),
            Event::FaultClean { firing } => {
                let facts = self.firing(firing);
                (facts.clean, facts.dirty) = (Some(at), None);
            }
            Event::FaultDirty { firing, left } => {
                let facts = self.firing(firing);
                (facts.clean, facts.dirty) = (None, Some(left.clone()));
            }
            Event::RedundancyRestored { firing } => self.firing(firing).redundancy = Some(at),
            _ => {}
        }
    }
}
