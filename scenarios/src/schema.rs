//! JSON Schemas of the files, from the types that read them.

use serde_json::{Value, json};

use crate::environment_kind::EnvironmentKind;
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
    if kind == SchemaKind::Profile {
        composed(&mut value);
    }
    value
}

/// What is taken out of a profile before the types read it (`compile/compose.rs`): its base, and what is different in an environment.
fn composed(value: &mut Value) {
    value["properties"]["base"] = json!({
        "type": "string",
        "description": "A profile that this one is made of: a shipped system, or a path relative to this file. What stands here is put over it: maps key by key, all else in the place of what is there, null to take a key out.",
    });
    let environments =
        EnvironmentKind::ALL.map(|kind| (kind.name().to_string(), json!({ "type": "object" })));
    value["properties"]["overrides"] = json!({
        "type": "object",
        "description": "What is different in one environment, put over the rest of the profile when it is chosen.",
        "additionalProperties": false,
        "properties": serde_json::Map::from_iter(environments),
    });
    let required = value["required"].take();
    value["if"] = json!({ "required": ["base"] });
    value["then"] = json!({ "required": ["system"] });
    value["else"] = json!({ "required": required });
    if let Some(object) = value.as_object_mut() {
        object.remove("required");
    }
}
