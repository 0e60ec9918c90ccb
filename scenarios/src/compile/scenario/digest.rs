//! The digest of a plan: SHA-256 over its canonical JSON.

use serde_json::Value;
use shakedown_record::run_dir::sha256_hex_of;

use crate::plan::Plan;

/// The digest over everything but the digest itself. Keys are sorted, so that it does not depend on how a map is
/// kept; numbers are written in their shortest exact form.
pub(super) fn digest(plan: &Plan) -> String {
    let mut value = serde_json::to_value(plan).expect("a plan is plain data");
    if let Value::Object(fields) = &mut value {
        fields.remove("digest");
    }
    let mut text = String::new();
    write_canonical(&value, &mut text);
    sha256_hex_of(text.as_bytes())
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_by(|left, right| left.0.cmp(right.0));
            out.push('{');
            for (index, (key, field)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(field, out);
            }
            out.push('}');
        }
    }
}
