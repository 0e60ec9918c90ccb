//! Takes groups back if Shakedown dies: replays [`Undo`] records.
//!
//! A frozen process stays frozen, and a limited one limited, when whoever did it is killed. The watchdog thaws, moves back,
//! removes and sets back. It lives outside of the groups that it takes back.

use std::io;
use std::path::Path;

use shakedown_record::ExitCode;

use super::error::CgroupError;
use super::hierarchy::Cgroups;
use super::undo::Undo;
use crate::mechanisms::process::ProcessId;
use crate::mechanisms::watchdog::{
    Watchdog, WatchdogError, Watched, undo_arguments, undo_of, watch,
};

/// The hidden subcommand under which the binary runs [`freezer_watchdog_main`].
const FREEZER_WATCHDOG_COMMAND: &str = "__freezer-watchdog";

impl Watchdog {
    /// Over a process in groups that are going to be made or changed: takes these back, the last first.
    ///
    /// # Errors
    /// When it cannot be started, or does not report in time. Nothing may be changed then.
    pub async fn over_groups(
        exe: &Path,
        target: ProcessId,
        undo: Vec<Undo>,
    ) -> Result<Watchdog, WatchdogError> {
        let arguments = undo_arguments(exe, &undo)?;
        Watchdog::arm(exe, target, FREEZER_WATCHDOG_COMMAND, arguments).await
    }
}

/// The watchdog's `main`. `arguments` are those after [`FREEZER_WATCHDOG_COMMAND`]: `--undo` and a JSON array of
/// [`Undo`]; standard input is the line to its parent. Exits 0 when it was dismissed or has taken everything back, 64
/// for wrong arguments, 70 when something stayed.
pub fn freezer_watchdog_main(arguments: &[String]) -> ExitCode {
    let Some(undo) = undo_of(arguments) else {
        return ExitCode::Usage;
    };
    match over(&undo) {
        Ok(()) => ExitCode::Pass,
        Err(error) => {
            tracing::error!("the group watchdog: {error}");
            ExitCode::Bug
        }
    }
}

fn over(undo: &[Undo]) -> Result<(), WatchError> {
    // Everything that can fail early does so before it is armed.
    let cgroups = Cgroups::discover()?;
    match watch()? {
        Watched::Dismissed => Ok(()),
        Watched::Orphaned => take_back(&cgroups, undo),
    }
}

/// All of them are tried, whatever becomes of one.
fn take_back(cgroups: &Cgroups, undo: &[Undo]) -> Result<(), WatchError> {
    let mut result = Ok(());
    for undo in undo.iter().rev() {
        if let Err(error) = undo.replay(cgroups) {
            tracing::error!("{undo}: {error}");
            result = Err(error.into());
        }
    }
    result
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    #[error("the line to the parent: {0}")]
    Line(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn arguments_are_exact() {
        let undo = vec![Undo::Leave {
            group: PathBuf::from("/g/shakedown-a b"),
            previous: PathBuf::from("/g"),
            process: ProcessId {
                pid: 7,
                start_time_ticks: 99,
            },
        }];
        let text = serde_json::to_string(&undo).unwrap();
        assert!(text.starts_with(r#"[{"cgroup":"leave""#), "{text}");
        assert_eq!(undo_of(&["--undo".into(), text.clone()]), Some(undo));
        assert_eq!(undo_of::<Undo>(&["--undo".into(), "[{}]".into()]), None);
        assert_eq!(freezer_watchdog_main(&[text]), ExitCode::Usage);
    }
}
