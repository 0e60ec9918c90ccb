//! A rate that changes over time in straight pieces, and how many slots it makes: exact, in integers.

use serde::Serialize;

/// Slots per second times 10^9 that are told apart.
const NANO: f64 = 1e9;

/// Parts of a slot in which a curve is integrated: rates are in billionths of a slot per second, times are in
/// nanoseconds, and a straight piece has half of the sum of its ends.
pub const PARTS_PER_SLOT: u128 = 2_000_000_000_000_000_000;

/// Length of a piece without an end, in nanoseconds: 146 years.
pub const ENDLESS_NS: u64 = u64::MAX / 4;

/// A time in which the rate changes evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct RatePiece {
    /// Slots per second times 10^9 at its begin.
    pub from_nano_per_s: u64,
    /// Slots per second times 10^9 at its end.
    pub to_nano_per_s: u64,
    pub length_ns: u64,
}

impl RatePiece {
    /// A piece between two rates.
    pub fn new(from_per_s: f64, to_per_s: f64, length_ns: u64) -> RatePiece {
        RatePiece {
            from_nano_per_s: (from_per_s * NANO).round() as u64,
            to_nano_per_s: (to_per_s * NANO).round() as u64,
            length_ns,
        }
    }

    /// A piece of one rate.
    pub fn flat(per_s: f64, length_ns: u64) -> RatePiece {
        RatePiece::new(per_s, per_s, length_ns)
    }

    /// Parts of slots in the whole piece.
    pub fn parts(&self) -> u128 {
        let ends = u128::from(self.from_nano_per_s) + u128::from(self.to_nano_per_s);
        ends * u128::from(self.length_ns)
    }

    /// Parts of slots from the begin of the piece to a moment in it, rounded down.
    fn parts_until(&self, after_ns: u64) -> u128 {
        let (after_ns, length_ns) = (u128::from(after_ns), u128::from(self.length_ns.max(1)));
        let (from, to) = (
            u128::from(self.from_nano_per_s),
            u128::from(self.to_nano_per_s),
        );
        // The rate that is reached, rounded so that the sum is rounded down.
        let reached = match to >= from {
            true => from + (to - from) * after_ns / length_ns,
            false => from - ((from - to) * after_ns).div_ceil(length_ns),
        };
        (from + reached) * after_ns
    }

    /// Rate at a moment in the piece, in slots per second.
    fn per_s_at(&self, after_ns: u64) -> f64 {
        let share = after_ns as f64 / self.length_ns.max(1) as f64;
        let (from, to) = (self.from_nano_per_s as f64, self.to_nano_per_s as f64);
        (from + (to - from) * share) / NANO
    }
}

/// Pieces one after another; the last goes on for ever, or all begin again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RateCurve {
    pieces: Vec<RatePiece>,
    /// The piece that follows the last one.
    again_from: Option<usize>,
}

impl RateCurve {
    /// Pieces after which the rate stays as it is then.
    pub fn ending_in(mut pieces: Vec<RatePiece>, last_per_s: f64) -> RateCurve {
        pieces.push(RatePiece::flat(last_per_s, ENDLESS_NS));
        RateCurve {
            pieces,
            again_from: None,
        }
    }

    /// Pieces the last of which, from one on, come again and again. A round without any slot would never end: it is
    /// followed by silence instead.
    pub fn again(mut pieces: Vec<RatePiece>, from: usize) -> RateCurve {
        let round: u128 = pieces.iter().skip(from).map(RatePiece::parts).sum();
        let again_from = (round > 0).then_some(from);
        if again_from.is_none() {
            pieces.push(RatePiece::flat(0.0, ENDLESS_NS));
        }
        RateCurve { pieces, again_from }
    }

    /// The piece with this number.
    pub fn piece(&self, number: usize) -> RatePiece {
        self.pieces[number]
    }

    /// The number of the piece that follows; `None` after the last.
    pub fn after(&self, number: usize) -> Option<usize> {
        if number + 1 < self.pieces.len() {
            Some(number + 1)
        } else {
            self.again_from
        }
    }

    /// Slots that the curve makes before a moment, as a number that need not be whole.
    pub fn slots_before(&self, end_ns: u64) -> f64 {
        self.parts_before(end_ns) as f64 / PARTS_PER_SLOT as f64
    }

    /// [`RateCurve::slots_before`] in parts of slots, rounded down; exact where pieces end.
    pub fn parts_before(&self, end_ns: u64) -> u128 {
        let (mut number, mut left_ns, mut parts) = (0, end_ns, 0u128);
        loop {
            let piece = self.pieces[number];
            if piece.length_ns >= left_ns {
                return parts.saturating_add(piece.parts_until(left_ns));
            }
            parts = parts.saturating_add(piece.parts());
            left_ns -= piece.length_ns;
            match self.after(number) {
                Some(next) => number = next,
                None => return parts,
            }
        }
    }

    /// The highest rate, in slots per second.
    pub fn highest_per_s(&self) -> f64 {
        let ends = self.pieces.iter();
        let highest = ends.map(|piece| piece.from_nano_per_s.max(piece.to_nano_per_s));
        highest.max().unwrap_or(0) as f64 / NANO
    }

    /// The lowest rate from a moment on, in slots per second.
    pub fn lowest_per_s_from(&self, from_ns: u64) -> f64 {
        let mut begins_ns = 0u64;
        let mut lowest = f64::INFINITY;
        for (number, piece) in self.pieces.iter().enumerate() {
            let ends_ns = begins_ns.saturating_add(piece.length_ns);
            let comes_again = self.again_from.is_some_and(|from| number >= from);
            if comes_again {
                lowest = lowest.min(piece.per_s_at(0));
            }
            if comes_again || ends_ns > from_ns {
                let after_ns = from_ns.saturating_sub(begins_ns).min(piece.length_ns);
                lowest = lowest.min(piece.per_s_at(after_ns));
                lowest = lowest.min(piece.per_s_at(piece.length_ns));
            }
            begins_ns = ends_ns;
        }
        lowest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;

    #[test]
    fn counts_are_the_areas_below_the_pieces() {
        let ramp = RateCurve::ending_in(vec![RatePiece::new(100.0, 300.0, 10 * S)], 300.0);
        for (end_ns, slots) in [
            (0, 0.0),
            (5 * S, 750.0),
            (10 * S, 2_000.0),
            (12 * S, 2_600.0),
        ] {
            assert_eq!(ramp.slots_before(end_ns), slots, "{end_ns}");
        }
        let fall = RateCurve::ending_in(vec![RatePiece::new(300.0, 0.0, 10 * S)], 0.0);
        assert_eq!(fall.slots_before(5 * S), 1_125.0);
        assert_eq!(fall.slots_before(ENDLESS_NS), 1_500.0);
        let waves = RateCurve::again(
            vec![
                RatePiece::flat(10.0, S),
                RatePiece::flat(100.0, S),
                RatePiece::flat(50.0, S),
            ],
            1,
        );
        assert_eq!(waves.slots_before(3 * S), 160.0);
        assert_eq!(waves.slots_before(6 * S), 160.0 + 150.0 + 100.0);
    }

    #[test]
    fn the_highest_and_the_lowest_rate_are_found_also_within_pieces() {
        let ramp = RateCurve::ending_in(vec![RatePiece::new(0.0, 300.0, 10 * S)], 300.0);
        assert_eq!(ramp.highest_per_s(), 300.0);
        assert_eq!(ramp.lowest_per_s_from(0), 0.0);
        assert_eq!(ramp.lowest_per_s_from(5 * S), 150.0);
        assert_eq!(ramp.lowest_per_s_from(11 * S), 300.0);
        let waves = RateCurve::again(
            vec![RatePiece::flat(10.0, S), RatePiece::new(100.0, 60.0, S)],
            0,
        );
        assert_eq!(waves.lowest_per_s_from(100 * S), 10.0);
    }

    #[test]
    fn rounds_without_a_slot_are_silence_and_end() {
        let silent = RateCurve::again(vec![RatePiece::flat(5.0, S), RatePiece::flat(0.0, S)], 1);
        assert_eq!(silent.slots_before(100 * S), 5.0);
    }

    #[test]
    fn a_week_at_the_highest_rate_does_not_overflow() {
        let week_ns = 7 * 86_400 * S;
        let piece = RatePiece::new(1e6, 0.0, week_ns);
        let curve = RateCurve::ending_in(vec![piece], 1e6);
        assert_eq!(curve.slots_before(week_ns), 1e6 * 604_800.0 / 2.0);
        assert!(curve.slots_before(ENDLESS_NS) > 1e15);
    }
}
