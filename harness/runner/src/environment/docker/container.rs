//! One container: what runs of it now, and how what ran before has ended.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shakedown_record::monotonic_ns;

use super::discovery::Found;
use crate::environment::error::EnvironmentError;
use crate::environment::network::ClusterNetwork;
use crate::mechanisms::docker::{ContainerLook, ContainerState, Engine};
use crate::mechanisms::net::Netns;
use crate::mechanisms::{Exit, ProcessHandle, ProcessId};

/// The container of one replica. Its main process changes with every start; the container does not.
#[derive(Debug)]
pub(super) struct Container {
    /// The replica's name.
    pub(super) name: String,
    pub(super) id: String,
    pub(super) network: String,
    pub(super) address: SocketAddr,
    pub(super) reached: SocketAddr,
    now: Mutex<Now>,
    /// Held by whoever looks: what was seen is taken in before somebody else looks again.
    turn: tokio::sync::Mutex<()>,
    /// Faults at work on it.
    faults: AtomicUsize,
}

/// What is known of its main process.
#[derive(Debug)]
struct Now {
    /// The latest one.
    process: ProcessHandle,
    /// How it ended, if that is known.
    exit: Option<Exit>,
    /// In words, with the end of its log; `None`: its end was not noticed yet.
    how: Option<String>,
    expected: bool,
    /// An end that nobody has been told of.
    untold: Option<String>,
    removed: bool,
}

impl Container {
    pub(super) fn new(found: &Found) -> Result<Container, EnvironmentError> {
        let name = found.replica.name.clone();
        let process = main_process(&found.look).map_err(|why| {
            EnvironmentError::Containers(format!("{name} is container {}: {why}", found.look.name))
        })?;
        Ok(Container {
            name,
            id: found.look.id.clone(),
            network: found.network.clone(),
            address: found.address,
            reached: found.reached,
            now: Mutex::new(Now {
                process,
                exit: None,
                how: None,
                expected: false,
                untold: None,
                removed: false,
            }),
            turn: tokio::sync::Mutex::default(),
            faults: AtomicUsize::new(0),
        })
    }

    /// Its main process, if it runs.
    pub(super) fn process(&self) -> Option<ProcessHandle> {
        let process = self.latest();
        // A process that cannot be looked at cannot be acted on.
        let ended = process.has_exited().unwrap_or(true);
        (!ended).then_some(process)
    }

    pub(super) fn latest(&self) -> ProcessHandle {
        self.now().process.clone()
    }

    /// True once the container was found not to be there any more.
    pub(super) fn is_removed(&self) -> bool {
        self.now().removed
    }

    pub(super) fn exit_of(&self, process: ProcessId) -> Option<Exit> {
        let now = self.now();
        now.exit.filter(|_| now.process.id() == process)
    }

    pub(super) fn expect_exit(&self, expected: bool) {
        self.now().expected = expected;
    }

    pub(super) fn fault_begins(&self) {
        self.faults.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn fault_ends(&self) {
        self.faults.fetch_sub(1, Ordering::SeqCst);
    }

    pub(super) fn is_explained(&self) -> bool {
        let now = self.now();
        self.faults.load(Ordering::SeqCst) > 0 || (now.expected && now.how.is_some())
    }

    pub(super) fn take_untold(&self) -> Option<String> {
        self.now().untold.take()
    }

    /// The end of its log when it last ended.
    pub(super) fn log_end(&self) -> String {
        self.now().how.clone().unwrap_or_default()
    }

    /// Notices the end of its process, and a new one. Asks the engine only when there is something to notice.
    pub(super) async fn observe(&self, engine: &Engine, network: Option<&Arc<ClusterNetwork>>) {
        let _turn = self.turn.lock().await;
        if self.process().is_some() || self.is_removed() {
            return;
        }
        match engine.look(&self.id).await {
            Ok(look) => self.take_in(&look, engine, network).await,
            Err(error) if error.is_gone() => self.gone(),
            Err(error) => tracing::warn!("{}: {error}", self.name),
        }
    }

    async fn take_in(
        &self,
        look: &ContainerLook,
        engine: &Engine,
        network: Option<&Arc<ClusterNetwork>>,
    ) {
        if self.now().how.is_none() {
            let log = engine.log_end(&self.id).await;
            let log = log.unwrap_or_else(|error| error.to_string());
            self.note_end(look, &log);
        }
        if look.state.pid().is_none() {
            return;
        }
        let adopted = main_process(look).and_then(|process| {
            if let Some(network) = network {
                let netns = Netns::of_process(&process).map_err(|error| error.to_string())?;
                let netns = netns.ok_or("its process has ended again")?;
                let moved = network.moved(&self.name, netns);
                moved.map_err(|error| error.to_string())?;
            }
            Ok(process)
        });
        match adopted {
            Ok(process) => {
                let mut now = self.now();
                now.process = process;
                now.exit = None;
                now.how = None;
                now.expected = false;
            }
            Err(why) => tracing::warn!("{}: {why}", self.name),
        }
    }

    fn note_end(&self, look: &ContainerLook, log: &str) {
        let exit = match look.state {
            ContainerState::Down { exit_code, .. } => Some(Exit {
                status: status(exit_code),
                at_mono_ns: monotonic_ns(),
            }),
            ContainerState::Running { .. } | ContainerState::Paused { .. } => None,
        };
        let how = match (look.state, exit) {
            (
                ContainerState::Down {
                    out_of_memory: true,
                    ..
                },
                Some(exit),
            ) => format!("{exit}, for want of memory"),
            (_, Some(exit)) => exit.to_string(),
            (_, None) => "ended, and was started again by somebody else".to_string(),
        };
        let log = match log.trim_end() {
            "" => "it wrote nothing".to_string(),
            log => format!("container {} ends:\n{}", look.name, indented(log)),
        };
        let text = format!("{how}; {log}");
        let mut now = self.now();
        now.exit = exit;
        if !now.expected {
            now.untold = Some(text.clone());
        }
        now.how = Some(text);
    }

    fn gone(&self) {
        let mut now = self.now();
        now.removed = true;
        let text = "its container was removed by somebody else".to_string();
        // Ending it may have been of our doing; removing it never is.
        now.untold = Some(text.clone());
        now.how = Some(text);
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The main process of a container, pinned, and seen to belong to it.
pub(super) fn main_process(look: &ContainerLook) -> Result<ProcessHandle, String> {
    let pid = look.state.pid().ok_or("it does not run")?;
    let process = ProcessHandle::of_pid(pid).map_err(|error| error.to_string())?;
    let process = process.ok_or("its main process is gone, or not one of this machine")?;
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup"));
    match groups {
        Ok(groups) if groups.contains(&look.id) => Ok(process),
        Ok(_) => Err(format!(
            "pid {pid} is another process here: the Docker Engine runs elsewhere, or in a pid namespace of its own"
        )),
        Err(error) => Err(format!("cannot read /proc/{pid}/cgroup: {error}")),
    }
}

/// Engines tell a signal as 128 plus its number.
fn status(exit_code: i64) -> ExitStatus {
    let raw = match i32::try_from(exit_code).unwrap_or(255) {
        code @ 129..=192 => code - 128,
        code => (code & 0xff) << 8,
    };
    ExitStatus::from_raw(raw)
}

fn indented(log: &str) -> String {
    let line = |line: &str| format!("    {}", line.replace(char::is_control, " ").trim_end());
    let lines: Vec<String> = log.lines().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_read_as_engines_tell_them() {
        assert_eq!(status(137).signal(), Some(9));
        assert_eq!(status(143).signal(), Some(15));
        assert_eq!(status(0).code(), Some(0));
        assert_eq!(status(101).code(), Some(101));
        assert_eq!(status(255).code(), Some(255));
    }
}
