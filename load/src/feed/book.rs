//! What messages tell of the books. Pure; only where a rule asks for it.

use serde_json::Value;
use shakedown_record::Decimal;
use shakedown_record::feed_book::{BookEvent, BookFill, BookRow, Named};
use shakedown_record::ledger::Side;
use shakedown_scenarios::plan::{FeedBookPlan, JsonPointer};

/// Reads messages of one feed.
#[derive(Debug)]
pub(super) struct BookReader {
    plan: FeedBookPlan,
    order: Option<JsonPointer>,
    prefix: String,
    /// How the profile calls a buy and a sell.
    sides: [String; 2],
    snapshot: Listing,
}

/// How far the list of what rests has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    NotBegun,
    Begun,
    Whole,
}

impl BookReader {
    pub(super) fn new(
        plan: FeedBookPlan,
        order: Option<JsonPointer>,
        prefix: String,
        sides: [String; 2],
    ) -> BookReader {
        BookReader {
            plan,
            order,
            prefix,
            sides,
            snapshot: Listing::NotBegun,
        }
    }

    /// Everything that rests has been told.
    pub(super) fn is_whole(&self) -> bool {
        self.snapshot == Listing::Whole
    }

    /// A connection begins: a list that was cut off is told anew.
    pub(super) fn begin(&mut self) {
        if self.snapshot == Listing::Begun {
            self.snapshot = Listing::NotBegun;
        }
    }

    /// What the message with this number tells, in rows.
    pub(super) fn read(&mut self, message: &[u8], received_ns: u64, sequence: u64) -> Vec<BookRow> {
        let row = |event| BookRow::new(received_ns, sequence, event);
        let Ok(message) = serde_json::from_slice::<Value>(message) else {
            return vec![row(BookEvent::Other)];
        };
        match self.event(&message) {
            BookEvent::Snapshot => self.list(&message, row),
            BookEvent::Other => vec![row(BookEvent::Other)],
            event => vec![self.changed(&message, row(event))],
        }
    }

    fn event(&self, message: &Value) -> BookEvent {
        let word = text_at(message, &self.plan.event).unwrap_or_default();
        let is_in = |words: &[String]| words.contains(&word);
        let snapshot = self.plan.snapshot.as_ref();
        match () {
            () if is_in(&self.plan.accepted) => BookEvent::Accepted,
            () if is_in(&self.plan.replaced) => BookEvent::Replaced,
            () if is_in(&self.plan.cancelled) => BookEvent::Cancelled,
            () if snapshot.is_some_and(|it| is_in(&it.events)) => BookEvent::Snapshot,
            () => BookEvent::Other,
        }
    }

    fn changed(&self, message: &Value, row: BookRow) -> BookRow {
        let plan = &self.plan;
        let fills = message.pointer(&plan.fills.0).and_then(Value::as_array);
        let fill = |entry: &Value| BookFill {
            maker: self.named(entry, &plan.fill_maker),
            quantity: decimal_at(entry, &plan.fill_quantity),
        };
        BookRow {
            quantity: decimal_at(message, &plan.quantity),
            remaining: plan
                .remaining
                .as_ref()
                .and_then(|at| decimal_at(message, at)),
            fills: fills.into_iter().flatten().map(fill).collect(),
            ..self.placed(message, row)
        }
    }

    /// Which order, and where it stands.
    fn placed(&self, entry: &Value, row: BookRow) -> BookRow {
        BookRow {
            order: self.order.as_ref().and_then(|at| self.named(entry, at)),
            symbol: text_at(entry, &self.plan.symbol).filter(|text| is_plain(text)),
            side: self.side(entry),
            price: decimal_at(entry, &self.plan.price),
            ..row
        }
    }

    fn list(&mut self, message: &Value, row: impl Fn(BookEvent) -> BookRow) -> Vec<BookRow> {
        let Some(snapshot) = &self.plan.snapshot else {
            return Vec::new();
        };
        let mut rows = Vec::new();
        if self.snapshot != Listing::Begun {
            rows.push(row(BookEvent::Snapshot));
        }
        let rests = self.plan.remaining.as_ref().unwrap_or(&self.plan.quantity);
        let listed = message
            .pointer(&snapshot.orders.0)
            .and_then(Value::as_array);
        rows.extend(listed.into_iter().flatten().map(|entry| BookRow {
            remaining: decimal_at(entry, rests),
            ..self.placed(entry, row(BookEvent::Listed))
        }));
        let more = snapshot.more.as_ref().and_then(|at| message.pointer(&at.0));
        self.snapshot = match more.and_then(Value::as_bool) {
            Some(true) => Listing::Begun,
            Some(false) | None => {
                rows.push(row(BookEvent::Whole));
                Listing::Whole
            }
        };
        rows
    }

    fn named(&self, value: &Value, at: &JsonPointer) -> Option<Named> {
        Named::of(&text_at(value, at)?, &self.prefix)
    }

    fn side(&self, value: &Value) -> Option<Side> {
        let text = text_at(value, &self.plan.side)?;
        let [buy, sell] = &self.sides;
        if text.eq_ignore_ascii_case(buy) {
            return Some(Side::Buy);
        }
        text.eq_ignore_ascii_case(sell).then_some(Side::Sell)
    }
}

/// Fits into a table.
fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b',')
}

fn text_at(value: &Value, at: &JsonPointer) -> Option<String> {
    match value.pointer(&at.0)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn decimal_at(value: &Value, at: &JsonPointer) -> Option<Decimal> {
    text_at(value, at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::FeedSnapshotPlan;

    use super::*;

    fn reader() -> BookReader {
        let pointer = |text: &str| JsonPointer(text.into());
        let plan = FeedBookPlan {
            event: pointer("/type"),
            accepted: vec!["A".into(), "F".into()],
            replaced: vec!["U".into()],
            cancelled: vec!["D".into()],
            symbol: pointer("/s"),
            side: pointer("/side"),
            price: pointer("/px"),
            quantity: pointer("/qty"),
            remaining: Some(pointer("/left")),
            fills: pointer("/trades"),
            fill_maker: pointer("/with"),
            fill_quantity: pointer("/qty"),
            snapshot: Some(FeedSnapshotPlan {
                path: "/feed?all".into(),
                events: vec!["S".into()],
                orders: pointer("/book"),
                more: Some(pointer("/more")),
            }),
        };
        let sides = ["B".to_string(), "S".to_string()];
        BookReader::new(plan, Some(pointer("/id")), "t".into(), sides)
    }

    fn read(reader: &mut BookReader, text: &str) -> Vec<BookRow> {
        reader.read(text.as_bytes(), 5, 17)
    }

    fn decimal(text: &str) -> Option<Decimal> {
        text.parse().ok()
    }

    #[test]
    fn a_message_says_what_became_of_an_order_and_whom_it_traded_with() {
        let text = r#"{"type":"F","id":"t-4","s":"XAU","side":"b","px":"50.10","qty":3,"left":1.5,
                       "trades":[{"with":"t-s0","qty":"1"},{"with":"other","qty":0.5},{"qty":"x"}]}"#;
        let fill = |maker: Option<Named>, quantity: &str| BookFill {
            maker,
            quantity: decimal(quantity),
        };
        let expected = BookRow {
            order: Some(Named::Slot(4)),
            symbol: Some("XAU".into()),
            side: Some(Side::Buy),
            price: decimal("50.1"),
            quantity: decimal("3"),
            remaining: decimal("1.5"),
            fills: vec![
                fill(Some(Named::Sentinel(0)), "1"),
                fill(Some(Named::Other("other".into())), "0.5"),
                fill(None, "x"),
            ],
            ..BookRow::new(5, 17, BookEvent::Accepted)
        };
        assert_eq!(read(&mut reader(), text), [expected]);
    }

    #[test]
    fn what_cannot_be_understood_is_left_out_and_other_messages_change_nothing() {
        let text = r#"{"type":"D","id":"a,b","s":"a\nb","side":"up","px":true,"trades":7}"#;
        let nothing = BookRow::new(5, 17, BookEvent::Cancelled);
        assert_eq!(read(&mut reader(), text), [nothing]);
        for text in [r#"{"type":"heartbeat"}"#, "{}", "no json"] {
            let rows = read(&mut reader(), text);
            assert_eq!(rows, [BookRow::new(5, 17, BookEvent::Other)], "{text}");
        }
    }

    fn events(rows: &[BookRow]) -> Vec<BookEvent> {
        rows.iter().map(|row| row.event).collect()
    }

    #[test]
    fn what_rests_comes_in_parts_and_begins_again_when_it_was_cut_off() {
        use BookEvent::{Listed, Snapshot, Whole};
        let first = r#"{"type":"S","more":true,"book":[{"id":"t-4","s":"XAU","side":"S","px":1,"left":"2"}]}"#;
        let last = r#"{"type":"S","more":false,"book":[{"id":"t-5"}]}"#;
        let mut reader = reader();
        let rows = read(&mut reader, first);
        assert_eq!(events(&rows), [Snapshot, Listed]);
        assert_eq!(
            (rows[1].remaining, rows[1].side),
            (decimal("2"), Some(Side::Sell))
        );
        assert!(!reader.is_whole());
        reader.begin();
        assert_eq!(events(&read(&mut reader, first)), [Snapshot, Listed]);
        assert_eq!(events(&read(&mut reader, last)), [Listed, Whole]);
        assert!(reader.is_whole());
        reader.begin();
        assert!(reader.is_whole());
    }
}
