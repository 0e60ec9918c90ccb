//! The system profile.

mod access;
mod docker;
mod environment;
mod exchange;
mod file;
mod gateway;
mod kubernetes;
mod orders;
mod read_back;

pub(crate) use access::{AuthSpec, SecretSpec};
pub(crate) use docker::{DockerPartSpec, DockerSpec, ReachSpec};
pub(crate) use environment::{ExternalSpec, ProofSpec, StandInSpec};
pub(crate) use exchange::{ExpectationSpec, ExtractSpec, GetSpec, RequestSpec, WhereSpec};
pub(crate) use file::{
    CancelOnDisconnectSpec, CleanUpSpec, DataSpec, InstrumentSpec, PartSpec, ProfileSpec,
    ProtocolSpec, RestartedBySpec, RetrySpec, SessionSpec, ShardKey,
};
pub(crate) use gateway::{BinarySpec, GatewaySpec, MessageSpec, WebSocketSpec};
pub(crate) use kubernetes::{
    AgentSpec, KubernetesEntrySpec, KubernetesPartSpec, KubernetesSpec, NodesSpec, OnOffSpec,
};
pub(crate) use orders::{
    ActionSpec, AnswerSpec, IdentitySpec, LevelSpec, NewOrderSpec, OrdersSpec, TakeSpec,
};
pub(crate) use read_back::{AtSpec, ByIdSpec, FieldsSpec, ListSpec, ReadBackSpec};
