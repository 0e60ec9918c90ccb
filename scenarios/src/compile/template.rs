//! Templates: text with `{{variable|filter}}` and `${secret}`, split once.

use crate::diagnostics::{closest, listed};
use crate::plan::{Template, TemplatePart, Variable, VariableFilter};
use crate::yaml::shortened;

/// What a template is for decides which variables it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A new order, a cancel or a replace.
    Order,
    /// A new order that waits.
    Timed,
    /// A page of a list.
    Page,
    /// One order looked up.
    Lookup,
    /// What rests of a symbol.
    Depth,
    /// The kill switch of an account.
    Kill,
    /// Roles, health, version, proofs.
    Control,
    /// Authentication: the same for every request.
    Auth,
}

impl Use {
    fn variables(self) -> &'static [&'static str] {
        match self {
            Use::Order => &[
                "id", "session", "account", "symbol", "side", "price", "quantity", "now",
            ],
            Use::Timed => &[
                "id", "session", "account", "symbol", "side", "price", "quantity", "stop",
                "expires", "now",
            ],
            Use::Page => &["cursor", "now"],
            Use::Lookup => &["id", "account", "symbol", "now"],
            Use::Depth => &["symbol", "now"],
            Use::Kill => &["account", "now"],
            Use::Control => &["now"],
            Use::Auth => &[],
        }
    }
}

/// What is wrong with a template, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) hint: String,
}

fn complaint<T>(message: String, hint: impl Into<String>) -> Result<T, Complaint> {
    Err(Complaint {
        message,
        hint: hint.into(),
    })
}

/// Splits a template of an ad-hoc request, which knows no secrets.
pub(crate) fn request_template(text: &str) -> Result<Template, String> {
    template(text, Use::Order, &[])
        .map_err(|complaint| format!("{}; {}", complaint.message, complaint.hint))
}

/// Splits a template. `secrets` are the names that the profile defines.
pub(super) fn template(text: &str, used: Use, secrets: &[String]) -> Result<Template, Complaint> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = next_hole(rest) {
        let (before, hole) = rest.split_at(at);
        if !before.is_empty() {
            parts.push(TemplatePart::Text(before.to_string()));
        }
        let is_secret = hole.starts_with('$');
        let close = if is_secret { "}" } else { "}}" };
        let Some(end) = hole[2..].find(close) else {
            return complaint(
                format!("`{}` is not closed", shortened(hole)),
                format!("a hole ends with `{close}`"),
            );
        };
        let inside = hole[2..2 + end].trim();
        parts.push(if is_secret {
            secret(inside, secrets)?
        } else {
            variable(inside, used)?
        });
        rest = &hole[2 + end + close.len()..];
    }
    if !rest.is_empty() || parts.is_empty() {
        parts.push(TemplatePart::Text(rest.to_string()));
    }
    Ok(Template { parts })
}

fn next_hole(text: &str) -> Option<usize> {
    match (text.find("{{"), text.find("${")) {
        (Some(variable), Some(secret)) => Some(variable.min(secret)),
        (variable, secret) => variable.or(secret),
    }
}

fn secret(name: &str, secrets: &[String]) -> Result<TemplatePart, Complaint> {
    if secrets.iter().any(|known| known == name) {
        return Ok(TemplatePart::Hole {
            variable: Variable::Secret(name.to_string()),
            filters: Vec::new(),
        });
    }
    let hint = match closest(name, secrets.iter().map(String::as_str)) {
        Some(guess) => format!("did you mean `${{{guess}}}`?"),
        None if name.is_empty() => "write `${name}`".to_string(),
        None => format!("define it: secrets: {{ {name}: {{ env: NAME_OF_VARIABLE }} }}"),
    };
    complaint(format!("there is no secret `{}`", shortened(name)), hint)
}

fn variable(inside: &str, used: Use) -> Result<TemplatePart, Complaint> {
    let mut words = inside.split('|').map(str::trim);
    let name = words.next().unwrap_or_default();
    let known = used.variables();
    let found = match name {
        "id" => Some(Variable::Id),
        "session" => Some(Variable::Session),
        "account" => Some(Variable::Account),
        "symbol" => Some(Variable::Symbol),
        "side" => Some(Variable::Side),
        "price" => Some(Variable::Price),
        "quantity" => Some(Variable::Quantity),
        "stop" => Some(Variable::Stop),
        "expires" => Some(Variable::Expires),
        "now" => Some(Variable::Now),
        "cursor" => Some(Variable::Cursor),
        _ => None,
    };
    let variable = match found {
        Some(variable) if known.contains(&name) => variable,
        Some(_) | None => {
            let hint = match closest(name, known.iter().copied()) {
                Some(guess) => format!("did you mean `{{{{{guess}}}}}`?"),
                None if known.is_empty() => "only secrets may stand here".to_string(),
                None => format!("known here are {}", listed(known.iter().copied())),
            };
            return complaint(
                format!("there is no variable `{}` here", shortened(name)),
                hint,
            );
        }
    };
    let filters = words.map(filter).collect::<Result<Vec<_>, _>>()?;
    Ok(TemplatePart::Hole { variable, filters })
}

fn filter(name: &str) -> Result<VariableFilter, Complaint> {
    const FILTERS: [(&str, VariableFilter); 5] = [
        ("base64", VariableFilter::Base64),
        ("hex", VariableFilter::Hex),
        ("upper", VariableFilter::Upper),
        ("lower", VariableFilter::Lower),
        ("json", VariableFilter::Json),
    ];
    let found = FILTERS.iter().find(|(known, _)| *known == name);
    match found {
        Some((_, filter)) => Ok(*filter),
        None => complaint(
            format!("there is no filter `{}`", shortened(name)),
            format!("filters are {}", listed(FILTERS.map(|(known, _)| known))),
        ),
    }
}

/// True when the template uses a variable.
pub(super) fn uses(template: &Template, variable: &Variable) -> bool {
    template.variables().any(|used| used == variable)
}

/// The text with `1` in every hole: enough to see whether a body is JSON.
pub(super) fn sample(template: &Template) -> String {
    let part = |part: &TemplatePart| match part {
        TemplatePart::Text(text) => text.clone(),
        TemplatePart::Hole { .. } => "1".to_string(),
    };
    template.parts.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Result<Template, String> {
        let secrets = ["token".to_string()];
        template(text, Use::Order, &secrets)
            .map_err(|complaint| format!("{} ({})", complaint.message, complaint.hint))
    }

    #[test]
    fn text_variables_filters_and_secrets() {
        let found = split(r#"{"id":"{{ id | upper|json }}","t":"${token}"}}"#).unwrap();
        assert_eq!(
            found.parts,
            [
                TemplatePart::Text(r#"{"id":""#.to_string()),
                TemplatePart::Hole {
                    variable: Variable::Id,
                    filters: vec![VariableFilter::Upper, VariableFilter::Json],
                },
                TemplatePart::Text(r#"","t":""#.to_string()),
                TemplatePart::Hole {
                    variable: Variable::Secret("token".to_string()),
                    filters: Vec::new(),
                },
                TemplatePart::Text(r#""}}"#.to_string()),
            ]
        );
        assert_eq!(split("").unwrap(), Template::literal(""));
        assert_eq!(split("$ 5 {a}").unwrap(), Template::literal("$ 5 {a}"));
    }

    #[test]
    fn what_is_unknown_is_refused() {
        for (text, said) in [
            ("{{prise}}", "did you mean `{{price}}`"),
            ("{{cursor}}", "no variable `cursor` here"),
            ("{{}}", "no variable ``"),
            ("{{id|rot13}}", "no filter `rot13`"),
            ("{{id", "not closed"),
            ("${tokn}", "did you mean `${token}`"),
            ("${other}", "define it"),
            ("${token", "not closed"),
        ] {
            let message = split(text).unwrap_err();
            assert!(message.contains(said), "{text}: {message}");
        }
    }
}
