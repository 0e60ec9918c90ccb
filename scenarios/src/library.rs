//! The shipped systems, calendars, scenarios and suites, inside the binary: every file of `scenarios/library` (`build.rs`).

use serde::Serialize;

use crate::compile::FileKind;

/// One shipped file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shipped {
    /// What a scenario's `system:`, or `shakedown run`, calls it: `quickstart`, `reference`.
    pub name: &'static str,
    /// Relative to `scenarios/library`.
    pub path: &'static str,
    pub text: &'static str,
    pub kind: FileKind,
}

impl Shipped {
    /// One sentence on it: the scenario's `about`, or the first comment.
    pub fn about(&self) -> &'static str {
        let sentence = match self.kind {
            FileKind::Scenario | FileKind::Suite => self
                .text
                .lines()
                .find_map(|line| line.strip_prefix("about: ")),
            FileKind::Profile | FileKind::Calendar => self
                .text
                .lines()
                .filter_map(|line| line.strip_prefix("# "))
                .nth(1),
        };
        sentence.unwrap_or_default()
    }
}

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// Every shipped file: systems, calendars, scenarios, suites, each by path, and quickstart before the other scenarios.
pub fn all() -> &'static [Shipped] {
    SHIPPED
}

/// A shipped file by name.
pub fn find(name: &str) -> Option<&'static Shipped> {
    let mut all = all().iter();
    all.find(|shipped| shipped.name == name || shipped.path == name)
}
