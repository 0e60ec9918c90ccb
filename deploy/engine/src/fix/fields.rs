//! Bodies of messages, field by field.

use std::fmt::{Display, Write};

/// The fields of a body, in the order in which they are added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fields(String);

impl Fields {
    /// These fields too.
    pub(super) fn with(mut self, tag: u32, value: impl Display) -> Self {
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
    pub(super) fn maybe(self, tag: u32, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.with(tag, value),
            None => self,
        }
    }

    /// All fields, each with its end.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}
