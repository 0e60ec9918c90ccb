//! Which groups a process is in and what they say, before and after: the proof that nothing of ours is left.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::error::CgroupError;
use super::group::Group;
use super::hierarchy::{Cgroups, Controller};
use super::placement::{PREFIX, Placement};
use crate::mechanisms::process::{ProcessHandle, ProcessId};

/// One look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    process: ProcessId,
    /// For each hierarchy, by its mount point; empty once the process is gone.
    groups: BTreeMap<PathBuf, PathBuf>,
    /// Every file that a mechanism writes; `None` once its group is gone.
    values: BTreeMap<PathBuf, Option<String>>,
    /// Groups of ours in or beside the groups that the process was in.
    ours: BTreeSet<PathBuf>,
    looked_at: Vec<PathBuf>,
}

impl Snapshot {
    /// Looks at a process and at its groups.
    ///
    /// # Errors
    /// When the process is gone, or a group cannot be read.
    pub fn take(cgroups: &Cgroups, process: ProcessId) -> Result<Snapshot, CgroupError> {
        let groups = memberships(cgroups, process)?;
        let looked_at: Vec<PathBuf> = groups.values().cloned().collect();
        Snapshot::of(cgroups, process, groups, looked_at)
    }

    /// Looks again at the same process and at the groups in which it was then, even if it is gone by now.
    ///
    /// # Errors
    /// When a group cannot be read.
    pub fn again(&self, cgroups: &Cgroups) -> Result<Snapshot, CgroupError> {
        let groups = match memberships(cgroups, self.process) {
            Ok(groups) => groups,
            Err(CgroupError::Gone(_)) => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Snapshot::of(cgroups, self.process, groups, self.looked_at.clone())
    }

    fn of(
        cgroups: &Cgroups,
        process: ProcessId,
        groups: BTreeMap<PathBuf, PathBuf>,
        looked_at: Vec<PathBuf>,
    ) -> Result<Snapshot, CgroupError> {
        let mut values = BTreeMap::new();
        let mut ours = BTreeSet::new();
        for group in looked_at.iter().filter_map(|dir| cgroups.group_at(dir)) {
            for controller in Controller::ALL {
                for name in controller.files(group.version()) {
                    values.insert(group.dir().join(name), group.find(name)?);
                }
            }
            ours.extend(ours_in(&group)?);
            if let Some(parent) = group
                .parent()
                .and_then(|above| cgroups.group_at(above.dir()))
            {
                ours.extend(ours_in(&parent)?);
            }
        }
        Ok(Snapshot {
            process,
            groups,
            values,
            ours,
            looked_at,
        })
    }

    /// What is not as it was, in words; empty when all is. A process that is gone is in no group, and that is no
    /// difference, nor are files that went with their group.
    pub fn differences(&self, later: &Snapshot) -> Vec<String> {
        let mut found = Vec::new();
        for (mount, before) in &self.groups {
            if let Some(now) = later.groups.get(mount).filter(|now| *now != before) {
                found.push(format!(
                    "{} is in {} and was in {}",
                    self.process,
                    now.display(),
                    before.display()
                ));
            }
        }
        for (file, before) in &self.values {
            if let (Some(before), Some(Some(now))) = (before, later.values.get(file))
                && before != now
            {
                found.push(format!("{} is {now} and was {before}", file.display()));
            }
        }
        let added = later.ours.difference(&self.ours);
        found.extend(added.map(|group| format!("the group {} is still there", group.display())));
        found
    }

    /// The same, but only where this placement changed something: other faults and other runs have groups of their own
    /// on the machine, which come and go meanwhile.
    pub fn differences_at(&self, later: &Snapshot, placement: &Placement) -> Vec<String> {
        let own = placement.group().dir();
        let mounts = self.groups.keys().filter(|mount| own.starts_with(mount));
        // v1 is mounted below v2 on some machines.
        match mounts.max_by_key(|mount| mount.components().count()) {
            Some(mount) => self.only(mount, own).differences(&later.only(mount, own)),
            None => self.differences(later),
        }
    }

    fn only(&self, mount: &Path, own: &Path) -> Snapshot {
        let mut only = self.clone();
        only.groups.retain(|other, _| other == mount);
        only.values.retain(|file, _| file.starts_with(mount));
        only.ours.retain(|group| group == own);
        only
    }
}

fn memberships(
    cgroups: &Cgroups,
    process: ProcessId,
) -> Result<BTreeMap<PathBuf, PathBuf>, CgroupError> {
    let groups = cgroups
        .hierarchies()
        .iter()
        .map(|hierarchy| {
            let group = cgroups.group_of(process, hierarchy)?;
            Ok((hierarchy.mount_point.clone(), group.dir().to_path_buf()))
        })
        .collect();
    // One that has ended and waits to be reaped is shown in the root of v1, and in a group that is deleted in v2.
    match ProcessHandle::open(process)? {
        Some(_) => groups,
        None => Err(CgroupError::Gone(process)),
    }
}

fn ours_in(group: &Group) -> Result<Vec<PathBuf>, CgroupError> {
    let is_ours = |group: &Group| {
        let name = group.dir().file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(PREFIX))
    };
    let groups = group.subgroups()?;
    Ok(groups
        .iter()
        .filter(|group| is_ours(group))
        .map(|group| group.dir().to_path_buf())
        .collect())
}
