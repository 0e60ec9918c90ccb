//! One group: its files, its processes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use super::error::CgroupError;
use super::fs::CgroupFs;
use super::hierarchy::{Controller, Version};

const PROCESSES: &str = "cgroup.procs";

/// One group of one hierarchy.
#[derive(Debug, Clone)]
pub struct Group {
    fs: Arc<dyn CgroupFs>,
    dir: PathBuf,
    version: Version,
}

impl Group {
    pub(super) fn at(fs: Arc<dyn CgroupFs>, dir: PathBuf, version: Version) -> Group {
        Group { fs, dir, version }
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn version(&self) -> Version {
        self.version
    }

    pub(super) fn fs(&self) -> &dyn CgroupFs {
        &*self.fs
    }

    pub(super) fn child(&self, name: &str) -> Group {
        Group::at(self.fs.clone(), self.dir.join(name), self.version)
    }

    /// The group above, however far up its hierarchy's mount is.
    pub(in crate::mechanisms) fn parent(&self) -> Option<Group> {
        let dir = self.dir.parent()?.to_path_buf();
        Some(Group::at(self.fs.clone(), dir, self.version))
    }

    /// False once it has been removed.
    ///
    /// # Errors
    /// When that cannot be told.
    pub fn exists(&self) -> Result<bool, CgroupError> {
        Ok(self.find(PROCESSES)?.is_some())
    }

    /// The text of one of its files, without the line end.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(&self, name: &str) -> Result<String, CgroupError> {
        let file = self.dir.join(name);
        match self.fs.read(&file) {
            Ok(text) => Ok(text.trim_end().to_string()),
            Err(source) => Err(CgroupError::Read { file, source }),
        }
    }

    /// As [`Group::read`]; `None` when there is no such file.
    pub(in crate::mechanisms) fn find(&self, name: &str) -> Result<Option<String>, CgroupError> {
        match self.read(name) {
            Ok(text) => Ok(Some(text)),
            Err(CgroupError::Read { source, .. }) if is_gone(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn write(&self, name: &str, value: &str) -> Result<(), CgroupError> {
        let file = self.dir.join(name);
        self.fs
            .write(&file, value)
            .map_err(|source| CgroupError::Write {
                file,
                value: value.to_string(),
                source,
            })
    }

    /// A number that is the whole file.
    pub(super) fn number(&self, name: &str) -> Result<u64, CgroupError> {
        let text = self.read(name)?;
        text.parse().map_err(|_| CgroupError::Format {
            file: self.dir.join(name),
            text,
        })
    }

    /// A number on the line that begins with this key.
    pub(super) fn keyed(&self, name: &str, key: &str) -> Result<u64, CgroupError> {
        let text = self.read(name)?;
        let found = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(own, _)| *own == key)
            .and_then(|(_, value)| value.trim().parse().ok());
        found.ok_or_else(|| CgroupError::Format {
            file: self.dir.join(name),
            text,
        })
    }

    /// The processes in it, as pids of this pid namespace; 0 for one that cannot be seen from here.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn members(&self) -> Result<Vec<u32>, CgroupError> {
        let text = self.read(PROCESSES)?;
        let parsed: Result<Vec<u32>, _> = text.lines().map(str::parse).collect();
        parsed.map_err(|_| CgroupError::Format {
            file: self.dir.join(PROCESSES),
            text,
        })
    }

    /// Moves a process into it; false when the process is gone.
    pub(super) fn take_in(&self, pid: u32) -> Result<bool, CgroupError> {
        match self.write(PROCESSES, &pid.to_string()) {
            Ok(()) => Ok(true),
            Err(CgroupError::Write { source, .. })
                if source.raw_os_error() == Some(Errno::SRCH.raw_os_error()) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Processes in it, or in groups below it, that are not in `family`.
    pub(super) fn strangers(&self, family: &[u32]) -> Result<Vec<u32>, CgroupError> {
        let mut found = Vec::new();
        let mut open = vec![self.clone()];
        while let Some(group) = open.pop() {
            match group.members() {
                Ok(members) => found.extend(members.iter().filter(|pid| !family.contains(pid))),
                // Removed while we looked.
                Err(CgroupError::Read { source, .. })
                    if is_gone(&source) && group.dir != self.dir => {}
                Err(error) => return Err(error),
            }
            open.extend(group.subgroups()?);
        }
        found.sort_unstable();
        Ok(found)
    }

    pub(super) fn subgroups(&self) -> Result<Vec<Group>, CgroupError> {
        match self.fs.subgroups(&self.dir) {
            Ok(dirs) => Ok(dirs
                .into_iter()
                .map(|dir| Group::at(self.fs.clone(), dir, self.version))
                .collect()),
            Err(error) if is_gone(&error) => Ok(Vec::new()),
            Err(source) => Err(CgroupError::Read {
                file: self.dir.clone(),
                source,
            }),
        }
    }

    /// Refuses when processes other than these would be hit too.
    pub(super) fn refuse_strangers(&self, family: &[u32]) -> Result<(), CgroupError> {
        let strangers = self.strangers(family)?;
        match strangers.is_empty() {
            true => Ok(()),
            false => Err(CgroupError::Shared {
                group: self.dir.clone(),
                strangers,
            }),
        }
    }

    pub(in crate::mechanisms) fn need(
        &self,
        controller: Controller,
    ) -> Result<String, CgroupError> {
        let file = controller.key_file(self.version);
        self.find(file)?.ok_or_else(|| CgroupError::NoFile {
            group: self.dir.clone(),
            file,
            controller,
        })
    }
}

/// A file of a group, or of a process, that is not there any more.
pub(super) fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || [Errno::SRCH, Errno::NODEV]
            .iter()
            .any(|gone| error.raw_os_error() == Some(gone.raw_os_error()))
}
