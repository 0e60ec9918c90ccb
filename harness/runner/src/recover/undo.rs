//! Undoing, one entry of the journal after the other.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_record::run_dir::RunDir;

use super::lease;
use super::report::{RecoveredRun, RunState};
use crate::journal::{
    Entry, JOURNAL_FILE, JournalView, OpenOrders, Owner, Undo, append_to, remove_journal,
};
use crate::mechanisms::cgroup::Cgroups;
use crate::mechanisms::kubernetes::Replayed;
use crate::mechanisms::monitoring::SilenceUndo;
use crate::mechanisms::{Invocation, ProcessHandle, ProcessId, ProcessState, World};
use crate::state_dir::StateDir;

const THAWS_WITHIN: Duration = Duration::from_secs(1);
const DIES_WITHIN: Duration = Duration::from_secs(2);

impl RecoveredRun {
    pub(super) fn undo_all(&mut self, state: &StateDir, view: &JournalView, owner: &Owner) {
        // After a reboot no process of that run is left, whoever has its pids now.
        let same_boot = World::current().is_ok_and(|here| here == owner.world);
        let adopted = view.drill().and_then(|mark| mark.adopted);
        let commands = adopted.is_none_or(|adopted| adopted.commands);
        let takes_shards = self.fetch_shards(view, owner);
        for (fault, undo) in view.open_faults() {
            for undo in undo.iter().filter(|undo| same_boot || undo.outlives_boot()) {
                self.undo(fault, undo, commands);
            }
        }
        if same_boot {
            for (name, process) in view.open_children() {
                self.end_child(name, process);
            }
        }
        if takes_shards {
            self.take_shards(owner);
        }
        for folder in view.open_folders() {
            self.remove_data(state, folder);
        }
        for orders in view.open_orders() {
            self.orders(orders);
        }
        for damage in &view.damage {
            self.left_over(
                LeftoverKind::Object,
                format!(
                    "line {} of {} is damaged ({}): what it announced is not known",
                    damage.line,
                    view.path.display(),
                    damage.what
                ),
                format!("look at it, then: rm -r {}", parent(&view.path)),
            );
        }
    }

    fn undo(&mut self, fault: &str, undo: &Undo, commands: bool) {
        match undo {
            Undo::Thaw { name, process } => match thaw(*process) {
                Ok(true) => self
                    .done
                    .push(format!("{fault}: thawed {name} ({process})")),
                Ok(false) => {}
                Err(why) => self.left_over(
                    LeftoverKind::Fault,
                    format!("{fault}: {name} ({process}) is frozen: {why}"),
                    format!("kill -CONT {}", process.pid),
                ),
            },
            Undo::Group { name, back } => {
                match Cgroups::discover().and_then(|all| back.replay(&all)) {
                    Ok(true) => self
                        .done
                        .push(format!("{fault}: took back {back} ({name})")),
                    Ok(false) => {}
                    Err(why) => self.left_over(
                        LeftoverKind::Fault,
                        format!("{fault}: {back} ({name}): {why}"),
                        back.by_hand(),
                    ),
                }
            }
            Undo::Container { name, back } => match back.replay_blocking() {
                Ok(true) => self
                    .done
                    .push(format!("{fault}: took back {back} ({name})")),
                Ok(false) => {}
                Err(why) => self.left_over(
                    LeftoverKind::Fault,
                    format!("{fault}: {back} ({name}): {why}"),
                    back.by_hand(),
                ),
            },
            Undo::Cluster { name, back } => match back.replay_blocking() {
                Ok(Replayed::Done) => self
                    .done
                    .push(format!("{fault}: took back {back} ({name})")),
                Ok(Replayed::NothingToDo) => {}
                Ok(Replayed::Foreign(why)) => self.left_over(
                    LeftoverKind::Fault,
                    format!("{fault}: {back} ({name}) was left alone: {why}"),
                    format!("look at it, then: {}", back.by_hand()),
                ),
                Err(why) => self.left_over(
                    LeftoverKind::Fault,
                    format!("{fault}: {back} ({name}): {why}"),
                    back.by_hand(),
                ),
            },
            Undo::Silence { back } => self.end_silence(fault, back, commands),
            Undo::Command { heal } => self.run_command(fault, heal, commands),
        }
    }

    fn end_silence(&mut self, fault: &str, back: &SilenceUndo, allowed: bool) {
        if !allowed {
            // Whoever may write into the namespace of the journal could have named any address.
            return self.left_over(
                LeftoverKind::Object,
                format!("{back} was not ended, because its address comes from the cluster"),
                format!(
                    "{}   (or `shakedown recover` with --commands)",
                    back.by_hand()
                ),
            );
        }
        match back.replay_blocking() {
            Ok(true) => self.done.push(format!("{fault}: ended {back}")),
            Ok(false) => {}
            Err(why) => self.left_over(
                LeftoverKind::Object,
                format!("{back}: {why}"),
                back.by_hand(),
            ),
        }
    }

    fn run_command(&mut self, fault: &str, heal: &Invocation, allowed: bool) {
        let line = heal.line();
        if !allowed {
            return self.left_over(
                LeftoverKind::Fault,
                format!(
                    "{fault}: `{line}` was not run, because whoever may write into the namespace of the journal could have put it there"
                ),
                format!("{line}   (or `shakedown recover` with --commands)"),
            );
        }
        match healed_by(heal) {
            Ok(()) => self.done.push(format!("{fault}: ran `{line}`")),
            Err(why) => self.left_over(
                LeftoverKind::Fault,
                format!("{fault}: `{line}` did not heal it: {why}"),
                line,
            ),
        }
    }

    fn end_child(&mut self, name: &str, process: ProcessId) {
        match end(process) {
            Ok(true) => self.done.push(format!("ended {name} ({process})")),
            Ok(false) => {}
            Err(why) => self.left_over(
                LeftoverKind::Object,
                format!("{name} ({process}) still runs: {why}"),
                format!("kill -KILL {}", process.pid),
            ),
        }
    }

    fn remove_data(&mut self, state: &StateDir, folder: &Path) {
        // Only what can be ours is removed, whatever the journal says.
        if state.nodes(&self.run_id).ok().as_deref() != Some(folder) {
            self.left_over(
                LeftoverKind::Object,
                format!(
                    "node data in {}, which is not where it belongs",
                    folder.display()
                ),
                format!("look at it, then: rm -r {}", folder.display()),
            );
            return;
        }
        match fs::remove_dir_all(folder) {
            Ok(()) => self
                .done
                .push(format!("removed node data {}", folder.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.left_over(
                LeftoverKind::Object,
                format!("node data in {}: {error}", folder.display()),
                format!("rm -r {}", folder.display()),
            ),
        }
    }

    fn orders(&mut self, orders: &OpenOrders) {
        self.open_orders.push(orders.clone());
        self.left_over(
            LeftoverKind::Object,
            format!(
                "orders whose ids begin with {} may be open at {}",
                orders.prefix,
                orders.entry.join(", ")
            ),
            "cancel them at the engine".to_string(),
        );
    }

    /// What is to be taken back has to wait for whoever has the system now.
    pub(super) fn waits_for(&mut self, folder: &Path, held: RunState) {
        self.state = held;
        self.left_over(
            LeftoverKind::Object,
            format!(
                "the journal in {}: it waits until that run is over",
                folder.display()
            ),
            format!("afterwards: shakedown recover {}", self.run_id),
        );
    }

    pub(super) fn cannot_read(&mut self, folder: &Path, why: &str) {
        self.left_over(
            LeftoverKind::Object,
            format!("the journal in {}: {why}", folder.display()),
            format!("look at it, then: rm -r {}", folder.display()),
        );
    }

    pub(super) fn left_over(&mut self, kind: LeftoverKind, what: String, remove_with: String) {
        self.left.push(Leftover {
            kind,
            what,
            remove_with,
        });
    }

    /// Nothing left: the journal goes to the run directory. Otherwise it stays, for the next attempt.
    pub(super) fn finish(&mut self, folder: &Path, view: &JournalView, owner: &Owner) {
        if let Some(mark) = view.drill()
            && let Err(why) = lease::give_back(mark, self.left.is_empty())
        {
            self.left_over(
                LeftoverKind::Object,
                format!("the copy of the journal, or the lease beside it: {why}"),
                format!("{}; {}", mark.remove_copy_with(), mark.remove_lease_with()),
            );
        }
        let left: Vec<String> = self.left.iter().map(|left| left.what.clone()).collect();
        let noted = append_to(folder, &Entry::Recovered { left });
        let result = match self.left.is_empty() {
            true => noted.and_then(|()| hand_over(folder, owner)),
            false => noted,
        };
        if let Err(error) = result {
            self.cannot_read(folder, &error.to_string());
        }
    }
}

fn parent(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

/// A sealed run directory is not written into, and one that is gone is not made again.
fn hand_over(folder: &Path, owner: &Owner) -> io::Result<()> {
    let run_dir = RunDir::at(&owner.run_dir);
    if run_dir.root().is_dir() && !run_dir.checksums().exists() {
        fs::copy(folder.join(JOURNAL_FILE), run_dir.root().join(JOURNAL_FILE))?;
    }
    remove_journal(folder)
}

fn healed_by(heal: &Invocation) -> Result<(), String> {
    let ended = heal.run_blocking().map_err(|error| error.to_string())?;
    match (ended.is_success(), ended.over_deadline) {
        (true, _) => Ok(()),
        (false, true) => Err("not done in time, and ended".to_string()),
        (false, false) => Err(ended.last_line),
    }
}

/// True when it was frozen and now is not.
fn thaw(process: ProcessId) -> Result<bool, String> {
    let Some(handle) = ProcessHandle::open(process).map_err(|error| error.to_string())? else {
        return Ok(false);
    };
    let state = || handle.state().map_err(|error| error.to_string());
    if state()? != ProcessState::Stopped {
        return Ok(false);
    }
    handle
        .signal(Signal::CONT)
        .map_err(|error| error.to_string())?;
    let until = Instant::now() + THAWS_WITHIN;
    while state()? == ProcessState::Stopped {
        if Instant::now() >= until {
            return Err("SIGCONT has no effect".to_string());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(true)
}

/// True when it was alive and now is not.
fn end(process: ProcessId) -> Result<bool, String> {
    let Some(handle) = ProcessHandle::open(process).map_err(|error| error.to_string())? else {
        return Ok(false);
    };
    handle
        .signal(Signal::KILL)
        .map_err(|error| error.to_string())?;
    match handle.wait_exit_blocking(DIES_WITHIN) {
        Ok(true) => Ok(true),
        Ok(false) => Err("SIGKILL has no effect".to_string()),
        Err(error) => Err(error.to_string()),
    }
}
