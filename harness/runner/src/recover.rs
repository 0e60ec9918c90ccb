//! `shakedown recover`: undoes what runs that died left behind, from their journals alone.
//!
//! Idempotent, and careful: a run whose owner lives is left alone; a process is touched only when its start time is
//! the one in the journal; a folder only when it lies where that run's nodes keep their data. Whatever cannot be
//! undone stays in the journal and is named with the command that removes it.

mod adopt;
mod lease;
mod orders;
mod report;
mod shards;
mod undo;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use shakedown_record::run_dir::RunDir;

use crate::journal::{Entry, JOURNAL_FILE, JournalView, Owner, append_to, read_journal};
use crate::mechanisms::kubernetes::ClusterError;
use crate::mechanisms::{ProcessError, ProcessHandle, ProcessId, World};
use crate::state_dir::{StateDir, StateDirError};

pub use adopt::{Afar, adopt};
pub use orders::cancel_orders;
pub use report::{RecoverReport, RecoveredRun, RunState};

/// A folder without a journal belongs to a run that is just beginning, or died while beginning.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);

/// Why recovery could not begin.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error(transparent)]
    State(#[from] StateDirError),
    #[error("cannot read {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "there is no run `{0}`: neither a journal of that id nor a run directory of that name; `shakedown recover` without a name looks at all"
    )]
    NoSuchRun(String),
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// Undoes what dead runs left behind: all of them, or one by its id or run directory.
///
/// # Errors
/// When the state folder cannot be read, or `only` names nothing.
pub fn recover(state: &StateDir, only: Option<&str>) -> Result<RecoverReport, RecoverError> {
    let folders = match only {
        None => journal_folders(state)?,
        Some(name) => folder_of(state, name)?,
    };
    let mut runs = Vec::new();
    for folder in folders {
        runs.extend(recover_one(state, &folder)?);
    }
    Ok(RecoverReport { runs })
}

/// Notes that the open orders of a dead run have been cancelled, and finishes its recovery.
///
/// # Errors
/// When its journal cannot be read or written.
pub fn orders_closed(
    state: &StateDir,
    run_id: &str,
    prefix: &str,
) -> Result<RecoverReport, RecoverError> {
    let folder = state.journal(run_id)?;
    let closed = Entry::OrdersClosed {
        prefix: prefix.to_string(),
    };
    append_to(&folder, &closed).map_err(|source| RecoverError::Io {
        path: folder.clone(),
        source,
    })?;
    recover(state, Some(run_id))
}

pub(crate) fn journal_folders(state: &StateDir) -> Result<Vec<PathBuf>, RecoverError> {
    let journals = state.journals();
    let failed = |source| RecoverError::Io {
        path: journals.clone(),
        source,
    };
    let entries = match fs::read_dir(&journals) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut folders = Vec::new();
    for entry in entries {
        folders.push(entry.map_err(failed)?.path());
    }
    folders.sort();
    Ok(folders)
}

/// By id, by path of the run directory, or by the name of a run directory.
fn folder_of(state: &StateDir, name: &str) -> Result<Vec<PathBuf>, RecoverError> {
    if let Ok(folder) = state.journal(name)
        && folder.exists()
    {
        return Ok(vec![folder]);
    }
    let wanted = fs::canonicalize(name).ok();
    for folder in journal_folders(state)? {
        let view = read_journal(&folder).ok();
        let run_dir = view
            .as_ref()
            .and_then(JournalView::owner)
            .map(|o| &o.run_dir);
        if let (Some(run_dir), Some(wanted)) = (run_dir, &wanted)
            && fs::canonicalize(run_dir).is_ok_and(|path| path == *wanted)
        {
            return Ok(vec![folder]);
        }
    }
    match wanted {
        // A run directory without an open journal: it ended clean, or was recovered before.
        Some(path) if path.join(JOURNAL_FILE).exists() || RunDir::at(&path).events().exists() => {
            Ok(Vec::new())
        }
        _ => Err(RecoverError::NoSuchRun(name.to_string())),
    }
}

fn recover_one(state: &StateDir, folder: &Path) -> Result<Option<RecoveredRun>, RecoverError> {
    let run_id = folder
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut run = RecoveredRun {
        run_id,
        run_dir: None,
        state: RunState::Unreadable,
        done: Vec::new(),
        left: Vec::new(),
        open_orders: Vec::new(),
    };
    let mut view = match read_journal(folder) {
        Ok(view) => view,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            remove_stillborn(folder);
            return Ok(None);
        }
        Err(error) => {
            run.cannot_read(folder, &error.to_string());
            return Ok(Some(run));
        }
    };
    let Some(owner) = view.owner() else {
        run.cannot_read(folder, "its first line, which says whose it is, is damaged");
        return Ok(Some(run));
    };
    run.run_dir = Some(owner.run_dir.clone());
    run.state = state_of(owner, &view, folder)?;
    if let (RunState::Elsewhere { .. }, Some(mark)) = (&run.state, view.drill()) {
        // Nobody can look into another container, but its Lease says whether it lives.
        match adopt::take_over(mark) {
            Some(Ok(mark)) => {
                let entry = Entry::Drill(mark);
                append_to(folder, &entry).map_err(|source| failed(folder, source))?;
                view = read_journal(folder).map_err(|source| failed(folder, source))?;
                run.state = RunState::Dead;
            }
            Some(Err(held)) => run.state = held,
            None => {}
        }
    }
    let Some(owner) = view.owner() else {
        return Ok(Some(run));
    };
    if let RunState::Dead = run.state
        && let Some(held) = view.drill().and_then(lease::take)
    {
        run.waits_for(folder, held);
    }
    if matches!(run.state, RunState::Dead | RunState::Closed) {
        run.undo_all(state, &view, owner);
        run.finish(folder, &view, owner);
    }
    Ok(Some(run))
}

fn failed(folder: &Path, source: io::Error) -> RecoverError {
    RecoverError::Io {
        path: folder.to_path_buf(),
        source,
    }
}

fn state_of(owner: &Owner, view: &JournalView, folder: &Path) -> Result<RunState, RecoverError> {
    let failed = |source| failed(folder, source);
    let here = World::current().map_err(failed)?;
    let adopted = view.drill().is_some_and(|mark| mark.adopted.is_some());
    // A journal is taken over once its run is dead, wherever that was.
    if !adopted && owner.world.boot_id == here.boot_id {
        if owner.world.pid_namespace != here.pid_namespace {
            return Ok(RunState::Elsewhere {
                pid_namespace: owner.world.pid_namespace.clone(),
            });
        }
        if is_alive(owner.process).map_err(|error| failed(io::Error::other(error)))? {
            return Ok(RunState::Live {
                pid: owner.process.pid,
            });
        }
    }
    Ok(if view.is_closed() {
        RunState::Closed
    } else {
        RunState::Dead
    })
}

fn is_alive(process: ProcessId) -> Result<bool, ProcessError> {
    Ok(ProcessHandle::open(process)?.is_some())
}

/// A journal that never got its owner announced nothing.
fn remove_stillborn(folder: &Path) {
    let old = fs::metadata(folder)
        .and_then(|meta| meta.modified())
        .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > BEGINS_WITHIN));
    if old && let Err(error) = fs::remove_dir_all(folder) {
        tracing::warn!("cannot remove {}: {error}", folder.display());
    }
}

#[cfg(test)]
mod tests;
