//! What `shakedown init` writes: a first profile and a first scenario, to be filled in; or a profile of which a target that runs has
//! told a part already.

mod compose;
mod draft;

pub use compose::{ComposeError, from_compose};
pub use draft::{Found, MetricsFound, PlaceFound, ServiceFound, VersionFound, profile_from};

/// A profile with the lines to fill in marked.
pub const PROFILE: &str = include_str!("../../starter/system.yaml");

/// A scenario without faults for that profile.
pub const SCENARIO: &str = include_str!("../../starter/scenario.yaml");

/// The scenario, in another environment.
pub fn scenario_in(place: &PlaceFound) -> String {
    let environment = place.environment().name();
    SCENARIO.replace(
        "environment: external",
        &format!("environment: {environment}"),
    )
}
