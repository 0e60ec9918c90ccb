//! The journal as somebody else reads it: what is still open.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::JOURNAL_FILE;
use super::entry::{Entry, OpenOrders, Owner, Undo};
use crate::drill::DrillMark;
use crate::mechanisms::ProcessId;

/// A line that is no entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Counted from 1.
    pub line: usize,
    pub what: String,
}

/// What a journal says.
#[derive(Debug, Clone, PartialEq)]
pub struct JournalView {
    pub path: PathBuf,
    pub entries: Vec<Entry>,
    /// Lines other than a torn last one that could not be read.
    pub damage: Vec<Damage>,
}

/// Reads the journal in a folder. A torn last line (its writer was killed in the middle of it) is dropped: what it
/// was to announce was never done. Damage elsewhere is reported, and the rest is still read.
///
/// # Errors
/// When the file cannot be read; `NotFound` when there is none.
pub fn read_journal(folder: &Path) -> io::Result<JournalView> {
    let path = folder.join(JOURNAL_FILE);
    let bytes = fs::read(&path)?;
    let (whole, torn) = match bytes.iter().rposition(|byte| *byte == b'\n') {
        Some(end) => bytes.split_at(end + 1),
        None => (&bytes[..0], &bytes[..]),
    };
    let mut view = JournalView {
        path,
        entries: Vec::new(),
        damage: Vec::new(),
    };
    let lines = whole.split(|byte| *byte == b'\n').enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(entry) => view.entries.push(entry),
            Err(error) => view.damage.push(Damage {
                line: index + 1,
                what: error.to_string(),
            }),
        }
    }
    // Complete but for its newline: its sync may have come back, so it counts.
    if let Ok(entry) = serde_json::from_slice(torn) {
        view.entries.push(entry);
    }
    Ok(view)
}

impl JournalView {
    /// Whose run it is; `None` when that line is damaged.
    pub fn owner(&self) -> Option<&Owner> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Owner(owner) => Some(owner),
            _ => None,
        })
    }

    /// Where its Lease and its copy in a cluster are; `None` when it has none.
    pub fn drill(&self) -> Option<&DrillMark> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Drill(mark) => Some(mark),
            _ => None,
        })
    }

    /// True when the owner took everything back.
    pub fn is_closed(&self) -> bool {
        self.entries.contains(&Entry::Closed)
    }

    /// Faults that were announced and not healed, each with its undo.
    pub fn open_faults(&self) -> Vec<(&str, &[Undo])> {
        let mut open: Vec<(&str, &[Undo])> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::FaultIntent { fault, undo, .. } => open.push((fault, undo)),
                Entry::FaultHealed { fault } => open.retain(|(other, _)| other != fault),
                _ => {}
            }
        }
        open
    }

    /// Children that were started and not seen to end.
    pub fn open_children(&self) -> Vec<(&str, ProcessId)> {
        let mut open: Vec<(&str, ProcessId)> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::ChildStarted { name, process } => open.push((name, *process)),
                Entry::ChildGone { process, .. } => open.retain(|(_, other)| other != process),
                _ => {}
            }
        }
        open
    }

    /// Folders of node data that were not removed.
    pub fn open_folders(&self) -> Vec<&Path> {
        let mut open: Vec<&Path> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::DataFolder { path } => open.push(path),
                Entry::DataFolderGone { path } => open.retain(|other| other != path),
                _ => {}
            }
        }
        open
    }

    /// Orders that may be open at an engine that is not ours.
    pub fn open_orders(&self) -> Vec<&OpenOrders> {
        let mut open: Vec<&OpenOrders> = Vec::new();
        for entry in &self.entries {
            match entry {
                Entry::OrdersMayBeOpen(orders) => open.push(orders),
                Entry::OrdersClosed { prefix } => open.retain(|other| other.prefix != *prefix),
                _ => {}
            }
        }
        open
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::super::writer::{Journal, JournalError, RunAbout};
    use super::*;
    use crate::state_dir::StateDir;

    struct Case {
        folder: tempfile::TempDir,
        journal: Journal,
    }

    impl Case {
        fn new() -> Case {
            let folder = tempfile::tempdir().unwrap();
            let journal = create(folder.path()).unwrap();
            Case { folder, journal }
        }

        fn own_folder(&self) -> PathBuf {
            self.folder.path().join("state/journal/run-1")
        }

        fn write_raw(&self, bytes: &[u8]) {
            let path = self.own_folder().join(JOURNAL_FILE);
            let mut file = OpenOptions::new().append(true).open(path).unwrap();
            file.write_all(bytes).unwrap();
        }
    }

    fn create(root: &Path) -> Result<Journal, JournalError> {
        Journal::create(
            &StateDir::at(&root.join("state")),
            RunAbout {
                run_id: "run-1".into(),
                run_dir: root.to_path_buf(),
                system: "hive-mind".into(),
                environment: "local".into(),
                started_at: "2026-01-02T03:04:05Z".into(),
            },
        )
    }

    fn started(pid: u32) -> Entry {
        Entry::ChildStarted {
            name: format!("engine-{pid}"),
            process: id(pid),
        }
    }

    fn id(pid: u32) -> ProcessId {
        ProcessId {
            pid,
            start_time_ticks: 5,
        }
    }

    fn freeze(fault: &str, pid: u32) -> Entry {
        Entry::FaultIntent {
            fault: fault.into(),
            kind: "freeze".into(),
            targets: vec![],
            undo: vec![Undo::Thaw {
                name: "engine-1".into(),
                process: id(pid),
            }],
        }
    }

    #[test]
    fn what_was_opened_and_not_closed_is_open() {
        let case = Case::new();
        for entry in [
            started(1),
            started(2),
            freeze("one", 1),
            freeze("two", 2),
            Entry::ChildGone {
                name: "engine-1".into(),
                process: id(1),
            },
            Entry::FaultHealed {
                fault: "one".into(),
            },
        ] {
            case.journal.record(&entry).unwrap();
        }
        let view = read_journal(&case.own_folder()).unwrap();
        assert_eq!(view.owner().unwrap().process.pid, std::process::id());
        assert_eq!(view.open_children(), [("engine-2", id(2))]);
        let open = view.open_faults();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].0, "two");
        assert!(!view.is_closed());
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_a_whole_one_without_newline_counts() {
        let case = Case::new();
        case.journal.record(&started(1)).unwrap();
        case.write_raw(b"{\"event\":\"child-started\",\"na");
        let view = read_journal(&case.own_folder()).unwrap();
        assert_eq!((view.open_children().len(), view.damage.len()), (1, 0));

        let case = Case::new();
        case.write_raw(&serde_json::to_vec(&started(1)).unwrap());
        let view = read_journal(&case.own_folder()).unwrap();
        assert_eq!((view.open_children().len(), view.damage.len()), (1, 0));
    }

    #[test]
    fn damage_in_the_middle_is_reported_and_the_rest_is_read() {
        let case = Case::new();
        case.write_raw(b"\xff\xfe garbage\n");
        case.journal.record(&started(1)).unwrap();
        let view = read_journal(&case.own_folder()).unwrap();
        assert_eq!(view.damage.len(), 1);
        assert_eq!(view.damage[0].line, 2);
        assert_eq!(view.open_children().len(), 1);
    }

    #[test]
    fn a_clean_end_moves_the_journal_into_the_run_directory() {
        let case = Case::new();
        case.journal.close_clean().unwrap();
        assert!(!case.own_folder().exists());
        let view = read_journal(case.folder.path()).unwrap();
        assert!(view.is_closed());
    }

    #[test]
    fn a_journal_with_something_open_is_not_closed() {
        let case = Case::new();
        // A child that has ended since is no reason.
        case.journal.record(&started(u32::MAX)).unwrap();
        case.journal.record(&freeze("one", 1)).unwrap();
        let refused = case.journal.close_clean().unwrap_err();
        assert!(refused.to_string().contains("fault one"), "{refused}");
        assert!(case.own_folder().exists());
        let healed = Entry::FaultHealed {
            fault: "one".into(),
        };
        case.journal.record(&healed).unwrap();
        case.journal.close_clean().unwrap();
    }

    #[test]
    fn one_run_has_one_journal() {
        let case = Case::new();
        let second = create(case.folder.path());
        assert!(matches!(second, Err(JournalError::Exists { .. })));
    }
}
