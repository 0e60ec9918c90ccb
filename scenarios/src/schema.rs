//! JSON Schemas of the files, from the types that read them.

use serde_json::Value;

use crate::spec::calendar::CalendarSpec;
use crate::spec::profile::ProfileSpec;
use crate::spec::scenario::ScenarioSpec;
use crate::spec::suite::SuiteSpec;

/// Which schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaKind {
    Scenario,
    Profile,
    Calendar,
    Suite,
}

/// The JSON Schema (2020-12) of a kind of file.
pub fn schema(kind: SchemaKind) -> Value {
    let (schema, title) = match kind {
        SchemaKind::Scenario => (schemars::schema_for!(ScenarioSpec), "Shakedown scenario"),
        SchemaKind::Profile => (
            schemars::schema_for!(ProfileSpec),
            "Shakedown system profile",
        ),
        SchemaKind::Calendar => (
            schemars::schema_for!(CalendarSpec),
            "Shakedown market calendar",
        ),
        SchemaKind::Suite => (schemars::schema_for!(SuiteSpec), "Shakedown suite"),
    };
    let mut value = schema.to_value();
    value["title"] = title.into();
    value
}
