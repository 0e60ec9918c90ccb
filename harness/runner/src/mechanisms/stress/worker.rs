//! One worker: a process with a single busy thread.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, set_parent_process_death_signal};
use shakedown_record::{ExitCode, monotonic_ns};

use super::line::{GO, READY};

/// The hidden subcommand under which the binary runs [`stress_main`].
pub const STRESS_COMMAND: &str = "__stress";

/// Steps between two looks at the clock: well below a millisecond.
const STEPS: u32 = 20_000;

/// A worker's `main`. `arguments` are those after [`STRESS_COMMAND`]: `--until-mono-ns` and a reading of
/// `CLOCK_MONOTONIC`; standard input is the line to its parent. Exits 0 at the deadline or when the line closes, 64
/// for wrong arguments, 70 when it has no line.
pub fn stress_main(arguments: &[String]) -> ExitCode {
    let Some(until_mono_ns) = parse(arguments) else {
        return ExitCode::Usage;
    };
    match work(until_mono_ns) {
        Ok(()) => ExitCode::Pass,
        Err(error) => {
            tracing::error!("a stress worker: {error}");
            ExitCode::Bug
        }
    }
}

fn parse(arguments: &[String]) -> Option<u64> {
    match arguments {
        [key, value] if key == "--until-mono-ns" => value.parse().ok(),
        _ => None,
    }
}

fn work(until_mono_ns: u64) -> io::Result<()> {
    // The starter has asked for this already; here it holds for every way of being started.
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    line.write_all(&[READY])?;
    let mut word = [0u8];
    // The line that closes before the word comes ends it.
    if line.read(&mut word)? == 0 || word[0] != GO {
        return Ok(());
    }
    let over = Arc::new(AtomicBool::new(false));
    let seen = over.clone();
    std::thread::Builder::new().spawn(move || {
        while line.read(&mut word).is_ok_and(|read| read > 0) {}
        seen.store(true, Ordering::Relaxed);
    })?;
    burn(until_mono_ns, &over);
    Ok(())
}

fn burn(until_mono_ns: u64, over: &AtomicBool) {
    let mut state = 1u64;
    while !over.load(Ordering::Relaxed) && monotonic_ns() < until_mono_ns {
        for _ in 0..STEPS {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
        }
        std::hint::black_box(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_exact() {
        let arguments =
            |text: &str| -> Vec<String> { text.split_whitespace().map(str::to_string).collect() };
        assert_eq!(parse(&arguments("--until-mono-ns 12")), Some(12));
        for wrong in [
            "",
            "--until-mono-ns",
            "--until-mono-ns x",
            "--for 12",
            "--until-mono-ns 1 2",
        ] {
            assert_eq!(parse(&arguments(wrong)), None, "{wrong}");
        }
        assert_eq!(stress_main(&[]), ExitCode::Usage);
    }

    #[test]
    fn the_deadline_and_the_word_both_end_it() {
        let over = AtomicBool::new(false);
        let start = monotonic_ns();
        burn(start + 20_000_000, &over);
        assert!(monotonic_ns() >= start + 20_000_000);
        over.store(true, Ordering::Relaxed);
        burn(u64::MAX, &over);
    }
}
