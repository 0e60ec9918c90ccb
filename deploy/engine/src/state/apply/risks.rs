//! What orders add to what their sessions risk, and when that is too much.

use super::terms::{Terms, quantity_lots};
use crate::command::{NewOrder, RejectReason};
use crate::state::{Exchange, Order};

impl Exchange {
    pub(super) fn check_risk(&self, new: &NewOrder<'_>, terms: &Terms) -> Result<(), RejectReason> {
        let Some(risk) = new.risk else {
            return Ok(());
        };
        let (instrument, lots) = (terms.instrument, terms.lots);
        let asked = quantity_lots(instrument.get(), risk.limit)?;
        match self.exposures.allows(risk.session, instrument, lots, asked) {
            true => Ok(()),
            false => Err(RejectReason::ExposureLimit),
        }
    }

    /// Whether an open order may have so many lots in all.
    pub(super) fn check_replace(&self, order: &Order, lots: u64) -> Result<(), RejectReason> {
        if lots > order.instrument.get().max_order_lots {
            return Err(RejectReason::MaxOrderQuantity);
        }
        if lots <= order.filled_lots {
            return Err(RejectReason::QuantityNotAboveFilled);
        }
        let more = lots.saturating_sub(order.lots);
        match order.risk {
            Some(session) if !self.exposures.allows_more(session, order.instrument, more) => {
                Err(RejectReason::ExposureLimit)
            }
            Some(_) | None => Ok(()),
        }
    }

    /// An order enters: the number of its session, which risks it from now on.
    pub(super) fn expose(&mut self, new: &NewOrder<'_>, terms: &Terms, lots: u64) -> Option<u32> {
        let risk = new.risk?;
        let session = self.exposures.number(risk.session);
        if let Ok(asked) = quantity_lots(terms.instrument.get(), risk.limit) {
            self.exposures.agree(session, terms.instrument, asked);
        }
        self.exposures.add(session, terms.instrument, lots);
        Some(session)
    }

    /// An order of which so many lots counted is as it is now.
    pub(super) fn exposed(&mut self, order: &Order, before: u64) {
        let Some(session) = order.risk else {
            return;
        };
        self.exposures.remove(session, order.instrument, before);
        let lots = order.exposed_lots();
        self.exposures.add(session, order.instrument, lots);
    }
}
