//! Instruments in whole ticks and lots.

use shakedown_record::Decimal;

use crate::plan::Instrument;
use crate::spec::profile::{InstrumentSpec, ProfileSpec};

use super::sheet::{At, Sheet};

/// Largest quantity that the generator makes, in lots: varied enough to tell orders apart, small enough for limits.
const LARGEST_LOTS: u32 = 100;

/// Every instrument by name, in the order in which they are written.
pub(super) fn instruments(spec: &ProfileSpec, sheet: &Sheet) -> Option<Vec<(String, Instrument)>> {
    if spec.instruments.is_empty() {
        sheet.refuse_entry(
            &At::of(&["instruments"]),
            "no instrument is named",
            "such as BTCUSD: { tick: 0.01, lot: 0.001, price: { around: 50000, band: 2% } }",
        );
        return None;
    }
    spec.instruments
        .iter()
        .map(|(name, instrument)| {
            let at = At::of(&["instruments", &name.0]);
            one(&at, instrument, sheet).map(|instrument| (name.0.clone(), instrument))
        })
        .collect()
}

fn one(at: &At, spec: &InstrumentSpec, sheet: &Sheet) -> Option<Instrument> {
    let (tick, lot) = (spec.tick.0, spec.lot.0);
    for (field, step) in [("tick", tick), ("lot", lot)] {
        if !step.is_positive() {
            sheet.refuse_with(
                &at.to(field),
                format!("a {field} of {step} is no step"),
                "write a number above 0, such as 0.01",
            );
        }
    }
    if !tick.is_positive() || !lot.is_positive() {
        return None;
    }
    let (around_ticks, band_ticks) = band(at, spec, tick, sheet)?;
    let oversized_lots = match &spec.max {
        None => None,
        Some(max) => Some(above(&at.to("max"), max.0, lot, sheet)?),
    };
    let largest_lots = oversized_lots.map_or(LARGEST_LOTS, |lots| LARGEST_LOTS.min(lots - 1));
    Some(Instrument {
        tick,
        lot,
        around_ticks,
        band_ticks,
        largest_lots,
        oversized_lots,
    })
}

/// Middle and half width of the price band, in ticks.
fn band(at: &At, spec: &InstrumentSpec, tick: Decimal, sheet: &Sheet) -> Option<(i64, i64)> {
    let price = at.to("price");
    let around = spec.price.around.0;
    let Some(around_ticks) = around.in_units_of(tick).filter(|ticks| *ticks > 0) else {
        sheet.refuse_with(
            &price.to("around"),
            format!("{around} is no whole number of ticks of {tick} above 0"),
            "prices are exact multiples of the tick",
        );
        return None;
    };
    let share = spec.price.band.fraction;
    let band_ticks = (around_ticks as f64 * share).floor() as i64;
    if share >= 1.0 || band_ticks < 1 {
        sheet.refuse_with(
            &price.to("band"),
            format!(
                "a band of {} around {around} is {}",
                super::human::share_text(share),
                if share >= 1.0 {
                    "down to nothing"
                } else {
                    "narrower than one tick"
                }
            ),
            "half its width, such as 2%",
        );
        return None;
    }
    Some((around_ticks, band_ticks))
}

/// One lot above the largest quantity.
fn above(at: &At, max: Decimal, lot: Decimal, sheet: &Sheet) -> Option<u32> {
    let lots = max
        .in_units_of(lot)
        .and_then(|lots| u32::try_from(lots).ok())
        .filter(|lots| *lots > 0 && *lots < u32::MAX);
    if lots.is_none() {
        sheet.refuse_with(
            at,
            format!(
                "{max} is no whole number of lots of {lot} above 0 (and below 4 thousand million)"
            ),
            "the largest quantity that the engine accepts",
        );
    }
    lots.map(|lots| lots + 1)
}
