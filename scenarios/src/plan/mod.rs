//! The plan: a scenario and a profile, resolved. Everything downstream reads this and never the files.
//!
//! A plan holds no secrets (only where they come from), no clocks and no addresses that are not in the files.

mod docker;
mod fault;
mod gateway;
mod guards;
mod http;
mod kubernetes;
mod load;
mod rule;
mod system;

use serde::Serialize;
use shakedown_record::readback::ReadKind;

pub use docker::{DockerPart, DockerPlan, Pick};
pub use fault::{
    Direction, FaultKind, FaultPlan, FreezeBy, Hook, LinkEnd, Repeat, Selector, Signal, Trigger,
};
pub use gateway::{BinaryGateway, GatewayPlan, MessageAction, WebSocketGateway};
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
    Lifetimes, LoadPlan, Mix, OrderShape, PARTS_PER_SLOT, PowerLaw, Prices, RateCurve, RatePiece,
    RateStep, Recorded, Recording, Replay, Spacing, Spike, SymbolShare,
};
pub use rule::{AbortRule, DataClass, Rule, RuleKind};
pub use system::{
    AckLevel, Answer, Auth, Ceilings, CleanUp, DataLayout, Endpoints, EnvironmentPlan, FieldMap,
    Health, Identity, LocalStandIn, Metrics, OrderAction, Orders, Part, ProofOfTarget, ReadBack,
    RestartedBy, RetryPolicy, Role, SecretSource, Session, System, Take, VersionProbe,
};

/// A scenario, compiled against its system's profile for one environment.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub scenario: String,
    pub about: String,
    pub tags: Vec<String>,
    pub seed: u64,
    pub system: System,
    /// The one environment that was chosen.
    pub environment: EnvironmentPlan,
    pub load: LoadPlan,
    pub phases: Phases,
    /// In the order in which they are written.
    pub faults: Vec<FaultPlan>,
    /// What must hold before anything is touched: the profile's guards and the scenario's.
    pub guards: Guards,
    /// The system's own rules, the scenario's, and the implied ones.
    pub rules: Vec<Rule>,
    pub abort: Vec<AbortRule>,
    /// Always contains `converged` unless the profile cannot read back at all.
    pub reads: Vec<ReadKind>,
    /// Things a person should know before running this, in words.
    pub notes: Vec<String>,
    /// SHA-256 over everything above: equal plans have equal digests.
    pub digest: String,
}

/// Lengths of the phases in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Phases {
    /// Warm-up extends to here until steady state is proven.
    pub warm_up_at_most_ns: u64,
    /// Measured steady time before the first fault.
    pub steady_ns: u64,
    /// Recovery ends early once service is stable.
    pub recovery_at_most_ns: u64,
}
