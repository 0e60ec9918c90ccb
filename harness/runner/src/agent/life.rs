//! Which life of an agent this is. A container that ended is started again in the same pod: it must not do twice what
//! it was told once, but take back what its former life could not.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use shakedown_record::event::{Leftover, LeftoverKind};

use super::report::Said;
use crate::journal::JOURNAL_FILE;
use crate::recover::{RecoverError, RunState, recover};
use crate::state_dir::StateDir;

/// There from the first life on.
const MARK: &str = "agent-began";
/// The control group namespace of the node's first process.
const OF_NODE: &str = "/proc/1/ns/cgroup";

/// Which life this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    First,
    Later,
}

impl Life {
    /// Looks, and leaves the mark for the next one.
    ///
    /// # Errors
    /// When the folder cannot be written: without a journal nothing may be done.
    pub(super) fn begin(state: &StateDir) -> io::Result<Life> {
        fs::create_dir_all(state.root())?;
        let mark = state.root().join(MARK);
        match OpenOptions::new().write(true).create_new(true).open(mark) {
            Ok(file) => {
                file.sync_all()?;
                File::open(state.root())?.sync_all()?;
                Ok(Life::First)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Life::Later),
            Err(error) => Err(error),
        }
    }
}

/// Takes back what an earlier life left, from its journal. What is said: what was done, and whether all of it is gone.
pub(super) fn take_back(state: &StateDir, run_id: &str) -> Vec<Said> {
    let report = match recover(state, None) {
        Ok(report) => report,
        Err(error) => return vec![unreadable(&error)],
    };
    let mut runs = report.runs;
    let done = runs
        .iter_mut()
        .flat_map(|run| std::mem::take(&mut run.done));
    let mut said = vec![Said::Recovered {
        done: done.collect(),
    }];
    let mut left: Vec<Leftover> = Vec::new();
    for run in runs {
        left.extend(run.left);
        if matches!(
            run.state,
            RunState::Live { .. } | RunState::Elsewhere { .. } | RunState::Held { .. }
        ) {
            left.push(of_ours(format!(
                "{run_id}: its journal belongs to a process that lives"
            )));
        }
    }
    said.push(match left.is_empty() {
        true => Said::Clean,
        false => Said::NotClean {
            reason: left
                .iter()
                .map(|it| it.what.clone())
                .collect::<Vec<_>>()
                .join("; "),
            left: left.into_iter().next(),
        },
    });
    said
}

fn unreadable(error: &RecoverError) -> Said {
    Said::NotClean {
        left: Some(of_ours(format!("{JOURNAL_FILE}: {error}"))),
        reason: error.to_string(),
    }
}

/// Something of an agent that is still there.
pub(super) fn of_ours(what: String) -> Leftover {
    Leftover {
        kind: LeftoverKind::Fault,
        what,
        remove_with: "shakedown recover".to_string(),
    }
}

/// The namespace of the node could not be entered.
#[derive(Debug, thiserror::Error)]
#[error(
    "the control groups of the node cannot be seen as it sees them ({OF_NODE}): {0}; the agent's pod needs hostPID and the \
     capabilities SYS_ADMIN and SYS_PTRACE"
)]
pub struct NodeError(io::Error);

/// Moves the calling thread, and every thread that it starts from now on, to where control groups have the paths that
/// they have on the node. To be called before there is another thread.
///
/// # Errors
/// Without the capabilities, or outside of the node's pid namespace.
pub fn enter_node() -> Result<(), NodeError> {
    let node = File::open(Path::new(OF_NODE)).map_err(NodeError)?;
    let entered = move_into_link_name_space(
        std::os::fd::AsFd::as_fd(&node),
        Some(LinkNameSpaceType::ControlGroup),
    );
    entered.map_err(|error| NodeError(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Journal, RunAbout};

    #[test]
    fn a_second_life_is_one() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(&folder.path().join("agent"));
        assert_eq!(Life::begin(&state).unwrap(), Life::First);
        assert_eq!(Life::begin(&state).unwrap(), Life::Later);
        assert!(Life::begin(&StateDir::at(Path::new("/proc/none"))).is_err());
    }

    #[test]
    fn nothing_open_is_clean_and_a_living_owner_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path());
        let clean = take_back(&state, "run-1");
        assert_eq!(clean[1], Said::Clean);
        let about = RunAbout {
            run_id: "run-1".into(),
            run_dir: folder.path().to_path_buf(),
            system: "s".into(),
            environment: "kubernetes".into(),
            started_at: "2026-01-02T03:04:05Z".into(),
        };
        let _journal = Journal::create(&state, about).unwrap();
        let lives = take_back(&state, "run-1");
        assert!(matches!(lives[1], Said::NotClean { .. }), "{lives:?}");
    }
}
