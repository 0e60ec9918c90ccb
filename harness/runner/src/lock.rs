//! One run at a time on a system in an environment: two would judge each other's faults.
//!
//! The lock is an `flock` on a file, so that the kernel frees it with its holder, however that dies. What stands in
//! the file only says who holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::state_dir::StateDir;

/// Between taking the lock and saying whose it is, a holder needs an instant.
const SAYS_WHO_WITHIN: Duration = Duration::from_millis(200);

/// A held lock; dropping it frees it.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

/// Who holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub run_id: String,
    pub pid: u32,
    /// Whose it is, where that was known.
    #[serde(default)]
    pub user: Option<String>,
    /// RFC 3339, UTC.
    pub since: String,
}

/// Somebody else holds it. Nothing was touched: exit 77.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{system} on {environment} is being validated already {}; wait for that run, or end it with `shakedown halt`",
    describe(holder.as_deref())
)]
pub struct LockHeld {
    pub system: String,
    pub environment: String,
    /// `None` when the holder has not said who it is.
    pub holder: Option<Box<Holder>>,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error(transparent)]
    Held(#[from] LockHeld),
    #[error("cannot use the lock file {path}: {source}")]
    Io { path: String, source: io::Error },
}

fn describe(holder: Option<&Holder>) -> String {
    match holder {
        Some(holder) => format!(
            "by run {} (pid {}, {}since {})",
            holder.run_id,
            holder.pid,
            (holder.user.as_ref()).map_or(String::new(), |user| format!("of {user}, ")),
            holder.since
        ),
        None => "by a run that has not said who it is".to_string(),
    }
}

impl Lock {
    /// Takes the lock, or says who has it. Never waits for the holder.
    ///
    /// # Errors
    /// When it is held, or the file cannot be used.
    pub fn acquire(
        state: &StateDir,
        system: &str,
        environment: &str,
        own: &Holder,
    ) -> Result<Lock, LockError> {
        let path = state.lock(system, environment);
        let failed = |source| LockError::Io {
            path: path.display().to_string(),
            source,
        };
        let mut file = open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                write_holder(&mut file, own).map_err(failed)?;
                Ok(Lock { file })
            }
            Err(TryLockError::WouldBlock) => Err(LockError::Held(LockHeld {
                system: system.to_string(),
                environment: environment.to_string(),
                holder: read_holder(&mut file).map(Box::new),
            })),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Drop for Lock {
    /// The file stays: removing it would let two runs hold locks on two files of one name.
    fn drop(&mut self) {
        if let Err(error) = self.file.set_len(0).and_then(|()| self.file.unlock()) {
            tracing::warn!("the lock is freed only when this process ends: {error}");
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
}

fn write_holder(file: &mut File, own: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&serde_json::to_vec(own)?)
}

fn read_holder(file: &mut File) -> Option<Holder> {
    let step = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        let mut text = String::new();
        let read = file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.read_to_string(&mut text));
        match read.map(|_| serde_json::from_str(&text)) {
            Ok(Ok(holder)) => return Some(holder),
            _ if waited >= SAYS_WHO_WITHIN => return None,
            _ => {
                std::thread::sleep(step);
                waited += step;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(run_id: &str) -> Holder {
        Holder {
            run_id: run_id.into(),
            pid: std::process::id(),
            user: Some("ada".into()),
            since: "2026-01-02T03:04:05Z".into(),
        }
    }

    #[test]
    fn the_second_is_told_who_holds_it_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path());
        let first = Lock::acquire(&state, "acme", "local", &holder("run-1")).unwrap();
        let second = Lock::acquire(&state, "acme", "local", &holder("run-2"));
        let Err(LockError::Held(held)) = second else {
            panic!("{second:?}");
        };
        assert_eq!(held.holder.as_deref(), Some(&holder("run-1")));
        let said = held.to_string();
        assert!(
            said.contains("run run-1") && said.contains("of ada, since 2026"),
            "{held}"
        );
        // Another environment, another system: other locks.
        Lock::acquire(&state, "acme", "external", &holder("run-3")).unwrap();
        Lock::acquire(&state, "hive-mind", "local", &holder("run-4")).unwrap();
        drop(first);
        Lock::acquire(&state, "acme", "local", &holder("run-2")).unwrap();
    }

    #[test]
    fn what_a_dead_holder_wrote_does_not_hold_anything() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path());
        let path = state.lock("acme", "local");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, serde_json::to_vec(&holder("dead and gone")).unwrap()).unwrap();
        Lock::acquire(&state, "acme", "local", &holder("run-2")).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("locks"), "a file").unwrap();
        let state = StateDir::at(folder.path());
        let failed = Lock::acquire(&state, "acme", "local", &holder("run-1"));
        assert!(matches!(failed, Err(LockError::Io { .. })));
    }
}
