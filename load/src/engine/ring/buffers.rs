//! Memory into which the kernel puts what it hears on any connection of a ring, buffer by buffer.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::Submitter;
use io_uring::types::BufRingEntry;

/// Buffers of a ring; a power of two.
const BUFFERS: u16 = 512;

/// Bytes of a buffer: an answer fits, and so does most of what comes at once.
const BUFFER_BYTES: usize = 4096;

/// What the kernel wants the list of buffers to be aligned to.
const PAGE: usize = 4096;

/// The one group of buffers of a ring.
pub(super) const GROUP: u16 = 1;

/// Two mebibytes that are the kernel's, but for the buffers that it has filled and that were not given back yet.
#[derive(Debug)]
pub(super) struct Buffers {
    list: *mut BufRingEntry,
    memory: *mut u8,
    /// How often a buffer was lent, modulo 2^16.
    pub(super) tail: u16,
}

// SAFETY: both pointers are to memory that this value alone owns on our side.
unsafe impl Send for Buffers {}

impl Buffers {
    fn layouts() -> io::Result<(Layout, Layout)> {
        let list = Layout::array::<BufRingEntry>(usize::from(BUFFERS));
        let list = list.and_then(|layout| layout.align_to(PAGE));
        let memory = Layout::from_size_align(usize::from(BUFFERS) * BUFFER_BYTES, PAGE);
        Ok((
            list.map_err(io::Error::other)?,
            memory.map_err(io::Error::other)?,
        ))
    }

    /// All buffers, lent to the ring.
    ///
    /// # Errors
    /// When the kernel does not take them. The ring must be gone, or have nothing under way, before they are dropped.
    pub fn lend(submitter: &Submitter<'_>) -> io::Result<Buffers> {
        let (list, memory) = Buffers::layouts()?;
        // SAFETY: neither layout is of no bytes.
        let (list, memory) = unsafe { (allocate(list), allocate(memory)) };
        let mut buffers = Buffers {
            list: list.cast(),
            memory,
            tail: 0,
        };
        for buffer in 0..BUFFERS {
            buffers.give_back(buffer);
        }
        // SAFETY: the list is aligned to a page, has so many entries, and lives as long as the ring uses it.
        unsafe {
            submitter.register_buf_ring_with_flags(buffers.list as u64, BUFFERS, GROUP, 0)?;
        }
        Ok(buffers)
    }

    /// What the kernel has put into a buffer that is ours at the moment.
    pub fn filled(&self, buffer: u16, from: usize, to: usize) -> &[u8] {
        let to = to.min(BUFFER_BYTES);
        let at = usize::from(buffer % BUFFERS) * BUFFER_BYTES;
        // SAFETY: inside our memory, which was zeroed at first; the kernel writes to it no more until it is given back,
        // which needs `self` to be borrowed mutably.
        unsafe { std::slice::from_raw_parts(self.memory.add(at + from.min(to)), to - from.min(to)) }
    }

    /// The kernel may fill this buffer again.
    pub fn give_back(&mut self, buffer: u16) {
        let at = usize::from(buffer % BUFFERS) * BUFFER_BYTES;
        // SAFETY: the entry is one of ours that the kernel has taken out of the list, or never saw; it reads it only
        // once the tail is beyond it, which the release below orders after the writes.
        unsafe {
            let entry = &mut *self.list.add(usize::from(self.tail % BUFFERS));
            entry.set_addr(self.memory.add(at) as u64);
            entry.set_len(BUFFER_BYTES as u32);
            entry.set_bid(buffer);
            self.tail = self.tail.wrapping_add(1);
            let tail = BufRingEntry::tail(self.list).cast::<AtomicU16>();
            (*tail).store(self.tail, Ordering::Release);
        }
    }
}

/// # Safety
/// The layout must not be of no bytes.
unsafe fn allocate(layout: Layout) -> *mut u8 {
    // SAFETY: by this function's own condition.
    let memory = unsafe { alloc_zeroed(layout) };
    if memory.is_null() {
        handle_alloc_error(layout);
    }
    memory
}

impl Drop for Buffers {
    fn drop(&mut self) {
        if let Ok((list, memory)) = Buffers::layouts() {
            // SAFETY: allocated with the same layouts, and the kernel has nothing under way: see `lend`.
            unsafe {
                dealloc(self.list.cast(), list);
                dealloc(self.memory, memory);
            }
        }
    }
}
