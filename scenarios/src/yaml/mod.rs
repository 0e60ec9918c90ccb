//! YAML as a tree in which every key and value knows where it stands.
//!
//! A plain deserializer stops at the first mistake and forgets positions; the tree lets `decode` report all of
//! them, `--set` change single values, and the resolved files be written again.
//!
//! Anchors, aliases, tags and several documents are refused: a scenario says everything in one place, and a
//! small file cannot unfold into a large one.

mod document;
mod emit;
mod node;
mod over;
mod overrides;
mod parse;

pub(crate) use document::Document;
pub(crate) use node::{Content, Entry, Node, Plain, Scalar, Side, Spot, shortened};
pub(crate) use over::over;
pub(crate) use overrides::{key_path, set};
pub(crate) use parse::tree;
