//! What cannot be answered, cannot be done, or must not be done is refused before anything runs.

mod faults;
mod limits;
mod places;
mod series;

use crate::common::{
    FOREIGN, QUICKSTART, compile_both, file, only, profile_alone, set, shipped, swapped, with,
};
use shakedown_scenarios::plan::{Arrival, DataClass, EnvironmentPlan, RuleKind};
use shakedown_scenarios::{CompileInput, EnvironmentKind, checkable, compile};

fn refused(scenario: &str, key: &str, value: &str, path: &str, said: &str) {
    let told =
        with(scenario, &[set(key, value)]).expect_err(&format!("{key}={value} must be refused"));
    let found = told.0.iter().any(|one| {
        one.path.as_deref() == Some(path) && one.message.contains(said) && one.line.is_some()
    });
    assert!(
        found,
        "{key}={value} should say {said:?} at {path}:\n{told}"
    );
}
