//! Requests and what is read from replies, as written.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::spec::Entries;
use crate::spec::scalar::{Duration, HeaderName, Method, Pointer};

/// A request: over HTTP by method and path, of a store by `sql` or `command`. Values may hold `{{variable}}`, `{{variable|filter}}` and
/// `${secret}`.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RequestSpec {
    /// Needed for orders; GET where something is read.
    pub(crate) method: Option<Method>,
    /// Begins with a slash; may hold a query.
    pub(crate) path: Option<String>,
    #[serde(default)]
    pub(crate) headers: Entries<HeaderName, String>,
    pub(crate) body: Option<String>,
    /// One statement, alone. Every hole is a parameter of it: no quotes around it.
    pub(crate) sql: Option<String>,
    /// The words of one command of Redis, each by itself: what stands in a hole stays in its word.
    pub(crate) command: Option<Vec<String>>,
    /// Replicas that must have it, too, before it is acknowledged: WAIT on the same connection. Default: none.
    pub(crate) wait: Option<WaitSpec>,
}

/// WAIT behind a command.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct WaitSpec {
    /// With fewer the order is indeterminate: it was done, and may survive.
    pub(crate) replicas: u32,
    /// The time-out of WAIT.
    pub(crate) within: Duration,
}

/// A path, or a full request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum GetSpec {
    Path(String),
    Full(RequestSpec),
}

impl<'de> Deserialize<'de> for GetSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PathOrRequest;

        impl<'de> Visitor<'de> for PathOrRequest {
            type Value = GetSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a path such as /role, or a request with method, path, headers and body",
                )
            }

            fn visit_str<E: Error>(self, path: &str) -> Result<GetSpec, E> {
                Ok(GetSpec::Path(path.to_string()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GetSpec, A::Error> {
                RequestSpec::deserialize(MapAccessDeserializer::new(map)).map(GetSpec::Full)
            }
        }

        deserializer.deserialize_any(PathOrRequest)
    }
}

impl JsonSchema for GetSpec {
    fn schema_name() -> Cow<'static, str> {
        "GetSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let request = generator.subschema_for::<RequestSpec>();
        json_schema!({
            "description": "A path that is read with GET, or a full request.",
            "anyOf": [{ "type": "string", "pattern": "^/" }, request],
        })
    }
}

/// Conditions on a reply, by JSON Pointer; all must hold.
pub(crate) type WhereSpec = Entries<Pointer, ExpectationSpec>;

/// What a value of a reply is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExpectationSpec {
    Literal(Value),
    AnyOf(Vec<Value>),
    /// Another value of the same reply.
    SameAs(Pointer),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SameAs {
    /// Another value of the same reply.
    same_as: Pointer,
}

impl<'de> Deserialize<'de> for ExpectationSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Expectation;

        impl<'de> Visitor<'de> for Expectation {
            type Value = ExpectationSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value, a list of values, or { same-as: /pointer }")
            }

            fn visit_unit<E: Error>(self) -> Result<ExpectationSpec, E> {
                Ok(ExpectationSpec::Literal(Value::Null))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<ExpectationSpec, E> {
                Ok(ExpectationSpec::Literal(value.into()))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<ExpectationSpec, E> {
                Ok(ExpectationSpec::Literal(value.into()))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<ExpectationSpec, E> {
                Ok(ExpectationSpec::Literal(value.into()))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<ExpectationSpec, E> {
                Ok(ExpectationSpec::Literal(value.into()))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<ExpectationSpec, E> {
                Ok(ExpectationSpec::Literal(value.into()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<ExpectationSpec, A::Error> {
                Vec::<Value>::deserialize(SeqAccessDeserializer::new(list))
                    .map(ExpectationSpec::AnyOf)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ExpectationSpec, A::Error> {
                SameAs::deserialize(MapAccessDeserializer::new(map))
                    .map(|other| ExpectationSpec::SameAs(other.same_as))
            }
        }

        deserializer.deserialize_any(Expectation)
    }
}

impl JsonSchema for ExpectationSpec {
    fn schema_name() -> Cow<'static, str> {
        "ExpectationSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let other = generator.subschema_for::<SameAs>();
        json_schema!({
            "description": "A value, a list of values of which one must be there, or another value of the same reply.",
            "anyOf": [
                { "type": ["string", "number", "boolean", "null"] },
                { "type": "array", "items": { "type": ["string", "number", "boolean", "null"] }, "minItems": 1 },
                other,
            ],
        })
    }
}

/// Where a value is taken from: a JSON Pointer into the body, or a header.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExtractSpec {
    Pointer(Pointer),
    Header(HeaderName),
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FromHeader {
    /// Name of a header of the reply.
    header: HeaderName,
}

impl<'de> Deserialize<'de> for ExtractSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PointerOrHeader;

        impl<'de> Visitor<'de> for PointerOrHeader {
            type Value = ExtractSpec;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON Pointer such as /orderId, or { header: X-Pod }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ExtractSpec, E> {
                Pointer::read(text)
                    .map(ExtractSpec::Pointer)
                    .map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ExtractSpec, A::Error> {
                FromHeader::deserialize(MapAccessDeserializer::new(map))
                    .map(|from| ExtractSpec::Header(from.header))
            }
        }

        deserializer.deserialize_any(PointerOrHeader)
    }
}

impl JsonSchema for ExtractSpec {
    fn schema_name() -> Cow<'static, str> {
        "ExtractSpec".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let pointer = generator.subschema_for::<Pointer>();
        let header = generator.subschema_for::<FromHeader>();
        json_schema!({
            "description": "Where a value is taken from: a JSON Pointer into the body, or a header.",
            "anyOf": [pointer, header],
        })
    }
}
