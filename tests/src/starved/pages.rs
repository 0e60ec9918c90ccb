//! Taking a process's pages away, as a machine that is short of memory does.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::ptr;

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Writes out and drops every page of `file` that the process has mapped: it has to wait for the disk when it needs one.
/// Pages that other processes have mapped too stay, so that the file should be the process's own.
///
/// # Errors
/// When the process is gone, or the kernel refuses (it asks for root).
pub(super) fn take_pages(pid: u32, file: &Path) -> io::Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("no such process"))?;
    let maps = fs::read_to_string(format!("/proc/{}/maps", pid.as_raw_nonzero()))?;
    let process = pidfd_open(pid, PidfdFlags::empty())?;
    for (from, to) in ranges(&maps, file) {
        page_out(&process, from, to - from)?;
    }
    Ok(())
}

/// Where a file is mapped.
fn ranges(maps: &str, file: &Path) -> Vec<(usize, usize)> {
    let name = file.to_string_lossy();
    let mapped = maps.lines().filter(|line| line.ends_with(name.as_ref()));
    mapped
        .filter_map(|line| {
            let (from, rest) = line.split_once('-')?;
            let (to, _) = rest.split_once(' ')?;
            let address = |text| usize::from_str_radix(text, 16).ok();
            Some((address(from)?, address(to)?))
        })
        .collect()
}

fn page_out(process: &OwnedFd, from: usize, length: usize) -> io::Result<()> {
    let range = libc::iovec {
        iov_base: ptr::without_provenance_mut(from),
        iov_len: length,
    };
    let (ranges, flags) = (1_usize, 0_u32);
    // SAFETY: the kernel reads one `iovec` that lives until the call returns; the addresses in it are those of the other
    // process, whose pages come back with the same content when it touches them.
    let result = unsafe {
        libc::syscall(
            libc::SYS_process_madvise,
            process.as_raw_fd(),
            ptr::from_ref(&range),
            ranges,
            libc::MADV_PAGEOUT,
            flags,
        )
    };
    match result {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_files_own_mappings_are_taken() {
        let maps = "1000-3000 r-xp 00000000 fe:00 7   /a/program\n\
                    3000-4000 rw-p 00000000 00:00 0\n\
                    5000-6000 r--p 00000000 fe:00 8   /lib/other\n\
                    7000-9000 r--p 00002000 fe:00 7   /a/program\n";
        let found = ranges(maps, Path::new("/a/program"));
        assert_eq!(found, [(0x1000, 0x3000), (0x7000, 0x9000)]);
    }
}
