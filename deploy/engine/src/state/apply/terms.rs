//! From numbers as written to ticks and lots, by the instrument's rules.

use crate::command::{NewOrder, OrderType, RejectReason};
use crate::decimal::{Decimal, StepError};
use crate::instruments::{self, Instrument, InstrumentId};

/// A new order in ticks and lots.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub instrument: InstrumentId,
    pub price_ticks: Option<u64>,
    pub stop_ticks: Option<u64>,
    pub lots: u64,
}

/// Turns a new order into ticks and lots, or says which rule it breaks.
pub(super) fn terms(new: &NewOrder<'_>) -> Result<Terms, RejectReason> {
    let instrument = instruments::find(new.symbol).ok_or(RejectReason::UnknownSymbol)?;
    let limit_ticks = match (new.order_type, new.price) {
        (OrderType::Limit, Some(price)) => Some(price_ticks(instrument.get(), price)?),
        (OrderType::Limit, None) => return Err(RejectReason::PriceMissing),
        (OrderType::Market, _) => None,
    };
    let stop = new.timed.stop;
    let stop_ticks = stop
        .map(|price| price_ticks(instrument.get(), price))
        .transpose()?;
    let lots = quantity_lots(instrument.get(), new.quantity)?;
    Ok(Terms {
        instrument,
        price_ticks: limit_ticks,
        stop_ticks,
        lots,
    })
}

pub(super) fn price_ticks(instrument: &Instrument, price: Decimal) -> Result<u64, RejectReason> {
    price
        .steps(instrument.price_decimals)
        .map_err(|error| match error {
            StepError::OffStep => RejectReason::PriceOffTick,
            StepError::NotPositive => RejectReason::PriceNotPositive,
            StepError::TooLarge => RejectReason::PriceTooLarge,
        })
}

pub(super) fn quantity_lots(
    instrument: &Instrument,
    quantity: Decimal,
) -> Result<u64, RejectReason> {
    quantity
        .steps(instrument.quantity_decimals)
        .map_err(|error| match error {
            StepError::OffStep => RejectReason::QuantityOffLot,
            StepError::NotPositive => RejectReason::QuantityNotPositive,
            StepError::TooLarge => RejectReason::MaxOrderQuantity,
        })
}
