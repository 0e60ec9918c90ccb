//! The scenario file.

mod fault;
mod file;
mod load;
mod selector;

pub(crate) use fault::{
    AfterSpec, ClockSkewSpec, CpuSpec, DelaySpec, DeleteSpec, FaultSpec, HookSpec, KindSpec,
    LossSpec, RepeatSpec, RestartSpec, SwitchSpec, TaintSpec, WhenSpec,
};
pub(crate) use file::{AbortSpec, PhasesSpec, ReadSpec, ScenarioSpec};
pub(crate) use load::{ArrivalSpec, LoadSpec, MixSpec, SkewSpec, SymbolsSpec};
pub(crate) use selector::{EndSpec, LinkSpec, PercentSpec, RandomSpec, SelectorSpec};
