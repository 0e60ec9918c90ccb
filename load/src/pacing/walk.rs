//! Slots of a rate that changes by a plan: the inverse of the area below the rate, in integers.

use std::cmp::Ordering;

use shakedown_scenarios::plan::{PARTS_PER_SLOT, RateCurve, RatePiece, Spacing};

use super::schedule::Schedule;
use crate::flow::random::Random;
use crate::portable::natural_log;

/// A walk along a curve, slot by slot.
///
/// Evenly spaced, slot `n` is due at the first nanosecond at which the area below the rate is `n`; at random, at which
/// it is the sum of `n` exponential numbers, which makes a Poisson process of that rate. A slot that is due just when a
/// pause begins is due at the end of the pause.
#[derive(Debug, Clone)]
pub(super) struct CurveWalk {
    curve: RateCurve,
    spacing: Spacing,
    seed: u64,
    /// Number of the piece, and when it began.
    number: usize,
    began_ns: u64,
    /// Area from the begin of the piece to the next slot, in parts of slots.
    wanted: u128,
}

impl CurveWalk {
    /// A walk whose first slot is due at zero.
    pub(super) fn new(curve: RateCurve, spacing: Spacing, seed: u64) -> CurveWalk {
        CurveWalk {
            curve,
            spacing,
            seed,
            number: 0,
            began_ns: 0,
            wanted: 0,
        }
    }

    /// When the slot after this one is due; to be asked for each slot once, in order.
    pub(super) fn after(&mut self, index: u64) -> u64 {
        self.wanted = self.wanted.saturating_add(match self.spacing {
            Spacing::Even => PARTS_PER_SLOT,
            Spacing::Random => {
                let uniform = Random::for_slot(self.seed, index, Random::GAPS).unit();
                (-natural_log(uniform) * PARTS_PER_SLOT as f64) as u128
            }
        });
        loop {
            let piece = self.curve.piece(self.number);
            let parts = piece.parts();
            if self.wanted < parts {
                return self
                    .began_ns
                    .saturating_add(first_ns_with(&piece, self.wanted));
            }
            let Some(next) = self.curve.after(self.number) else {
                return Schedule::NEVER_NS;
            };
            self.wanted -= parts;
            self.number = next;
            self.began_ns = self.began_ns.saturating_add(piece.length_ns);
        }
    }
}

/// The first nanosecond of a piece by which its area is `wanted`, which it has at its end at the latest.
fn first_ns_with(piece: &RatePiece, wanted: u128) -> u64 {
    if wanted == 0 {
        return 0;
    }
    if piece.from_nano_per_s == piece.to_nano_per_s {
        let parts_per_ns = 2 * u128::from(piece.from_nano_per_s);
        return u64::try_from(wanted.div_ceil(parts_per_ns)).unwrap_or(piece.length_ns);
    }
    let guess_ns = solved(piece, wanted).clamp(0.0, piece.length_ns as f64) as u64;
    let has = |after_ns: u64| has_area(piece, after_ns, wanted);
    // The guess is at most some nanoseconds off, but where the rate comes near 0; integers decide.
    let (mut without, mut with);
    let mut step_ns = 1u64;
    if has(guess_ns) {
        with = guess_ns;
        while let Some(lower) = with.checked_sub(step_ns)
            && has(lower)
        {
            with = lower;
            step_ns = step_ns.saturating_mul(2);
        }
        without = with.saturating_sub(step_ns);
    } else {
        without = guess_ns;
        while let Some(higher) = without.checked_add(step_ns)
            && higher < piece.length_ns
            && !has(higher)
        {
            without = higher;
            step_ns = step_ns.saturating_mul(2);
        }
        with = piece.length_ns.min(without.saturating_add(step_ns));
    }
    while with - without > 1 {
        let middle = without + (with - without) / 2;
        if has(middle) {
            with = middle;
        } else {
            without = middle;
        }
    }
    with
}

/// The time at which the area is `wanted`, nearly.
fn solved(piece: &RatePiece, wanted: u128) -> f64 {
    let (from, to) = (piece.from_nano_per_s as f64, piece.to_nano_per_s as f64);
    let slope = (to - from) / piece.length_ns as f64;
    let wanted = wanted as f64;
    wanted / (from + (from * from + slope * wanted).max(0.0).sqrt())
}

/// True when the area from the begin of a piece to this moment is at least `wanted`, without rounding.
///
/// The area is `2 a t + (b - a) t^2 / L`; both sides are taken times `L`, in 256 bits.
fn has_area(piece: &RatePiece, after_ns: u64, wanted: u128) -> bool {
    let (after_ns, length_ns) = (u128::from(after_ns), u128::from(piece.length_ns));
    let (from, to) = (
        u128::from(piece.from_nano_per_s),
        u128::from(piece.to_nano_per_s),
    );
    let twice = 2 * from * length_ns;
    let inner = match to.cmp(&from) {
        Ordering::Less => twice - (from - to) * after_ns,
        Ordering::Equal => twice,
        Ordering::Greater => twice + (to - from) * after_ns,
    };
    product(after_ns, inner) >= product(wanted, length_ns)
}

/// A product of 256 bits: high and low half.
fn product(a: u128, b: u128) -> (u128, u128) {
    const LOW: u128 = u64::MAX as u128;
    let (a_high, a_low) = (a >> 64, a & LOW);
    let (b_high, b_low) = (b >> 64, b & LOW);
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 64);
    let crossed = a_low * b_high + (middle & LOW);
    (
        a_high * b_high + (middle >> 64) + (crossed >> 64),
        (crossed << 64) | (low & LOW),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    /// The first nanosecond with the area, by halving alone.
    fn by_halving(piece: &RatePiece, wanted: u128) -> u64 {
        let (mut low, mut high) = (0, piece.length_ns);
        while low < high {
            let middle = low + (high - low) / 2;
            if has_area(piece, middle, wanted) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        high
    }

    #[test]
    fn the_guess_never_decides() {
        for piece in [
            RatePiece::new(100.0, 2_000.0, 30 * S),
            RatePiece::new(2_000.0, 0.0, 30 * S),
            RatePiece::new(0.0, 1e6, 7 * 86_400 * S),
            RatePiece::new(1e6, 0.0, 7 * 86_400 * S),
            RatePiece::new(1.0, 1.000_000_001, S),
            RatePiece::new(5.0, 50_000.0, 1_000),
        ] {
            let parts = piece.parts();
            for share in 0..=1_000u128 {
                let wanted = parts / 1_000 * share;
                assert_eq!(
                    first_ns_with(&piece, wanted),
                    by_halving(&piece, wanted),
                    "{piece:?} {wanted}"
                );
            }
            assert_eq!(first_ns_with(&piece, parts), by_halving(&piece, parts));
        }
    }

    #[test]
    fn products_have_all_their_bits() {
        assert_eq!(product(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
        assert_eq!(product(1 << 100, 1 << 100), (1 << 72, 0));
        assert_eq!(product(3, 5), (0, 15));
        assert_eq!(
            product(u128::MAX, u128::from(u64::MAX)).0,
            u128::from(u64::MAX) - 1
        );
    }

    #[test]
    fn a_curve_that_ends_is_followed_by_nothing() {
        let curve = RateCurve::ending_in(vec![RatePiece::flat(10.0, S)], 0.0);
        let mut walk = CurveWalk::new(curve, Spacing::Even, 0);
        let due: Vec<u64> = (0..12).map(|index| walk.after(index)).collect();
        assert_eq!(due[8], 9 * S / 10);
        assert_eq!(due[9..], [Schedule::NEVER_NS; 3]);
    }
}
