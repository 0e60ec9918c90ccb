//! The foreign engine's orders: pure state, no sockets.

use std::collections::HashMap;

use serde_json::{Value, json};

/// Ids begin beyond the largest signed 64-bit number: whoever reads them as doubles or as `i64` loses digits.
const FIRST_REF: u64 = 9_223_372_036_854_776_001;

/// An order of more lots than this is refused.
const LARGEST_SIZE: f64 = 100.0;

/// A new order as the client sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewOrder {
    pub instrument: String,
    /// `B` or `S`.
    pub dir: String,
    pub limit_px: String,
    pub size: String,
}

/// Why an order was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub reason: String,
}

/// What a cancel came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelOutcome {
    Cancelled,
    AlreadyDone,
    Unknown,
}

/// Every order that was acknowledged.
#[derive(Debug, Default)]
pub struct Book {
    orders: HashMap<u64, (NewOrder, bool)>,
    acknowledged: u64,
}

impl NewOrder {
    /// Reads an order from the body of a request.
    ///
    /// # Errors
    /// When a field is missing or wrong.
    pub fn parse(body: &[u8]) -> Result<NewOrder, Refusal> {
        let refuse = |reason: &str| Refusal {
            reason: reason.to_string(),
        };
        let body: Value =
            serde_json::from_slice(body).map_err(|error| refuse(&error.to_string()))?;
        let text = |field: &str| {
            body.get(field)
                .and_then(Value::as_str)
                .map(str::to_string)
                .ok_or_else(|| refuse(&format!("{field} is missing")))
        };
        let order = NewOrder {
            instrument: text("instrument")?,
            dir: text("dir")?,
            limit_px: text("limit_px")?,
            size: text("size")?,
        };
        let number = |text: &str| text.parse::<f64>().ok().filter(|value| *value > 0.0);
        if order.dir != "B" && order.dir != "S" {
            return Err(refuse("dir is B or S"));
        }
        if number(&order.limit_px).is_none() {
            return Err(refuse("limit_px is no price"));
        }
        match number(&order.size) {
            Some(size) if size <= LARGEST_SIZE => Ok(order),
            Some(_) => Err(refuse("size is above the limit")),
            None => Err(refuse("size is no quantity")),
        }
    }
}

impl Book {
    /// Acknowledges an order, and keeps it unless `forget`; returns its id and its sequence number.
    pub fn accept(&mut self, order: NewOrder, forget: bool) -> (u64, u64) {
        self.acknowledged += 1;
        let reference = FIRST_REF + 2 * self.acknowledged;
        if !forget {
            self.orders.insert(reference, (order, true));
        }
        (reference, self.acknowledged)
    }

    /// Orders that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// Cancels an order.
    pub fn cancel(&mut self, reference: u64) -> CancelOutcome {
        match self.orders.get_mut(&reference) {
            None => CancelOutcome::Unknown,
            Some((_, open)) if *open => {
                *open = false;
                CancelOutcome::Cancelled
            }
            Some(_) => CancelOutcome::AlreadyDone,
        }
    }

    /// An order as the engine reports it.
    pub fn row(&self, reference: u64) -> Option<Value> {
        let (order, open) = self.orders.get(&reference)?;
        Some(json!({
            "ref": reference,
            "instrument": order.instrument,
            "dir": order.dir,
            "limit_px": order.limit_px,
            "size": order.size,
            "status": if *open { "WORKING" } else { "CANCELLED" },
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(size: &str) -> Result<NewOrder, Refusal> {
        let body = json!({"instrument": "XBT", "dir": "B", "limit_px": "10.5", "size": size});
        NewOrder::parse(body.to_string().as_bytes())
    }

    #[test]
    fn an_order_lives_until_it_is_cancelled_once() {
        let mut book = Book::default();
        let (reference, sequence) = book.accept(order("1").unwrap(), false);
        assert!(reference > i64::MAX as u64 && sequence == 1);
        assert_eq!(book.row(reference).unwrap()["status"], "WORKING");
        assert_eq!(book.cancel(reference), CancelOutcome::Cancelled);
        assert_eq!(book.cancel(reference), CancelOutcome::AlreadyDone);
        assert_eq!(book.cancel(reference + 1), CancelOutcome::Unknown);
    }

    #[test]
    fn too_large_and_not_a_number_are_refused() {
        assert!(order("101").is_err());
        assert!(order("-1").is_err());
        assert!(order("many").is_err());
        assert!(NewOrder::parse(b"{}").is_err());
    }
}
