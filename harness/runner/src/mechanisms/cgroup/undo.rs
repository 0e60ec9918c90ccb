//! Taking back what was done to groups, by somebody who knows nothing but what the journal says.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::error::CgroupError;
use super::group::{Group, is_gone};
use super::hierarchy::{Cgroups, Controller, Version};
use super::placement::PREFIX;
use crate::mechanisms::process::ProcessId;

const EMPTY_WITHIN: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

/// What a file of a group said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileValue {
    /// Without a path, such as `memory.max`.
    pub name: String,
    pub value: String,
}

/// How a change to groups is taken back. Replaying it twice does what replaying it once does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cgroup", rename_all = "kebab-case")]
pub enum Undo {
    /// Thaw our group, move whoever is in it back, remove it.
    Leave {
        /// Absolute.
        group: PathBuf,
        /// Where the process was.
        previous: PathBuf,
        /// For whom it was made. Whoever else is in the group now was started by it, and is moved too.
        process: ProcessId,
    },
    /// Write back what files of the process's own group said.
    Restore {
        group: PathBuf,
        /// In the order in which limits can be raised.
        files: Vec<FileValue>,
        process: ProcessId,
    },
}

impl fmt::Display for Undo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Undo::Leave { group, process, .. } => {
                write!(f, "the group {} made for {process}", group.display())
            }
            Undo::Restore { group, process, .. } => {
                write!(f, "the limits in {}, of {process}", group.display())
            }
        }
    }
}

impl Undo {
    /// Takes it back; false when there was nothing left to take back.
    ///
    /// # Errors
    /// When something stays, and what. A later attempt goes on from there.
    pub fn replay(&self, cgroups: &Cgroups) -> Result<bool, CgroupError> {
        let at = |dir: &Path| {
            cgroups
                .group_at(dir)
                .ok_or_else(|| CgroupError::NotOurs(dir.to_path_buf()))
        };
        match self {
            Undo::Leave {
                group, previous, ..
            } => {
                let name = group.file_name().and_then(|name| name.to_str());
                if !name.is_some_and(|name| name.starts_with(PREFIX)) {
                    return Err(CgroupError::NotOurs(group.clone()));
                }
                leave(&at(group)?, &at(previous)?)
            }
            Undo::Restore { group, files, .. } => restore(&at(group)?, files),
        }
    }

    /// The same by hand, for a person with a shell.
    pub fn by_hand(&self) -> String {
        match self {
            Undo::Leave {
                group, previous, ..
            } => {
                let (group, previous) = (group.display(), previous.display());
                format!(
                    "cd {group} && for f in freezer.state:THAWED cgroup.freeze:0; do [ -e ${{f%:*}} ] && echo ${{f#*:}} > ${{f%:*}}; done; \
                     for p in $(cat cgroup.procs); do echo $p > {previous}/cgroup.procs; done; cd / && rmdir {group}"
                )
            }
            Undo::Restore { group, files, .. } => {
                let lines: Vec<String> = files
                    .iter()
                    .map(|file| {
                        format!("echo {} > {}", file.value, group.join(&file.name).display())
                    })
                    .collect();
                lines.join("; ")
            }
        }
    }
}

fn leave(own: &Group, previous: &Group) -> Result<bool, CgroupError> {
    if !own.exists()? {
        return Ok(false);
    }
    thaw(own)?;
    let deadline = Instant::now() + EMPTY_WITHIN;
    loop {
        let busy = match move_out(own, previous).and_then(|()| remove(own)) {
            Ok(None) => return Ok(true),
            Ok(Some(busy)) => busy,
            // Removed by somebody else meanwhile.
            Err(_) if !own.exists()? => return Ok(true),
            Err(error) => return Err(error),
        };
        if Instant::now() >= deadline {
            return Err(CgroupError::StillUsed {
                group: own.dir().to_path_buf(),
                within_ms: EMPTY_WITHIN.as_millis() as u64,
                members: own.members().unwrap_or_default(),
                source: busy,
            });
        }
        std::thread::sleep(POLL);
    }
}

/// A process cannot leave a v1 group that is frozen.
fn thaw(own: &Group) -> Result<(), CgroupError> {
    let (file, value) = match own.version() {
        Version::V1 => (Controller::Freezer.key_file(Version::V1), "THAWED"),
        Version::V2 => (Controller::Freezer.key_file(Version::V2), "0"),
    };
    match own.find(file)? {
        Some(_) => own.write(file, value),
        None => Ok(()),
    }
}

fn move_out(own: &Group, previous: &Group) -> Result<(), CgroupError> {
    let members = own.members()?;
    if members.is_empty() {
        return Ok(());
    }
    // A container's group goes when the container does; what is left of it belongs above.
    let mut home = previous.clone();
    while !home.exists()? {
        home = home
            .parent()
            .ok_or_else(|| CgroupError::NotOurs(previous.dir().to_path_buf()))?;
    }
    for pid in members {
        home.take_in(pid)?;
    }
    Ok(())
}

/// `Some` while it is in use: by a process just started, or by one that is being buried.
fn remove(own: &Group) -> Result<Option<io::Error>, CgroupError> {
    match own.fs().remove_group(own.dir()) {
        Ok(()) => Ok(None),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => Ok(Some(error)),
        Err(source) => Err(CgroupError::Write {
            file: own.dir().to_path_buf(),
            value: "rmdir".to_string(),
            source,
        }),
    }
}

fn restore(group: &Group, files: &[FileValue]) -> Result<bool, CgroupError> {
    if !group.exists()? {
        return Ok(false);
    }
    if let Some(wrong) = files.iter().find(|file| !is_known(&file.name)) {
        return Err(CgroupError::NotOurs(group.dir().join(&wrong.name)));
    }
    let differing = || -> Result<Vec<&FileValue>, CgroupError> {
        let mut found = Vec::new();
        for file in files {
            if group.find(&file.name)?.is_some_and(|now| now != file.value) {
                found.push(file);
            }
        }
        Ok(found)
    };
    if differing()?.is_empty() {
        return Ok(false);
    }
    // Two limits that depend on each other may need a second pass.
    let mut refused = None;
    for _ in 0..2 {
        for file in differing()? {
            refused = group.write(&file.name, &file.value).err();
        }
    }
    match (differing()?.first(), refused) {
        (None, _) => Ok(true),
        (Some(_), Some(error)) => Err(error),
        (Some(file), None) => Err(CgroupError::NotRestored {
            file: group.dir().join(&file.name),
            wanted: file.value.clone(),
            found: group.find(&file.name)?.unwrap_or_default(),
        }),
    }
}

/// Only files that this code may have written are written back, whatever a journal says.
fn is_known(name: &str) -> bool {
    Controller::ALL.iter().any(|controller| {
        [Version::V1, Version::V2]
            .iter()
            .any(|version| controller.files(*version).contains(&name))
    })
}
