//! All replicas down at once and up again, for a read of what they keep: what an engine only had in memory, or had not
//! synced, shows in no other read.
//!
//! It is a fault of its own, after the load: in the journal before it begins, confirmed from the side of the processes,
//! and over only when every replica is ready again.

use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::event::{Event, OutageOver};
use shakedown_record::monotonic_ns;
use shakedown_record::readback::ReadKind;
use tokio::time::Instant;

use super::events::EventLog;
use crate::environment::{Environment, Handle};
use crate::journal::{Entry, Journal};

/// SIGKILL cannot be ignored.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// An engine may have a long log to replay.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// What an outage works on.
pub(super) struct Outage<'a> {
    pub read: ReadKind,
    pub environment: &'a Environment,
    pub journal: &'a Journal,
    pub events: &'a EventLog,
}

impl Outage<'_> {
    /// Takes all replicas down and brings them up again.
    ///
    /// # Errors
    /// In words, when they did not all go down, or are not all up again.
    pub async fn strike(&self) -> Result<(), String> {
        let replicas = self.environment.replicas().iter();
        let replicas: Vec<String> = replicas.map(|it| it.name.clone()).collect();
        let fault = format!("{}-read", self.read.name());
        let intent = Entry::FaultIntent {
            fault: fault.clone(),
            kind: self.read.name().to_string(),
            targets: replicas.clone(),
            undo: Vec::new(),
        };
        self.journal.record(&intent).map_err(words)?;
        self.events.emit(Event::OutageBegun {
            read: self.read,
            replicas: replicas.clone(),
        });
        let mut over = OutageOver {
            read: self.read,
            down_after_ns: None,
            dropped: Vec::new(),
            failed: None,
        };
        let went = self.down_and_up(&replicas, &mut over).await;
        over.failed = went.err();
        self.events.emit(Event::OutageOver(over.clone()));
        if let Some(why) = over.failed {
            return Err(why);
        }
        replicas
            .iter()
            .for_each(|it| self.environment.fault_ends(it));
        self.journal
            .record(&Entry::FaultHealed { fault })
            .map_err(words)
    }

    async fn down_and_up(&self, replicas: &[String], over: &mut OutageOver) -> Result<(), String> {
        for name in replicas {
            self.environment.expect_exit(name, true);
            self.environment.fault_begins(name);
        }
        over.down_after_ns = Some(self.kill_all(replicas).await?);
        if self.read == ReadKind::PowerCut {
            let dropped = self.environment.cut_power(replicas).await;
            over.dropped = dropped.map_err(words)?;
        }
        let deadline = Instant::now() + READY_WITHIN;
        for together in self.environment.in_order() {
            for name in &together {
                self.environment.respawn(name).await.map_err(words)?;
            }
            for name in &together {
                let left = deadline.saturating_duration_since(Instant::now());
                let ready = self.environment.wait_ready(name, left).await;
                ready.map_err(|error| format!("{name} did not come back: {error}"))?;
            }
        }
        Ok(())
    }

    /// Kills every one that runs; the time until the last of them had ended, in nanoseconds.
    async fn kill_all(&self, replicas: &[String]) -> Result<u64, String> {
        let handle = |name: &String| self.environment.handle(name);
        let running: Vec<Handle> = replicas.iter().filter_map(handle).collect();
        if running.is_empty() {
            return Err("no replica ran that could have been stopped".to_string());
        }
        let began_ns = monotonic_ns();
        for Handle::Process(process) in &running {
            process.signal(Signal::KILL).map_err(words)?;
        }
        let deadline = Instant::now() + ENDS_WITHIN;
        for Handle::Process(process) in &running {
            let left = deadline.saturating_duration_since(Instant::now());
            if !process.wait_exit(left).await.map_err(words)? {
                return Err(format!("{} did not end when it was killed", process.id()));
            }
        }
        Ok(monotonic_ns().saturating_sub(began_ns))
    }
}

fn words(error: impl std::fmt::Display) -> String {
    error.to_string()
}
