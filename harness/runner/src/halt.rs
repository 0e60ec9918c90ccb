//! `shakedown halt`: every live run heals its faults and ends, now; and it is timed.
//!
//! A run is found by the owner in its journal and asked by SIGTERM, which it takes as it takes Ctrl-C: heal, clean
//! up, end. What counts first is when the faults are gone, so that is timed apart from the end.

mod afar;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde::Serialize;
use shakedown_record::ExitCode;
use shakedown_record::event::{Event, read_events};
use shakedown_record::run_dir::RunDir;

use crate::journal::{JournalView, Owner, read_journal};
use crate::mechanisms::{ProcessError, ProcessHandle, World};
use crate::recover::{RecoverError, journal_folders};
use crate::state_dir::StateDir;

pub use afar::halt_afar;

const POLL: Duration = Duration::from_millis(10);

/// What became of the runs that were live.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HaltReport {
    pub runs: Vec<HaltedRun>,
}

/// One run that was asked to end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HaltedRun {
    pub run_id: String,
    /// `None`: it is known by its Lease only.
    pub pid: Option<u32>,
    /// As it stands in its Lease, where it is known by that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// From the request until no fault of its was in effect; `None`: not in time.
    pub healed_after_s: Option<f64>,
    /// From the request until its process had ended; `None`: not in time.
    pub ended_after_s: Option<f64>,
    /// Orders of ours that it cancelled on its way out; `None`: it did not say.
    pub orders_cancelled: Option<u64>,
    /// Orders of ours that are still open; `None`: that could not be told.
    pub orders_open: Option<u64>,
    /// Why it could not be asked.
    pub error: Option<String>,
    /// It ended and left its journal open: `recover` has work to do.
    pub to_recover: bool,
}

impl HaltReport {
    /// 0 when every run healed and ended, 3 when something is left.
    pub fn exit_code(&self) -> ExitCode {
        let done = |run: &HaltedRun| {
            let orders_left = run.orders_open.is_some_and(|open| open > 0);
            run.ended_after_s.is_some() && !run.to_recover && !orders_left
        };
        match self.runs.iter().all(done) {
            true => ExitCode::Pass,
            false => ExitCode::Dirty,
        }
    }

    /// The report for people.
    pub fn lines(&self) -> Vec<String> {
        if self.runs.is_empty() {
            return vec!["no run is live".to_string()];
        }
        self.runs.iter().map(HaltedRun::line).collect()
    }
}

impl HaltedRun {
    fn line(&self) -> String {
        let healed = match self.healed_after_s {
            Some(s) => format!("healed after {s:.2} s"),
            None => "NOT healed".to_string(),
        };
        let ended = match self.ended_after_s {
            Some(s) => format!("ended after {s:.2} s"),
            None => "STILL RUNNING".to_string(),
        };
        let orders = match (self.orders_cancelled, self.orders_open) {
            (Some(cancelled), Some(0)) => {
                format!("{cancelled} orders of ours cancelled, none left")
            }
            (Some(cancelled), Some(open)) => {
                format!("{cancelled} orders of ours cancelled, {open} STILL OPEN")
            }
            (Some(cancelled), None) => {
                format!("{cancelled} orders of ours cancelled, not known how many are open")
            }
            (None, _) => "no word on orders".to_string(),
        };
        let who = match (self.pid, &self.holder) {
            (Some(pid), _) => format!("run {} (pid {pid})", self.run_id),
            (None, Some(holder)) => holder.clone(),
            (None, None) => format!("run {}", self.run_id),
        };
        let mut line = format!("{who}: {healed}, {orders}, {ended}");
        if let Some(error) = &self.error {
            line.push_str(&format!("; {error}"));
        }
        if self.to_recover {
            let place = match self.pid {
                Some(_) => "",
                None => " --environment kubernetes",
            };
            line.push_str(&format!("; now: shakedown recover {}{place}", self.run_id));
        }
        line
    }
}

struct Asked {
    handle: Option<ProcessHandle>,
    folder: PathBuf,
    run_dir: PathBuf,
    run: HaltedRun,
}

/// Asks every live run to heal and end, and waits until each has, or the deadline is over. Blocks.
///
/// # Errors
/// When the journals cannot be listed.
pub fn halt(state: &StateDir, deadline: Duration) -> Result<HaltReport, RecoverError> {
    let begun = Instant::now();
    let mut asked = Vec::new();
    for folder in journal_folders(state)? {
        asked.extend(ask_to_end(&folder));
    }
    loop {
        for one in &mut asked {
            one.look(begun);
        }
        let waiting = asked.iter().any(Asked::is_waiting);
        if !waiting || begun.elapsed() >= deadline {
            break;
        }
        std::thread::sleep(POLL);
    }
    Ok(HaltReport {
        runs: asked.into_iter().map(|one| one.run).collect(),
    })
}

fn ask_to_end(folder: &Path) -> Option<Asked> {
    let view = read_journal(folder).ok()?;
    let owner = view.owner()?;
    let handle = match live(owner) {
        Ok(handle) => Ok(handle?),
        Err(error) => Err(error),
    };
    let sent = handle.and_then(|handle| handle.signal(Signal::TERM).map(|_| handle));
    let (handle, error) = match sent {
        Ok(handle) => (Some(handle), None),
        Err(error) => (None, Some(error.to_string())),
    };
    Some(Asked {
        handle,
        folder: folder.to_path_buf(),
        run_dir: owner.run_dir.clone(),
        run: HaltedRun {
            run_id: owner.run_id.clone(),
            pid: Some(owner.process.pid),
            holder: None,
            healed_after_s: None,
            ended_after_s: None,
            orders_cancelled: None,
            orders_open: None,
            error,
            to_recover: false,
        },
    })
}

fn live(owner: &Owner) -> Result<Option<ProcessHandle>, ProcessError> {
    match World::current() {
        Ok(here) if here == owner.world => ProcessHandle::open(owner.process),
        Ok(_) | Err(_) => Ok(None),
    }
}

impl Asked {
    fn is_waiting(&self) -> bool {
        self.handle.is_some() && self.run.ended_after_s.is_none()
    }

    fn look(&mut self, begun: Instant) {
        let Some(handle) = &self.handle else { return };
        if self.run.ended_after_s.is_some() {
            return;
        }
        // In this order: an owner that ended in between has written all that it will.
        let ended = handle.has_exited().unwrap_or(false);
        let journal = read_journal(&self.folder).ok();
        let healed = journal.as_ref().is_none_or(no_fault_open);
        let now_s = begun.elapsed().as_secs_f64();
        if healed && self.run.healed_after_s.is_none() {
            self.run.healed_after_s = Some(now_s);
        }
        if ended {
            self.run.ended_after_s = Some(now_s);
            self.run.to_recover = journal.is_some_and(|view| !view.is_closed());
            let said = cleaned_up(&self.run_dir);
            self.run.orders_cancelled = said.map(|(cancelled, _)| cancelled);
            self.run.orders_open = said.and_then(|(_, open)| open);
        }
    }
}

/// What the run's last words on its orders are: how many it cancelled, and how many are open.
fn cleaned_up(run_dir: &Path) -> Option<(u64, Option<u64>)> {
    let events = read_events(&RunDir::at(run_dir).events()).ok()?;
    events
        .iter()
        .rev()
        .find_map(|stamped| match &stamped.event {
            Event::CleanedUp {
                cancelled,
                orders_open,
                ..
            } => Some((*cancelled, *orders_open)),
            _ => None,
        })
}

fn no_fault_open(view: &JournalView) -> bool {
    view.open_faults().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run() -> HaltedRun {
        HaltedRun {
            run_id: "r-1".to_string(),
            pid: Some(7),
            holder: None,
            healed_after_s: Some(0.12),
            ended_after_s: Some(0.5),
            orders_cancelled: Some(12),
            orders_open: Some(0),
            error: None,
            to_recover: false,
        }
    }

    fn report(change: impl Fn(&mut HaltedRun)) -> (ExitCode, String) {
        let mut run = run();
        change(&mut run);
        let report = HaltReport { runs: vec![run] };
        (report.exit_code(), report.lines().join("\n"))
    }

    #[test]
    fn the_report_is_clean_only_when_everything_is() {
        let (code, said) = report(|_| {});
        assert_eq!(code, ExitCode::Pass);
        for words in [
            "healed after 0.12 s",
            "12 orders of ours cancelled, none left",
            "ended after 0.50 s",
        ] {
            assert!(said.contains(words), "{said}");
        }
        let (code, said) = report(|run| run.orders_open = Some(3));
        assert_eq!(code, ExitCode::Dirty);
        assert!(said.contains("3 STILL OPEN"), "{said}");
        let (code, said) = report(|run| run.to_recover = true);
        assert_eq!(code, ExitCode::Dirty);
        assert!(said.contains("shakedown recover r-1"), "{said}");
        let (code, said) = report(|run| {
            run.healed_after_s = None;
            run.ended_after_s = None;
        });
        assert_eq!(code, ExitCode::Dirty);
        assert!(
            said.contains("NOT healed") && said.contains("STILL RUNNING"),
            "{said}"
        );
        assert_eq!(HaltReport { runs: Vec::new() }.exit_code(), ExitCode::Pass);
    }

    #[test]
    fn the_last_word_on_orders_is_read_from_the_run_directory() {
        use shakedown_record::event::EventWriter;
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(cleaned_up(folder.path()), None);
        let mut writer = EventWriter::create(&RunDir::at(folder.path()).events()).unwrap();
        for orders_open in [None, Some(2)] {
            let event = Event::CleanedUp {
                cancelled: 5,
                orders_open,
                reason: None,
            };
            writer.write(event).unwrap();
        }
        assert_eq!(cleaned_up(folder.path()), Some((5, Some(2))));
    }
}
