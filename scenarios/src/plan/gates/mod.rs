//! What a release has to get through besides its load, as planned.
//!
//! ```text
//! operation   the data is kept, and brought back as it was at a moment
//! canary      a new version beside the present one
//! ```

mod canary;
mod operation;

pub use canary::{AnsweredBy, CanaryRule, LatencyRatio};
pub use operation::{
    MOMENT_PLACEHOLDER, Operation, OperationBy, OperationCommands, Operations, RestorePoint,
    for_moment,
};
