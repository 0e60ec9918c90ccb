//! Where orders are priced, around the middle of an instrument's band.

use shakedown_record::ledger::Side;
use shakedown_scenarios::plan::{Instrument, LoadPlan, Prices};

use super::random::Random;
use crate::portable::{exponential, natural_log};

/// One order in this many is priced across the middle, so that there are trades; the others rest.
const CROSSING_ONE_IN: u64 = 50;

/// How far from the middle orders are, and how many cross it.
#[derive(Debug, Clone)]
pub(super) enum Placement {
    /// Distances are squares of even numbers.
    Band,
    /// The chance to lie more than `d` ticks away is `(1 + d / scale)^-exponent`, cut off at the end of the band.
    PowerLaw {
        one_over_exponent: f64,
        scale_ticks: f64,
        crossing: f64,
        /// For each symbol: what the chance would be at the end of its band.
        beyond: Vec<f64>,
    },
}

impl Placement {
    /// The placement of a plan.
    pub(super) fn new(plan: &LoadPlan) -> Placement {
        let law = match plan.shape.prices {
            Prices::Band => return Placement::Band,
            Prices::PowerLaw(law) => law,
        };
        let beyond = plan.symbols.iter().map(|symbol| {
            let band_ticks = symbol.instrument.band_ticks.max(1) as f64;
            exponential(-law.exponent * natural_log(1.0 + band_ticks / law.scale_ticks))
        });
        Placement::PowerLaw {
            one_over_exponent: 1.0 / law.exponent,
            scale_ticks: law.scale_ticks,
            crossing: law.crossing,
            beyond: beyond.collect(),
        }
    }

    /// Whether the next order crosses the middle; takes one number, whatever the placement.
    pub(super) fn crosses(&self, random: &mut Random) -> bool {
        match self {
            Placement::Band => random.below(CROSSING_ONE_IN) == 0,
            Placement::PowerLaw { crossing, .. } => random.unit() <= *crossing,
        }
    }

    /// The price of an order in ticks. Buys rest below the middle and sells above it; crossing orders are mirrored.
    /// `distance` is an even number, scaled to 2^32.
    pub(super) fn price_ticks(
        &self,
        symbol: usize,
        instrument: &Instrument,
        side: Side,
        crossing: bool,
        distance: u32,
    ) -> i64 {
        let offset = self.offset_ticks(symbol, instrument.band_ticks, distance);
        let below = (side == Side::Buy) != crossing;
        let ticks = instrument.around_ticks + if below { -offset } else { offset };
        if instrument.around_ticks > 0 {
            ticks.max(1)
        } else {
            ticks
        }
    }

    fn offset_ticks(&self, symbol: usize, band_ticks: i64, distance: u32) -> i64 {
        if band_ticks <= 0 {
            return 0;
        }
        match self {
            Placement::Band => {
                let near = u128::from(square(distance));
                1 + (((band_ticks as u128 - 1) * near) >> 32) as i64
            }
            Placement::PowerLaw {
                one_over_exponent,
                scale_ticks,
                beyond,
                ..
            } => {
                let even = (f64::from(distance) + 1.0) / 4_294_967_296.0;
                let beyond = beyond[symbol];
                let chance = even * (1.0 - beyond) + beyond;
                let stretched = exponential(-natural_log(chance) * *one_over_exponent);
                let ticks = (scale_ticks * (stretched - 1.0)).ceil() as i64;
                ticks.clamp(1, band_ticks)
            }
        }
    }
}

/// The square of a fraction that is scaled to 2^32.
pub(super) fn square(fraction: u32) -> u32 {
    ((u64::from(fraction) * u64::from(fraction)) >> 32) as u32
}
