//! A process and everything that it has started, directly or not.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::error::CgroupError;
use crate::mechanisms::process::ProcessHandle;

/// The process itself first, then its descendants as `/proc` shows them now.
///
/// # Errors
/// When the process has ended, or started this one, or `/proc` cannot be read.
pub(super) fn family(process: &ProcessHandle) -> Result<Vec<u32>, CgroupError> {
    let parents = parents()?;
    let family = descendants(process.pid(), &parents);
    if process.has_exited()? {
        return Err(CgroupError::Gone(process.id()));
    }
    if family.contains(&std::process::id()) {
        return Err(CgroupError::Ourselves(process.id()));
    }
    Ok(family)
}

fn descendants(root: u32, parents: &BTreeMap<u32, u32>) -> Vec<u32> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        let children = parents
            .iter()
            .filter(|(child, own)| **own == parent && !family.contains(child));
        let children: Vec<u32> = children.map(|(child, _)| *child).collect();
        family.extend(children);
        next += 1;
    }
    family
}

/// The parent of every process.
fn parents() -> Result<BTreeMap<u32, u32>, CgroupError> {
    let listing = fs::read_dir("/proc").map_err(|source| CgroupError::Read {
        file: PathBuf::from("/proc"),
        source,
    })?;
    let mut parents = BTreeMap::new();
    for entry in listing.flatten() {
        let Some(pid) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        // One that cannot be read has ended meanwhile.
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = parent_in(&stat) {
            parents.insert(pid, parent);
        }
    }
    Ok(parents)
}

/// The second field after the name, which may itself hold blanks and brackets.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descendants_are_found_at_any_depth_and_strangers_are_not() {
        let parents = BTreeMap::from([(1, 0), (10, 1), (11, 10), (12, 11), (20, 1), (5, 12)]);
        assert_eq!(descendants(10, &parents), [10, 11, 12, 5]);
        assert_eq!(descendants(20, &parents), [20]);
        assert_eq!(parent_in("7 (a) S b)) R 99 1 1"), Some(99));
        assert_eq!(parent_in(""), None);
    }

    #[test]
    fn who_started_us_is_refused() {
        let own = ProcessHandle::of_pid(std::process::id()).unwrap().unwrap();
        assert!(matches!(family(&own), Err(CgroupError::Ourselves(_))));
    }
}
