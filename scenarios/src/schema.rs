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
    match kind {
        SchemaKind::Scenario => composed(&mut value, "A shipped scenario", "scenario"),
        SchemaKind::Profile => {
            overridden(&mut value);
            composed(&mut value, "A shipped system", "system");
        }
        SchemaKind::Calendar | SchemaKind::Suite => {}
    }
    value
}

/// What is different in an environment, taken out of a profile before the types read it (`compile/inputs/compose.rs`).
fn overridden(value: &mut Value) {
    let environments =
        EnvironmentKind::ALL.map(|kind| (kind.name().to_string(), json!({ "type": "object" })));
    value["properties"]["overrides"] = json!({
        "type": "object",
        "description": "What is different in one environment, put over the rest of the profile when it is chosen.",
        "additionalProperties": false,
        "properties": serde_json::Map::from_iter(environments),
    });
}

/// The base of a file, taken out of it in the same place, and what a file with one has to have of its own.
fn composed(value: &mut Value, shipped: &str, own: &str) {
    value["properties"]["base"] = json!({
        "type": "string",
        "description": format!("What this file is made of. {shipped}, or a path relative to this file. What stands here is put over it: maps key by key, all else in the place of what is there, null to take a key out."),
    });
    let required = value["required"].take();
    value["if"] = json!({ "required": ["base"] });
    value["then"] = json!({ "required": [own] });
    value["else"] = json!({ "required": required });
    if let Some(object) = value.as_object_mut() {
        object.remove("required");
    }
}
