//! Whether a fault does what it is for.

use serde::{Deserialize, Serialize};

/// How a fault is injected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// It does what it is for.
    #[default]
    Full,
    /// Every step of its life is taken but the one that changes the world. Its effect must then be looked for and not
    /// be found: this is how the harness is shown not to believe itself.
    Blunt,
}
