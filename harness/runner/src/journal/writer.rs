//! The journal as its owner writes it.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::JOURNAL_FILE;
use super::entry::{Entry, Owner};
use super::reader::{JournalView, read_journal};
use crate::mechanisms::{ProcessError, ProcessHandle, World};
use crate::state_dir::{StateDir, StateDirError};

/// What a journal says of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAbout {
    pub run_id: String,
    pub run_dir: PathBuf,
    pub system: String,
    pub environment: String,
    /// RFC 3339, UTC.
    pub started_at: String,
}

/// Why the journal could not be written. What it was to announce must not be done.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    State(#[from] StateDirError),
    #[error("the undo journal {path} cannot be written: {source}")]
    Io { path: String, source: io::Error },
    #[error("a run {run_id} has a journal already: {path}; see `shakedown recover {run_id}`")]
    Exists { run_id: String, path: String },
    #[error(
        "the journal {path} is not closed, because it says that something is still there: {what}"
    )]
    StillOpen { path: String, what: String },
    #[error("cannot find out who we are: {0}")]
    OwnProcess(#[from] ProcessError),
    #[error("cannot find out where we are: {0}")]
    World(io::Error),
    #[error("the copy of the undo journal in the cluster is not as it has to be: {0}")]
    Copy(String),
}

/// A second place of a journal, for whoever cannot look at the first.
pub trait JournalCopy: Debug + Send + Sync {
    /// Takes an entry. One that announces something is there when this returns.
    ///
    /// # Errors
    /// When it is not: what it announces must not be done.
    fn keep(&self, entry: &Entry) -> Result<(), String>;

    /// Removes the copy of a run that left nothing behind.
    ///
    /// # Errors
    /// When it is still there.
    fn remove(&self) -> Result<(), String>;
}

/// The journal of a run that is going on.
#[derive(Debug)]
pub struct Journal {
    state: StateDir,
    run_id: String,
    run_dir: PathBuf,
    path: PathBuf,
    file: Mutex<File>,
    copy: OnceLock<Box<dyn JournalCopy>>,
}

impl Journal {
    /// Begins the journal of a run. It appears under its name only with its owner in it.
    ///
    /// # Errors
    /// When the run has one already, or it cannot be written.
    pub fn create(state: &StateDir, about: RunAbout) -> Result<Journal, JournalError> {
        let folder = state.journal(&about.run_id)?;
        let path = folder.join(JOURNAL_FILE);
        let owner = owner(&about)?;
        let file = begin(state, &folder, &path, owner).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => JournalError::Exists {
                run_id: about.run_id.clone(),
                path: path.display().to_string(),
            },
            _ => failed(&path)(source),
        })?;
        Ok(Journal {
            state: state.clone(),
            run_id: about.run_id,
            run_dir: about.run_dir,
            path,
            file: Mutex::new(file),
            copy: OnceLock::new(),
        })
    }

    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    pub fn state(&self) -> &StateDir {
        &self.state
    }

    /// Keeps a copy from now on, of what was written before as well. Blocks.
    ///
    /// # Errors
    /// When the copy cannot be written, or there is one already.
    pub fn keep_copy(&self, copy: Box<dyn JournalCopy>) -> Result<(), JournalError> {
        let view = read_journal(self.folder()).map_err(failed(&self.path))?;
        let set = self.copy.set(copy);
        set.map_err(|_| JournalError::Copy("there is one already".to_string()))?;
        view.entries.iter().try_for_each(|entry| self.keep(entry))
    }

    fn keep(&self, entry: &Entry) -> Result<(), JournalError> {
        match self.copy.get() {
            Some(copy) => copy.keep(entry).map_err(JournalError::Copy),
            None => Ok(()),
        }
    }

    /// Appends an entry and returns when it is on disk, and in the copy where there is one: only then may be done what it
    /// announces. Blocks for the sync. An entry that the copy does not take is not written at all.
    ///
    /// # Errors
    /// When it cannot be written or synced.
    pub fn record(&self, entry: &Entry) -> Result<(), JournalError> {
        self.keep(entry)?;
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        append(&mut file, entry).map_err(failed(&self.path))
    }

    /// Copies the journal into the run directory, as it is now.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn copy_into_run_dir(&self) -> Result<(), JournalError> {
        let copy = self.run_dir.join(JOURNAL_FILE);
        fs::copy(&self.path, &copy).map(drop).map_err(failed(&copy))
    }

    /// Ends the journal of a run that left nothing behind: closes it, copies it into the run directory and removes
    /// its folder. For a run that did leave something, [`Journal::copy_into_run_dir`] and let `recover` find it.
    ///
    /// # Errors
    /// When by its own account something is left, or it cannot be written, copied or removed.
    pub fn close_clean(&self) -> Result<(), JournalError> {
        let view = read_journal(self.folder()).map_err(failed(&self.path))?;
        let open = still_open(&view)?;
        if !open.is_empty() {
            return Err(JournalError::StillOpen {
                path: self.path.display().to_string(),
                what: open.join(", "),
            });
        }
        // First: as long as the copy is there, `recover` must find the journal that says so.
        if let Some(copy) = self.copy.get() {
            copy.remove().map_err(JournalError::Copy)?;
        }
        self.record(&Entry::Closed)?;
        self.copy_into_run_dir()?;
        remove_journal(self.folder()).map_err(failed(&self.path))
    }

    fn folder(&self) -> &Path {
        self.path.parent().expect("a journal lies in its folder")
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.display().to_string();
    move |source| JournalError::Io { path, source }
}

/// What was opened and not closed. A child that has ended is gone, whether or not that was written down.
fn still_open(view: &JournalView) -> Result<Vec<String>, ProcessError> {
    let mut open: Vec<String> = Vec::new();
    open.extend(
        view.open_faults()
            .iter()
            .map(|(fault, _)| format!("fault {fault}")),
    );
    for (name, process) in view.open_children() {
        if ProcessHandle::open(process)?.is_some() {
            open.push(format!("{name} ({process})"));
        }
    }
    let folders = view.open_folders();
    let folders = folders.iter().filter(|folder| folder.exists());
    open.extend(folders.map(|folder| folder.display().to_string()));
    let orders = view.open_orders();
    open.extend(
        orders
            .iter()
            .map(|orders| format!("orders {}-…", orders.prefix)),
    );
    Ok(open)
}

fn owner(about: &RunAbout) -> Result<Owner, JournalError> {
    let own = ProcessHandle::of_pid(std::process::id())?
        .ok_or_else(|| JournalError::World(io::ErrorKind::NotFound.into()))?;
    Ok(Owner {
        run_id: about.run_id.clone(),
        process: own.id(),
        world: World::current().map_err(JournalError::World)?,
        run_dir: std::path::absolute(&about.run_dir).map_err(JournalError::World)?,
        system: about.system.clone(),
        environment: about.environment.clone(),
        started_at: about.started_at.clone(),
    })
}

fn begin(state: &StateDir, folder: &Path, path: &Path, owner: Owner) -> io::Result<File> {
    fs::create_dir_all(state.journals())?;
    fs::create_dir(folder)?;
    let draft = folder.join("draft");
    let mut file = OpenOptions::new()
        .create_new(true)
        .append(true)
        .open(&draft)?;
    append(&mut file, &Entry::Owner(owner))?;
    fs::rename(&draft, path)?;
    // The names have to survive too.
    File::open(folder)?.sync_all()?;
    File::open(state.journals())?.sync_all()?;
    Ok(file)
}

/// Begins the journal of somebody else's run, to take it over.
pub(crate) fn begin_with(state: &StateDir, folder: &Path, entries: &[Entry]) -> io::Result<()> {
    let (first, rest) = entries.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let Entry::Owner(owner) = first else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut file = begin(state, folder, &folder.join(JOURNAL_FILE), owner.clone())?;
    rest.iter().try_for_each(|entry| append(&mut file, entry))
}

fn append(file: &mut File, entry: &Entry) -> io::Result<()> {
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()
}

/// Appends to the journal of a run whose owner is dead. Half a line, if the owner died in the middle of one, goes.
pub(crate) fn append_to(folder: &Path, entry: &Entry) -> io::Result<()> {
    let path = folder.join(JOURNAL_FILE);
    let bytes = fs::read(&path)?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    let mut file = OpenOptions::new().append(true).open(path)?;
    let tail = &bytes[whole..];
    if serde_json::from_slice::<Entry>(tail).is_ok() {
        file.write_all(b"\n")?;
    } else if !tail.is_empty() {
        file.set_len(whole as u64)?;
    }
    append(&mut file, entry)
}

/// Removes a journal with its folder.
pub(crate) fn remove_journal(folder: &Path) -> io::Result<()> {
    fs::remove_dir_all(folder)
}
