//! The loop while the load runs: feeds the state machine and does what it says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_load::feed::Joiner;
use shakedown_load::{Finished, KeptSessions};
use shakedown_record::event::{Event, GeneratorReport};
use shakedown_record::fault::Firing;
use shakedown_record::readback::ReadKind;
use shakedown_record::run_dir::RunDir;
use shakedown_record::slots::SlotStats;
use shakedown_record::{OutcomeCounts, RunZero, monotonic_ns};
use tokio::task::{JoinError, JoinSet};

use super::driver::{Driver, Faults};
use super::events::EventLog;
use super::interrupt::Interrupt;
use super::load::Load;
use super::machine::Machine;
use super::protocol::{Action, FaultStep, Input, MachineConfig};
use super::redundancy::Redundancy;
use super::request::{Progress, told};
use crate::environment::Environment;
use crate::error::RunError;
use crate::probes::Target;
use crate::probes::metrics::scrape_all;
use crate::probes::together::panic_of;
use crate::readback::read_degraded;

/// How often the machine is told the time.
const TICK: Duration = Duration::from_millis(20);

/// How often the processes of the environment are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long the load may take to end beyond its timeout before that is a bug.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// Slots in a line of progress.
const SLOTS_PER_LINE: usize = 10;

/// What came of the loop.
#[derive(Debug)]
pub struct Driven {
    pub redundancy: Redundancy,
    pub interrupted: bool,
    /// Nobody knows what a worker sent last: copies cannot be compared with it.
    pub unknown: Option<String>,
    /// Sessions that stay connected until the copies have been read.
    pub kept: KeptSessions,
    /// Panics of tasks, and a load that did not keep its books.
    pub bugs: Vec<String>,
    /// Why the load could not be ended in order.
    pub failure: Option<RunError>,
}

/// The loop and what it owns.
pub struct Drive<'a> {
    faults: Arc<Faults>,
    target: Arc<Target>,
    environment: Arc<Environment>,
    events: Arc<EventLog>,
    machine: Machine,
    driver: Driver,
    redundancy: Redundancy,
    scrapes: JoinSet<Vec<Event>>,
    load: Load,
    run_dir: RunDir,
    zero: RunZero,
    stopping_since: Option<Instant>,
    looked_at: Instant,
    line: Line,
    interrupted: bool,
    unknown: Option<String>,
    kept: KeptSessions,
    bugs: Vec<String>,
    failure: Option<RunError>,
    joiner: Option<Joiner>,
    progress: &'a mut (dyn FnMut(Progress) + Send),
}

impl<'a> Drive<'a> {
    /// A loop over a load that has just begun.
    pub fn new(
        faults: &Arc<Faults>,
        load: Load,
        run_dir: &RunDir,
        progress: &'a mut (dyn FnMut(Progress) + Send),
    ) -> Self {
        Self {
            faults: Arc::clone(faults),
            target: Arc::clone(&faults.target),
            environment: Arc::clone(&faults.environment),
            events: Arc::clone(&faults.events),
            machine: Machine::new(MachineConfig::of(&faults.target.plan)),
            driver: Driver::new(Arc::clone(faults)),
            redundancy: Redundancy::begin(&faults.target, &faults.events),
            zero: faults.zero,
            scrapes: JoinSet::new(),
            load,
            run_dir: run_dir.clone(),
            stopping_since: None,
            looked_at: Instant::now(),
            line: Line::default(),
            interrupted: false,
            unknown: None,
            kept: KeptSessions::default(),
            bugs: Vec::new(),
            failure: None,
            joiner: None,
            progress,
        }
    }

    /// Has who comes late to the feed come once a fault is over, and where there is none, in the middle of the load.
    pub fn joining(self, joiner: Option<Joiner>) -> Self {
        Self { joiner, ..self }
    }

    /// Runs until the load is gone and every fault is over.
    pub async fn run(mut self, interrupt: &mut Interrupt) -> Driven {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.machine.is_done() {
            tokio::select! {
                _ = ticks.tick() => self.tick().await,
                (firing, step) = self.driver.next() => {
                    self.read_beside(&firing, &step);
                    self.feed(Input::Fault { firing, step });
                }
                by = interrupt.came(), if !self.interrupted => {
                    self.interrupted = true;
                    self.feed(Input::Interrupted { by });
                }
            }
        }
        self.take_last_scrapes().await;
        self.bugs.append(&mut self.driver.bugs);
        self.bugs.extend(self.redundancy.bugs());
        Driven {
            redundancy: self.redundancy,
            interrupted: self.interrupted,
            unknown: self.unknown,
            kept: self.kept,
            bugs: self.bugs,
            failure: self.failure,
        }
    }

    async fn tick(&mut self) {
        let (slots, finished, lost) = match self.load.source() {
            Some(source) => (
                source.take_slots(),
                source.is_finished(),
                source.take_lost(),
            ),
            None => (Vec::new(), false, Vec::new()),
        };
        for (index, stats) in slots {
            self.line.add(&stats);
            self.feed(Input::Slot { index, stats });
            self.tell_line(index);
        }
        for lost in lost {
            self.emit(Event::WorkerLost {
                worker: lost.worker,
                workers: lost.workers,
                why: self.target.client.clean(&lost.why),
            });
            // What is left of the load is not what was asked for: there is nothing to be learned from it.
            self.feed(Input::Broken);
        }
        self.feed(Input::Tick);
        if self.events.failure().is_some() {
            self.feed(Input::Broken);
        }
        while let Some(scraped) = self.scrapes.try_join_next() {
            self.take_scrape(scraped);
        }
        self.look_at_processes();
        let late = self
            .stopping_since
            .is_some_and(|since| since.elapsed() > self.stop_within());
        if finished || late {
            self.end_load(finished).await;
        }
    }

    /// The effect of a fault was seen: now is when copies may be stale.
    fn read_beside(&mut self, firing: &Firing, step: &FaultStep) {
        let wanted = self.target.plan.reads.contains(&ReadKind::Degraded);
        if wanted && matches!(step, FaultStep::Effect(effect) if effect.confirmed) {
            let (target, run_dir) = (Arc::clone(&self.target), self.run_dir.clone());
            self.scrapes
                .spawn(read_degraded(target, run_dir, firing.clone()));
        }
    }

    fn stop_within(&self) -> Duration {
        Duration::from_nanos(self.target.plan.load.timeout_ns) + STOP_WITHIN
    }

    fn feed(&mut self, input: Input) {
        let actions = self.machine.step(self.now_ns(), input);
        actions.into_iter().for_each(|action| self.act(action));
    }

    fn now_ns(&self) -> u64 {
        self.zero.since_ns(monotonic_ns()).max(0) as u64
    }

    fn act(&mut self, action: Action) {
        let plan = |firing: &Firing| {
            let mut faults = self.target.plan.faults.iter();
            let plan = faults.find(|plan| plan.id == firing.fault).cloned();
            plan.expect("firings come from the plan")
        };
        match action {
            Action::Emit(event) => self.emit(event),
            Action::Scrape => {
                let (target, faults) = (Arc::clone(&self.target), Arc::clone(&self.faults));
                self.scrapes.spawn(async move {
                    let (scraped, ()) = tokio::join!(scrape_all(&target), faults.look_now());
                    scraped
                });
            }
            Action::Prepare { firing, scrape } => {
                let plan = plan(&firing);
                self.driver.prepare(firing, &plan, scrape);
            }
            Action::Inject(firing) => self.driver.inject(firing, self.now_ns()),
            Action::Confirm(firing) => {
                let plan = plan(&firing);
                self.driver.confirm(firing, &plan);
            }
            Action::Heal(firing) => self.driver.heal(firing),
            Action::CheckClean(firing) => self.driver.check_clean(firing),
            Action::StopLoad => {
                self.stopping_since = Some(Instant::now());
                self.load.request_stop();
                self.join_feed();
            }
        }
    }

    fn emit(&mut self, event: Event) {
        if let Some(progress) = told(&event) {
            (self.progress)(progress);
        }
        let clean = match &event {
            Event::FaultClean { firing } => Some(firing.clone()),
            _ => None,
        };
        let is_faultless = self.target.plan.faults.is_empty();
        if clean.is_some() || (is_faultless && event == Event::SteadyReached) {
            self.join_feed();
        }
        self.events.emit(event);
        // Only what is clean on record may be restored after it.
        if let Some(firing) = clean {
            self.redundancy.wait_for(firing);
            let faults = Arc::clone(&self.faults);
            self.scrapes.spawn(async move {
                faults.look_now().await;
                Vec::new()
            });
        }
    }

    fn join_feed(&self) {
        if let Some(joiner) = &self.joiner {
            joiner.join();
        }
    }

    fn tell_line(&mut self, index: usize) {
        if let Some(line) = self.line.take(index, self.machine.phase()) {
            (self.progress)(line);
        }
    }

    /// The last scrape may still be under way.
    async fn take_last_scrapes(&mut self) {
        let all = tokio::time::timeout(Duration::from_secs(3), async {
            while let Some(scraped) = self.scrapes.join_next().await {
                self.take_scrape(scraped);
            }
        });
        if all.await.is_err() {
            tracing::warn!("the engine's metrics were not read in time");
        }
    }

    fn take_scrape(&mut self, scraped: Result<Vec<Event>, JoinError>) {
        match scraped {
            Ok(events) => events.into_iter().for_each(|event| {
                self.events.emit(event);
            }),
            Err(error) => self.bugs.extend(panic_of(error)),
        }
    }

    fn look_at_processes(&mut self) {
        if self.looked_at.elapsed() < LOOK_EVERY {
            return;
        }
        self.looked_at = Instant::now();
        if let Some(pods) = self.environment.pods() {
            for event in pods.take_events() {
                self.emit(event);
            }
        }
        for (replica, how) in self.environment.unexpected_exits() {
            let text = format!("{replica} ended by itself: {how}");
            tracing::warn!("{text}");
            (self.progress)(Progress::Note(self.target.client.clean(&text)));
        }
    }

    /// Joins the load's threads and writes what they counted.
    async fn end_load(&mut self, finished: bool) {
        let Some(source) = self.load.take() else {
            return;
        };
        if !finished {
            // Its threads hang: joining them would hang us as well.
            self.bugs
                .push("the load did not stop when it was told to".to_string());
            let within_s = self.stop_within().as_secs();
            let what = "the load";
            self.failure = Some(RunError::Hung { what, within_s });
            drop(Load::new(source));
            return self.feed(Input::LoadStopped);
        }
        let ended = tokio::task::spawn_blocking(move || source.finish()).await;
        match ended {
            Ok(Ok(Finished {
                report,
                end_ns,
                scheduled,
                kept,
                ..
            })) => {
                self.kept = kept;
                self.unknown = unknown_of(&report);
                self.events.emit(Event::LoadStopped { scheduled, end_ns });
                self.events.emit(Event::Generator { report });
            }
            Ok(Err(error)) => self.failure = Some(error.into()),
            Err(error) => self.bugs.push(format!("ending the load: {error}")),
        }
        self.feed(Input::LoadStopped);
    }
}

/// What nobody knows of the load.
fn unknown_of(report: &GeneratorReport) -> Option<String> {
    let unknown = report.workers.iter().find(|worker| worker.unknown > 0)?;
    Some(format!(
        "what became of {} messages of worker {} is not known: its ledger was lost with it",
        unknown.unknown, unknown.worker
    ))
}

/// A second of load, collected from its slots.
#[derive(Debug, Default)]
struct Line {
    slots: usize,
    outcomes: OutcomeCounts,
    p99_ns: Option<u64>,
}

impl Line {
    fn add(&mut self, stats: &SlotStats) {
        self.slots += 1;
        self.outcomes.merge(&stats.outcomes);
        self.p99_ns = self.p99_ns.max(stats.p99_ns);
    }

    fn take(&mut self, index: usize, phase: shakedown_record::phase::Phase) -> Option<Progress> {
        if self.slots < SLOTS_PER_LINE {
            return None;
        }
        let line = std::mem::take(self);
        let seconds = line.slots as f64 / 10.0;
        Some(Progress::Second {
            at_s: (index + 1) as f64 / 10.0,
            phase,
            offered_per_s: line.outcomes.total() as f64 / seconds,
            achieved_per_s: line.outcomes.acked as f64 / seconds,
            p99_ns: line.p99_ns,
            errors: line.outcomes.errors(),
        })
    }
}

#[cfg(test)]
mod tests {
    use shakedown_record::Outcome;
    use shakedown_record::phase::Phase;
    use shakedown_record::slots::SlotTally;

    use super::*;

    #[test]
    fn ten_slots_make_a_line_with_the_largest_p99() {
        let mut line = Line::default();
        for slot in 0..10u64 {
            let mut tally = SlotTally::default();
            (0..100).for_each(|_| tally.add(Outcome::Acked, 1_000 * (slot + 1), 0));
            tally.add(Outcome::Timeout, 5_000, 0);
            assert_eq!(line.take(slot as usize, Phase::Steady), None);
            line.add(&tally.stats());
        }
        let expected = Progress::Second {
            at_s: 1.0,
            phase: Phase::Steady,
            offered_per_s: 1010.0,
            achieved_per_s: 1000.0,
            p99_ns: Some(10_000),
            errors: 10,
        };
        assert_eq!(line.take(9, Phase::Steady), Some(expected));
        assert_eq!(line.take(9, Phase::Steady), None);
    }
}
