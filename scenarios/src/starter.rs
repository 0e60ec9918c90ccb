//! What `shakedown init` writes: a first profile and a first scenario, to be filled in.

/// A profile with the lines to fill in marked.
pub const PROFILE: &str = include_str!("../starter/system.yaml");

/// A scenario without faults for that profile.
pub const SCENARIO: &str = include_str!("../starter/scenario.yaml");
