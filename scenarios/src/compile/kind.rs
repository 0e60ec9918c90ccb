//! What a file is, and which system it names: enough to find the other file.

use crate::diagnostics::{Diagnostic, Diagnostics, closest};
use crate::source::{SourceFile, Written};
use crate::yaml::{Document, Side};

use super::inputs::whole;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileKind {
    Scenario,
    Profile,
    Calendar,
    Suite,
}

/// What a file is, by its keys: `scenario`, or `system` with `parts`.
///
/// # Errors
/// When it is not YAML, or neither.
pub fn file_kind(file: &SourceFile) -> Result<FileKind, Diagnostics> {
    let document = Document::parse(file)?;
    let keys: Vec<&str> = document.root.keys().collect();
    let has = |key: &str| keys.contains(&key);
    if has("suite") {
        return Ok(FileKind::Suite);
    }
    if has("scenario") {
        return Ok(FileKind::Scenario);
    }
    if has("calendar") || (has("sessions") && has("valid-until")) {
        return Ok(FileKind::Calendar);
    }
    if ["parts", "orders", "instruments", "environments"]
        .iter()
        .any(|key| has(key))
    {
        return Ok(FileKind::Profile);
    }
    if has("load") || has("faults") || has("sla") || has("phases") {
        return Ok(FileKind::Scenario);
    }
    if has("base") && has("system") {
        return Ok(FileKind::Profile);
    }
    let guess = keys
        .iter()
        .find_map(|key| closest(key, ["scenario", "system", "calendar", "suite"]));
    let hint = match guess {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => {
            "a scenario begins with `scenario: NAME`, a profile with `system: NAME`".to_string()
        }
    };
    let diagnostic = document
        .diagnostic(
            document.root.at,
            &[],
            "this is neither a scenario nor a system profile nor a market calendar nor a suite"
                .to_string(),
        )
        .with_hint(hint);
    Err(Diagnostics(vec![diagnostic]))
}

/// The system that a scenario or one of its bases names: a name in the library, or a path; and the name of the file in which that
/// stands, to which a path is relative.
///
/// # Errors
/// When a text is no YAML, a base is missing, or no system is named.
pub fn system_reference<'a>(
    scenario: impl Into<Written<'a>>,
) -> Result<(String, String), Diagnostics> {
    let document = whole(scenario.into(), FileKind::Scenario)?;
    let path = ["system".to_string()];
    let named = document.root.find(&path).map(|node| {
        let file = &document.sources[node.at.source].name;
        (node.text(), file.clone())
    });
    let refuse = |message: &str| {
        let spot = document.locate(&path, Side::Value);
        let diagnostic: Diagnostic = document
            .diagnostic(spot, &[], message.to_string())
            .with_hint("such as system: reference, or the path of a profile");
        Err(Diagnostics(vec![diagnostic]))
    };
    match named {
        Some((Some(name), file)) if !name.trim().is_empty() => Ok((name.to_string(), file)),
        Some(_) => refuse("`system` is not a name"),
        None => refuse("`system` is missing"),
    }
}
