//! Takes changes to containers back if Shakedown dies.
//!
//! A container stays paused when whoever paused it is killed. The watchdog speaks with the engine *before* it says that it is
//! armed, so that the way is known to be open.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use shakedown_record::ExitCode;

use super::engine::Engine;
use super::error::EngineError;
use super::undo::Undo;
use crate::mechanisms::process::ProcessId;
use crate::mechanisms::watchdog::{
    Watchdog, WatchdogError, Watched, undo_arguments, undo_of, watch,
};

/// The hidden subcommand under which the binary runs [`container_watchdog_main`].
const CONTAINER_WATCHDOG_COMMAND: &str = "__container-watchdog";

/// An engine may be busy with what Shakedown asked last.
const TRIES_FOR: Duration = Duration::from_secs(20);
/// For so long after the parent's death its last request may still take effect.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

impl Watchdog {
    /// Over a container's main process: takes these changes to the container back.
    ///
    /// # Errors
    /// When it cannot be started, or does not report in time. Nothing may be changed then.
    pub async fn over_container(
        exe: &Path,
        target: ProcessId,
        undo: Vec<Undo>,
    ) -> Result<Watchdog, WatchdogError> {
        let arguments = undo_arguments(exe, &undo)?;
        Watchdog::arm(exe, target, CONTAINER_WATCHDOG_COMMAND, arguments).await
    }
}

/// The watchdog's `main`. `arguments` are those after [`CONTAINER_WATCHDOG_COMMAND`]: `--undo` and a JSON array of
/// [`Undo`]; standard input is the line to its parent. Exits 0 when it was dismissed or has taken everything back, 64
/// for wrong arguments, 70 when something stayed.
pub fn container_watchdog_main(arguments: &[String]) -> ExitCode {
    let Some(undo) = undo_of(arguments) else {
        return ExitCode::Usage;
    };
    match over(&undo) {
        Ok(()) => ExitCode::Pass,
        Err(error) => {
            tracing::error!("the container watchdog: {error}");
            ExitCode::Bug
        }
    }
}

fn over(undo: &[Undo]) -> Result<(), WatchError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // Everything that can fail early does so before it is armed.
    for undo in undo {
        runtime.block_on(Engine::at(undo.host()))?;
    }
    match watch()? {
        Watched::Dismissed => Ok(()),
        Watched::Orphaned => runtime.block_on(take_back(undo)),
    }
}

/// All of them at once; each is tried until it is done. What the parent asked for last may still be under way: it is
/// looked at once more.
async fn take_back(undo: &[Undo]) -> Result<(), WatchError> {
    let begun = Instant::now();
    let all = undo.iter().map(|undo| async move {
        loop {
            let done = async { undo.replay(&Engine::at(undo.host()).await?).await };
            match done.await {
                Ok(true) => return Ok(()),
                Ok(false) if begun.elapsed() >= SETTLED_AFTER => return Ok(()),
                Ok(false) => {}
                Err(error) if begun.elapsed() >= TRIES_FOR => return Err(error),
                Err(error) => tracing::warn!("{error}"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    for done in futures_util::future::join_all(all).await {
        done?;
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the line to the parent: {0}")]
    Line(#[from] io::Error),
}
