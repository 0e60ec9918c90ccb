//! Names that must mean something elsewhere.

use crate::diagnostics::{closest, listed};

/// What to write instead of a name that means nothing.
pub(super) fn instead(written: &str, known: &[String], they_are: &str) -> String {
    if known.is_empty() {
        return format!("{they_are}: none");
    }
    match closest(written, known.iter().map(String::as_str)) {
        Some(guess) => format!("did you mean `{guess}`?"),
        None => format!("{they_are} {}", listed(known.iter().map(String::as_str))),
    }
}
