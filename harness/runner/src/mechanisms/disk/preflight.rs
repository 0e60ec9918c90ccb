//! Can a disk be put behind a data folder here? And if not, what is missing, in words.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

const DEVICE: &str = "/dev/fuse";
const SYS_CHROOT: u32 = 18;
const SYS_ADMIN: u32 = 21;

/// Why no disk can be put behind a data folder.
#[derive(Debug, thiserror::Error)]
pub enum DiskUnavailable {
    #[error("this kernel has no FUSE: load the module `fuse`, or use a kernel that has it")]
    NoFuse,
    #[error(
        "there is no {DEVICE}: make it with `mknod {DEVICE} c 10 229`, or give it to the container with `--device {DEVICE}`"
    )]
    NoDevice,
    #[error("{DEVICE} cannot be opened: {0}; run as root, or allow it to this user")]
    Device(io::Error),
    #[error(
        "a mount needs {what}, which this process does not have: run as root (in a container, with `--cap-add {what}`)"
    )]
    Capability { what: &'static str },
    #[error("{} cannot be read: {source}", path.display())]
    Look { path: PathBuf, source: io::Error },
}

/// Looks at everything that [`super::DiskMount::start`] needs, and changes nothing.
///
/// # Errors
/// The first thing that is missing.
pub fn preflight() -> Result<(), DiskUnavailable> {
    let read = |path: &str| {
        fs::read_to_string(path).map_err(|source| DiskUnavailable::Look {
            path: path.into(),
            source,
        })
    };
    check(
        &read("/proc/filesystems")?,
        &read("/proc/thread-self/status")?,
        Path::new(DEVICE),
    )
}

fn check(file_systems: &str, status: &str, device: &Path) -> Result<(), DiskUnavailable> {
    let listed = |line: &str| line.split_whitespace().next_back() == Some("fuse");
    if !file_systems.lines().any(listed) {
        return Err(DiskUnavailable::NoFuse);
    }
    for (bit, what) in [(SYS_ADMIN, "SYS_ADMIN"), (SYS_CHROOT, "SYS_CHROOT")] {
        if !has_capability(status, bit) {
            return Err(DiskUnavailable::Capability { what });
        }
    }
    match rustix::fs::open(device, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        Ok(_) => Ok(()),
        Err(rustix::io::Errno::NOENT) => Err(DiskUnavailable::NoDevice),
        Err(error) => Err(DiskUnavailable::Device(error.into())),
    }
}

fn has_capability(status: &str, bit: u32) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & (1 << bit) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE_SYSTEMS: &str = "nodev\tproc\n\tfuseblk\nnodev\tfuse\n";
    const ROOT: &str = "Name:\tx\nCapEff:\t000001ffffffffff\n";

    fn why(file_systems: &str, status: &str, device: &str) -> String {
        check(file_systems, status, Path::new(device))
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn each_thing_that_is_missing_has_its_words() {
        // Any device that can be opened will do here.
        assert!(check(FILE_SYSTEMS, ROOT, Path::new("/dev/null")).is_ok());
        assert!(why("nodev\tfuseblk\n", ROOT, "/dev/null").contains("no FUSE"));
        assert!(why(FILE_SYSTEMS, ROOT, "/dev/nonexistent").contains("mknod"));
        assert!(why(FILE_SYSTEMS, ROOT, "/dev").contains("cannot be opened"));
        let none = "CapEff:\t0000000000000000\n";
        assert!(why(FILE_SYSTEMS, none, "/dev/null").contains("SYS_ADMIN"));
        let no_chroot = "CapEff:\t000001fffffbffff\n";
        assert!(why(FILE_SYSTEMS, no_chroot, "/dev/null").contains("SYS_CHROOT"));
        assert!(why(FILE_SYSTEMS, "", "/dev/null").contains("SYS_ADMIN"));
    }
}
