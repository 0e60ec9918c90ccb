//! Where words go: results to stdout, everything else to stderr, and a closed pipe is not an error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use shakedown_record::ExitCode;
use shakedown_render::Look;

/// Why a command ended without a result.
#[derive(Debug)]
pub struct Failure {
    pub code: ExitCode,
    pub message: String,
}

impl Failure {
    /// The command line or a file is wrong.
    pub fn usage(message: impl Display) -> Failure {
        Failure {
            code: ExitCode::Usage,
            message: message.to_string(),
        }
    }

    /// The environment could not be reached or started.
    pub fn unavailable(message: impl Display) -> Failure {
        Failure {
            code: ExitCode::Unavailable,
            message: message.to_string(),
        }
    }

    /// Something that cannot happen did.
    pub fn bug(message: impl Display) -> Failure {
        Failure {
            code: ExitCode::Bug,
            message: message.to_string(),
        }
    }

    /// Prints the message to stderr and gives the exit code.
    pub fn report(self) -> ExitCode {
        say(self.message.trim_end());
        self.code
    }
}

/// Prints a result to stdout. A reader that went away ends the printing, not the run.
pub fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    // A closed pipe is the reader's choice, and there is nowhere left to complain to.
    let _ = write!(out, "{text}{newline}").and_then(|()| out.flush());
}

/// Prints a note to stderr.
pub fn say(text: &str) {
    // As above.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Pretty JSON with a newline, for results that a script reads.
pub fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string_pretty(value)
        .map_err(|error| Failure::bug(format!("cannot write JSON: {error}")))
}

/// How reports look on this stdout: colour only for a terminal that wants it (NO_COLOR), width of the terminal.
pub fn look() -> Look {
    let terminal = io::stdout().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    let columns = rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col));
    let width = columns
        .filter(|columns| terminal && *columns >= 40)
        .unwrap_or(120);
    Look {
        color: (terminal || forced) && !plain,
        width: width.min(160),
    }
}

/// Logs to stderr: warnings, or everything from our crates with `--verbose`; `RUST_LOG` overrules both.
pub fn start_logging(verbose: bool) {
    use tracing_subscriber::EnvFilter;
    let default = if verbose {
        "info,shakedown_runner=debug,shakedown_load=debug"
    } else {
        "error"
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .init();
}
