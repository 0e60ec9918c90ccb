//! Answers of the FUSE protocol, as bytes. Numbers and layouts are those of `linux/fuse.h`.

use std::ffi::CStr;

use rustix::fs::{StatVfs, Statx};
use rustix::io::Errno;

/// The largest write that the kernel may send, in bytes.
pub(super) const LARGEST_WRITE_BYTES: usize = 1 << 20;

/// A request of any kind fits in so many bytes.
pub(super) const LARGEST_REQUEST_BYTES: usize = LARGEST_WRITE_BYTES + 4096;

/// The version of the protocol that is spoken here; older kernels are refused.
const MINOR: u32 = 31;

/// How long the kernel may believe names and attributes, in seconds. All changes come by way of it; this is for
/// those who look into the data folder from outside.
const BELIEVED_S: u64 = 1;

const PAGE_BYTES: usize = 4096;
const ASYNC_READ: u32 = 1;
const BIG_WRITES: u32 = 1 << 5;
const PARALLEL_FOLDER_OPERATIONS: u32 = 1 << 18;
const MAX_PAGES: u32 = 1 << 22;

/// The body of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer(Vec<u8>);

impl Answer {
    fn with_room(bytes: usize) -> Answer {
        Answer(Vec::with_capacity(bytes))
    }

    fn u16(mut self, number: u16) -> Answer {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn u32(mut self, number: u32) -> Answer {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn u64(mut self, number: u64) -> Answer {
        self.0.extend(number.to_ne_bytes());
        self
    }

    fn zeros(mut self, bytes: usize) -> Answer {
        self.0.resize(self.0.len() + bytes, 0);
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Done, and nothing to say.
    pub(super) fn done() -> Answer {
        Answer::default()
    }

    pub(super) fn data(bytes: Vec<u8>) -> Answer {
        Answer(bytes)
    }

    pub(super) fn written(bytes: u32) -> Answer {
        Answer::default().u32(bytes).u32(0)
    }

    pub(super) fn position(offset: u64) -> Answer {
        Answer::default().u64(offset)
    }

    pub(super) fn opened(handle: u64) -> Answer {
        Answer::default().u64(handle).u32(0).u32(0)
    }

    pub(super) fn attributes(of: &Statx) -> Answer {
        Answer::with_room(104)
            .u64(BELIEVED_S)
            .u32(0)
            .u32(0)
            .attribute_block(of)
    }

    pub(super) fn entry(node: u64, of: &Statx) -> Answer {
        Answer::with_room(144)
            .u64(node)
            .u64(0)
            .u64(BELIEVED_S)
            .u64(BELIEVED_S)
            .u32(0)
            .u32(0)
            .attribute_block(of)
    }

    /// An entry that was created and opened in one step.
    pub(super) fn created(node: u64, of: &Statx, handle: u64) -> Answer {
        Answer::entry(node, of).u64(handle).u32(0).u32(0)
    }

    fn attribute_block(self, of: &Statx) -> Answer {
        self.u64(of.stx_ino)
            .u64(of.stx_size)
            .u64(of.stx_blocks)
            .u64(of.stx_atime.tv_sec.cast_unsigned())
            .u64(of.stx_mtime.tv_sec.cast_unsigned())
            .u64(of.stx_ctime.tv_sec.cast_unsigned())
            .u32(of.stx_atime.tv_nsec)
            .u32(of.stx_mtime.tv_nsec)
            .u32(of.stx_ctime.tv_nsec)
            .u32(u32::from(of.stx_mode))
            .u32(of.stx_nlink)
            .u32(of.stx_uid)
            .u32(of.stx_gid)
            .u32(device(of.stx_rdev_major, of.stx_rdev_minor))
            .u32(of.stx_blksize)
            .u32(0)
    }

    /// How much room there is; `left_bytes` is the bound of a full disk.
    pub(super) fn room(of: &StatVfs, left_bytes: Option<u64>) -> Answer {
        let left = left_bytes.map_or(u64::MAX, |left| left / of.f_frsize.max(1));
        Answer::with_room(80)
            .u64(of.f_blocks)
            .u64(of.f_bfree.min(left))
            .u64(of.f_bavail.min(left))
            .u64(of.f_files)
            .u64(of.f_ffree)
            .u32(narrow(of.f_bsize))
            .u32(narrow(of.f_namemax))
            .u32(narrow(of.f_frsize))
            .zeros(28)
    }

    /// The answer to the kernel's first request. `EPROTO` for a kernel that is too old.
    pub(super) fn init(minor: u32, read_ahead_bytes: u32, flags: u32) -> Result<Answer, Errno> {
        let wanted = ASYNC_READ | BIG_WRITES | PARALLEL_FOLDER_OPERATIONS | MAX_PAGES;
        if minor < MINOR || flags & MAX_PAGES == 0 {
            return Err(Errno::PROTO);
        }
        Ok(Answer::with_room(64)
            .u32(7)
            .u32(MINOR)
            .u32(read_ahead_bytes)
            .u32(flags & wanted)
            .u16(64)
            .u16(48)
            .u32(LARGEST_WRITE_BYTES as u32)
            .u32(1)
            .u16((LARGEST_WRITE_BYTES / PAGE_BYTES) as u16)
            .zeros(34))
    }
}

/// Entries of a folder, as many as fit.
#[derive(Debug)]
pub(super) struct FolderPage {
    bytes: Vec<u8>,
    limit: usize,
}

impl FolderPage {
    pub(super) fn of_at_most(limit_bytes: u32) -> FolderPage {
        FolderPage {
            bytes: Vec::new(),
            limit: limit_bytes as usize,
        }
    }

    /// Adds an entry; `next` is the offset from which the one after it is read. False when it does not fit.
    pub(super) fn push(&mut self, inode: u64, next: u64, kind: u32, name: &CStr) -> bool {
        let name = name.to_bytes();
        let padded = (24 + name.len()).next_multiple_of(8);
        if self.bytes.len() + padded > self.limit {
            return false;
        }
        let end = self.bytes.len() + padded;
        self.bytes.extend(inode.to_ne_bytes());
        self.bytes.extend(next.to_ne_bytes());
        self.bytes.extend((name.len() as u32).to_ne_bytes());
        self.bytes.extend(kind.to_ne_bytes());
        self.bytes.extend(name);
        self.bytes.resize(end, 0);
        true
    }

    pub(super) fn into_answer(self) -> Answer {
        Answer(self.bytes)
    }
}

/// The header before every answer: its length, the error, and which request it answers.
pub(super) fn answer_header(unique: u64, error: Option<Errno>, body_bytes: usize) -> [u8; 16] {
    let mut header = [0; 16];
    let error = error.map_or(0, |error| -error.raw_os_error());
    header[..4].copy_from_slice(&((16 + body_bytes) as u32).to_ne_bytes());
    header[4..8].copy_from_slice(&error.to_ne_bytes());
    header[8..].copy_from_slice(&unique.to_ne_bytes());
    header
}

/// A device number as the kernel packs it.
fn device(major: u32, minor: u32) -> u32 {
    (minor & 0xff) | (major << 8) | ((minor & !0xff) << 12)
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_the_lengths_that_the_kernel_checks() {
        let folder = rustix::fs::open("/", rustix::fs::OFlags::PATH, 0.into()).unwrap();
        let flags = rustix::fs::AtFlags::EMPTY_PATH;
        let root = rustix::fs::statx(&folder, "", flags, rustix::fs::StatxFlags::BASIC_STATS);
        let root = root.unwrap();
        let room = rustix::fs::fstatvfs(&folder).unwrap();
        let length = |answer: Answer| answer.into_bytes().len();
        assert_eq!(length(Answer::attributes(&root)), 104);
        assert_eq!(length(Answer::entry(1, &root)), 128);
        assert_eq!(length(Answer::created(1, &root, 2)), 144);
        assert_eq!(length(Answer::opened(2)), 16);
        assert_eq!(length(Answer::written(2)), 8);
        assert_eq!(length(Answer::room(&room, None)), 80);
        assert_eq!(length(Answer::init(41, 0, u32::MAX).unwrap()), 64);
        assert_eq!(Answer::init(30, 0, u32::MAX).unwrap_err(), Errno::PROTO);
        assert_eq!(Answer::init(41, 0, 0).unwrap_err(), Errno::PROTO);
    }

    #[test]
    fn an_error_is_negative_in_the_header() {
        let header = answer_header(9, Some(Errno::IO), 0);
        assert_eq!(header[..4], 16u32.to_ne_bytes());
        assert_eq!(header[4..8], (-5i32).to_ne_bytes());
        assert_eq!(header[8..], 9u64.to_ne_bytes());
    }

    #[test]
    fn a_page_of_entries_is_aligned_and_ends_where_the_kernel_says() {
        let mut page = FolderPage::of_at_most(64);
        assert!(page.push(1, 1, 4, c"a"));
        assert!(page.push(2, 2, 8, c"12345678"));
        assert!(!page.push(3, 3, 8, c"x"), "only 64 bytes");
        assert_eq!(page.into_answer().into_bytes().len(), 64);
    }
}
