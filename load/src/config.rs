//! What a generator is told to do.

use std::path::PathBuf;

use shakedown_scenarios::plan::{
    Arrival, Auth, GatewayPlan, LoadPlan, Mix, OrderShape, Orders, Plan, Request, Session, TlsPlan,
};

use crate::secret::Secrets;

/// When the next request of a session is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// By the schedule, whatever the engine does: the only honest mode for latency under load.
    Open,
    /// When the previous one ended: finds the engine's highest rate, hides its stalls.
    Closed,
}

/// How the load threads reach their sockets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Io {
    #[default]
    Epoll,
    /// io_uring where it measures better just before the load begins, else epoll.
    Auto,
    /// io_uring; epoll where the kernel has none or does not let us.
    IoUring,
}

/// What the slots ask.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one for each run")]
pub enum Work {
    /// Order flow through the profile's actions.
    Orders {
        orders: Orders,
        /// By what way they go.
        gateway: GatewayPlan,
        auth: Auth,
        secrets: Secrets,
    },
    /// One request again and again (`shakedown load URL`): 2xx and 3xx count as acknowledged, 429 as throttled,
    /// everything else as a bad response.
    Requests {
        request: Request,
        /// Over HTTP/2, not HTTP/1.1.
        http2: bool,
        secrets: Secrets,
    },
}

/// One load run.
#[derive(Debug, Clone)]
pub struct GeneratorConfig {
    pub plan: LoadPlan,
    pub seed: u64,
    pub session: Session,
    pub work: Work,
    /// Base URLs, such as `http://127.0.0.1:8080` or, for a gateway with a port of its own, `tcp://127.0.0.1:7410`; with
    /// TLS `https`, `wss`, `tls`. Sessions are spread over them.
    pub entry: Vec<String>,
    /// Where orders that enter there are reported, one for each entry, such as `ws://127.0.0.1:7420`; none where answers say
    /// all.
    pub reports: Vec<String>,
    /// For the entries with TLS.
    pub tls: TlsPlan,
    /// An existing folder for the ledger.
    pub ledger: PathBuf,
    /// Prefix of the client order ids: the order of slot 17 is `{prefix}-17`.
    pub prefix: String,
    pub mode: Mode,
    pub io: Io,
    /// Ends of connections are written down, and who is connected in the end stays so until [`KeptSessions`] is dropped.
    ///
    /// [`KeptSessions`]: crate::KeptSessions
    pub keeps_sessions: bool,
    /// Run time in nanoseconds from which no slot is scheduled; `None`: until [`Generator::request_stop`].
    ///
    /// [`Generator::request_stop`]: crate::Generator::request_stop
    pub duration_ns: Option<u64>,
}

/// What a run adds to its plan: as in [`GeneratorConfig`].
#[derive(Debug, Clone)]
pub struct RunParts {
    pub entry: Vec<String>,
    pub reports: Vec<String>,
    pub ledger: PathBuf,
    pub prefix: String,
}

/// The part of the sessions that a process has, of several that make one load together: session `s` is that of worker
/// `s mod workers`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// From 0.
    pub worker: u32,
    pub workers: u32,
    /// All of them are on one machine.
    pub beside: bool,
}

impl Share {
    /// One process has all sessions.
    pub const WHOLE: Share = Share {
        worker: 0,
        workers: 1,
        beside: true,
    };

    /// True when a slot belongs to this worker.
    pub fn owns(&self, slot: u64, sessions: u32) -> bool {
        slot % u64::from(sessions) % u64::from(self.workers) == u64::from(self.worker)
    }

    /// The number of a load thread of this worker among those of all.
    pub(crate) fn thread(&self, thread: usize) -> u64 {
        thread as u64 * u64::from(self.workers) + u64::from(self.worker)
    }

    /// The load threads of all workers, each of which has so many.
    pub(crate) fn threads(&self, each: usize) -> u64 {
        each as u64 * u64::from(self.workers)
    }
}

impl GeneratorConfig {
    /// The order flow of a plan, open loop, without an end.
    pub fn of(plan: &Plan, secrets: Secrets, parts: RunParts) -> GeneratorConfig {
        GeneratorConfig {
            plan: plan.load.clone(),
            seed: plan.seed,
            session: plan.system.session,
            work: Work::Orders {
                orders: plan.system.orders.clone(),
                gateway: plan.system.gateway.clone(),
                auth: plan.system.auth.clone(),
                secrets,
            },
            entry: parts.entry,
            reports: parts.reports,
            tls: plan.system.tls.clone().unwrap_or_default(),
            ledger: parts.ledger,
            prefix: parts.prefix,
            mode: Mode::Open,
            io: Io::Epoll,
            keeps_sessions: plan.system.cancel_on_disconnect.is_some(),
            duration_ns: None,
        }
    }

    /// A plan for plain requests, as `shakedown load` needs it: no symbols, no mix.
    pub fn plain_plan(arrival: Arrival, sessions: u32, threads: u32, timeout_ns: u64) -> LoadPlan {
        LoadPlan {
            arrival,
            mix: Mix {
                new: 0,
                cancel: 0,
                replace: 0,
                oversized: 0,
            },
            symbols: Vec::new(),
            accounts: Vec::new(),
            sessions,
            threads,
            workers: 1,
            timeout_ns,
            shape: OrderShape::default(),
        }
    }
}
