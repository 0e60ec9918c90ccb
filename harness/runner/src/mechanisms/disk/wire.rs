//! Requests of the kernel's FUSE protocol, read from bytes. Numbers and layouts are those of `linux/fuse.h`.

use std::ffi::CStr;

/// What the kernel sends with each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) opcode: u32,
    pub(super) unique: u64,
    pub(super) node: u64,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// The thread that asks; 0 for the kernel itself.
    pub(super) pid: u32,
}

/// Who is to own what is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// A time to set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetTime {
    Keep,
    Now,
    At { s: i64, ns: u32 },
}

/// What is to be changed of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetAttributes {
    pub(super) mode: Option<u32>,
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) size: Option<u64>,
    pub(super) accessed: SetTime,
    pub(super) modified: SetTime,
    /// The open file that it is asked of.
    pub(super) handle: Option<u64>,
}

/// What is asked. Whatever is not here is answered with `ENOSYS`, upon which the kernel does it itself, or no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask<'a> {
    Init {
        minor: u32,
        read_ahead_bytes: u32,
        flags: u32,
    },
    Destroy,
    Lookup {
        name: &'a CStr,
    },
    /// Node, and how many lookups of it the kernel forgets. There is no answer.
    Forget(Vec<(u64, u64)>),
    GetAttributes,
    SetAttributes(SetAttributes),
    ReadLink,
    SymLink {
        name: &'a CStr,
        target: &'a CStr,
    },
    MakeNode {
        name: &'a CStr,
        mode: u32,
        device: u32,
    },
    MakeFolder {
        name: &'a CStr,
        mode: u32,
    },
    RemoveFile {
        name: &'a CStr,
    },
    RemoveFolder {
        name: &'a CStr,
    },
    Rename {
        name: &'a CStr,
        to: u64,
        new_name: &'a CStr,
        flags: u32,
    },
    Link {
        existing: u64,
        new_name: &'a CStr,
    },
    Open {
        flags: u32,
    },
    Create {
        name: &'a CStr,
        flags: u32,
        mode: u32,
    },
    Read {
        handle: u64,
        offset: u64,
        bytes: u32,
    },
    Write {
        handle: u64,
        offset: u64,
        data: &'a [u8],
    },
    Sync {
        handle: u64,
        data_only: bool,
    },
    Allocate {
        handle: u64,
        offset: u64,
        bytes: u64,
        mode: u32,
    },
    Seek {
        handle: u64,
        offset: u64,
        whence: u32,
    },
    Release {
        handle: u64,
    },
    Room,
    OpenFolder,
    ReadFolder {
        handle: u64,
        offset: u64,
        bytes: u32,
    },
    SyncFolder {
        handle: u64,
        data_only: bool,
    },
    ReleaseFolder {
        handle: u64,
    },
    /// The caller was sent a signal. There is no answer; a disk does not hurry.
    Interrupt,
    Unknown,
}

/// A request that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

const SET_MODE: u32 = 1;
const SET_UID: u32 = 1 << 1;
const SET_GID: u32 = 1 << 2;
const SET_SIZE: u32 = 1 << 3;
const SET_ACCESSED: u32 = 1 << 4;
const SET_MODIFIED: u32 = 1 << 5;
const SET_BY_HANDLE: u32 = 1 << 6;
const SET_ACCESSED_NOW: u32 = 1 << 7;
const SET_MODIFIED_NOW: u32 = 1 << 8;
const SYNC_DATA_ONLY: u32 = 1;

/// Reads the header; what is left is the body.
pub(super) fn header(bytes: &[u8]) -> Result<(Header, &[u8]), Unreadable> {
    let mut body = Body(bytes);
    let length = body.u32()? as usize;
    let header = Header {
        opcode: body.u32()?,
        unique: body.u64()?,
        node: body.u64()?,
        uid: body.u32()?,
        gid: body.u32()?,
        pid: body.u32()?,
    };
    body.skip(4)?;
    if length == bytes.len() {
        Ok((header, body.0))
    } else {
        Err(Unreadable)
    }
}

/// Reads what is asked.
pub(super) fn ask<'a>(header: &Header, body: &'a [u8]) -> Result<Ask<'a>, Unreadable> {
    let mut body = Body(body);
    let ask = match header.opcode {
        1 => Ask::Lookup { name: body.name()? },
        2 => Ask::Forget(vec![(header.node, body.u64()?)]),
        3 => Ask::GetAttributes,
        4 => Ask::SetAttributes(body.set_attributes()?),
        5 => Ask::ReadLink,
        6 => Ask::SymLink {
            name: body.name()?,
            target: body.name()?,
        },
        8 => body.make_node()?,
        9 => body.make_folder()?,
        10 => Ask::RemoveFile { name: body.name()? },
        11 => Ask::RemoveFolder { name: body.name()? },
        12 => body.rename(false)?,
        13 => Ask::Link {
            existing: body.u64()?,
            new_name: body.name()?,
        },
        14 => Ask::Open { flags: body.u32()? },
        15 => body.read().map(|(handle, offset, bytes)| Ask::Read {
            handle,
            offset,
            bytes,
        })?,
        16 => body.write()?,
        17 => Ask::Room,
        18 => Ask::Release {
            handle: body.u64()?,
        },
        20 => body
            .sync()
            .map(|(handle, data_only)| Ask::Sync { handle, data_only })?,
        26 => body.init()?,
        27 => Ask::OpenFolder,
        28 => body.read().map(|(handle, offset, bytes)| Ask::ReadFolder {
            handle,
            offset,
            bytes,
        })?,
        29 => Ask::ReleaseFolder {
            handle: body.u64()?,
        },
        30 => body
            .sync()
            .map(|(handle, data_only)| Ask::SyncFolder { handle, data_only })?,
        35 => body.create()?,
        36 => Ask::Interrupt,
        38 => Ask::Destroy,
        42 => body.forget_many()?,
        43 => body.allocate()?,
        45 => body.rename(true)?,
        46 => body.seek()?,
        _ => Ask::Unknown,
    };
    Ok(ask)
}

/// What is left of a request.
struct Body<'a>(&'a [u8]);

impl<'a> Body<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(Unreadable)?;
        self.0 = rest;
        Ok(taken)
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Unreadable> {
        self.take(bytes).map(drop)
    }

    fn u32(&mut self) -> Result<u32, Unreadable> {
        let bytes = self.take(4)?.try_into().map_err(|_| Unreadable)?;
        Ok(u32::from_ne_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, Unreadable> {
        let bytes = self.take(8)?.try_into().map_err(|_| Unreadable)?;
        Ok(u64::from_ne_bytes(bytes))
    }

    fn name(&mut self) -> Result<&'a CStr, Unreadable> {
        let name = CStr::from_bytes_until_nul(self.0).map_err(|_| Unreadable)?;
        self.skip(name.count_bytes() + 1)?;
        Ok(name)
    }

    fn init(&mut self) -> Result<Ask<'a>, Unreadable> {
        let major = self.u32()?;
        let minor = self.u32()?;
        if major != 7 {
            return Err(Unreadable);
        }
        Ok(Ask::Init {
            minor,
            read_ahead_bytes: self.u32()?,
            flags: self.u32()?,
        })
    }

    fn set_attributes(&mut self) -> Result<SetAttributes, Unreadable> {
        let valid = self.u32()?;
        self.skip(4)?;
        let handle = self.u64()?;
        let size = self.u64()?;
        self.skip(8)?;
        let (accessed_s, modified_s) = (self.u64()?, self.u64()?);
        self.skip(8)?;
        let (accessed_ns, modified_ns) = (self.u32()?, self.u32()?);
        self.skip(4)?;
        let mode = self.u32()?;
        self.skip(4)?;
        let (uid, gid) = (self.u32()?, self.u32()?);
        let has = |flag| valid & flag != 0;
        let time = |set, now, s: u64, ns| match (has(set), has(now)) {
            (_, true) => SetTime::Now,
            (true, false) => SetTime::At {
                s: s.cast_signed(),
                ns,
            },
            (false, false) => SetTime::Keep,
        };
        Ok(SetAttributes {
            mode: has(SET_MODE).then_some(mode),
            uid: has(SET_UID).then_some(uid),
            gid: has(SET_GID).then_some(gid),
            size: has(SET_SIZE).then_some(size),
            accessed: time(SET_ACCESSED, SET_ACCESSED_NOW, accessed_s, accessed_ns),
            modified: time(SET_MODIFIED, SET_MODIFIED_NOW, modified_s, modified_ns),
            handle: has(SET_BY_HANDLE).then_some(handle),
        })
    }

    fn make_node(&mut self) -> Result<Ask<'a>, Unreadable> {
        let (mode, device) = (self.u32()?, self.u32()?);
        self.skip(8)?;
        Ok(Ask::MakeNode {
            name: self.name()?,
            mode,
            device,
        })
    }

    fn make_folder(&mut self) -> Result<Ask<'a>, Unreadable> {
        let mode = self.u32()?;
        self.skip(4)?;
        Ok(Ask::MakeFolder {
            name: self.name()?,
            mode,
        })
    }

    fn rename(&mut self, with_flags: bool) -> Result<Ask<'a>, Unreadable> {
        let to = self.u64()?;
        let mut flags = 0;
        if with_flags {
            flags = self.u32()?;
            self.skip(4)?;
        }
        Ok(Ask::Rename {
            name: self.name()?,
            to,
            new_name: self.name()?,
            flags,
        })
    }

    fn create(&mut self) -> Result<Ask<'a>, Unreadable> {
        let (flags, mode) = (self.u32()?, self.u32()?);
        self.skip(8)?;
        Ok(Ask::Create {
            name: self.name()?,
            flags,
            mode,
        })
    }

    fn read(&mut self) -> Result<(u64, u64, u32), Unreadable> {
        Ok((self.u64()?, self.u64()?, self.u32()?))
    }

    fn write(&mut self) -> Result<Ask<'a>, Unreadable> {
        let (handle, offset, bytes) = self.read()?;
        self.skip(20)?;
        Ok(Ask::Write {
            handle,
            offset,
            data: self.take(bytes as usize)?,
        })
    }

    fn sync(&mut self) -> Result<(u64, bool), Unreadable> {
        Ok((self.u64()?, self.u32()? & SYNC_DATA_ONLY != 0))
    }

    fn allocate(&mut self) -> Result<Ask<'a>, Unreadable> {
        Ok(Ask::Allocate {
            handle: self.u64()?,
            offset: self.u64()?,
            bytes: self.u64()?,
            mode: self.u32()?,
        })
    }

    fn seek(&mut self) -> Result<Ask<'a>, Unreadable> {
        Ok(Ask::Seek {
            handle: self.u64()?,
            offset: self.u64()?,
            whence: self.u32()?,
        })
    }

    fn forget_many(&mut self) -> Result<Ask<'a>, Unreadable> {
        let count = self.u32()?;
        self.skip(4)?;
        (0..count)
            .map(|_| Ok((self.u64()?, self.u64()?)))
            .collect::<Result<_, _>>()
            .map(Ask::Forget)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(opcode: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(((40 + body.len()) as u32).to_ne_bytes());
        bytes.extend(opcode.to_ne_bytes());
        bytes.extend(77u64.to_ne_bytes());
        bytes.extend(5u64.to_ne_bytes());
        for number in [1000u32, 1001, 42, 0] {
            bytes.extend(number.to_ne_bytes());
        }
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_header_says_who_asks_and_of_what() {
        let bytes = request(3, &[0; 16]);
        let (header, body) = header(&bytes).unwrap();
        let expected = Header {
            opcode: 3,
            unique: 77,
            node: 5,
            uid: 1000,
            gid: 1001,
            pid: 42,
        };
        assert_eq!((header, body.len()), (expected, 16));
        assert_eq!(ask(&header, body), Ok(Ask::GetAttributes));
    }

    #[test]
    fn names_and_numbers_are_taken_in_their_order() {
        let mut body = Vec::new();
        body.extend(9u64.to_ne_bytes());
        body.extend(1u32.to_ne_bytes());
        body.extend(0u32.to_ne_bytes());
        body.extend(b"old\0new\0");
        let bytes = request(45, &body);
        let (header, body) = header(&bytes).unwrap();
        let expected = Ask::Rename {
            name: c"old",
            to: 9,
            new_name: c"new",
            flags: 1,
        };
        assert_eq!(ask(&header, body), Ok(expected));
    }

    #[test]
    fn what_is_cut_short_is_unreadable_at_every_length() {
        let mut body = Vec::new();
        body.extend([3u64, 4096].map(u64::to_ne_bytes).concat());
        body.extend([4u32, 0, 0, 0, 0, 0].map(u32::to_ne_bytes).concat());
        body.extend(b"data");
        let whole = request(16, &body);
        let (of_whole, rest) = header(&whole).unwrap();
        assert_eq!(
            ask(&of_whole, rest),
            Ok(Ask::Write {
                handle: 3,
                offset: 4096,
                data: b"data"
            })
        );
        for length in 0..body.len() {
            assert_eq!(ask(&of_whole, &body[..length]), Err(Unreadable), "{length}");
        }
        for length in 0..whole.len() {
            assert_eq!(header(&whole[..length]), Err(Unreadable), "{length}");
        }
        assert_eq!(
            ask(
                &Header {
                    opcode: 1,
                    ..of_whole
                },
                b"no end"
            ),
            Err(Unreadable)
        );
    }

    #[test]
    fn what_is_not_served_is_known_as_such() {
        let bytes = request(22, b"");
        let (header, body) = header(&bytes).unwrap();
        assert_eq!(ask(&header, body), Ok(Ask::Unknown));
    }
}
