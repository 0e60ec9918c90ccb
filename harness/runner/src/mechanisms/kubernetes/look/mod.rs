//! What is used of an object, and no more. Everything here is pure: objects in, looks out.

mod budget;
mod keeper;
mod node;
mod pod;
mod service;
mod template;
mod usage;
mod values;
mod workload;

pub use budget::{BudgetLook, ScalerLook};
pub use keeper::{Keeper, Keeping, Operator};
pub use node::{NodeLook, NodeReady, Readiness, Taint};
pub use pod::{ContainerLook, ContainerState, Ended, Owner, Phase, PodLook};
pub use service::{EndpointLook, ServiceLook, ServicePort};
pub use template::{ContainerTemplate, TemplateLook};
pub use usage::{ContainerUse, UsageLook};
pub use values::{quantity, selector};
pub use workload::{Rollout, Workload, WorkloadKind, WorkloadLook};
