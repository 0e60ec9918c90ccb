//! The system profile.

mod access;
mod docker;
mod environment;
mod exchange;
mod file;
mod gateway;
mod kill_switch;
mod kubernetes;
mod market_data;
mod operations;
mod orders;
mod read_back;
mod stand_in;
mod timed;
mod tls;
mod venue;

pub(crate) use access::{AuthSpec, SecretSpec};
pub(crate) use docker::{DockerPartSpec, DockerSpec, ReachSpec};
pub(crate) use environment::{
    ExternalSpec, PostgreSqlServersSpec, ProofSpec, RedisSentinelsSpec, RedisServersSpec,
    StandInSpec,
};
pub(crate) use exchange::{
    ExpectationSpec, ExtractSpec, GetSpec, RequestSpec, WaitSpec, WhereSpec,
};
pub(crate) use file::{
    CancelOnDisconnectSpec, CleanUpSpec, DataSpec, ExposurePerSpec, InstrumentSpec, MetricsSpec,
    PartSpec, ProfileSpec, ProtocolSpec, RestartedBySpec, RetrySpec, SessionSpec, ShardKey,
};
pub(crate) use gateway::{
    BinarySpec, FixNumbersSpec, FixSpec, GatewaySpec, MessageSpec, PostgreSqlSpec, RedisSpec,
    ReportSpec, ReportedSpec, WebSocketSpec,
};
pub(crate) use kill_switch::KillSwitchSpec;
pub(crate) use kubernetes::{
    AgentSpec, KubernetesEntrySpec, KubernetesPartSpec, KubernetesSpec, NodesSpec, OnOffSpec,
};
pub(crate) use market_data::{
    FeedBookSpec, FeedSnapshotSpec, FeedSpec, HttpPublishSpec, MarketDataSpec, PublishSpec,
    TimeUnitSpec, WebSocketFeedSpec,
};
pub(crate) use orders::{
    ActionSpec, AnswerSpec, IdentitySpec, LevelSpec, NewOrderSpec, OrdersSpec, TakeSpec,
};
pub(crate) use read_back::{
    AtSpec, ByIdSpec, CopyDepthSpec, CopyTradesSpec, FieldsSpec, ListSpec, ReadBackSpec,
};
pub(crate) use stand_in::{
    EngineDialectSpec, EnginePlayerSpec, MakerDialectSpec, MakerPlayerSpec, PgBouncerPlayerSpec,
    PlayerSpec, PostgreSqlPlayerSpec, RedisPlayerSpec, ServiceOfSpec, ServicePlayerSpec,
    SettingsSpec,
};
pub(crate) use venue::{TradesSpec, VenueFixSpec};
