//! A panic is a bug in Shakedown: exit 70, with the words that help to report it and to clean up.

use std::panic::{self, AssertUnwindSafe};

use shakedown_record::ExitCode;

use crate::output;

/// Replaces the default panic message by one that says whose fault it is and what to do.
pub fn report_panics_as_bugs() {
    panic::set_hook(Box::new(|info| {
        output::say(&format!(
            "shakedown: internal error, please report it: {info}\n\
             What it left behind is healed by: shakedown recover"
        ));
    }));
}

/// Runs `work`; a panic in it ends as exit 70.
pub fn catch(work: impl FnOnce() -> ExitCode) -> ExitCode {
    panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or(ExitCode::Bug)
}
