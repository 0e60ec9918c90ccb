//! What a generator is told to do.

use std::path::PathBuf;

use shakedown_scenarios::plan::{
    Arrival, Auth, GatewayPlan, LoadPlan, Mix, OrderShape, Orders, Request, Session,
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
    Requests { request: Request, secrets: Secrets },
}

/// One load run.
#[derive(Debug, Clone)]
pub struct GeneratorConfig {
    pub plan: LoadPlan,
    pub seed: u64,
    pub session: Session,
    pub work: Work,
    /// Base URLs, such as `http://127.0.0.1:8080` or, for a gateway with a port of its own, `tcp://127.0.0.1:7410`;
    /// sessions are spread over them.
    pub entry: Vec<String>,
    /// An existing folder for the ledger.
    pub ledger: PathBuf,
    /// Prefix of the client order ids: the order of slot 17 is `{prefix}-17`.
    pub prefix: String,
    pub mode: Mode,
    /// Run time in nanoseconds from which no slot is scheduled; `None`: until [`Generator::request_stop`].
    ///
    /// [`Generator::request_stop`]: crate::Generator::request_stop
    pub duration_ns: Option<u64>,
}

impl GeneratorConfig {
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
            timeout_ns,
            shape: OrderShape::default(),
        }
    }
}
