//! The plan: a scenario and a profile, resolved. Everything downstream reads this and never the files.
//!
//! A plan holds no secrets (only where they come from), no clocks and no addresses that are not in the files.

mod alert;
mod docker;
mod fault;
pub mod gates;
mod gateway;
mod guards;
mod http;
pub mod isolation;
mod kubernetes;
mod load;
mod market_data;
mod metric;
mod peak;
mod phases;
mod resolved;
mod rule;
mod stand_in;
mod system;
mod tls;
mod venue;

pub use alert::{AlertRule, AlertSource, Alerts, SilencePlan};
pub use docker::{DockerPart, DockerPlan, Pick};
pub use fault::{
    Direction, FaultKind, FaultPlan, FreezeBy, Hook, LinkEnd, Repeat, Selector, Signal, Trigger,
};
pub use gateway::*;
pub use guards::{BlastRadius, Guards, Hours, Protected, Window, WindowKind};
pub use http::{
    Condition, Expected, Extract, JsonPointer, Request, Template, TemplatePart, Variable,
    VariableFilter,
};
pub use kubernetes::{
    ActsOn, AgentPlan, ClusterKind, KubernetesEntry, KubernetesPart, KubernetesPlan,
    NODE_PLACEHOLDER, NodeCommands, OnOff, Placed, TaintEffect, for_node,
};
pub use load::{
    Arrival, Burst, Bursts, ENDLESS_NS, Hawkes, Instrument, LARGEST_RECORDING_BYTES, LifetimePoint,
    Lifetimes, LoadPlan, Mix, OrderShape, PARTS_PER_SLOT, Planted, PlantedOrders, PowerLaw, Prices,
    RateCurve, RatePiece, RateStep, Recorded, Recording, Replay, Spacing, Spike, SymbolShare,
};
pub use market_data::{
    BinaryPublish, FeedBookPlan, FeedCount, FeedPlan, FeedRule, FeedSnapshotPlan, FeedTime,
    HttpPublish, MadeAt, MarketData, PointPart, PointsLoad, PointsRule, PublishPlan,
};
pub use metric::*;
pub use peak::{Peak, PeakFlow, Standard};
pub use rule::{AbortRule, DataClass, Resource, ResourceRule, Rule, RuleKind};
pub use stand_in::*;
pub use system::{
    AckLevel, Answer, Auth, Ceilings, CleanUp, CopyDepth, CopyTrades, DataLayout, Endpoints,
    EnvironmentPlan, Exposure, ExposurePer, FieldMap, Health, Identity, KillSwitch, Metrics,
    OrderAction, Orders, Part, ProofOfTarget, ReadBack, Resources, RestartedBy, RetryPolicy, Role,
    SecretSource, Session, SessionContract, System, Take, TimedOrder, TimedOrders, VersionProbe,
};
pub use venue::{
    Delay, TradeClass, TradesRead, VenueCount, VenueFix, VenuePlan, VenueRule, VenueSide,
};
pub use {phases::Phases, resolved::Plan, tls::TlsPlan};
