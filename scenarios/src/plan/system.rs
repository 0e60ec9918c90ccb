//! The system under test, as its profile describes it.

mod apart;
mod copies;
mod holder;
mod kill_switch;
mod timed;

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};
use shakedown_record::Decimal;

use super::alert::Alerts;
use super::docker::DockerPlan;
use super::gates::Operations;
use super::gateway::GatewayPlan;
use super::http::{Condition, Extract, JsonPointer, Request};
use super::kubernetes::KubernetesPlan;
use super::market_data::MarketData;
use super::stand_in::LocalStandIn;
use super::tls::TlsPlan;
use super::venue::VenueSide;

pub use copies::{CopyDepth, CopyTrades};
pub use kill_switch::KillSwitch;
pub use timed::{TimedOrder, TimedOrders};

/// Everything Shakedown knows about an engine.
#[derive(Debug, Clone, Serialize)]
pub struct System {
    pub name: String,
    pub data: DataLayout,
    /// In the order in which they are written; orders enter through the first.
    pub parts: Vec<Part>,
    /// Names only; values never enter a plan.
    pub secrets: BTreeMap<String, SecretSource>,
    pub auth: Auth,
    pub ceilings: Ceilings,
    pub session: Session,
    /// Left out where it is HTTP, so that plans of before keep their digest.
    #[serde(skip_serializing_if = "GatewayPlan::is_http")]
    pub gateway: GatewayPlan,
    /// Left out where it is not written, for the same reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsPlan>,
    /// Left out where there is none, for the same reason.
    #[serde(skip_serializing_if = "MarketData::is_empty")]
    pub market_data: MarketData,
    /// Of a system that sends orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<VenueSide>,
    pub orders: Orders,
    /// What becomes of orders whose connection ends; `None`: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_on_disconnect: Option<SessionContract>,
    /// What nobody may have open and filled together; `None`: nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure: Option<Exposure>,
    /// How the kill switch of an account is pulled; `None`: nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill_switch: Option<Box<KillSwitch>>,
    /// What is done to the data by commands; left out where nobody says how.
    #[serde(skip_serializing_if = "Operations::is_empty")]
    pub operations: Operations,
    /// Orders that wait; left out where nobody says how they get in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timed_orders: Option<TimedOrders>,
    pub read_back: Option<ReadBack>,
    pub health: Option<Health>,
    pub metrics: Option<Metrics>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Alerts>,
    pub version: Option<VersionProbe>,
    pub clean_up: CleanUp,
}

/// The most that may be open and filled together in one instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Exposure {
    pub per: ExposurePer,
    /// Quantity.
    #[serde(serialize_with = "as_text")]
    pub at_most: Decimal,
}

/// Whose exposure is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExposurePer {
    Session,
    Account,
}

/// Orders that were entered over a connection are cancelled when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SessionContract {
    /// Time after which none of them may be open any more, or trade; `None`: they may be cancelled, and need not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_ns: Option<u64>,
    /// Orders that were cancelled so are not listed any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unlisted: bool,
}

/// Which copies must hold an acknowledged order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataLayout {
    /// Every replica of the first part.
    Replicated,
    /// Exactly the replicas that own the order's shard; any one copy will do.
    Sharded { by: String },
    /// Another part holds the data: every replica of it, where it is read by itself (see [`System::holder`]).
    Store { part: String },
    /// Only the memory of the replica that acknowledged.
    Memory,
}

/// A part of the system: the engine, a store, a broker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    pub name: String,
    pub replicas: u32,
    pub quorum: Option<u32>,
    pub roles: Vec<Role>,
    pub restarted_by: RestartedBy,
    /// Asked of each replica whether it is ready; `None`: what `health` says is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<Request>,
}

/// A role that one replica at a time has, such as leader.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Role {
    pub name: String,
    /// Asked of each replica.
    pub get: Request,
    /// All of them must hold.
    pub conditions: Vec<Condition>,
    /// Where the reply states the term, epoch or view, if it does.
    pub term: Option<JsonPointer>,
}

/// Who starts a replica again after it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestartedBy {
    /// Kubernetes, systemd, or Shakedown itself in a local environment, when the fault is healed.
    Platform,
    /// Nobody: the replica stays down.
    Nobody,
}

/// Where the parts are, for the one environment of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EnvironmentPlan {
    /// Nodes are child processes of Shakedown on loopback.
    Local { stand_in: LocalStandIn },
    /// Somebody else runs it; only endpoints are known.
    External(Endpoints),
    /// Containers of a Docker Engine that run already.
    Docker(DockerPlan),
    /// Pods of a Kubernetes cluster that run already.
    Kubernetes(Box<KubernetesPlan>),
}

impl EnvironmentPlan {
    /// The environment's name in files and reports.
    pub fn name(&self) -> &'static str {
        match self {
            EnvironmentPlan::Local { .. } => "local",
            EnvironmentPlan::External(_) => "external",
            EnvironmentPlan::Docker(_) => "docker",
            EnvironmentPlan::Kubernetes(_) => "kubernetes",
        }
    }

    /// The cluster that it is; `None` elsewhere.
    pub fn cluster(&self) -> Option<&KubernetesPlan> {
        match self {
            EnvironmentPlan::Kubernetes(cluster) => Some(cluster),
            EnvironmentPlan::Local { .. }
            | EnvironmentPlan::External(_)
            | EnvironmentPlan::Docker(_) => None,
        }
    }
}

/// Base URLs, such as `http://127.0.0.1:8080`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoints {
    /// Where orders go; sessions are spread over them.
    pub entry: Vec<String>,
    /// Each replica by its own address, by part, in order: `engine-1` is the first of part `engine`.
    pub parts: BTreeMap<String, Vec<String>>,
    /// What proves that this is not production; all are asked before the first order.
    pub not_production: Vec<ProofOfTarget>,
}

/// A proof that the target is not production.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProofOfTarget {
    pub get: Request,
    pub conditions: Vec<Condition>,
}

impl Eq for ProofOfTarget {}

/// Where the value of a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretSource {
    Env(String),
    File(String),
    Command(Vec<String>),
}

/// How requests are authenticated.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    None,
    /// Added to every request, order entry and control alike.
    Header {
        name: String,
        value: super::http::Template,
    },
    Basic {
        user: super::http::Template,
        password: super::http::Template,
    },
}

/// What a plan may never exceed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Ceilings {
    pub orders_per_s: Option<f64>,
    pub queries_per_s: Option<f64>,
}

/// How sessions behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Session {
    /// Requests on one session without an answer.
    pub in_flight: u32,
    pub reconnect_every_ns: u64,
    pub retry: RetryPolicy,
}

/// What is done with orders that may or may not have executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryPolicy {
    Never,
    /// After the heal, every indeterminate order, and the last acknowledged one of each session, is sent again
    /// under the same id, as a client does that lost the answer. The engine must not execute it twice.
    SameIdAfterHeal,
}

/// How orders get in.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Orders {
    pub identity: Identity,
    pub level: AckLevel,
    pub new: OrderAction,
    pub cancel: Option<OrderAction>,
    pub replace: Option<OrderAction>,
    pub take: Take,
    /// How sides are written, buy then sell.
    pub side_names: [String; 2],
}

/// Who makes the id by which an order is found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identity {
    Client,
    Server,
}

/// What an acknowledgement promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AckLevel {
    Received,
    Accepted,
    Durable,
}

/// One kind of order message and how its answers are read. What no answer matches is indeterminate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderAction {
    pub send: Request,
    pub acked: Answer,
    /// Definitely not executed, by the engine's rules.
    pub rejected: Option<Answer>,
    /// Definitely not executed, for load.
    pub throttled: Option<Answer>,
    /// Cancel and replace: the order was already done. Counts as a reject.
    pub too_late: Option<Answer>,
}

/// A class of answers: one of the statuses, and every condition.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    pub status: Vec<u16>,
    pub conditions: Vec<Condition>,
}

/// What is taken from the acknowledgement of a new order (sequence and term: of every acknowledgement).
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Take {
    pub server_id: Option<Extract>,
    pub sequence: Option<Extract>,
    pub served_by: Option<Extract>,
    /// The term of the leader that acknowledged; left out where it is not taken, so that plans keep their digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub term: Option<Extract>,
}

/// How orders are read back.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReadBack {
    /// A list with a cursor.
    List {
        /// `{{cursor}}` is empty on the first page.
        get: Request,
        /// The array of rows.
        rows: JsonPointer,
        /// The next cursor; missing or null on the last page.
        next: Option<JsonPointer>,
        /// The copy's watermark: the highest engine sequence that it has applied.
        mark: Option<JsonPointer>,
        /// False: only through the entry, so copies cannot be told apart.
        at_each_replica: bool,
        fields: FieldMap,
        /// The copy's trades; `None`: nobody says where they are.
        #[serde(skip_serializing_if = "Option::is_none")]
        trades: Option<Box<CopyTrades>>,
        /// How much rests at each price, by the copy's own account; `None`: nobody says where that is.
        #[serde(skip_serializing_if = "Option::is_none")]
        depth: Option<Box<CopyDepth>>,
    },
    /// One request for each order.
    ById {
        get: Request,
        found: Answer,
        /// Says definitely that there is no such order.
        absent: Answer,
        at_each_replica: bool,
        fields: FieldMap,
    },
}

/// Where a row keeps its values, relative to the row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FieldMap {
    pub id: Option<JsonPointer>,
    pub price: Option<JsonPointer>,
    pub quantity: Option<JsonPointer>,
    pub symbol: Option<JsonPointer>,
    pub side: Option<JsonPointer>,
    pub state: Option<JsonPointer>,
    /// Values of `state` that mean that the order is still open.
    pub open_states: Vec<String>,
    /// States in which all of an order was traded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filled_states: Vec<String>,
    /// How much has traded, and how much still can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filled: Option<JsonPointer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining: Option<JsonPointer>,
    /// Engine sequence numbers of its acceptance, its last replace and its cancel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<JsonPointer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaced_sequence: Option<JsonPointer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelled_sequence: Option<JsonPointer>,
}

/// Health endpoints. `port`: on another port than the orders.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    pub port: Option<u16>,
    pub ready: Option<Request>,
    pub live: Option<Request>,
}

/// The engine's own metrics in Prometheus text format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    pub port: Option<u16>,
    pub path: String,
    /// Base name of the latency histogram in seconds.
    pub latency: Option<String>,
    /// Time between two scrapes of one replica; `None`: nobody said, see [`Metrics::scrape_every_ns`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_ns: Option<u64>,
}

/// Where the system keeps what it uses up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resources {
    /// A folder on the file system that is watched, as the replicas see it.
    pub disk: String,
}

/// How the build under test says what it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VersionProbe {
    pub get: Request,
    pub take: JsonPointer,
}

/// What is done with our own orders after every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CleanUp {
    /// Open orders of this run are cancelled, and it is verified that none is left.
    CancelOurs,
    /// Orders are left as they are: the environment is thrown away.
    Nothing,
}

fn as_text<S: Serializer>(number: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}
