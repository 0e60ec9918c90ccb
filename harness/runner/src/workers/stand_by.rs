//! What runs in a worker's pod beside the worker itself: something that stays, and something that hands its ledger over.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_load::workers::{self, ShardError, WORKER_PID};

use crate::mechanisms::{ProcessError, ProcessHandle};

/// A killed process is gone at once, unless the kernel holds it.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// Why a ledger was not handed over.
#[derive(Debug, thiserror::Error)]
pub enum HandOverError {
    #[error(transparent)]
    Shard(#[from] ShardError),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error("the worker cannot be ended")]
    StillRuns,
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Stays until its pod is asked to end, so that there is a pod in which a worker can be started.
pub async fn stand_by(mut asked: tokio::sync::watch::Receiver<Option<String>>) {
    while asked.borrow_and_update().is_none() {
        if asked.changed().await.is_err() {
            return;
        }
    }
}

/// Ends the worker that writes the ledger in this folder, if it still runs, and writes the ledger.
///
/// # Errors
/// When the worker does not end, or the ledger cannot be read.
pub fn hand_over(folder: &Path, to: &mut impl Write) -> Result<(), HandOverError> {
    let pid = match std::fs::read_to_string(folder.join(WORKER_PID)) {
        Ok(text) => text.trim().parse().ok(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(pid) = pid
        && is_worker(pid)
        && let Some(worker) = ProcessHandle::of_pid(pid)?
    {
        worker.signal(Signal::KILL)?;
        if !worker.wait_exit_blocking(ENDS_WITHIN)? {
            return Err(HandOverError::StillRuns);
        }
    }
    workers::hand_over(folder, to)?;
    Ok(())
}

/// A number may be somebody else's by now.
fn is_worker(pid: u32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|word| word == b"worker")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_worker_is_handed_over_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let mut wire = Vec::new();
        hand_over(folder.path(), &mut wire).unwrap();
        assert!(wire.is_empty());
        std::fs::write(
            folder.path().join(WORKER_PID),
            std::process::id().to_string(),
        )
        .unwrap();
        hand_over(folder.path(), &mut wire).unwrap();
    }

    #[tokio::test]
    async fn it_stays_until_it_is_asked() {
        let (ask, asked) = tokio::sync::watch::channel(None);
        let stays = tokio::time::timeout(Duration::from_millis(30), stand_by(asked.clone()));
        assert!(stays.await.is_err());
        ask.send(Some("SIGTERM".to_string())).unwrap();
        stand_by(asked).await;
    }
}
