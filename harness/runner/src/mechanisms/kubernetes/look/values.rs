//! Values that many objects have: times, quantities and selectors.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, Time};

pub(super) fn moment(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// Whole units of a quantity such as `512Mi`, `1.5Gi`, `1e9` or `128974848000m`; `None` when it is none.
pub fn quantity(quantity: &Quantity) -> Option<u64> {
    amount(quantity).map(|units| units.round() as u64)
}

/// Thousandths of a unit, such as 1500 of `1.5`.
pub(super) fn millis(quantity: &Quantity) -> Option<u64> {
    amount(quantity).map(|units| (units * 1e3).round() as u64)
}

/// A quantity with its fraction, such as 0.043 of `43217895n`.
pub(super) fn amount(quantity: &Quantity) -> Option<f64> {
    let text = quantity.0.trim();
    let digits = |it: char| it.is_ascii_digit() || it == '.';
    let end = text.find(|it| !digits(it)).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let factor = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 2f64.powi(10),
        "Mi" => 2f64.powi(20),
        "Gi" => 2f64.powi(30),
        "Ti" => 2f64.powi(40),
        "Pi" => 2f64.powi(50),
        "Ei" => 2f64.powi(60),
        exponent => 10f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number * factor)
}

/// A selector as a query says it: `app=engine,tier in (a,b)`.
pub fn selector(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().flatten();
    let mut all: Vec<String> = labels
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    for rule in selector.match_expressions.iter().flatten() {
        let (key, values) = (&rule.key, rule.values.iter().flatten());
        let values = values.map(String::as_str).collect::<Vec<_>>().join(",");
        all.push(match rule.operator.as_str() {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "DoesNotExist" => format!("!{key}"),
            _ => key.clone(),
        });
    }
    all.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        let bytes = |text: &str| quantity(&Quantity(text.to_string()));
        assert_eq!(bytes("512Mi"), Some(512 << 20));
        assert_eq!(bytes("1.5Gi"), Some(3 << 29));
        assert_eq!(bytes("1G"), Some(1_000_000_000));
        assert_eq!(bytes("128974848000m"), Some(128_974_848));
        assert_eq!(bytes("1e3"), Some(1000));
        assert_eq!(bytes("2E"), Some(2_000_000_000_000_000_000));
        assert_eq!(bytes("7"), Some(7));
        for wrong in ["", "Mi", "1X", "1e"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn selectors_are_said_as_queries() {
        let text = r#"{"matchLabels":{"app":"engine","zone":"a"},"matchExpressions":[
            {"key":"tier","operator":"In","values":["x","y"]},{"key":"old","operator":"DoesNotExist"},
            {"key":"new","operator":"Exists"},{"key":"b","operator":"NotIn","values":["z"]}]}"#;
        let parsed: LabelSelector = serde_json::from_str(text).unwrap();
        assert_eq!(
            selector(&parsed),
            "app=engine,zone=a,tier in (x,y),!old,new,b notin (z)"
        );
    }
}
