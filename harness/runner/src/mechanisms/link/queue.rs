//! Bytes on their way through a link, in order, each chunk with the moment at which it may leave.

use std::collections::VecDeque;

use super::condition::LinkState;

/// Most bytes that one read takes: the link's idea of a segment.
pub(super) const LARGEST_CHUNK: usize = 16 * 1024;

/// Bytes that a connection's queue begins with; it doubles as needed.
const FIRST_BYTES: usize = 16 * 1024;

/// Bytes that a queue holds at most: what 40 MB/s put on a link of 100 ms.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Least bytes that a throttled queue holds.
const LEAST_BYTES: usize = 64 * 1024;

/// How long a throttled link's queue is, in time.
const THROTTLED_NS: u64 = 100_000_000;

/// Chunks that a queue holds at most.
const MOST_CHUNKS: usize = 16_384;

/// What is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cargo {
    Data,
    /// The sender has no more to say.
    Fin,
    /// The sender's connection broke.
    Reset,
}

/// What one read returned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub cargo: Cargo,
    pub len: usize,
    pub arrived_ns: u64,
    /// When it may leave, earliest.
    pub release_ns: u64,
    /// When it was to leave by its own delay and stall, had it been alone.
    pub asked_ns: u64,
    pub stalled: bool,
    /// It had to wait for bandwidth.
    pub throttled: bool,
    /// It had to wait for the receiver.
    pub blocked: bool,
    /// The link's condition under which it arrived.
    pub generation: u64,
}

/// A ring of bytes and the chunks that they belong to.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ring: Box<[u8]>,
    head: usize,
    len: usize,
    /// Bytes of the first chunk that have left.
    left_of_first: usize,
    chunks: VecDeque<Chunk>,
}

impl Queue {
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// True when there is room under this state. A throttled queue is short in time, as a router's is.
    pub fn has_room(&self, state: &LinkState) -> bool {
        let limit = match state.bandwidth_bytes_per_s {
            None => MOST_BYTES,
            Some(rate) => {
                let held_ns = state.longest_delay_ns() + THROTTLED_NS;
                let bytes = u128::from(rate) * u128::from(held_ns) / 1_000_000_000;
                (bytes as usize).clamp(LEAST_BYTES, MOST_BYTES)
            }
        };
        self.len < limit && self.chunks.len() < MOST_CHUNKS
    }

    /// Where the next bytes may be put, in one piece; grows if it is full.
    pub fn free(&mut self) -> &mut [u8] {
        if self.len == self.ring.len() {
            self.grow();
        }
        let size = self.ring.len();
        if self.len == 0 {
            self.head = 0;
        }
        let tail = (self.head + self.len) % size;
        let end = if tail < self.head { self.head } else { size };
        &mut self.ring[tail..end.min(tail + LARGEST_CHUNK)]
    }

    /// Adds a chunk. Its bytes, if it has any, have been put into [`Queue::free`]. It leaves no earlier than the one
    /// before it.
    pub fn push(&mut self, mut chunk: Chunk) {
        if let Some(last) = self.chunks.back() {
            chunk.release_ns = chunk.release_ns.max(last.release_ns);
        }
        self.len += chunk.len;
        self.chunks.push_back(chunk);
    }

    pub fn front(&self) -> Option<&Chunk> {
        self.chunks.front()
    }

    /// Notes that the first chunk has to wait for the receiver.
    pub fn mark_blocked(&mut self) {
        if let Some(chunk) = self.chunks.front_mut() {
            chunk.blocked = true;
        }
    }

    /// Notes that the first chunk has to wait for bandwidth.
    pub fn mark_throttled(&mut self) {
        if let Some(chunk) = self.chunks.front_mut() {
            chunk.throttled = true;
        }
    }

    /// Bytes of the first chunk that are still here, `most` of them and in one piece.
    pub fn front_bytes(&self, most: usize) -> &[u8] {
        let left = self
            .chunks
            .front()
            .map_or(0, |chunk| chunk.len - self.left_of_first);
        let end = self.ring.len().min(self.head + left.min(most));
        &self.ring[self.head..end]
    }

    /// Takes bytes of the first chunk away; returns the chunk once all of it has left.
    pub fn take(&mut self, bytes: usize) -> Option<Chunk> {
        let chunk = *self.chunks.front()?;
        self.left_of_first += bytes;
        self.len -= bytes;
        if !self.ring.is_empty() {
            self.head = (self.head + bytes) % self.ring.len();
        }
        if self.left_of_first < chunk.len {
            return None;
        }
        self.left_of_first = 0;
        self.chunks.pop_front()
    }

    /// Nothing that is here shall leave later than this.
    pub fn hurry(&mut self, latest_ns: u64) {
        for chunk in &mut self.chunks {
            chunk.release_ns = chunk.release_ns.min(latest_ns);
        }
    }

    /// Throws everything away; returns how many bytes that were.
    pub fn clear(&mut self) -> usize {
        self.chunks.clear();
        self.left_of_first = 0;
        self.head = 0;
        std::mem::take(&mut self.len)
    }

    fn grow(&mut self) {
        let size = (self.ring.len() * 2).max(FIRST_BYTES);
        let mut ring = vec![0; size].into_boxed_slice();
        let first = self.len.min(self.ring.len() - self.head);
        ring[..first].copy_from_slice(&self.ring[self.head..self.head + first]);
        ring[first..self.len].copy_from_slice(&self.ring[..self.len - first]);
        self.ring = ring;
        self.head = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(len: usize, release_ns: u64) -> Chunk {
        Chunk {
            cargo: Cargo::Data,
            len,
            arrived_ns: 0,
            release_ns,
            asked_ns: release_ns,
            stalled: false,
            throttled: false,
            blocked: false,
            generation: 0,
        }
    }

    fn put(queue: &mut Queue, next: &mut u8, at_most: usize) {
        let free = queue.free();
        let len = free.len().min(at_most);
        for byte in &mut free[..len] {
            *byte = *next;
            *next = next.wrapping_add(1);
        }
        queue.push(chunk(len, 0));
    }

    #[test]
    fn bytes_come_out_as_they_went_in_through_wraps_and_growth() {
        let mut queue = Queue::default();
        let (mut written, mut read) = (0u8, 0u8);
        let mut moved = 0;
        for round in 0..4_000usize {
            put(&mut queue, &mut written, 1 + (round * 37) % 900);
            // Reads fall behind at first, so that the ring grows, and catch up later.
            while queue.len() > if round < 2_000 { round * 16 } else { 500 } {
                let bytes = queue.front_bytes(1 + round % 700).to_vec();
                assert!(!bytes.is_empty());
                for byte in &bytes {
                    assert_eq!(*byte, read);
                    read = read.wrapping_add(1);
                }
                moved += bytes.len();
                queue.take(bytes.len());
            }
        }
        assert!(moved > 1_000_000, "only {moved} bytes");
        assert!(queue.ring.len() > FIRST_BYTES);
    }

    #[test]
    fn a_chunk_is_done_when_its_last_byte_left_and_ends_have_no_bytes() {
        let mut queue = Queue::default();
        put(&mut queue, &mut 0, 10);
        queue.push(Chunk {
            cargo: Cargo::Fin,
            ..chunk(0, 0)
        });
        assert!(queue.take(4).is_none());
        assert_eq!(queue.take(6).unwrap().cargo, Cargo::Data);
        assert_eq!(queue.take(0).unwrap().cargo, Cargo::Fin);
        assert!(queue.is_empty());
    }

    #[test]
    fn order_is_kept_and_a_heal_hurries() {
        let mut queue = Queue::default();
        queue.push(chunk(0, 500));
        queue.push(chunk(0, 100));
        assert_eq!(queue.chunks[1].release_ns, 500);
        queue.hurry(200);
        assert!(queue.chunks.iter().all(|chunk| chunk.release_ns == 200));
    }

    #[test]
    fn room_ends_sooner_where_bandwidth_is_short() {
        let mut queue = Queue::default();
        let slow = LinkState {
            bandwidth_bytes_per_s: Some(1_000),
            ..LinkState::default()
        };
        let mut next = 0;
        while queue.has_room(&slow) {
            put(&mut queue, &mut next, LARGEST_CHUNK);
        }
        assert!((LEAST_BYTES..LEAST_BYTES + LARGEST_CHUNK).contains(&queue.len()));
        while queue.has_room(&LinkState::default()) {
            put(&mut queue, &mut next, LARGEST_CHUNK);
        }
        assert!((MOST_BYTES..MOST_BYTES + LARGEST_CHUNK).contains(&queue.len()));
        assert_eq!(queue.clear(), MOST_BYTES);
    }
}
