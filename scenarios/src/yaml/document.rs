//! A tree with the texts that it came from, so that a place can be shown.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::SourceFile;

use super::emit;
use super::node::{Node, Side, Spot};
use super::parse;

/// A file, and the options that changed it.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(crate) root: Node,
    /// The file first.
    pub(crate) sources: Vec<SourceFile>,
}

impl Document {
    /// Reads a file.
    pub(crate) fn parse(file: &SourceFile) -> Result<Document, Diagnostics> {
        let root = parse::tree(file, 0)?;
        Ok(Document {
            root,
            sources: vec![file.clone()],
        })
    }

    /// Adds a text that nodes may come from; the result is for [`Spot::source`].
    pub(crate) fn add_source(&mut self, source: SourceFile) -> usize {
        self.sources.push(source);
        self.sources.len() - 1
    }

    /// Where a path stands, or its nearest ancestor that is there.
    pub(crate) fn locate<S: AsRef<str>>(&self, path: &[S], side: Side) -> Spot {
        let mut node = &self.root;
        let mut spot = node.at;
        for (depth, step) in path.iter().enumerate() {
            let step = step.as_ref();
            let Some(child) = node.child(step) else {
                return self.key_of(&path[..depth]).unwrap_or(spot);
            };
            spot = child.at;
            node = child;
        }
        match side {
            Side::Value => spot,
            Side::Key => self.key_of(path).unwrap_or(spot),
        }
    }

    /// Where the key stands that leads to a path; `None` for the root and for items of lists.
    fn key_of<S: AsRef<str>>(&self, path: &[S]) -> Option<Spot> {
        let (last, before) = path.split_last()?;
        match &self.root.find(before)?.content {
            super::node::Content::Map(entries) => entries
                .iter()
                .find(|entry| entry.key == last.as_ref())
                .map(|entry| entry.key_at),
            super::node::Content::Scalar(_) | super::node::Content::List(_) => None,
        }
    }

    /// A mistake at a place.
    pub(crate) fn diagnostic(&self, spot: Spot, path: &[String], message: String) -> Diagnostic {
        let source = &self.sources[spot.source];
        Diagnostic {
            file: source.name.clone(),
            line: Some(spot.line),
            column: Some(spot.column),
            path: (!path.is_empty()).then(|| path.join(".")),
            message,
            text: source
                .text
                .lines()
                .nth(spot.line - 1)
                .map(|line| line.trim_end().to_string()),
            hint: None,
        }
    }

    /// The tree as YAML that gives the same tree again.
    pub(crate) fn to_yaml(&self) -> String {
        emit::to_yaml(&self.root)
    }
}
