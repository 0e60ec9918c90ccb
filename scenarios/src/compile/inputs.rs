//! Files and options as trees.

mod compose;

use crate::diagnostics::Diagnostics;
use crate::environment_kind::EnvironmentKind;
use crate::source::{Override, SourceFile, Written};
use crate::yaml::{Content, Document, Entry, Node, Spot, key_path, set};

pub use compose::{base_reference, overridden};
use compose::{in_environment, with_bases};

use super::kind::FileKind;

/// First step of a key that reaches into the profile.
const PROFILE: &str = "profile";

/// Both files, with the options applied.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) scenario: Document,
    pub(super) profile: Document,
}

/// Reads both files, puts them together, the profile for its environment, and applies `--set` options.
pub(super) fn read(
    scenario: Written,
    profile: Written,
    environment: Option<EnvironmentKind>,
    overrides: &[Override],
) -> Result<Inputs, Diagnostics> {
    let both = (
        whole(scenario, FileKind::Scenario),
        whole(profile, FileKind::Profile),
    );
    let mut inputs = match both {
        (Ok(scenario), Ok(profile)) => Inputs { scenario, profile },
        (scenario, profile) => {
            let mut all = scenario.err().unwrap_or_default();
            all.0.extend(profile.err().unwrap_or_default().0);
            return Err(all);
        }
    };
    let named = inputs.scenario.root.find(&["environment"]);
    let named = named.and_then(|node| node.text()?.parse().ok());
    let chosen = environment.or(named).unwrap_or(EnvironmentKind::Local);
    in_environment(&mut inputs.profile, chosen)?;
    let mut wrong = Diagnostics::default();
    for option in overrides {
        if let Err(mistakes) = apply(&mut inputs, option) {
            wrong.0.extend(mistakes.0);
        }
    }
    if wrong.is_empty() {
        Ok(inputs)
    } else {
        Err(wrong)
    }
}

/// A file with its bases.
pub(super) fn whole(written: Written, kind: FileKind) -> Result<Document, Diagnostics> {
    let mut document = Document::parse(written.file)?;
    with_bases(&mut document, written.bases, kind)?;
    Ok(document)
}

fn apply(inputs: &mut Inputs, option: &Override) -> Result<(), Diagnostics> {
    let path = match key_path(&option.key) {
        Ok(path) => path,
        Err(why) => {
            let file = SourceFile {
                name: "--set".to_string(),
                text: format!("{}={}", option.key, option.value),
            };
            let mut shown = inputs.scenario.clone();
            let source = shown.add_source(file);
            let spot = Spot {
                source,
                line: 1,
                column: 1,
            };
            let diagnostic = shown
                .diagnostic(spot, &[], format!("this is no key: {why}"))
                .with_hint("such as --set sla.steady-p99.latency.at-most=2ms");
            return Err(Diagnostics(vec![diagnostic]));
        }
    };
    match path.split_first() {
        Some((first, rest)) if first == PROFILE && !rest.is_empty() => {
            set(&mut inputs.profile, rest, option)
        }
        _ => set(&mut inputs.scenario, &path, option),
    }
}

/// Sets a field of the root by an option of its own, such as `--seed`.
pub(super) fn set_root(document: &mut Document, field: &str, value: &str, option: &str) {
    let source = document.add_source(SourceFile {
        name: option.to_string(),
        text: value.to_string(),
    });
    let at = Spot {
        source,
        line: 1,
        column: 1,
    };
    let Content::Map(entries) = &mut document.root.content else {
        return;
    };
    let value = Node::scalar(value, true, at);
    match entries.iter_mut().find(|entry| entry.key == field) {
        Some(entry) => entry.value = value,
        None => entries.push(Entry {
            key: field.to_string(),
            key_at: at,
            value,
        }),
    }
}
