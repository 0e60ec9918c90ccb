//! Sockets through io_uring: `lines` is what the room sees, `entry` the way into the kernel and back, `buffers` its memory.

mod buffers;
mod entry;
mod lines;
#[cfg(test)]
mod tests;

pub(super) use lines::Ring;
