//! `--set KEY=VALUE`: changing single values of a tree.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::{Override, SourceFile};

use super::document::Document;
use super::node::{Content, Entry, Node, Spot};
use super::parse;

/// The steps of a dotted key; `"…"` keeps dots together.
pub(crate) fn key_path(key: &str) -> Result<Vec<String>, String> {
    let mut steps = Vec::new();
    let mut step = String::new();
    let mut in_quotes = false;
    for character in key.chars() {
        match character {
            '"' => in_quotes = !in_quotes,
            '.' if !in_quotes => steps.push(std::mem::take(&mut step)),
            other => step.push(other),
        }
    }
    steps.push(step);
    if in_quotes {
        return Err("a quote is not closed".to_string());
    }
    if steps.iter().any(String::is_empty) {
        return Err("a part between two dots is empty".to_string());
    }
    Ok(steps)
}

/// Changes the value at a path; maps on the way are made when missing.
pub(crate) fn set(
    document: &mut Document,
    path: &[String],
    option: &Override,
) -> Result<(), Diagnostics> {
    let shown = format!("{}={}", option.key, option.value);
    let before = option.key.chars().count() + 1;
    let source = document.add_source(SourceFile {
        name: "--set".to_string(),
        text: shown,
    });
    let value = value(option, source, before, document)?;
    let key_at = Spot {
        source,
        line: 1,
        column: 1,
    };
    insert(&mut document.root, path, value, key_at).map_err(|(message, hint)| {
        let mut diagnostic = document.diagnostic(key_at, &[], message);
        diagnostic.hint = hint;
        Diagnostics(vec![diagnostic])
    })
}

/// The value of an option as a tree whose places point into `KEY=VALUE`.
fn value(
    option: &Override,
    source: usize,
    before: usize,
    document: &Document,
) -> Result<Node, Diagnostics> {
    let at = Spot {
        source,
        line: 1,
        column: before + 1,
    };
    if option.value.trim().is_empty() {
        return Ok(Node::scalar("", true, at));
    }
    let text = SourceFile {
        name: "--set".to_string(),
        text: option.value.clone(),
    };
    let mut node = parse::tree(&text, source).map_err(|diagnostics| {
        let messages = diagnostics.0.into_iter().map(|inner| Diagnostic {
            hint: inner.hint,
            ..document.diagnostic(at, &[], inner.message)
        });
        Diagnostics(messages.collect())
    })?;
    shift(&mut node, before);
    Ok(node)
}

/// Moves places in the first line behind `KEY=`.
fn shift(node: &mut Node, by: usize) {
    let moved = |spot: &mut Spot| {
        if spot.line == 1 {
            spot.column += by;
        }
    };
    moved(&mut node.at);
    match &mut node.content {
        Content::Scalar(_) => {}
        Content::List(items) => items.iter_mut().for_each(|item| shift(item, by)),
        Content::Map(entries) => entries.iter_mut().for_each(|entry| {
            moved(&mut entry.key_at);
            shift(&mut entry.value, by);
        }),
    }
}

type Complaint = (String, Option<String>);

fn insert(node: &mut Node, path: &[String], value: Node, key_at: Spot) -> Result<(), Complaint> {
    let Some((step, rest)) = path.split_first() else {
        *node = value;
        return Ok(());
    };
    if matches!(&node.content, Content::Scalar(scalar) if scalar.is_null()) {
        node.content = Content::Map(Vec::new());
    }
    match &mut node.content {
        Content::Scalar(scalar) => Err((
            format!(
                "`{step}` cannot be set: there is no map, but the value `{}`",
                scalar.text
            ),
            Some("set the whole value instead".to_string()),
        )),
        Content::List(items) => {
            let count = items.len();
            match step
                .parse::<usize>()
                .ok()
                .and_then(|index| items.get_mut(index))
            {
                Some(item) => insert(item, rest, value, key_at),
                None => Err((
                    format!("`{step}` is no index of this list of {count} (the first is 0)"),
                    Some("or set the whole list: --set 'KEY=[a, b]'".to_string()),
                )),
            }
        }
        Content::Map(entries) => {
            if !entries.iter().any(|entry| entry.key == *step) {
                entries.push(Entry {
                    key: step.clone(),
                    key_at,
                    value: Node::scalar("", true, value.at),
                });
            }
            let entry = entries
                .iter_mut()
                .find(|entry| entry.key == *step)
                .expect("it was just added");
            if rest.is_empty() {
                entry.key_at = key_at;
            }
            insert(&mut entry.value, rest, value, key_at)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Document {
        Document::parse(&SourceFile {
            name: "t.yaml".to_string(),
            text: "sla:\n  p99: { latency: { at-most: 20ms } }\ntags: [a, b]\n".to_string(),
        })
        .unwrap()
    }

    fn change(key: &str, value: &str) -> Result<Document, String> {
        let mut document = document();
        let option = Override {
            key: key.to_string(),
            value: value.to_string(),
        };
        set(&mut document, &key_path(key)?, &option).map_err(|error| error.to_string())?;
        Ok(document)
    }

    #[test]
    fn values_are_changed_added_and_replaced() {
        let changed = change("sla.p99.latency.at-most", "2ms").unwrap();
        let node = changed
            .root
            .find(&["sla", "p99", "latency", "at-most"])
            .unwrap();
        assert_eq!(node.text(), Some("2ms"));
        assert_eq!((node.at.source, node.at.column), (1, 25));
        let added = change("faults.x.do", "{ kill: {} }").unwrap();
        assert!(added.root.find(&["faults", "x", "do", "kill"]).is_some());
        let item = change("tags.1", "c").unwrap();
        assert_eq!(item.root.find(&["tags", "1"]).unwrap().text(), Some("c"));
        let dotted = change("load.\"a.b\"", "1").unwrap();
        assert!(dotted.root.find(&["load", "a.b"]).is_some());
    }

    #[test]
    fn what_cannot_be_set_is_said() {
        assert!(change("tags.5", "c").unwrap_err().contains("list of 2"));
        let message = change("sla.p99.latency.at-most.x", "c").unwrap_err();
        assert!(
            message.starts_with("--set:1:1: `x` cannot be set"),
            "{message}"
        );
        assert!(change("a..b", "c").unwrap_err().contains("empty"));
        assert!(change("a.\"b", "c").unwrap_err().contains("quote"));
        let message = change("a", "[1").unwrap_err();
        assert!(
            message.starts_with("--set:1:3: this is not valid YAML"),
            "{message}"
        );
    }
}
