//! Mistakes in form: each with its line, column, the line itself and a hint; all of them at once.

mod kinds;
mod together;

use crate::common::{
    FOREIGN, QUICKSTART, REFERENCE, compile_both, file, only, profile_alone, set, shipped, swapped,
    with,
};
use shakedown_scenarios::{FileKind, SourceFile, file_kind, system_reference};

/// Compiles the quickstart with one passage changed.
fn quickstart(from: &str, to: &str) -> shakedown_scenarios::Diagnostic {
    let text = swapped(&shipped(QUICKSTART).text, from, to);
    only(compile_both(
        &file("q.yaml", &text),
        &shipped(REFERENCE),
        &[],
    ))
}

/// Compiles the reference profile with one passage changed.
fn reference(from: &str, to: &str) -> shakedown_scenarios::Diagnostic {
    only(profile_alone(&swapped(&shipped(REFERENCE).text, from, to)))
}
