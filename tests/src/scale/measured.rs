//! What is planted, and a run directory with it that was made and judged.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Judged, Made, judge, make};

/// How many orders of each kind are planted, or were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planted {
    /// Acknowledged, and on no copy.
    pub lost: u64,
    /// On every copy with another quantity.
    pub corrupt: u64,
    /// On every copy, though the engine said no.
    pub phantom: u64,
    /// Twice on every copy.
    pub duplicate: u64,
    /// Open on every copy, though its cancel was acknowledged.
    pub resurrected: u64,
}

impl Planted {
    /// What is planted in a directory of which figures are told.
    pub const SOME: Planted = Planted {
        lost: 3,
        corrupt: 2,
        phantom: 1,
        duplicate: 2,
        resurrected: 1,
    };

    pub(super) fn all(self) -> u64 {
        self.lost + self.corrupt + self.phantom + self.duplicate + self.resurrected
    }
}

impl fmt::Display for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "lost {} corrupt {} phantom {} duplicate {} resurrected {}",
            self.lost, self.corrupt, self.phantom, self.duplicate, self.resurrected
        )
    }
}

/// A run directory, and how the program fared with it.
#[derive(Debug)]
pub struct Measured {
    pub made: Made,
    pub judged: Judged,
}

impl Measured {
    /// Makes a directory with so many acknowledged orders below `folder`, lets the program judge it, and removes it. One
    /// that was made there before by [`keep`] is judged in its place, and stays.
    ///
    /// # Errors
    /// When there is no room for it, or the program prints no record.
    pub fn of(orders: u64, copies: u32, folder: &Path, binary: &Path) -> io::Result<Measured> {
        let kept = kept_in(folder, orders, copies);
        if kept.join(MADE).exists() {
            return Self::kept(&kept, binary);
        }
        let place = tempfile::tempdir_in(folder)?;
        make_in(place.path(), orders, copies)?;
        Self::kept(place.path(), binary)
    }

    fn kept(place: &Path, binary: &Path) -> io::Result<Measured> {
        let made = serde_json::from_str(&fs::read_to_string(place.join(MADE))?)?;
        let judged = judge(binary, &place.join(RUN))?;
        Ok(Measured { made, judged })
    }

    /// Whether it found what was planted, and nothing else.
    pub fn is_right(&self) -> bool {
        let Judged {
            acknowledged,
            found,
            others,
            ..
        } = self.judged;
        (acknowledged, found, others) == (self.made.orders, Planted::SOME, 0)
    }

    /// Anonymous memory for each acknowledged order.
    pub fn bytes_per_order(&self) -> f64 {
        self.judged.anonymous_bytes as f64 / self.made.orders as f64
    }
}

/// The run directory in its place, and beside it what was made, as JSON.
const RUN: &str = "run";
const MADE: &str = "made.json";

/// Where a directory is kept.
fn kept_in(folder: &Path, orders: u64, copies: u32) -> PathBuf {
    folder.join(format!("scale-{orders}-{copies}"))
}

/// Makes a directory with so many acknowledged orders below `folder`, to be judged as often as one likes; its place.
///
/// # Errors
/// When there is no room for it, or there is one already.
pub fn keep(orders: u64, copies: u32, folder: &Path) -> io::Result<PathBuf> {
    let place = kept_in(folder, orders, copies);
    fs::create_dir(&place)?;
    make_in(&place, orders, copies)?;
    Ok(place)
}

fn make_in(place: &Path, orders: u64, copies: u32) -> io::Result<()> {
    let made = make(&place.join(RUN), orders, copies, Planted::SOME)?;
    fs::write(place.join(MADE), serde_json::to_string(&made)?)
}
