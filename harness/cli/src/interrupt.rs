//! Ctrl-C and SIGTERM as a value that the run engine reads: it heals first, then ends.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::output::{Failure, say};

/// Becomes `Some(signal)` when a person or the system asks us to stop.
///
/// # Errors
/// When signal handlers cannot be installed.
pub fn listen() -> Result<watch::Receiver<Option<String>>, Failure> {
    heard(|name| {
        say(&format!(
            "{name}: healing faults and cleaning up; please wait"
        ))
    })
}

/// As [`listen`], without a word.
///
/// # Errors
/// When signal handlers cannot be installed.
pub fn quietly() -> Result<watch::Receiver<Option<String>>, Failure> {
    heard(|_| {})
}

fn heard(tell: impl Fn(&str) + Send + 'static) -> Result<watch::Receiver<Option<String>>, Failure> {
    let (sender, receiver) = watch::channel(None);
    let install = |kind| {
        signal(kind).map_err(|error| Failure::bug(format!("cannot listen for signals: {error}")))
    };
    let mut interrupt = install(SignalKind::interrupt())?;
    let mut terminate = install(SignalKind::terminate())?;
    let mut hang_up = install(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = interrupt.recv() => "SIGINT",
                _ = terminate.recv() => "SIGTERM",
                _ = hang_up.recv() => "SIGHUP",
            };
            tell(name);
            if sender.send(Some(name.to_string())).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}
