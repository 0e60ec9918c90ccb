//! By what way points go.

use super::batches::Batches;
use super::frames::{Frames, POINTS_IN_FRAME};
use super::source::Point;

/// What an engine says of the batches of a connection, which count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// This one and all before it, but for those that were refused, were taken in.
    AcknowledgedUpTo(u64),
    /// The oldest one that nothing was said of was not taken in; the status.
    Refused(u16),
}

/// What an engine says is not the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong(pub(super) &'static str);

/// By what way points go.
#[derive(Debug)]
pub(super) enum Way {
    Frames(Frames),
    Batches(Box<Batches>),
}

impl Way {
    /// Most points of a batch.
    pub(super) fn most_points(&self, batch: u32) -> usize {
        match self {
            Way::Frames(_) => POINTS_IN_FRAME,
            Way::Batches(_) => batch.max(1) as usize,
        }
    }

    /// Most batches of a connection that nothing was said of yet.
    pub(super) fn most_open(&self) -> usize {
        match self {
            Way::Frames(_) => 8_192,
            Way::Batches(_) => 1,
        }
    }

    /// A new connection, to this address.
    pub(super) fn begin(&mut self, address: usize, out: &mut Vec<u8>) {
        match self {
            Way::Frames(frames) => frames.begin(out),
            Way::Batches(batches) => batches.begin(address),
        }
    }

    pub(super) fn append(&mut self, points: &[Point], out: &mut Vec<u8>) {
        match self {
            Way::Frames(frames) => frames.append(points, out),
            Way::Batches(batches) => batches.append(points, out),
        }
    }

    pub(super) fn hear(&mut self, input: &[u8], tell: impl FnMut(Heard)) -> Result<(), Wrong> {
        match self {
            Way::Frames(frames) => frames.hear(input, tell),
            Way::Batches(batches) => batches.hear(input, tell),
        }
    }
}
