//! The profile as a whole.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::alert::AlertsSpec;
use crate::spec::guards::GuardsSpec;
use crate::spec::scalar::{Duration, Id, Number, Percent, Pointer, Rate, Symbol};
use crate::spec::sla::RuleSpec;
use crate::spec::{Entries, Later};

use super::access::{AuthSpec, SecretSpec};
use super::environment::{EnvironmentsSpec, ProofSpec};
use super::exchange::{GetSpec, WhereSpec};
use super::gateway::GatewaySpec;
use super::kill_switch::KillSwitchSpec;
use super::market_data::MarketDataSpec;
use super::operations::OperationsSpec;
use super::orders::OrdersSpec;
use super::read_back::ReadBackSpec;
use super::timed::TimedOrdersSpec;
use super::tls::TlsSpec;
use super::venue::VenueSideSpec;

/// A system profile: everything Shakedown has to know about an engine.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProfileSpec {
    /// Name of the system.
    pub(crate) system: Id,
    /// Which copies must hold an acknowledged order.
    pub(crate) data: DataSpec,
    /// The parts of the system; orders enter through the first.
    pub(crate) parts: Entries<Id, PartSpec>,
    /// Where the system can run.
    pub(crate) environments: EnvironmentsSpec,
    /// What proves, before the first order, that the target is not production.
    #[serde(default)]
    pub(crate) not_production: Vec<ProofSpec>,
    /// What must hold before anything is touched. Scenarios add to it.
    #[serde(default)]
    pub(crate) guards: GuardsSpec,
    /// Where secrets come from. Values never stand in a file.
    #[serde(default)]
    pub(crate) secrets: Entries<Id, SecretSpec>,
    /// How requests are authenticated. Default: none.
    pub(crate) auth: Option<AuthSpec>,
    /// Test accounts; orders are spread over them.
    pub(crate) accounts: Vec<Symbol>,
    /// What is traded; the first is the busiest.
    pub(crate) instruments: Entries<Symbol, InstrumentSpec>,
    /// What a plan may never exceed.
    #[serde(default)]
    pub(crate) ceilings: CeilingsSpec,
    #[serde(default)]
    pub(crate) session: SessionSpec,
    /// How the orders of the load get in. Default: http.
    pub(crate) gateway: Option<GatewaySpec>,
    /// For addresses with `https`.
    pub(crate) tls: Option<TlsSpec>,
    /// What the engine tells of the market.
    pub(crate) market_data: Option<MarketDataSpec>,
    /// Of a system that sends orders: where to.
    pub(crate) venue: Option<VenueSideSpec>,
    pub(crate) orders: OrdersSpec,
    /// How orders are read back; without it no loss can be proven.
    pub(crate) read_back: Option<ReadBackSpec>,
    /// What the engine does with open orders when a session breaks. Default: none.
    pub(crate) cancel_on_disconnect: Option<CancelOnDisconnectSpec>,
    /// Orders that wait for a price, or are good until a time.
    pub(crate) timed_orders: Option<TimedOrdersSpec>,
    /// Limits that the engine keeps for those who send orders.
    pub(crate) risk_limits: Option<RiskLimitsSpec>,
    /// How everything of an account is ended at once, and kept out from then on.
    pub(crate) kill_switch: Option<KillSwitchSpec>,
    /// How a backup is made of the data, and how it is brought back.
    #[serde(default)]
    pub(crate) operations: OperationsSpec,
    pub(crate) health: Option<HealthSpec>,
    pub(crate) metrics: Option<MetricsSpec>,
    pub(crate) resources: Option<ResourcesSpec>,
    pub(crate) alerts: Option<AlertsSpec>,
    pub(crate) version: Option<VersionSpec>,
    /// What is done with our own open orders after every run. Default: they are cancelled if the profile can.
    pub(crate) clean_up: Option<CleanUpSpec>,
    /// The system's own limits; they hold in every scenario.
    #[serde(default)]
    pub(crate) sla: Entries<Id, RuleSpec>,
}

/// Which copies must hold an acknowledged order.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DataSpec {
    /// Every replica of the first part.
    Replicated,
    /// Only the memory of the replica that acknowledged.
    Memory,
    /// The replicas that own the order's shard.
    Sharded(ShardedSpec),
    /// Another part holds the data: every replica of it, where the read-back asks that part.
    Store(StoreSpec),
}

/// How data is spread over the replicas.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ShardedSpec {
    pub(crate) by: ShardKey,
}

/// What decides the shard of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ShardKey {
    Symbol,
    Account,
}

/// Which part holds the data.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct StoreSpec {
    pub(crate) part: Id,
}

/// A part of the system: the engine, a store, a broker.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PartSpec {
    /// How many; they are named part-1, part-2 and so on.
    pub(crate) replicas: u32,
    /// How many must run for service; no fault may take more than the rest at once.
    pub(crate) quorum: Option<u32>,
    /// Roles that one replica at a time has.
    #[serde(default)]
    pub(crate) roles: Entries<Id, RoleSpec>,
    /// Who starts a replica again after it was killed. Default: platform.
    pub(crate) restarted_by: Option<RestartedBySpec>,
    /// Asked of each replica whether it is ready. Default: that of `health`; of a store behind the engine that Shakedown
    /// starts, a question of its own.
    pub(crate) ready: Option<GetSpec>,
}

/// How a role is recognised.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RoleSpec {
    /// Asked of each replica.
    pub(crate) get: GetSpec,
    /// What the reply of the replica with the role says.
    #[serde(rename = "where")]
    pub(crate) conditions: WhereSpec,
    /// Where the reply states the term, epoch or view.
    pub(crate) term: Option<Pointer>,
}

/// Who starts a replica again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RestartedBySpec {
    /// Kubernetes, systemd, or Shakedown itself in a local environment, when the fault is healed.
    Platform,
    /// Nobody: the replica stays down.
    Nobody,
}

/// How prices and quantities of a symbol are made.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct InstrumentSpec {
    /// Smallest step of a price.
    pub(crate) tick: Number,
    /// Smallest step of a quantity.
    pub(crate) lot: Number,
    /// Largest quantity that the engine accepts.
    pub(crate) max: Option<Number>,
    pub(crate) price: PriceSpec,
}

/// The band in which prices are made.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PriceSpec {
    /// Middle of the band.
    pub(crate) around: Number,
    /// Half width of the band, as a share of the middle.
    pub(crate) band: Percent,
}

/// What a plan may never exceed.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct CeilingsSpec {
    /// Order messages.
    pub(crate) orders: Option<Rate>,
    /// Read-back and other control requests.
    pub(crate) queries: Option<Rate>,
}

/// How sessions behave.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SessionSpec {
    /// Names the `gateway` once more. Default: whatever that is.
    pub(crate) protocol: Option<ProtocolSpec>,
    /// Requests on one session without an answer. Default: 1.
    pub(crate) in_flight: Option<u32>,
    /// How often a broken session dials again. Default: 10ms.
    pub(crate) reconnect_every: Option<Duration>,
    /// What is done with orders that may or may not have executed. Default: never.
    pub(crate) retry: Option<RetrySpec>,
}

/// How orders get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ProtocolSpec {
    /// HTTP/1.1 without TLS.
    Http,
    /// FIX 4.4.
    Fix,
    /// JSON texts over WebSocket.
    Websocket,
    /// Length-prefixed frames.
    Binary,
}

/// What is done with orders that may or may not have executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RetrySpec {
    /// Nothing.
    Never,
    /// After the heal they are sent again under the same id; the engine must not execute them twice.
    SameIdAfterHeal,
}

/// What the engine does with open orders when a session breaks.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CancelOnDisconnectSpec {
    /// They stay.
    None,
    /// Those that were entered over the connection that has ended are cancelled.
    Session(SessionContractSpec),
    #[schemars(skip)]
    Flag(Later),
}

/// What the engine lets nobody exceed.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RiskLimitsSpec {
    /// What may be open and filled together.
    pub(crate) exposure: ExposureSpec,
}

/// Quantity that may be open and filled together in one instrument.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ExposureSpec {
    /// Of whom.
    pub(crate) per: ExposurePerSpec,
    /// The most that it may be.
    pub(crate) at_most: Number,
}

/// Whose exposure is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExposurePerSpec {
    /// Each session of the load.
    Session,
    /// Each account.
    Account,
}

/// What becomes of the orders of a session that has lost its connection.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SessionContractSpec {
    /// Time after which none of them may be open any more, or trade. Without it they may be cancelled, and need not be.
    pub(crate) within: Option<Duration>,
    /// Orders that were cancelled so are not listed any more. Default: they are, as orders that are not open.
    #[serde(default)]
    pub(crate) unlisted: bool,
}

/// Health endpoints of each replica.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HealthSpec {
    /// If another port than that of the orders.
    pub(crate) port: Option<u16>,
    /// 2xx: ready for orders.
    pub(crate) ready: Option<GetSpec>,
    /// 2xx: alive.
    pub(crate) live: Option<GetSpec>,
}

/// The engine's own metrics in Prometheus text format.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MetricsSpec {
    /// If another port than that of the orders.
    pub(crate) port: Option<u16>,
    pub(crate) path: String,
    /// Base name of the latency histogram in seconds.
    pub(crate) latency: Option<String>,
    /// How often each replica is scraped while a run goes on. Without it: every second, and only when a rule asks for a
    /// series.
    pub(crate) every: Option<Duration>,
}

/// Where the system keeps what it uses up.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ResourcesSpec {
    /// A folder on the file system that is watched, as the replicas see it. In a local environment: their data folder.
    pub(crate) disk: String,
}

/// How the build under test says what it is.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct VersionSpec {
    pub(crate) get: GetSpec,
    pub(crate) take: Pointer,
}

/// What is done with our own open orders after every run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CleanUpSpec {
    /// Nothing: the environment is thrown away.
    None,
    /// They are cancelled, and it is verified that none is left.
    Cancel(WhoseSpec),
}

/// Whose orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WhoseSpec {
    /// Only those of this run.
    Ours,
}
