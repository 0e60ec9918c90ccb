//! HTTP exchanges as planned: templates with their holes found, and conditions on replies.

use serde::Serialize;
use serde_json::Value;

/// A request whose holes are filled for each use.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Request {
    /// Upper case, such as `POST`.
    pub method: String,
    /// Begins with `/`; may contain a query.
    pub path: Template,
    /// In order; names as written.
    pub headers: Vec<(String, Template)>,
    pub body: Option<Template>,
}

impl Request {
    /// Method of a request that is a statement: its body.
    pub const SQL: &str = "SQL";

    /// Method of a request that is a command of Redis, in its body; a WAIT may follow it.
    pub const COMMAND: &str = "COMMAND";

    /// Between the words of a command. It stands in the template's text; in a value it is a sign like any other.
    pub const NEXT_WORD: char = '\u{1f}';

    /// Between a command and its WAIT.
    pub const NEXT_COMMAND: char = '\u{1e}';

    /// True for a statement or command, which is asked of a store and not over HTTP.
    pub fn is_of_store(&self) -> bool {
        self.method == Request::SQL || self.method == Request::COMMAND
    }
}

/// Literal text with holes, split once at compile time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    pub parts: Vec<TemplatePart>,
}

impl Template {
    /// A template without holes.
    pub fn literal(text: &str) -> Template {
        Template {
            parts: vec![TemplatePart::Text(text.to_string())],
        }
    }

    /// The variables that it uses.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            TemplatePart::Text(_) => None,
            TemplatePart::Hole { variable, .. } => Some(variable),
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TemplatePart {
    Text(String),
    Hole {
        variable: Variable,
        filters: Vec<VariableFilter>,
    },
}

/// What may stand in `{{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variable {
    /// Id of the order addressed: the client's, or for `identity: server` the engine's where it is known.
    Id,
    Session,
    Account,
    Symbol,
    Side,
    Price,
    Quantity,
    /// Of a stop order: the price that it waits for.
    Stop,
    /// Of an order that is good until a time: that time, in milliseconds since 1970.
    Expires,
    /// Wall clock in milliseconds since 1970.
    Now,
    /// Cursor of a list.
    Cursor,
    /// `${name}`: a secret, looked up when the run starts.
    Secret(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum VariableFilter {
    Base64,
    Hex,
    Upper,
    Lower,
    /// Escaped for use inside a JSON string.
    Json,
}

/// A JSON Pointer (RFC 6901), such as `/order/id`; empty points at the whole reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct JsonPointer(pub String);

/// `pointer` compared with something.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Condition {
    pub pointer: JsonPointer,
    pub expected: Expected,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    Literal(Value),
    AnyOf(Vec<Value>),
    /// The value at another pointer of the same reply.
    SameAs(JsonPointer),
}

impl Condition {
    /// True when the reply satisfies it; a missing value never does.
    pub fn holds(&self, reply: &Value) -> bool {
        let Some(found) = reply.pointer(&self.pointer.0) else {
            return false;
        };
        match &self.expected {
            Expected::Literal(value) => found == value,
            Expected::AnyOf(values) => values.contains(found),
            Expected::SameAs(other) => reply.pointer(&other.0) == Some(found),
        }
    }
}

/// Where a value is taken from in a reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extract {
    Pointer(JsonPointer),
    /// Case-insensitive header name.
    Header(String),
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn condition(pointer: &str, expected: Expected) -> Condition {
        Condition {
            pointer: JsonPointer(pointer.to_string()),
            expected,
        }
    }

    #[test]
    fn a_missing_value_satisfies_nothing() {
        let reply = json!({"state": "ACCEPTED", "self": "n1", "leader": "n1"});
        assert!(condition("/state", Expected::Literal(json!("ACCEPTED"))).holds(&reply));
        assert!(condition("/self", Expected::SameAs(JsonPointer("/leader".into()))).holds(&reply));
        assert!(
            condition("/state", Expected::AnyOf(vec![json!(1), json!("ACCEPTED")])).holds(&reply)
        );
        assert!(
            !condition("/gone", Expected::SameAs(JsonPointer("/also-gone".into()))).holds(&reply)
        );
        assert!(!condition("/state", Expected::Literal(json!("accepted"))).holds(&reply));
    }
}
