//! The words on the line between Shakedown and a worker.

/// Worker to parent: started, burning nothing yet.
pub(super) const READY: u8 = b'r';
/// Parent to worker: burn.
pub(super) const GO: u8 = b'g';
