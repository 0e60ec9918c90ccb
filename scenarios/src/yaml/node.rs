//! The tree.

/// Where something stands: a source of the document, line and column counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Spot {
    /// Index into the document's sources.
    pub(crate) source: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// A value with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) content: Content,
    pub(crate) at: Spot,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    Scalar(Scalar),
    List(Vec<Node>),
    /// In the order in which it is written; keys are unique.
    Map(Vec<Entry>),
}

/// One value as it is written, so that `0.01` stays exactly that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) text: String,
    /// Without quotes: may mean a number, a truth value or nothing.
    pub(crate) plain: bool,
}

/// What a plain scalar means by YAML 1.2's core schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Plain<'a> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Text(&'a str),
}

impl Scalar {
    pub(crate) fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    pub(crate) fn resolve(&self) -> Plain<'_> {
        if !self.plain {
            return Plain::Text(&self.text);
        }
        if self.is_null() {
            return Plain::Null;
        }
        match self.text.as_str() {
            "true" | "True" | "TRUE" => return Plain::Bool(true),
            "false" | "False" | "FALSE" => return Plain::Bool(false),
            _ => {}
        }
        let numeric = self
            .text
            .starts_with(|first: char| first.is_ascii_digit() || first == '-' || first == '.');
        if numeric {
            if let Ok(number) = self.text.parse::<u64>() {
                return Plain::Unsigned(number);
            }
            if let Ok(number) = self.text.parse::<i64>() {
                return Plain::Signed(number);
            }
            if let Ok(number) = self.text.parse::<f64>()
                && number.is_finite()
            {
                return Plain::Float(number);
            }
        }
        Plain::Text(&self.text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_at: Spot,
    pub(crate) value: Node,
}

/// Which side of an entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Key,
    Value,
}

impl Node {
    pub(crate) fn scalar(text: &str, plain: bool, at: Spot) -> Node {
        Node {
            content: Content::Scalar(Scalar {
                text: text.to_string(),
                plain,
            }),
            at,
        }
    }

    /// The child under a key, or with an index.
    pub(crate) fn child(&self, step: &str) -> Option<&Node> {
        match &self.content {
            Content::Scalar(_) => None,
            Content::List(items) => items.get(step.parse::<usize>().ok()?),
            Content::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == step)
                .map(|entry| &entry.value),
        }
    }

    /// The node at a path.
    pub(crate) fn find<'n, S: AsRef<str>>(&'n self, path: &[S]) -> Option<&'n Node> {
        path.iter()
            .try_fold(self, |node, step| node.child(step.as_ref()))
    }

    /// Keys of a map; empty for anything else.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        let entries = match &self.content {
            Content::Map(entries) => entries.as_slice(),
            Content::Scalar(_) | Content::List(_) => &[],
        };
        entries.iter().map(|entry| entry.key.as_str())
    }

    /// The text of a scalar that is not null.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.content {
            Content::Scalar(scalar) if !scalar.is_null() => Some(&scalar.text),
            Content::Scalar(_) | Content::List(_) | Content::Map(_) => None,
        }
    }

    /// Takes the node at a path out of the tree; true when it was there.
    pub(crate) fn remove(&mut self, path: &[String]) -> bool {
        let Some((last, before)) = path.split_last() else {
            return false;
        };
        let Some(owner) = self.find_mut(before) else {
            return false;
        };
        match &mut owner.content {
            Content::Scalar(_) => false,
            Content::List(items) => {
                let index = last.parse().ok().filter(|index| *index < items.len());
                index.map(|index| items.remove(index)).is_some()
            }
            Content::Map(entries) => {
                let index = entries.iter().position(|entry| entry.key == *last);
                index.map(|index| entries.remove(index)).is_some()
            }
        }
    }

    /// Adds an entry that is written in YAML, all of it with the same place; true when there was a map to add it to.
    pub(crate) fn add(&mut self, path: &[String], yaml: &str, at: Spot) -> bool {
        let Some((last, before)) = path.split_last() else {
            return false;
        };
        let Some(Content::Map(entries)) = self.find_mut(before).map(|node| &mut node.content)
        else {
            return false;
        };
        let Ok(mut value) = super::parse::fragment(yaml) else {
            return false;
        };
        value.stand_at(at);
        entries.push(Entry {
            key: last.clone(),
            key_at: at,
            value,
        });
        true
    }

    /// The node at a path, to be changed.
    pub(crate) fn find_mut(&mut self, path: &[String]) -> Option<&mut Node> {
        let Some((step, rest)) = path.split_first() else {
            return Some(self);
        };
        match &mut self.content {
            Content::Scalar(_) => None,
            Content::List(items) => items.get_mut(step.parse::<usize>().ok()?)?.find_mut(rest),
            Content::Map(entries) => entries
                .iter_mut()
                .find(|entry| entry.key == *step)?
                .value
                .find_mut(rest),
        }
    }

    /// Gives everything in it the same place.
    pub(super) fn stand_at(&mut self, at: Spot) {
        self.at = at;
        match &mut self.content {
            Content::Scalar(_) => {}
            Content::List(items) => items.iter_mut().for_each(|item| item.stand_at(at)),
            Content::Map(entries) => entries.iter_mut().for_each(|entry| {
                entry.key_at = at;
                entry.value.stand_at(at);
            }),
        }
    }

    /// What it is, for a message.
    pub(crate) fn described(&self) -> String {
        match &self.content {
            Content::Scalar(scalar) if scalar.is_null() => "nothing".to_string(),
            Content::Scalar(scalar) => format!("`{}`", shortened(&scalar.text)),
            Content::List(_) => "a list".to_string(),
            Content::Map(_) => "a map".to_string(),
        }
    }
}

/// A text that is short enough for a message.
pub(crate) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_string();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}
