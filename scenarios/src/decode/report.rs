//! Decoding until nothing new is wrong.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::diagnostics::{Diagnostic, Diagnostics, closest, listed};
use crate::yaml::{Document, Node, Side, shortened};

use super::deserializer::NodeDeserializer;
use super::error::{Cause, DecodeError, HINT_MARK, Place};

/// Mistakes of one file that are reported at most.
const MOST_MISTAKES: usize = 50;

/// What could be decoded, and everything that could not.
#[derive(Debug)]
pub(crate) struct Decoded<T> {
    /// `None` when a required value is missing or wrong.
    pub(crate) value: Option<T>,
    pub(crate) diagnostics: Diagnostics,
    /// Paths that were taken out because of mistakes.
    pub(crate) pruned: Vec<Vec<String>>,
}

/// A value for a required field that is missing or wrong, so that the rest can still be examined.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StandIn {
    pub(crate) path: &'static [&'static str],
    /// YAML that reads well.
    pub(crate) yaml: &'static str,
}

/// Decodes a document.
pub(crate) fn decode<T: DeserializeOwned + JsonSchema>(
    document: &Document,
    stand_ins: &[StandIn],
) -> Decoded<T> {
    let mut attempt = Attempt {
        document,
        stand_ins,
        tree: document.root.clone(),
        diagnostics: Diagnostics::default(),
        pruned: BTreeSet::new(),
        excused: BTreeSet::new(),
    };
    let value = loop {
        let error = match T::deserialize(NodeDeserializer::root(&attempt.tree)) {
            Ok(value) => break Some(value),
            Err(error) => error,
        };
        if !attempt.note::<T>(error) {
            break None;
        }
    };
    Decoded {
        value,
        diagnostics: attempt.diagnostics,
        pruned: attempt.pruned.into_iter().collect(),
    }
}

struct Attempt<'d> {
    document: &'d Document,
    stand_ins: &'d [StandIn],
    tree: Node,
    diagnostics: Diagnostics,
    pruned: BTreeSet<Vec<String>>,
    /// Fields that were meant by a misspelt one: not complained about when missing.
    excused: BTreeSet<Vec<String>>,
}

impl Attempt<'_> {
    /// Notes a mistake and takes its node out. False when nothing more can be read.
    fn note<T: JsonSchema>(&mut self, error: DecodeError) -> bool {
        if self.diagnostics.0.len() >= MOST_MISTAKES {
            let first = &self.document.sources[0].name;
            self.diagnostics.0.push(
                Diagnostic::of_file(first, format!("more than {MOST_MISTAKES} mistakes"))
                    .with_hint("mend these first"),
            );
            return false;
        }
        let place = error.place.unwrap_or_else(|| Place {
            path: Vec::new(),
            spot: self.tree.at,
            side: Side::Value,
            type_name: None,
        });
        let follow_up = self
            .pruned
            .iter()
            .any(|gone| gone.len() > place.path.len() && gone.starts_with(&place.path));
        match error.cause {
            // Something in it was wrong and is gone: what it lacks now is no mistake of its own.
            Cause::Wrong(_) if follow_up => {}
            Cause::UnknownField { field, expected } => {
                let guess = closest(&field, expected.iter().copied());
                if let Some(guess) = guess {
                    let mut meant = place.path.clone();
                    meant.pop();
                    meant.push(guess.to_string());
                    self.excused.insert(meant);
                }
                self.report(
                    &place,
                    format!("there is no field `{}` here", shortened(&field)),
                    Some(suggestion(guess, "its fields are", expected)),
                );
            }
            Cause::UnknownVariant { variant, expected } => {
                let guess = closest(&variant, expected.iter().copied());
                self.report(
                    &place,
                    format!("`{}` is not known here", shortened(&variant)),
                    Some(suggestion(guess, "the choices are", expected)),
                );
            }
            Cause::MissingField { field } => {
                if self.missing::<T>(&place, field) {
                    return true;
                }
            }
            Cause::Wrong(text) => match text.split_once(HINT_MARK) {
                Some((message, hint)) => {
                    self.report(&place, message.to_string(), Some(hint.to_string()));
                }
                None => self.report(&place, text, None),
            },
        }
        let gone = self.tree.remove(&place.path);
        self.pruned.insert(place.path);
        gone
    }

    /// Reports every required field that a map lacks, but for those that were there and wrong. True when all of
    /// them have a stand-in now.
    fn missing<T: JsonSchema>(&mut self, place: &Place, first: &str) -> bool {
        let required = place
            .type_name
            .map(required_fields::<T>)
            .unwrap_or_default();
        let present = self.tree.find(&place.path);
        let lacking = |field: &&String| present.is_none_or(|node| node.child(field).is_none());
        let mut fields: Vec<String> = required.iter().filter(lacking).cloned().collect();
        if !fields.iter().any(|field| field == first) {
            fields.push(first.to_string());
        }
        let mut all_stand_in = true;
        for field in fields {
            let mut path = place.path.clone();
            path.push(field.clone());
            if !self.pruned.contains(&path) && !self.excused.contains(&path) {
                let owner = Place {
                    spot: self.document.locate(&place.path, Side::Key),
                    ..place.clone()
                };
                self.report(&owner, format!("`{field}` is missing"), None);
            }
            all_stand_in &= self.stand_in(place, &path);
        }
        all_stand_in
    }

    /// Puts a stand-in where a field is missing, if there is one.
    fn stand_in(&mut self, place: &Place, path: &[String]) -> bool {
        let stand_in = self.stand_ins.iter().find(|stand_in| stand_in.path == path);
        let Some(stand_in) = stand_in else {
            return false;
        };
        let added = self.tree.add(path, stand_in.yaml, place.spot);
        self.pruned.insert(path.to_vec());
        added
    }

    fn report(&mut self, place: &Place, message: String, hint: Option<String>) {
        let path = match place.side {
            Side::Key => &place.path[..place.path.len().saturating_sub(1)],
            Side::Value => &place.path[..],
        };
        let mut diagnostic = self.document.diagnostic(place.spot, path, message);
        diagnostic.hint = hint;
        self.diagnostics.0.push(diagnostic);
    }
}

fn suggestion(guess: Option<&str>, all: &str, expected: &[&str]) -> String {
    match guess {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("{all} {}", listed(expected.iter().copied())),
    }
}

/// The required fields of one of the types that `T` is made of, from its schema.
fn required_fields<T: JsonSchema>(type_name: &str) -> Vec<String> {
    let schema = schemars::schema_for!(T);
    let root = schema.as_value();
    let definition = match root.get("$defs").and_then(|all| all.get(type_name)) {
        Some(definition) => definition,
        None if root.get("title").and_then(Value::as_str) == Some(type_name) => root,
        None => return Vec::new(),
    };
    let required = definition.get("required").and_then(Value::as_array);
    required
        .into_iter()
        .flatten()
        .filter_map(|field| field.as_str().map(str::to_string))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::source::SourceFile;

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only decoding is tested")]
    struct Outer {
        name: String,
        count: u32,
        #[serde(default)]
        inner: std::collections::BTreeMap<String, Inner>,
        choice: Option<Choice>,
        #[serde(default)]
        list: Vec<u32>,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only decoding is tested")]
    struct Inner {
        at_most: u32,
        per: u32,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "kebab-case")]
    #[expect(dead_code, reason = "only decoding is tested")]
    enum Choice {
        None,
        Some(Inner),
    }

    const STAND_INS: [StandIn; 1] = [StandIn {
        path: &["name"],
        yaml: "x",
    }];

    fn mistakes(text: &str) -> (bool, Vec<String>) {
        let document = Document::parse(&SourceFile {
            name: "t".to_string(),
            text: text.to_string(),
        })
        .unwrap();
        let decoded = decode::<Outer>(&document, &STAND_INS);
        let told = decoded.diagnostics.into_result();
        let told = told.err().unwrap_or_default().0;
        let lines = told
            .iter()
            .map(|found| {
                let hint = found.hint.clone().unwrap_or_default();
                format!(
                    "{}:{} {}|{hint}",
                    found.line.unwrap_or(0),
                    found.column.unwrap_or(0),
                    found.message
                )
            })
            .collect();
        (decoded.value.is_some(), lines)
    }

    #[test]
    fn every_mistake_is_found_where_it_stands() {
        let (read, told) = mistakes(
            "name: [x]\ncuont: 3\ninner:\n  a: { at-most: many, per: 1 }\n  b: { per: 2 }\n  c: 4\nchoice: { smoe: {} }\nlist: [1, x, 2, -1]\nfoo: 1\n",
        );
        assert!(!read);
        assert_eq!(
            told,
            [
                "1:7 expected a single value, found a list|",
                "2:1 there is no field `cuont` here|did you mean `count`?",
                "4:17 expected a whole number from 0 to 4294967295, found `many`|",
                "5:3 `at-most` is missing|",
                "6:6 expected a map, found `4`|its fields are `at-most` or `per`",
                "7:11 `smoe` is not known here|did you mean `some`?",
                "8:11 expected a whole number from 0 to 4294967295, found `x`|",
                "8:17 expected a whole number from 0 to 4294967295, found `-1`|",
                "9:1 there is no field `foo` here|its fields are `name`, `count`, `inner`, `choice` or `list`",
            ]
        );
    }

    #[test]
    fn all_missing_fields_of_a_map_are_named() {
        let (_, told) = mistakes("inner: { a: {} }\n");
        assert_eq!(
            told,
            [
                "1:1 `name` is missing|",
                "1:1 `count` is missing|",
                "1:10 `at-most` is missing|",
                "1:10 `per` is missing|",
            ]
        );
    }

    #[test]
    fn a_stand_in_lets_the_rest_be_read() {
        let (read, told) = mistakes("name: [x]\ncount: 3\nlist: [y]\n");
        assert!(read, "{told:?}");
        assert_eq!(told.len(), 2, "{told:?}");
        let (read, told) = mistakes("count: 3\n");
        assert!(read);
        assert_eq!(told, ["1:1 `name` is missing|"]);
    }

    #[test]
    fn choices_are_single_keys() {
        let base = "name: a\ncount: 1\nchoice: ";
        for (choice, said) in [
            ("none", None),
            ("{ some: { at-most: 1, per: 2 } }", None),
            ("some", Some("`some` needs a value")),
            ("{ none: 3 }", Some("`none` takes no value")),
            (
                "{ none: , some: }",
                Some("expected exactly one of `none` or `some`, found 2 at once"),
            ),
            ("{}", Some("found none")),
            ("[none]", Some("found a list")),
        ] {
            let (_, told) = mistakes(&format!("{base}{choice}\n"));
            match said {
                None => assert!(told.is_empty(), "{choice}: {told:?}"),
                Some(said) => assert!(
                    told.len() == 1 && told[0].contains(said),
                    "{choice}: {told:?}"
                ),
            }
        }
    }

    #[test]
    fn a_file_full_of_mistakes_ends() {
        let text: String = (0..2000).map(|n| format!("k{n}: 1\n")).collect();
        let (_, told) = mistakes(&text);
        assert_eq!(told.len(), MOST_MISTAKES + 1);
    }
}
