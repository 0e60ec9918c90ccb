//! A file under examination: mistakes are noted where they stand, and examination goes on.

use std::cell::RefCell;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::yaml::{Document, Side};

/// Mistakes in meaning that are told of one file at most.
const MOST_MISTAKES: usize = 50;

/// A path into a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct At(Vec<String>);

impl At {
    pub(super) fn root() -> At {
        At(Vec::new())
    }

    pub(super) fn of(steps: &[&str]) -> At {
        At(steps.iter().map(|step| (*step).to_string()).collect())
    }

    pub(super) fn to(&self, step: &str) -> At {
        let mut steps = self.0.clone();
        steps.push(step.to_string());
        At(steps)
    }

    pub(super) fn item(&self, index: usize) -> At {
        self.to(&index.to_string())
    }

    /// True for the value of a field of this name.
    pub(super) fn is_under(&self, field: &str) -> bool {
        self.0.last().is_some_and(|last| last == field)
    }
}

/// Sections whose fields stand for themselves: a mistake in one says nothing about another.
const FREE: [&str; 8] = [
    "faults",
    "sla",
    "abort",
    "instruments",
    "secrets",
    "tags",
    "load",
    "phases",
];

/// What a whole section is held against, in either file.
fn depends_on(section: &str) -> &'static [&'static str] {
    match section {
        "load" => &["orders", "instruments", "ceilings", "accounts"],
        "faults" | "guards" => &["parts"],
        "environment" => &["environments"],
        "data" => &["parts"],
        "environments" => &["parts", "data", "read-back"],
        "parts" | "auth" | "not-production" | "health" | "version" | "orders" => &["secrets"],
        "read-back" => &["secrets", "orders", "parts", "data"],
        "clean-up" | "reads" => &["orders", "read-back"],
        _ => &[],
    }
}

/// A file under examination.
#[derive(Debug)]
pub(super) struct Sheet<'d> {
    document: &'d Document,
    /// What had to be left out of either file for mistakes in form: follow-ups of these are not told.
    pruned: Vec<Vec<String>>,
    told: RefCell<Vec<Diagnostic>>,
}

impl<'d> Sheet<'d> {
    pub(super) fn new(document: &'d Document, pruned: Vec<Vec<String>>) -> Self {
        Self {
            document,
            pruned,
            told: RefCell::new(Vec::new()),
        }
    }

    /// True when something stands there in the file, also when it could not be read.
    pub(super) fn has(&self, at: &At) -> bool {
        self.document.root.find(&at.0).is_some()
    }

    /// A single value that stands there.
    pub(super) fn text(&self, at: &At) -> Option<&str> {
        self.document.root.find(&at.0)?.text()
    }

    /// Keys that stand there in the file, also when their values could not be read.
    pub(super) fn keys(&self, at: &At) -> Vec<String> {
        let node = self.document.root.find(&at.0);
        node.into_iter()
            .flat_map(|node| node.keys())
            .map(str::to_string)
            .collect()
    }

    /// Notes a mistake of a value.
    pub(super) fn refuse(&self, at: &At, message: impl Into<String>) {
        self.note(at, Side::Value, message.into(), None);
    }

    /// Notes a mistake of a value, with what to write instead.
    pub(super) fn refuse_with(&self, at: &At, message: impl Into<String>, hint: impl Into<String>) {
        self.note(at, Side::Value, message.into(), Some(hint.into()));
    }

    /// Notes a mistake of an entry as a whole, with what to write instead.
    pub(super) fn refuse_entry(
        &self,
        at: &At,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.note(at, Side::Key, message.into(), Some(hint.into()));
    }

    /// Notes that the grammar knows something that this version does not do.
    pub(super) fn not_supported(&self, at: &At, what: &str) {
        self.note(
            at,
            Side::Key,
            format!("{what} is not supported by this version of Shakedown"),
            None,
        );
    }

    /// Notes a mistake in another file that this one names.
    pub(super) fn tell(&self, diagnostic: Diagnostic) {
        if self.told.borrow().len() < MOST_MISTAKES {
            self.told.borrow_mut().push(diagnostic);
        }
    }

    fn note(&self, at: &At, side: Side, message: String, hint: Option<String>) {
        if self.told.borrow().len() >= MOST_MISTAKES || self.is_follow_up(at) {
            return;
        }
        let spot = self.document.locate(&at.0, side);
        let mut diagnostic = self.document.diagnostic(spot, &at.0, message);
        diagnostic.hint = hint;
        self.told.borrow_mut().push(diagnostic);
    }

    /// True when something there, in it or around it had to be left out of either file.
    pub(super) fn lacks(&self, steps: &[&str]) -> bool {
        self.pruned.iter().any(|gone| {
            let shared = gone.len().min(steps.len());
            gone.iter()
                .zip(steps)
                .take(shared)
                .all(|(gone, step)| gone == step)
        })
    }

    fn is_follow_up(&self, at: &At) -> bool {
        let steps: Vec<&str> = at.0.iter().map(String::as_str).collect();
        let Some(section) = steps.first() else {
            return !self.pruned.is_empty();
        };
        let own = if FREE.contains(section) {
            &steps[..]
        } else {
            &steps[..1]
        };
        self.lacks(own) || depends_on(section).iter().any(|other| self.lacks(&[other]))
    }

    pub(super) fn into_diagnostics(self) -> Diagnostics {
        Diagnostics(self.told.into_inner())
    }
}
