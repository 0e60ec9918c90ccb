//! What bounds a search in windows, and what it comes to.

use crate::reading::Misfit;

/// Bounds of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests of a window; where it does not close by then, it is not searched.
    pub longest: usize,
    /// A window of so many requests is also cut where `flying` requests are in flight at most.
    pub ripe: usize,
    pub flying: usize,
    /// Requests that a window hands on to the next.
    pub carried: usize,
    /// Books that a window may end with.
    pub books: usize,
    /// Steps in one window, and in all of them, where copying and comparing books counts as well.
    pub steps: u64,
    pub steps_in_all: u64,
}

impl Limits {
    /// What a few seconds and some hundred megabytes allow.
    pub const USUAL: Limits = Limits {
        longest: 96,
        ripe: 8,
        flying: 3,
        carried: 12,
        books: 256,
        steps: 300_000,
        steps_in_all: 3_000_000,
    };
}

/// What a search in windows came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    /// Windows that were decided, the requests in them, and those in the longest.
    pub windows: u64,
    pub requests: u64,
    pub longest: u64,
    /// Books that were possible at once, at most.
    pub books: u64,
    pub ended: Ended,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Some order explains all of it.
    Explained,
    /// No order does.
    Unexplained(Unexplained),
    /// It is not known from some moment on.
    Undecided(Undecided),
}

/// The smallest beginning of a window that no order explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained {
    /// Its requests, by the time of sending.
    pub requests: Vec<u64>,
    /// The request whose answer cannot be explained; `None`: the answers can, but not what was read in the end.
    pub last: Option<u64>,
    /// What did not fit in the order that went furthest.
    pub nearest: Option<Misfit>,
}

/// A window that was not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecided {
    pub from_ns: u64,
    pub requests: usize,
    pub bound: Bound,
}

/// The bound that was hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// There was no moment at which few requests were in flight.
    Longest,
    /// So many requests without an answer were handed on.
    Carried(usize),
    /// So many books were possible.
    Books(usize),
    /// So many steps were taken in the window.
    Steps(u64),
    /// So many steps were taken in all windows.
    StepsInAll(u64),
}
