//! What is done to a starved program while it runs.

use std::fs;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::monotonic_ns;

use crate::fixture::{Arguments, Fixture};
use crate::shakedown::{Running, binary};

use super::pages::take_pages;
use super::place::{Place, last_core};
use super::shortage::Shortage;

/// How long a rival runs and sleeps, in milliseconds: too short to be a stall.
const RIVAL_MS: u64 = 15;

/// No rival lives longer, in milliseconds.
const LONGEST_MS: u64 = 60_000;

const STOPPED: Duration = Duration::from_millis(50);
const BETWEEN_STOPS: Duration = Duration::from_millis(200);
const BETWEEN_REMOVALS: Duration = Duration::from_millis(50);

/// Ticks of CPU time that are told of, and how many of them as stolen.
const TICKS: u64 = 1_000;
const STOLEN: u64 = 300;

/// Puts a running program under the pressure of a shortage until it ends.
///
/// # Panics
/// When that cannot be done.
pub(super) fn press(shortage: Shortage, place: &Place, running: &mut Running) {
    match shortage {
        Shortage::Nothing | Shortage::Quota | Shortage::Descriptors | Shortage::Ports => {}
        Shortage::Core => {
            let rival = rival();
            while running.is_running() {
                thread::sleep(BETWEEN_REMOVALS);
            }
            drop(rival);
        }
        Shortage::Time => {
            while running.is_running() {
                running.signal(Signal::STOP);
                thread::sleep(STOPPED);
                running.signal(Signal::CONT);
                thread::sleep(BETWEEN_STOPS);
            }
        }
        Shortage::Memory => {
            let copy = place.copy.as_ref().expect("this place has a copy");
            while running.is_running() {
                // It may end meanwhile, and has nothing to take before it begins.
                let _ = take_pages(running.pid(), copy);
                thread::sleep(BETWEEN_REMOVALS);
            }
        }
        Shortage::StealToldByFile => {
            let file = place.stat.as_ref().expect("this place has a file");
            thread::sleep(Duration::from_millis(500));
            steal(file).expect("the file can be written");
        }
    }
}

/// Adds stolen time to what a file says.
fn steal(file: &Path) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let mut fields: Vec<u64> = first
        .split_ascii_whitespace()
        .skip(1)
        .map(|field| field.parse().map_err(io::Error::other))
        .collect::<io::Result<_>>()?;
    fields[3] += TICKS - STOLEN;
    fields[7] += STOLEN;
    let fields: Vec<String> = fields.iter().map(u64::to_string).collect();
    fs::write(file, format!("cpu  {}\n{rest}", fields.join(" ")))
}

/// Somebody of a higher real-time priority on the last core.
fn rival() -> Fixture {
    let program = binary().with_file_name("rival");
    let program = program.to_str().expect("paths of the tests are text");
    let (core, turn_ms, for_ms) = (last_core(), RIVAL_MS.to_string(), LONGEST_MS.to_string());
    let command = ["-f", "50", "taskset", "-c", &core, program];
    let times = ["--turn-ms", &turn_ms, "--for-ms", &for_ms];
    Fixture::start("chrt", &[command.as_slice(), times.as_slice()].concat())
        .expect("a rival can be started")
}

/// The rival itself: runs and sleeps in turn.
///
/// # Errors
/// When its arguments are wrong.
pub fn outrun(arguments: &Arguments) -> io::Result<()> {
    let needed = |name: &str| {
        let number = arguments.number(name)?;
        number.ok_or_else(|| io::Error::other(format!("--{name} is missing")))
    };
    let (turn_ms, for_ms) = (needed("turn-ms")?, needed("for-ms")?);
    let end_ns = monotonic_ns() + for_ms * 1_000_000;
    while monotonic_ns() < end_ns {
        let turn_ns = monotonic_ns() + turn_ms * 1_000_000;
        while monotonic_ns() < turn_ns {
            std::hint::spin_loop();
        }
        thread::sleep(Duration::from_millis(turn_ms));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stolen_is_added_to_the_machines_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("stat");
        fs::write(&file, "cpu  1 2 3 4 5 6 7 8 0 0\ncpu0 1 2 3\n").unwrap();
        steal(&file).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text, "cpu  1 2 3 704 5 6 7 308 0 0\ncpu0 1 2 3\n");
    }
}
