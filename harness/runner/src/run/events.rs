//! The event log as many tasks write it: stamped in order, and free of secrets whatever a reply said.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use shakedown_load::secret::Secrets;
use shakedown_record::event::{Event, EventWriter, Stamped};
use shakedown_record::monotonic_ns;

/// Appends to `events.jsonl` from any task.
#[derive(Debug)]
pub struct EventLog {
    writer: Mutex<EventWriter>,
    secrets: OnceLock<Arc<Secrets>>,
    failure: OnceLock<String>,
}

impl EventLog {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created, or exists.
    pub fn create(path: &Path) -> io::Result<Self> {
        Ok(Self {
            writer: Mutex::new(EventWriter::create(path)?),
            secrets: OnceLock::new(),
            failure: OnceLock::new(),
        })
    }

    /// From now on these secrets are taken out of every event. Whoever quotes a reply has done that already; this is
    /// the second lock on the same door.
    pub fn keep_out(&self, secrets: &Arc<Secrets>) {
        let _ = self.secrets.set(Arc::clone(secrets));
    }

    /// Stamps and appends an event; returns its stamp, nanoseconds of `CLOCK_MONOTONIC`.
    ///
    /// A log that cannot be written does not stop the caller, who may be healing: see [`EventLog::failure`].
    pub fn emit(&self, event: Event) -> u64 {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let stamped = Stamped {
            mono_ns: monotonic_ns(),
            event,
        };
        let mono_ns = stamped.mono_ns;
        tracing::debug!(event = ?self.clean(&stamped).event, "event");
        if let Err(error) = writer.append(&self.clean(&stamped)) {
            let _ = self.failure.set(error.to_string());
        }
        mono_ns
    }

    /// Why the log is not complete; `None` while everything was written.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Syncs the file to disk.
    pub fn sync(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writer.sync() {
            let _ = self.failure.set(error.to_string());
        }
    }

    fn clean(&self, stamped: &Stamped) -> Stamped {
        let Some(secrets) = self.secrets.get() else {
            return stamped.clone();
        };
        let json = serde_json::to_string(stamped).unwrap_or_default();
        if !secrets.appears_in(&json) {
            return stamped.clone();
        }
        let clean = serde_json::from_str(&secrets.redact(&json));
        clean.unwrap_or_else(|_| Stamped {
            mono_ns: stamped.mono_ns,
            event: Event::EnvironmentFailed {
                reason: "an event held a secret in a place from which it cannot be taken out"
                    .to_string(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use shakedown_record::event::read_events;
    use shakedown_scenarios::plan::SecretSource;

    use super::*;

    #[test]
    fn a_secret_that_slipped_into_an_event_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let secret_file = folder.path().join("token");
        std::fs::write(&secret_file, "canary-4711").unwrap();
        let source = SecretSource::File(secret_file.display().to_string());
        let sources = BTreeMap::from([("token".to_string(), source)]);
        let secrets = Arc::new(Secrets::resolve(&sources).unwrap());

        let path = folder.path().join("events.jsonl");
        let log = EventLog::create(&path).unwrap();
        log.keep_out(&secrets);
        log.emit(Event::Interrupted {
            by: "the token is canary-4711!".into(),
        });
        let first = log.emit(Event::SteadyReached);
        log.sync();
        assert!(!std::fs::read_to_string(&path).unwrap().contains("canary"));
        let events = read_events(&path).unwrap();
        assert_eq!(events.len(), 2);
        assert_eq!(events[1].mono_ns, first);
        assert!(events[0].mono_ns <= first && log.failure().is_none());
        assert_eq!(
            events[0].event,
            Event::Interrupted {
                by: "the token is ***!".into()
            }
        );
    }
}
