//! What a text says of families: `# TYPE name kind`, before the first sample of the family.

use std::collections::{BTreeMap, BTreeSet};

use shakedown_record::series::SeriesKind;

use super::fault::LineFault;

/// Suffixes under which the samples of a family stand.
const SUFFIXES: [&str; 5] = ["_bucket", "_count", "_sum", "_total", "_created"];

/// The families of one text as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Families {
    kinds: BTreeMap<String, SeriesKind>,
    /// Names of samples that were read.
    sampled: BTreeSet<String>,
}

impl Families {
    /// Takes a type line.
    pub(super) fn declare(&mut self, name: &str, kind: SeriesKind) -> Result<(), LineFault> {
        if self.kinds.contains_key(name) {
            return Err(LineFault::TypeTwice(name.to_string()));
        }
        if self.sampled.contains(name) {
            return Err(LineFault::TypeLate(name.to_string()));
        }
        self.kinds.insert(name.to_string(), kind);
        Ok(())
    }

    /// The kind of the family that a sample belongs to.
    pub(super) fn kind_of(&mut self, name: &str) -> SeriesKind {
        if !self.sampled.contains(name) {
            self.sampled.insert(name.to_string());
        }
        if let Some(kind) = self.kinds.get(name) {
            return *kind;
        }
        let of_family = SUFFIXES.iter().find_map(|suffix| {
            let kind = *self.kinds.get(name.strip_suffix(suffix)?)?;
            let fits = match kind {
                SeriesKind::Histogram => *suffix != "_total",
                SeriesKind::Summary => matches!(*suffix, "_count" | "_sum" | "_created"),
                SeriesKind::Counter => *suffix == "_total",
                SeriesKind::Gauge | SeriesKind::Untyped => false,
            };
            fits.then_some(kind)
        });
        of_family.unwrap_or(SeriesKind::Untyped)
    }
}
