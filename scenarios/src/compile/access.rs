//! Secrets and authentication. A value of a secret never gets as far as a plan, a message or a record.

use std::collections::BTreeMap;

use crate::diagnostics::Diagnostic;
use crate::plan::{Auth, SecretSource, TemplatePart, Variable};
use crate::spec::profile::{AuthSpec, ProfileSpec, SecretSpec};
use crate::yaml::{Content, Document, Node, Side};

use super::exchange::Exchanges;
use super::sheet::{At, Sheet};
use super::template::Use;

/// Refuses secrets that are written out, before anything else is read, and blots them out of the text, so that no
/// message about anything else shows them.
pub(super) fn refuse_literals(document: &mut Document) -> Vec<Diagnostic> {
    let mut refusals = Vec::new();
    for name in literal_secrets(document) {
        let path = ["secrets".to_string(), name.clone()];
        let message = "the value of a secret must not stand in a file";
        let hint = format!(
            "say where it comes from: {name}: {{ env: NAME_OF_VARIABLE }}, {{ file: PATH }} or {{ command: [PROGRAM, ARGUMENT] }}"
        );
        refusals.push(refuse_literal(document, &path, message, hint));
        document.root.remove(&path);
    }
    for steps in [["auth", "header", "value"], ["auth", "basic", "password"]] {
        let path = steps.map(str::to_string);
        let node = document.root.find(&path).and_then(Node::text);
        if node.is_some_and(|text| !text.contains("${")) {
            let message = "this holds no secret, but what proves who we are must be one";
            let hint =
                "define it under `secrets` and write it as ${name}: value: \"Bearer ${token}\"";
            refusals.push(refuse_literal(document, &path, message, hint.to_string()));
            document.root.remove(&["auth".to_string()]);
        }
    }
    refusals
}

/// Names of secrets that have a value where a source should stand.
fn literal_secrets(document: &Document) -> Vec<String> {
    let Some(secrets) = document.root.find(&["secrets"]) else {
        return Vec::new();
    };
    let is_literal = |name: &&str| {
        let node = secrets.child(name);
        matches!(node.map(|node| &node.content), Some(Content::Scalar(scalar)) if !scalar.is_null())
    };
    secrets
        .keys()
        .filter(is_literal)
        .map(str::to_string)
        .collect()
}

fn refuse_literal(
    document: &mut Document,
    path: &[String],
    message: &str,
    hint: String,
) -> Diagnostic {
    blot_out(document, path);
    let spot = document.locate(path, Side::Value);
    document
        .diagnostic(spot, path, message.to_string())
        .with_hint(hint)
}

/// Replaces a scalar by stars wherever its text stands in its source, and the rest of its line, for it may be
/// written with escapes.
fn blot_out(document: &mut Document, path: &[String]) {
    let Some(node) = document.root.find(path) else {
        return;
    };
    let at = node.at;
    let Some(value) = node.text().map(str::to_string) else {
        return;
    };
    let source = &mut document.sources[at.source];
    let cut = |(index, line): (usize, &str)| match index + 1 == at.line {
        true => line
            .chars()
            .take(at.column - 1)
            .chain("***".chars())
            .collect(),
        false => line.to_string(),
    };
    let mut text = source
        .text
        .lines()
        .enumerate()
        .map(cut)
        .collect::<Vec<String>>()
        .join("\n");
    for part in value.lines().map(str::trim).filter(|part| part.len() > 3) {
        text = text.replace(part, "***");
    }
    source.text = text;
}

/// Where the values of the secrets come from.
pub(super) fn secrets(spec: &ProfileSpec, sheet: &Sheet) -> BTreeMap<String, SecretSource> {
    let mut sources = BTreeMap::new();
    for (name, secret) in spec.secrets.iter() {
        let at = At::of(&["secrets", &name.0]);
        let source = match secret {
            SecretSpec::Env(variable) if is_variable(variable) => {
                SecretSource::Env(variable.clone())
            }
            SecretSpec::Env(_) => {
                sheet.refuse_with(
                    &at.to("env"),
                    "this is no name of an environment variable",
                    "such as ACME_TOKEN: the name, not the value",
                );
                continue;
            }
            SecretSpec::File(path) if !path.is_empty() => SecretSource::File(path.clone()),
            SecretSpec::File(_) => {
                sheet.refuse(&at.to("file"), "the path is empty");
                continue;
            }
            SecretSpec::Command(words) if words.first().is_some_and(|word| !word.is_empty()) => {
                SecretSource::Command(words.clone())
            }
            SecretSpec::Command(_) => {
                sheet.refuse_with(
                    &at.to("command"),
                    "no command is named",
                    "such as [pass, show, acme/token]",
                );
                continue;
            }
            SecretSpec::Kubernetes(_) => {
                sheet.not_supported(&at.to("kubernetes"), "a secret from `kubernetes`");
                continue;
            }
        };
        sources.insert(name.0.clone(), source);
    }
    sources
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// How requests are authenticated.
pub(super) fn auth(spec: Option<&AuthSpec>, exchanges: &Exchanges) -> Option<Auth> {
    let at = At::of(&["auth"]);
    match spec {
        None | Some(AuthSpec::None) => Some(Auth::None),
        Some(AuthSpec::Header(header)) => {
            let at = at.to("header").to("value");
            let value = exchanges.header_value(&at, &header.value, Use::Auth)?;
            let secret = |part: &TemplatePart| {
                matches!(
                    part,
                    TemplatePart::Hole {
                        variable: Variable::Secret(_),
                        ..
                    }
                )
            };
            if !value.parts.iter().any(secret) {
                exchanges
                    .sheet
                    .refuse_with(&at, "this holds no secret", "write it as ${name}");
                return None;
            }
            Some(Auth::Header {
                name: header.name.0.clone(),
                value,
            })
        }
        Some(AuthSpec::Basic(basic)) => {
            let at = at.to("basic");
            let user = exchanges.header_value(&at.to("user"), &basic.user, Use::Auth);
            let password = exchanges.header_value(&at.to("password"), &basic.password, Use::Auth);
            Some(Auth::Basic {
                user: user?,
                password: password?,
            })
        }
        Some(AuthSpec::Mtls(_)) => {
            exchanges.sheet.not_supported(&at.to("mtls"), "`mtls`");
            None
        }
        Some(AuthSpec::Hmac(_)) => {
            exchanges.sheet.not_supported(&at.to("hmac"), "`hmac`");
            None
        }
    }
}
