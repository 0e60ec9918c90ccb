//! The data folder as the kernel sees it through the mount: each request, done to the folder below. What goes by name
//! is in `names`.

use std::os::fd::OwnedFd;

use rustix::fs::{
    AtFlags, CWD, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, Uid, chmodat,
    chownat, fstatvfs, readlinkat, utimensat,
};
use rustix::io::Errno;

use super::encode::Answer;
use super::files::{Handles, OpenFile, OpenFolder};
use super::inodes::{Inodes, ROOT, look};
use super::room::Room;
use super::unsynced::Unsynced;
use super::wire::{Ask, Header, SetAttributes, SetTime};

/// The data folder below the mount.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) inodes: Inodes,
    pub(super) files: Handles<OpenFile>,
    folders: Handles<OpenFolder>,
    pub(super) room: Room,
    unsynced: Unsynced,
}

impl Folder {
    /// The folder behind this `O_PATH` descriptor.
    pub(super) fn of(root: OwnedFd) -> Result<Folder, Errno> {
        Ok(Folder {
            inodes: Inodes::of(root)?,
            files: Handles::default(),
            folders: Handles::default(),
            room: Room::default(),
            unsynced: Unsynced::default(),
        })
    }

    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    pub(super) fn unsynced(&self) -> &Unsynced {
        &self.unsynced
    }

    pub(super) fn forget(&self, forgotten: &[(u64, u64)]) {
        for (node, lookups) in forgotten {
            self.inodes.forget(*node, *lookups);
        }
    }

    /// Does what is asked.
    ///
    /// # Errors
    /// Those of the folder below, `ENOSPC` when there is no more room, `ENOSYS` for what is not served.
    pub(super) fn carry_out(&self, header: &Header, ask: &Ask<'_>) -> Result<Answer, Errno> {
        match ask {
            Ask::Init {
                minor,
                read_ahead_bytes,
                flags,
            } => Answer::init(*minor, *read_ahead_bytes, *flags),
            Ask::Lookup { .. }
            | Ask::SymLink { .. }
            | Ask::MakeNode { .. }
            | Ask::MakeFolder { .. }
            | Ask::RemoveFile { .. }
            | Ask::RemoveFolder { .. }
            | Ask::Rename { .. }
            | Ask::Link { .. }
            | Ask::Create { .. } => self.on_name(header, ask),
            Ask::GetAttributes
            | Ask::SetAttributes(_)
            | Ask::ReadLink
            | Ask::Open { .. }
            | Ask::OpenFolder
            | Ask::Room => self.on_node(header.node, ask),
            Ask::Read { .. }
            | Ask::Write { .. }
            | Ask::Sync { .. }
            | Ask::SyncFolder { .. }
            | Ask::Allocate { .. }
            | Ask::Seek { .. }
            | Ask::ReadFolder { .. }
            | Ask::Release { .. }
            | Ask::ReleaseFolder { .. } => self.on_open(ask),
            Ask::Destroy | Ask::Forget(_) | Ask::Interrupt => Ok(Answer::done()),
            Ask::Unknown => Err(Errno::NOSYS),
        }
    }

    /// What is done to a file that the kernel knows by its number.
    fn on_node(&self, node: u64, ask: &Ask<'_>) -> Result<Answer, Errno> {
        let inode = self.inodes.get(node)?;
        match ask {
            Ask::GetAttributes => Ok(Answer::attributes(&inode.look()?)),
            Ask::SetAttributes(set) => self.set_attributes(node, set),
            Ask::ReadLink => {
                let target = readlinkat(inode.fd(), "", Vec::new())?;
                Ok(Answer::data(target.into_bytes()))
            }
            Ask::Open { flags } => {
                let file = inode.open(kept(*flags))?;
                Ok(Answer::opened(self.files.add(OpenFile::of(file))))
            }
            Ask::OpenFolder => {
                let folder = inode.open(OFlags::RDONLY | OFlags::DIRECTORY)?;
                Ok(Answer::opened(self.folders.add(OpenFolder::of(folder))))
            }
            Ask::Room => {
                let seen = fstatvfs(self.inodes.get(ROOT)?.fd())?;
                Ok(Answer::room(&seen, self.room.left()))
            }
            _ => Err(Errno::NOSYS),
        }
    }

    /// What is done to an open file.
    fn on_open(&self, ask: &Ask<'_>) -> Result<Answer, Errno> {
        match ask {
            Ask::Read {
                handle,
                offset,
                bytes,
            } => self
                .files
                .get(*handle)?
                .read(*offset, *bytes)
                .map(Answer::data),
            Ask::Write {
                handle,
                offset,
                data,
            } => self.write(*handle, *offset, data).map(Answer::written),
            Ask::Sync { handle, data_only } => {
                let file = self.files.get(*handle)?;
                let sync = || file.sync(*data_only);
                self.unsynced.syncing(file.fd(), sync)?;
                Ok(Answer::done())
            }
            Ask::SyncFolder { handle, data_only } => {
                self.folders.get(*handle)?.sync(*data_only)?;
                Ok(Answer::done())
            }
            Ask::Allocate {
                handle,
                offset,
                bytes,
                mode,
            } => {
                let file = self.files.get(*handle)?;
                let allocate = || file.allocate(&self.room, *offset, *bytes, *mode);
                // Which bytes change depends on the mode; none before this place does.
                let place = *offset..look(file.fd())?.stx_size.max(*offset);
                self.unsynced.changing(file.fd(), place, allocate)?;
                Ok(Answer::done())
            }
            Ask::Seek {
                handle,
                offset,
                whence,
            } => self
                .files
                .get(*handle)?
                .seek(*offset, *whence)
                .map(Answer::position),
            Ask::ReadFolder {
                handle,
                offset,
                bytes,
            } => self.folders.get(*handle)?.read(*offset, *bytes),
            Ask::Release { handle } => {
                self.files.remove(*handle);
                Ok(Answer::done())
            }
            Ask::ReleaseFolder { handle } => {
                self.folders.remove(*handle);
                Ok(Answer::done())
            }
            _ => Err(Errno::NOSYS),
        }
    }

    fn write(&self, handle: u64, offset: u64, data: &[u8]) -> Result<u32, Errno> {
        let file = self.files.get(handle)?;
        let place = offset..offset.saturating_add(data.len() as u64);
        let write = || file.write(&self.room, offset, data);
        self.unsynced.changing(file.fd(), place, write)
    }

    fn truncate(&self, file: &OpenFile, size: u64) -> Result<(), Errno> {
        let place = size..look(file.fd())?.stx_size.max(size);
        let truncate = || file.truncate(&self.room, size);
        self.unsynced.changing(file.fd(), place, truncate)
    }

    fn set_attributes(&self, node: u64, set: &SetAttributes) -> Result<Answer, Errno> {
        let inode = self.inodes.get(node)?;
        if let Some(mode) = set.mode {
            chmodat(CWD, inode.path(), permissions(mode), AtFlags::empty())?;
        }
        if set.uid.is_some() || set.gid.is_some() {
            let (uid, gid) = (set.uid.map(Uid::from_raw), set.gid.map(Gid::from_raw));
            chownat(inode.fd(), "", uid, gid, AtFlags::EMPTY_PATH)?;
        }
        if let Some(size) = set.size {
            match set.handle.and_then(|handle| self.files.get(handle).ok()) {
                Some(file) => self.truncate(&file, size)?,
                None => self.truncate(&OpenFile::of(inode.open(OFlags::WRONLY)?), size)?,
            }
        }
        let times = Timestamps {
            last_access: timespec(set.accessed),
            last_modification: timespec(set.modified),
        };
        if set.accessed != SetTime::Keep || set.modified != SetTime::Keep {
            utimensat(CWD, inode.path(), &times, AtFlags::empty())?;
        }
        Ok(Answer::attributes(&inode.look()?))
    }
}

/// The flags of an open that the folder below is to see. What the kernel does itself is not among them: appending
/// (it says where to write), creating and truncating (it asks), `O_SYNC` (it asks for a sync after each write),
/// `O_DIRECT` (our memory is not aligned).
pub(super) fn kept(flags: u32) -> OFlags {
    OFlags::from_bits_retain(flags) & OFlags::RWMODE
}

pub(super) fn permissions(mode: u32) -> Mode {
    Mode::from_raw_mode(mode & 0o7777)
}

fn timespec(time: SetTime) -> Timespec {
    match time {
        SetTime::Keep => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        SetTime::Now => Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        },
        SetTime::At { s, ns } => Timespec {
            tv_sec: s,
            tv_nsec: ns.into(),
        },
    }
}
