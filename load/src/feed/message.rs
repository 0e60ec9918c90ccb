//! What a message of the feed says. Pure, and without an allocation for a message.

use shakedown_record::feed::FeedRow;
use shakedown_scenarios::plan::FeedPlan;

use crate::http::{json_at, text_of};

/// Both clocks of this machine at one moment, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) mono_ns: u64,
    /// Since 1970.
    pub(super) wall_ns: u64,
}

/// Reads messages of one feed.
#[derive(Debug)]
pub(super) struct Reader {
    plan: FeedPlan,
    prefix: String,
}

impl Reader {
    pub(super) fn new(plan: FeedPlan, prefix: String) -> Reader {
        Reader { plan, prefix }
    }

    /// What a message says; `None` when it has no sequence number.
    pub(super) fn read(&self, message: &[u8], now: Now) -> Option<FeedRow> {
        let sequence = text_of(json_at(message, &self.plan.sequence)?)?;
        Some(FeedRow {
            received_ns: now.mono_ns,
            sequence: sequence.parse().ok()?,
            age_ns: self.age_ns(message, now.wall_ns),
            slot: self.slot(message),
        })
    }

    /// How old the message is; `None` when it states no time.
    fn age_ns(&self, message: &[u8], wall_ns: u64) -> Option<i64> {
        let made = self.plan.made.as_ref()?;
        let text = text_of(json_at(message, &made.at)?)?;
        let at_ns = match text.parse::<u64>() {
            Ok(whole) => i128::from(whole) * i128::from(made.unit_ns),
            // Fractions of a unit: a float has no more digits than these times have.
            Err(_) => (text.parse::<f64>().ok()? * made.unit_ns as f64) as i128,
        };
        let age_ns = i128::from(wall_ns) - at_ns;
        Some(age_ns.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64)
    }

    /// The order of ours that the message names.
    fn slot(&self, message: &[u8]) -> Option<u64> {
        let id = text_of(json_at(message, self.plan.order.as_ref()?)?)?;
        let number = id.strip_prefix(self.prefix.as_str())?.strip_prefix('-')?;
        let is_plain = number == "0" || !number.starts_with(['0', '+']);
        number.parse().ok().filter(|_| is_plain)
    }
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::{JsonPointer, MadeAt};

    use super::*;

    const NOW: Now = Now {
        mono_ns: 5,
        wall_ns: 1_790_000_000_000_000_500,
    };

    fn reader(unit_ns: u64) -> Reader {
        let pointer = |text: &str| JsonPointer(text.into());
        let plan = FeedPlan {
            path: "/feed".into(),
            sequence: pointer("/seq"),
            made: Some(MadeAt {
                at: pointer("/at"),
                unit_ns,
            }),
            order: Some(pointer("/order/id")),
            book: None,
            clock_error_ns: None,
        };
        Reader::new(plan, "t".into())
    }

    fn row(text: &str, unit_ns: u64) -> Option<FeedRow> {
        reader(unit_ns).read(text.as_bytes(), NOW)
    }

    #[test]
    fn a_message_has_a_number_an_age_and_an_order() {
        let text = r#"{"seq":"17","at":1790000000000000000,"order":{"id":"t-4"}}"#;
        let expected = FeedRow {
            received_ns: 5,
            sequence: 17,
            age_ns: Some(500),
            slot: Some(4),
        };
        assert_eq!(row(text, 1), Some(expected));
    }

    #[test]
    fn times_are_whole_or_not_and_may_lie_ahead() {
        let age = |text: &str, unit_ns| row(text, unit_ns).unwrap().age_ns;
        assert_eq!(
            age(r#"{"seq":1,"at":1790000001}"#, 1_000_000_000),
            Some(-999_999_500)
        );
        let half = age(r#"{"seq":1,"at":1789999999.5}"#, 1_000_000_000).unwrap();
        assert!((half - 500_000_500).abs() < 1_000, "{half}");
        assert_eq!(age(r#"{"seq":1,"at":"soon"}"#, 1), None);
    }

    #[test]
    fn what_has_no_number_is_no_message_and_orders_of_others_are_not_ours() {
        for text in ["", "{}", r#"{"seq":null}"#, r#"{"seq":-1}"#, "[1]"] {
            assert_eq!(row(text, 1), None, "{text}");
        }
        for id in ["u-4", "t-04", "t-", "t", "tt-4"] {
            let text = format!(r#"{{"seq":1,"order":{{"id":"{id}"}}}}"#);
            assert_eq!(row(&text, 1).unwrap().slot, None, "{id}");
        }
    }
}
