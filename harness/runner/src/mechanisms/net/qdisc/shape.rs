//! What a link is to be like.

use std::time::Duration;

use crate::mechanisms::net::table::Share;

/// What happens to packets on their way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Rate(Rate),
    Netem(Netem),
}

/// Which packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All that leave the interface.
    Whole,
    /// Those that a rule steers; takes HTB in the kernel.
    Steered,
}

/// A bandwidth limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At most 34 Gbit/s.
    pub bits_per_s: u64,
    /// So much may go at once, after a pause.
    pub burst_bytes: u32,
    /// So much may wait; what comes on top is dropped.
    pub queue_bytes: u32,
}

/// A worse link, as netem makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Netem {
    pub delay: Duration,
    /// Each packet's delay is `delay` ± up to this, uniformly. Packets may overtake each other then.
    pub jitter: Duration,
    pub loss: Share,
    /// This share is sent at once, ahead of those that wait; takes a delay.
    pub reorder: Share,
    /// So many packets may wait; see [`Netem::limit_for`].
    pub limit_packets: u32,
}

/// A shape that cannot be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ShapeError {
    #[error("{0} bit/s cannot be enforced: between 8 kbit/s and 34 Gbit/s can")]
    Rate(u64),
    #[error(
        "a burst of {0} bytes is smaller than a packet: nothing would ever leave; give it 2,000 or more"
    )]
    Burst(u32),
    #[error(
        "a queue of {0} bytes is smaller than a packet: all would be dropped; give it 2,000 or more"
    )]
    Queue(u32),
    #[error("packets can overtake only packets that wait: reordering takes a delay")]
    ReorderWithoutDelay,
    #[error("a jitter larger than the delay would send packets before they came")]
    Jitter,
    #[error("a limit of no packets would drop all")]
    NoLimit,
}

const PACKET_BYTES: u32 = 2_000;
const LOWEST_BITS_PER_S: u64 = 8_000;
/// The largest number of bytes per second that fits into 32 bits.
const HIGHEST_BITS_PER_S: u64 = 34_000_000_000;

impl Rate {
    /// A limit with a burst of 10 ms and a queue of 100 ms of it, but of some packets at least.
    pub fn of(bits_per_s: u64) -> Rate {
        let bytes_in_ms = |ms: u64| {
            let bytes = (bits_per_s / 8).saturating_mul(ms) / 1000;
            u32::try_from(bytes).unwrap_or(u32::MAX)
        };
        Rate {
            bits_per_s,
            burst_bytes: bytes_in_ms(10).max(8 * PACKET_BYTES),
            queue_bytes: bytes_in_ms(100).max(64 * PACKET_BYTES),
        }
    }

    pub(super) fn bytes_per_s(self) -> u32 {
        u32::try_from(self.bits_per_s / 8).unwrap_or(u32::MAX)
    }
}

impl Netem {
    /// How many packets must be able to wait so that a delay is a delay, and not a loss: twice those that are on
    /// their way at the expected rate, and 1,000 at least. (netem's own default, 1,000, loses packets above
    /// 10,000 per second at 100 ms.)
    pub fn limit_for(packets_per_s: u64, delay: Duration, jitter: Duration) -> u32 {
        let micros = (delay + jitter).as_micros();
        let waiting = (2 * u128::from(packets_per_s) * micros).div_ceil(1_000_000);
        u32::try_from(waiting).unwrap_or(u32::MAX).max(1000)
    }
}

impl Shape {
    /// # Errors
    /// With the first reason why this cannot be had.
    pub fn check(&self) -> Result<(), ShapeError> {
        match *self {
            Shape::Rate(rate) => {
                if !(LOWEST_BITS_PER_S..=HIGHEST_BITS_PER_S).contains(&rate.bits_per_s) {
                    Err(ShapeError::Rate(rate.bits_per_s))
                } else if rate.burst_bytes < PACKET_BYTES {
                    Err(ShapeError::Burst(rate.burst_bytes))
                } else if rate.queue_bytes < PACKET_BYTES {
                    Err(ShapeError::Queue(rate.queue_bytes))
                } else {
                    Ok(())
                }
            }
            Shape::Netem(netem) => {
                if netem.limit_packets == 0 {
                    Err(ShapeError::NoLimit)
                } else if netem.jitter > netem.delay {
                    Err(ShapeError::Jitter)
                } else if netem.reorder.millionths() > 0 && netem.delay.is_zero() {
                    Err(ShapeError::ReorderWithoutDelay)
                } else {
                    Ok(())
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_holds_twice_what_is_on_its_way() {
        let ms = Duration::from_millis;
        assert_eq!(Netem::limit_for(10_000, ms(100), ms(0)), 2_000);
        assert_eq!(Netem::limit_for(10_000, ms(100), ms(50)), 3_000);
        assert_eq!(Netem::limit_for(100, ms(100), ms(10)), 1_000);
        assert_eq!(Netem::limit_for(u64::MAX, ms(1000), ms(0)), u32::MAX);
    }

    #[test]
    fn shapes_that_cannot_be_had_are_refused() {
        let none = Share::from_millionths(0).unwrap();
        let netem = Netem {
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            loss: none,
            reorder: none,
            limit_packets: 1000,
        };
        assert_eq!(Shape::Netem(netem).check(), Ok(()));
        let wrong = |netem| Shape::Netem(netem).check().unwrap_err();
        let jitter = Duration::from_millis(11);
        assert_eq!(wrong(Netem { jitter, ..netem }), ShapeError::Jitter);
        let limit_packets = 0;
        assert_eq!(
            wrong(Netem {
                limit_packets,
                ..netem
            }),
            ShapeError::NoLimit
        );
        let (delay, reorder) = (Duration::ZERO, Share::ALL);
        let early = Netem {
            delay,
            reorder,
            ..netem
        };
        assert_eq!(wrong(early), ShapeError::ReorderWithoutDelay);
        assert_eq!(Shape::Rate(Rate::of(1_000_000)).check(), Ok(()));
        let slow = Shape::Rate(Rate::of(10));
        assert_eq!(slow.check(), Err(ShapeError::Rate(10)));
        let burst = Rate {
            burst_bytes: 10,
            ..Rate::of(1_000_000)
        };
        assert_eq!(Shape::Rate(burst).check(), Err(ShapeError::Burst(10)));
    }
}
