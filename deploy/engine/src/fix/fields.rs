//! Bodies of messages, field by field.

use std::fmt::{Display, Write};

/// The fields of a body, in the order in which they are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(String);

impl Fields {
    /// These fields too.
    pub(crate) fn with(mut self, tag: u32, value: impl Display) -> Self {
        let begins = self.0.len();
        // Writing to a text cannot fail.
        let _ = write!(self.0, "{tag}={value}");
        // What clients name their orders must not add fields.
        if self.0[begins..].contains('\x01') {
            let clean = self.0[begins..].replace('\x01', " ");
            self.0.replace_range(begins.., &clean);
        }
        self.0.push('\x01');
        self
    }

    /// This field too, if there is a value.
    pub(crate) fn maybe(self, tag: u32, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(tag, value),
            None => self,
        }
    }

    /// The first value of a tag.
    pub(super) fn get(&self, tag: u32) -> Option<&str> {
        let mut fields = self
            .0
            .split_terminator('\x01')
            .filter_map(|it| it.split_once('='));
        let found = fields.find(|(known, _)| known.parse() == Ok(tag));
        found.map(|(_, value)| value)
    }

    /// The same fields with another value of one that is there.
    pub(super) fn instead(&self, tag: u32, value: &str) -> Self {
        let fields = self
            .0
            .split_terminator('\x01')
            .filter_map(|it| it.split_once('='));
        fields.fold(Self::default(), |fields, (known, old)| {
            let tag_text = known.parse().unwrap_or(0);
            fields.with(tag_text, if tag_text == tag { value } else { old })
        })
    }

    /// All fields, each with its end.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}
