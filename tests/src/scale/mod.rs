//! Run directories of any size whose losses are known, and how `shakedown report` fares with them: seconds, and memory of its
//! own. What is mapped from files is not counted: the kernel takes it back when it needs it.

mod claim;
mod judge;
mod make;

use std::fmt;
use std::io;
use std::path::Path;

pub use claim::{COLUMNS, ROWS, row, supports};
pub use judge::{Judged, judge};
pub use make::{Made, make};

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

    fn all(self) -> u64 {
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
    /// Makes a directory with so many acknowledged orders below `folder`, lets the program judge it, and removes it.
    ///
    /// # Errors
    /// When there is no room for it, or the program prints no record.
    pub fn of(orders: u64, copies: u32, folder: &Path, binary: &Path) -> io::Result<Measured> {
        let place = tempfile::tempdir_in(folder)?;
        let run = place.path().join("run");
        let made = make(&run, orders, copies, Planted::SOME)?;
        let judged = judge(binary, &run)?;
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
