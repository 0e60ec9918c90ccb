//! Down: whatever happened, what was injected is healed, what was started is stopped, and what is left is said.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::Duration;

use shakedown_record::event::{Event, Leftover, LeftoverKind};

use super::driver::Faults;
use super::shell::Run;
use crate::cleanup::CleanedUp;
use crate::drill::Drill;
use crate::environment::Environment;
use crate::isolation::Party;
use crate::journal::{Entry, Journal, JournalError};
use crate::lock::Lock;
use crate::mechanisms::monitoring::SilenceUndo;
use crate::probes::together::panic_message;
use crate::workers::WorkerJob;

/// How long the environment may take to be taken down.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// What must be taken down again.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub lock: Mutex<Option<Lock>>,
    /// In a cluster.
    pub drill: Mutex<Option<Drill>>,
    pub journal: OnceLock<Arc<Journal>>,
    pub environment: OnceLock<Arc<Environment>>,
    pub faults: OnceLock<Arc<Faults>>,
    /// The silence of this drill, until it is ended.
    pub silence: Mutex<Option<SilenceUndo>>,
    /// In a cluster.
    pub workers: OnceLock<WorkerJob>,
    /// In a cluster: pods that knock at doors.
    pub guests: OnceLock<Party>,
    /// Orders of ours may be open at an engine that outlives this run.
    pub orders_open: Mutex<bool>,
}

impl Run {
    /// The clean-up has shown that no order of ours is open.
    pub(super) fn orders_closed(&self, cleaned: &CleanedUp) {
        if cleaned.orders_open != Some(0) {
            return;
        }
        let mut open = self.open_flag();
        if let (true, Some(journal)) = (*open, self.standing.journal.get()) {
            let prefix = self.prefix.clone();
            match journal.record(&Entry::OrdersClosed { prefix }) {
                Ok(()) => *open = false,
                Err(error) => tracing::warn!("{error}"),
            }
        }
    }

    pub(super) fn open_flag(&self) -> MutexGuard<'_, bool> {
        locked(&self.standing.orders_open)
    }

    /// Heals what is still on, takes the environment down, and closes the journal when nothing is left.
    pub(super) async fn tear_down(&self) {
        let mut clean = true;
        let mut left = Vec::new();
        if let Some(faults) = self.standing.faults.get() {
            left.extend(faults.heal_all().await);
        }
        left.extend(self.end_silence().await);
        if let (Some(workers), Some(journal)) =
            (self.standing.workers.get(), self.standing.journal.get())
        {
            left.extend(workers.remove(journal).await);
        }
        if let (Some(guests), Some(journal)) =
            (self.standing.guests.get(), self.standing.journal.get())
        {
            left.extend(guests.see_off(journal).await);
        }
        if let Some(environment) = self.standing.environment.get() {
            match tokio::time::timeout(STOP_WITHIN, environment.stop()).await {
                Ok(leftovers) => left.extend(leftovers),
                Err(_) => {
                    clean = false;
                    tracing::error!("the environment did not stop within a minute");
                }
            }
        }
        clean &= left.is_empty() && !*self.open_flag();
        for left in left {
            self.events.emit(Event::LeftBehind { left });
        }
        if let Some(journal) = self.standing.journal.get() {
            let closed = match clean {
                true => journal.close_clean(),
                false => journal.copy_into_run_dir(),
            };
            if let Err(error) = closed {
                tracing::warn!("{error}");
                self.copy_left(journal, &error);
            }
        }
        let drill = locked(&self.standing.drill).take();
        if let Some(drill) = drill
            && let Some(left) = drill.give_back().await
        {
            self.events.emit(Event::LeftBehind { left });
        }
        drop(locked(&self.standing.lock).take());
    }

    /// A copy that could not be removed is an object of ours that stays.
    fn copy_left(&self, journal: &Journal, error: &JournalError) {
        if let JournalError::Copy(why) = error {
            let left = Leftover {
                kind: LeftoverKind::Object,
                what: format!("the copy of the journal in the cluster: {why}"),
                remove_with: format!("shakedown recover {}", journal.run_id()),
            };
            self.events.emit(Event::LeftBehind { left });
        }
    }
}

/// What is behind a lock, also after a panic.
pub(super) fn locked<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Drives a future and catches its panic, so that what stands can be taken down.
pub(super) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic_message(&*panic))),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_with_its_words_and_a_value_passes() {
        assert_eq!(caught(async { 7 }).await, Ok(7));
        let broken = caught(async {
            tokio::task::yield_now().await;
            panic!("slot {} ended twice", 3);
        });
        let broken: Result<(), String> = broken.await;
        assert_eq!(broken, Err("slot 3 ended twice".to_string()));
    }
}
