//! What was executed and is not kept elsewhere yet: commands in their order, packed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::command::{Batch, Command};

/// What is held for a Redis that is away; what comes beyond is not kept.
const MOST_BYTES: usize = 256 << 20;

/// The journal; without a place to be written to it stays empty.
#[derive(Debug, Default)]
pub(super) struct Journal {
    is_kept: bool,
    waiting: Mutex<BytesMut>,
}

impl Journal {
    /// One that is written somewhere, or one that is not.
    pub(super) fn new(is_kept: bool) -> Self {
        Self {
            is_kept,
            waiting: Mutex::default(),
        }
    }

    /// Notes a command that was executed; false when there is no room for it.
    pub(super) fn note(&self, command: &Command<'_>) -> bool {
        if !self.is_kept {
            return true;
        }
        let mut waiting = self.lock();
        let has_room = waiting.len() < MOST_BYTES;
        if has_room {
            Batch::pack_into(&mut waiting, &command.encode());
        }
        has_room
    }

    /// Bytes that are not written yet.
    pub(super) fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Takes everything, to be written.
    pub(super) fn take(&self) -> Bytes {
        self.lock().split().freeze()
    }

    fn lock(&self) -> MutexGuard<'_, BytesMut> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
