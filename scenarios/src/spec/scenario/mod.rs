//! The scenario file.

mod arrival;
mod fault;
mod file;
mod load;
mod peak;
mod planted;
mod selector;
mod venue;

pub(crate) use arrival::{
    ArrivalSpec, BurstsSpec, DoubledPeakSpec, DoubledSpec, HawkesSpec, RampSpec,
    RecordedPricesSpec, ReplaySpec, SpacingSpec, SpikeSpec, StepsSpec,
};
pub(crate) use fault::{
    AfterSpec, ClockSkewSpec, CpuSpec, DelaySpec, DeleteSpec, FaultSpec, HookSpec, KillSwitchSpec,
    KindSpec, LossSpec, RepeatSpec, RestartSpec, RestorePointSpec, RestoreSpec, SwitchSpec,
    TaintSpec, WhenSpec,
};
pub(crate) use file::{AbortSpec, PhasesSpec, ReadSpec, ScenarioSpec};
pub(crate) use load::{
    AccountsSpec, LifetimeSpec, LifetimesSpec, LoadSpec, MixSpec, PricesSpec, SkewSpec, SymbolsSpec,
};
pub(crate) use peak::{MeasuredSpec, PeakSpec, StandardSpec};
pub(crate) use planted::PlantedSpec;
pub(crate) use selector::{EndSpec, LinkSpec, PercentSpec, RandomSpec, SelectorSpec};
pub(crate) use venue::{VenueDelaySpec, VenueSpec};
