//! The kubelet or the container runtime of a node stands still: SIGSTOP, because what is ended is started again by the
//! machine, and what is stopped stays stopped. Proven by the state of all threads, and by silence where there was an
//! answer: of the kubelet's health endpoint, of the runtime's socket.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::fault::FaultTarget;
use shakedown_scenarios::plan::ClusterKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::error::{FaultError, NotClean};
use super::kill::left;
use super::strength::Strength;
use crate::environment::{Environment, HttpAnswer, ask};
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::services::{NodeService, listens_on};
use crate::mechanisms::{Delivery, ProcessError, ProcessHandle, ProcessState, Watchdog};

const POLL: Duration = Duration::from_millis(5);
const SILENT_FOR: Duration = Duration::from_millis(250);
const THAWS_WITHIN: Duration = Duration::from_secs(1);
const CLEAN_WITHIN: Duration = Duration::from_secs(20);
/// Where kubelets serve their own health unless they are told otherwise.
const HEALTH: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 10_248);
/// How every client of gRPC begins: the preface of HTTP/2 and empty settings. A server answers with its own.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Where it is looked whether the service answers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Question {
    Health(SocketAddr),
    Socket(PathBuf),
}

#[derive(Debug)]
pub(super) struct Service {
    which: NodeService,
    /// What its process is called.
    called: String,
    process: ProcessHandle,
    /// What it answered when it was armed; `None`: nothing, so that only its threads can be looked at.
    question: Option<Question>,
    watchdog: Option<Watchdog>,
}

impl Service {
    /// `None` for kinds that are not done to a service of the node.
    pub(super) fn meant(kind: &ClusterKind) -> Option<NodeService> {
        match kind {
            ClusterKind::KubeletStop => Some(NodeService::Kubelet),
            ClusterKind::RuntimeStop => Some(NodeService::Runtime),
            ClusterKind::Delete { .. }
            | ClusterKind::Evict
            | ClusterKind::Cordon
            | ClusterKind::Drain
            | ClusterKind::Taint { .. }
            | ClusterKind::NodeStop
            | ClusterKind::NodeReboot
            | ClusterKind::ApiServerStop
            | ClusterKind::RollingUpdate { .. }
            | ClusterKind::Rollback
            | ClusterKind::Scale { .. }
            | ClusterKind::Switch { .. } => None,
        }
    }

    /// Finds the process.
    pub(super) fn new(fault: &str, which: NodeService) -> Result<Service, FaultError> {
        let (process, called) = which.find().map_err(|error| FaultError::NotPossible {
            fault: fault.to_string(),
            reason: error.to_string(),
        })?;
        let state = process.state().map_err(failed(fault))?;
        match state {
            ProcessState::Running => Ok(Service {
                which,
                called,
                process,
                question: None,
                watchdog: None,
            }),
            ProcessState::Stopped | ProcessState::Exited => Err(FaultError::AlreadyStopped {
                fault: fault.to_string(),
                target: called,
            }),
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self.which {
            NodeService::Kubelet => "kubelet-stop",
            NodeService::Runtime => "runtime-stop",
        }
    }

    pub(super) fn mechanism(&self) -> String {
        format!(
            "SIGSTOP by pidfd to the node's {}, with a watchdog that thaws",
            self.which.name()
        )
    }

    pub(super) fn names(&self) -> Vec<String> {
        vec![self.called.clone()]
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        vec![FaultTarget {
            name: self.called.clone(),
            role: None,
            handle: self.process.id().to_string(),
        }]
    }

    /// Finds out what it answers, and starts the watchdog.
    pub(super) async fn arm(
        &mut self,
        fault: &str,
        environment: &Environment,
        journal: &Journal,
    ) -> Result<Vec<Undo>, FaultError> {
        self.question = self.answered().await;
        let exe = environment.watchdog_exe();
        let exe = exe.ok_or_else(|| FaultError::NoHandle {
            fault: fault.to_string(),
            kind: self.name(),
            target: self.called.clone(),
        })?;
        let process = self.process.id();
        let armed = Watchdog::over_stopped(exe, process).await;
        let watchdog = armed.map_err(|source| FaultError::Watchdog {
            fault: fault.to_string(),
            source,
        })?;
        let started = Entry::ChildStarted {
            name: self.watchdog_name(),
            process: watchdog.process(),
        };
        self.watchdog = Some(watchdog);
        record(fault, journal, &started)?;
        Ok(vec![Undo::Thaw {
            name: self.called.clone(),
            process,
        }])
    }

    /// The first question that it answers.
    async fn answered(&self) -> Option<Question> {
        let questions = match self.which {
            NodeService::Kubelet => vec![Question::Health(HEALTH)],
            NodeService::Runtime => {
                let sockets = listens_on(&self.process, &self.called).unwrap_or_else(|error| {
                    tracing::warn!("where {} listens cannot be seen: {error}", self.called);
                    Vec::new()
                });
                sockets.into_iter().map(Question::Socket).collect()
            }
        };
        for question in questions {
            if question.is_answered().await {
                return Some(question);
            }
        }
        None
    }

    pub(super) fn inject(&self, fault: &str, strength: Strength) -> Result<(), FaultError> {
        if strength == Strength::Blunt {
            return Ok(());
        }
        match self.process.signal(Signal::STOP).map_err(failed(fault))? {
            Delivery::Sent => Ok(()),
            Delivery::Gone => Err(FaultError::TargetGone {
                fault: fault.to_string(),
                targets: self.label(),
            }),
        }
    }

    /// What was seen; as an error when it is not the effect.
    pub(super) async fn confirm(&self, until: Instant) -> Result<String, String> {
        let who = self.label();
        loop {
            match self.process.state().map_err(|error| error.to_string())? {
                ProcessState::Stopped => break,
                ProcessState::Exited => {
                    return Err(format!("{who} has ended: it is gone, not stopped"));
                }
                ProcessState::Running if left(until).is_zero() => {
                    return Err(format!("{who} got SIGSTOP and still runs"));
                }
                ProcessState::Running => tokio::time::sleep(POLL).await,
            }
        }
        match &self.question {
            None => Ok(format!(
                "every thread of {who} is stopped; it answered nothing before, so no silence could be heard"
            )),
            Some(question) if question.is_answered().await => Err(format!(
                "every thread of {who} is stopped, but {question} still answers"
            )),
            Some(question) => Ok(format!(
                "every thread of {who} is stopped, and {question} gave no answer for {} ms",
                SILENT_FOR.as_millis()
            )),
        }
    }

    pub(super) async fn heal(&mut self, fault: &str, journal: &Journal) -> Result<(), FaultError> {
        // What is gone is not stopped.
        self.process.signal(Signal::CONT).map_err(failed(fault))?;
        let until = Instant::now() + THAWS_WITHIN;
        while self.process.state().map_err(failed(fault))? == ProcessState::Stopped {
            if left(until).is_zero() {
                return Err(FaultError::StaysStopped {
                    fault: fault.to_string(),
                    target: self.label(),
                });
            }
            tokio::time::sleep(POLL).await;
        }
        let Some(watchdog) = self.watchdog.take() else {
            return Ok(());
        };
        let gone = Entry::ChildGone {
            name: self.watchdog_name(),
            process: watchdog.process(),
        };
        match watchdog.dismiss().await {
            Ok(()) => record(fault, journal, &gone),
            Err(error) => {
                // Harmless: it ends, and sends a superfluous SIGCONT, when we do.
                tracing::warn!("{error}");
                Ok(())
            }
        }
    }

    /// Waits until it runs, and answers as it did before.
    pub(super) async fn confirm_clean(&self) -> Result<(), NotClean> {
        let not_clean = |reason: String| NotClean { left: None, reason };
        let until = Instant::now() + CLEAN_WITHIN;
        loop {
            let state = self
                .process
                .state()
                .map_err(|error| not_clean(error.to_string()))?;
            let answers = match &self.question {
                Some(question) => question.is_answered().await,
                None => true,
            };
            match state {
                ProcessState::Running if answers => return Ok(()),
                ProcessState::Exited => {
                    return Err(not_clean(format!(
                        "{} has ended while it was stopped, or since: the machine may have started another",
                        self.label()
                    )));
                }
                ProcessState::Running | ProcessState::Stopped if left(until).is_zero() => {
                    return Err(not_clean(format!(
                        "{} {state}, and does not answer",
                        self.label()
                    )));
                }
                ProcessState::Running | ProcessState::Stopped => tokio::time::sleep(POLL).await,
            }
        }
    }

    fn label(&self) -> String {
        format!("{} ({})", self.called, self.process.id())
    }

    fn watchdog_name(&self) -> String {
        format!("watchdog of {}", self.called)
    }
}

impl Question {
    async fn is_answered(&self) -> bool {
        match self {
            Question::Health(address) => {
                let answer = ask(*address, "/healthz", SILENT_FOR).await;
                matches!(answer, HttpAnswer::Status(_))
            }
            Question::Socket(path) => {
                let greeted = tokio::time::timeout(SILENT_FOR, greet(path)).await;
                matches!(greeted, Ok(Ok(1..)))
            }
        }
    }
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Question::Health(address) => write!(f, "http://{address}/healthz"),
            Question::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How many bytes of an answer came first.
async fn greet(path: &Path) -> std::io::Result<usize> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(GREETING).await?;
    stream.read(&mut [0; 16]).await
}

fn failed(fault: &str) -> impl Fn(ProcessError) -> FaultError {
    let fault = fault.to_string();
    move |source| FaultError::Process {
        fault: fault.clone(),
        source,
    }
}

fn record(fault: &str, journal: &Journal, entry: &Entry) -> Result<(), FaultError> {
    journal.record(entry).map_err(|source| FaultError::Journal {
        fault: fault.to_string(),
        source,
    })
}
