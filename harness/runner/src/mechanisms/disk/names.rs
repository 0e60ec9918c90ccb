//! What goes by name: found, made, linked, renamed, removed.

use std::ffi::CStr;

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, RenameFlags, Statx, Uid, chownat, fchown, linkat,
    makedev, mkdirat, mknodat, openat, renameat_with, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};

use super::encode::Answer;
use super::files::OpenFile;
use super::folder::{Folder, kept, permissions};
use super::inodes::{Inode, look};
use super::room::occupied;
use super::wire::{Ask, Header, Owner};

/// What a new folder or link takes of the room, in bytes.
const ENTRY_BYTES: u64 = 4096;

impl Folder {
    /// What is done to a name in a folder.
    pub(super) fn on_name(&self, header: &Header, ask: &Ask<'_>) -> Result<Answer, Errno> {
        let node = header.node;
        let owner = Owner {
            uid: header.uid,
            gid: header.gid,
        };
        match ask {
            Ask::Lookup { name } => {
                let parent = self.inodes.get(node)?;
                self.found(&parent, name)
            }
            Ask::SymLink { name, target } => self.make(node, name, owner, ENTRY_BYTES, |parent| {
                symlinkat(*target, parent.fd(), *name)
            }),
            Ask::MakeNode { name, mode, device } => self.make(node, name, owner, 0, |parent| {
                let (kind, mode) = (FileType::from_raw_mode(*mode), permissions(*mode));
                mknodat(parent.fd(), *name, kind, mode, unpacked(*device))
            }),
            Ask::MakeFolder { name, mode } => self.make(node, name, owner, ENTRY_BYTES, |parent| {
                mkdirat(parent.fd(), *name, permissions(*mode))
            }),
            Ask::Create { name, flags, mode } => self.create(node, name, *flags, *mode, owner),
            Ask::RemoveFile { name } => self.remove(node, name, AtFlags::empty()),
            Ask::RemoveFolder { name } => self.remove(node, name, AtFlags::REMOVEDIR),
            Ask::Rename {
                name,
                to,
                new_name,
                flags,
            } => {
                let flags = RenameFlags::from_bits_retain(*flags);
                self.rename((node, name), (*to, new_name), flags)
            }
            Ask::Link { existing, new_name } => {
                let (existing, parent) = (self.inodes.get(*existing)?, self.inodes.get(node)?);
                let follow = AtFlags::SYMLINK_FOLLOW;
                linkat(CWD, existing.path(), parent.fd(), *new_name, follow)?;
                self.found(&parent, new_name)
            }
            _ => Err(Errno::NOSYS),
        }
    }

    fn found(&self, parent: &Inode, name: &CStr) -> Result<Answer, Errno> {
        let (node, seen) = self.inodes.look_up(parent, name)?;
        Ok(Answer::entry(node, &seen))
    }

    /// Makes something with a name, and gives it to its owner.
    fn make(
        &self,
        parent: u64,
        name: &CStr,
        owner: Owner,
        bytes: u64,
        how: impl FnOnce(&Inode) -> Result<(), Errno>,
    ) -> Result<Answer, Errno> {
        let parent = self.inodes.get(parent)?;
        self.room.take(bytes)?;
        if let Err(error) = how(&parent) {
            self.room.give_back(bytes);
            return Err(error);
        }
        let (uid, gid) = ownership(&parent.look()?, owner);
        if uid.is_some() || gid.is_some() {
            chownat(parent.fd(), name, uid, gid, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        self.found(&parent, name)
    }

    fn create(
        &self,
        parent: u64,
        name: &CStr,
        flags: u32,
        mode: u32,
        owner: Owner,
    ) -> Result<Answer, Errno> {
        let parent = self.inodes.get(parent)?;
        let exclusive = OFlags::from_bits_retain(flags) & OFlags::EXCL;
        let how = kept(flags) | exclusive | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(parent.fd(), name, how, permissions(mode))?;
        let (uid, gid) = ownership(&parent.look()?, owner);
        if uid.is_some() || gid.is_some() {
            fchown(&file, uid, gid)?;
        }
        let (node, seen) = self.inodes.remember_open(&file)?;
        let handle = self.files.add(OpenFile::of(file));
        Ok(Answer::created(node, &seen, handle))
    }

    fn remove(&self, parent: u64, name: &CStr, flags: AtFlags) -> Result<Answer, Errno> {
        let parent = self.inodes.get(parent)?;
        let freed = self.freed_without(&parent, name);
        unlinkat(parent.fd(), name, flags)?;
        self.room.give_back(freed);
        Ok(Answer::done())
    }

    fn rename(
        &self,
        (from, name): (u64, &CStr),
        (to, new_name): (u64, &CStr),
        flags: RenameFlags,
    ) -> Result<Answer, Errno> {
        let (from, to) = (self.inodes.get(from)?, self.inodes.get(to)?);
        let freed = match flags.contains(RenameFlags::EXCHANGE) {
            true => 0,
            false => self.freed_without(&to, new_name),
        };
        renameat_with(from.fd(), name, to.fd(), new_name, flags)?;
        self.room.give_back(freed);
        Ok(Answer::done())
    }

    /// What becomes free when this name goes, in bytes. Nothing is looked up as long as there is no bound.
    fn freed_without(&self, parent: &Inode, name: &CStr) -> u64 {
        if self.room.left().is_none() {
            return 0;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let seen = openat(parent.fd(), name, flags, Mode::empty()).and_then(|file| look(&file));
        match seen {
            Ok(seen)
                if FileType::from_raw_mode(u32::from(seen.stx_mode)) == FileType::Directory =>
            {
                ENTRY_BYTES
            }
            Ok(seen) if seen.stx_nlink == 1 => occupied(&seen),
            Ok(_) | Err(_) => 0,
        }
    }
}

/// A device number as the kernel packs it, apart.
fn unpacked(device: u32) -> u64 {
    makedev(
        (device >> 8) & 0xfff,
        (device & 0xff) | ((device >> 12) & !0xff),
    )
}

/// Whose it is to be, where that is not what the folder below does of itself.
fn ownership(parent: &Statx, owner: Owner) -> (Option<Uid>, Option<Gid>) {
    let group_of_parent = Mode::from_raw_mode(u32::from(parent.stx_mode)).contains(Mode::SGID);
    let uid = (owner.uid != geteuid().as_raw()).then(|| Uid::from_raw(owner.uid));
    let gid =
        (owner.gid != getegid().as_raw() && !group_of_parent).then(|| Gid::from_raw(owner.gid));
    (uid, gid)
}
