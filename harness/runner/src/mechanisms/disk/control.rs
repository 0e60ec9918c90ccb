//! What Shakedown and a disk say to each other: a line of JSON each, over the socket that is the disk's standard
//! input. When the socket closes, Shakedown is gone, or wants no more of the disk.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::fault::DiskFault;
use super::status::DiskStatus;

/// What Shakedown asks of a disk.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    /// Comes back in the answer.
    pub(super) number: u64,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum What {
    /// Take up this fault in the place of the one before.
    Set(DiskFault),
    /// Only say how it is.
    Look,
    /// Keep what is overwritten from now on, so that power can be cut.
    KeepUndo,
    /// Lose what was not synced. Nobody may have a file open that is to be used any further.
    CutPower,
    /// Become sound, and let new opens reach the folder below.
    Detach,
}

/// What a disk says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// It is mounted, in the namespace of this thread of its own.
    Mounted { tid: i32 },
    /// It is not, and this is why.
    NotMounted { why: String },
    /// The order with this number is carried out.
    Done {
        number: u64,
        status: Box<DiskStatus>,
    },
    /// It could not be.
    Failed { number: u64, why: String },
}

/// Says one thing.
pub(super) fn say(line: &mut UnixStream, what: &impl Serialize) -> io::Result<()> {
    let mut text = serde_json::to_vec(what)?;
    text.push(b'\n');
    line.write_all(&text)
}

/// Reads what was said.
pub(super) fn hear<T: DeserializeOwned>(text: &str) -> io::Result<T> {
    Ok(serde_json::from_str(text)?)
}
