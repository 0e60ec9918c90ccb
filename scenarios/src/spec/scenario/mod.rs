//! The scenario file.

mod fault;
mod file;
mod load;

pub(crate) use fault::{
    AfterSpec, ClockSkewSpec, CpuSpec, DelaySpec, EndSpec, FaultSpec, HookSpec, KindSpec, LinkSpec,
    LossSpec, RandomSpec, RepeatSpec, RestartSpec, SelectorSpec, WhenSpec,
};
pub(crate) use file::{AbortSpec, PhasesSpec, ReadSpec, ScenarioSpec};
pub(crate) use load::{ArrivalSpec, LoadSpec, MixSpec, SkewSpec, SymbolsSpec};
