//! Writing to a file by way of memory.
#![allow(unsafe_code)]

use std::fs::File;

use rustix::mm::{MapFlags, MsyncFlags, ProtFlags, mmap, msync, munmap};

/// Overwrites the first bytes of a file, which must be long enough, by a shared mapping.
pub fn map_write(file: &File, data: &[u8]) -> std::io::Result<()> {
    let protection = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the mapping is new, as long as `data`, written to by this thread alone, and not used after it is
    // unmapped. Callers do not truncate the file meanwhile.
    unsafe {
        let at = mmap(
            std::ptr::null_mut(),
            data.len(),
            protection,
            MapFlags::SHARED,
            file,
            0,
        )?;
        std::ptr::copy_nonoverlapping(data.as_ptr(), at.cast::<u8>(), data.len());
        let synced = msync(at, data.len(), MsyncFlags::SYNC);
        munmap(at, data.len())?;
        synced?;
    }
    Ok(())
}
