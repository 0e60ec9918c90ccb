//! What a FIX engine says about orders: which message it is about, and the outcome that it is.

use std::collections::VecDeque;

use shakedown_record::Outcome;
use shakedown_record::ledger::OrderKind;

use crate::fix::{Message, tags};

/// Whom a message answers.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answered<'a> {
    /// The message with this ClOrdID.
    Id(&'a str),
    /// The message of this slot.
    Slot(u64),
    Nothing,
}

/// Whom a message answers; `sent` are numbers of messages and their slots, ascending.
pub(super) fn answered<'a>(message: &Message<'a>, sent: &VecDeque<(u64, u64)>) -> Answered<'a> {
    let by_id = |tag: u32| message.text(tag).map(Answered::Id);
    let by_number = || {
        let number = message.number(tags::REF_SEQ_NUM)?;
        let at = sent
            .binary_search_by_key(&number, |(number, _)| *number)
            .ok()?;
        Some(Answered::Slot(sent[at].1))
    };
    let found = match message.kind() {
        b"8" | b"9" => by_id(tags::CL_ORD_ID),
        b"j" => by_id(tags::BUSINESS_REJECT_REF_ID).or_else(by_number),
        b"3" => by_number(),
        _ => None,
    };
    found.unwrap_or(Answered::Nothing)
}

/// What a message means for what was asked; `None` when it is not the last word (pending).
pub(super) fn outcome(message: &Message<'_>, asked: OrderKind) -> Option<Outcome> {
    match message.kind() {
        b"8" => report(message, asked),
        // A cancel or replace that was refused changed nothing.
        b"9" => Some(Outcome::Rejected),
        b"j" => Some(business_reject(
            message.number(tags::BUSINESS_REJECT_REASON),
        )),
        _ => Some(Outcome::BadResponse),
    }
}

/// By ExecType; where that only says that something is told, by OrdStatus.
fn report(message: &Message<'_>, asked: OrderKind) -> Option<Outcome> {
    let [exec_type, status] = message.pick([tags::EXEC_TYPE, tags::ORD_STATUS]);
    let exec_type = match exec_type {
        // Order status: as the order stands.
        Some(b"I") | None => status,
        known => known,
    };
    let is_new = match asked {
        OrderKind::New | OrderKind::Oversized | OrderKind::Request => true,
        OrderKind::Cancel | OrderKind::Replace => false,
    };
    match (exec_type, asked) {
        (Some(b"A" | b"6" | b"E"), _) => None,
        (Some(b"8"), _) => Some(Outcome::Rejected),
        // New, traded, done for the day, stopped, expired, cancelled by the engine: it was accepted before.
        (Some(b"0" | b"1" | b"2" | b"F" | b"3" | b"7" | b"C" | b"4" | b"9" | b"D"), _)
            if is_new =>
        {
            Some(Outcome::Acked)
        }
        (Some(b"4"), OrderKind::Cancel) | (Some(b"5"), OrderKind::Replace) => Some(Outcome::Acked),
        // It traded while the replace was on its way: the report about the replace is another one.
        (Some(b"F" | b"1" | b"2"), _) => None,
        (_, _) => Some(Outcome::BadResponse),
    }
}

/// By BusinessRejectReason. What the application never looked at is definite; "other" and "not available" are not.
fn business_reject(reason: Option<u64>) -> Outcome {
    match reason {
        // Throttle limit exceeded, as later versions of FIX number it.
        Some(8) => Outcome::Throttled,
        // Unknown id, unknown security, unsupported message type, field missing, not authorised, firm not available.
        Some(1 | 2 | 3 | 5 | 6 | 7) => Outcome::Rejected,
        _ => Outcome::BadResponse,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::{Next, Pen, next};

    fn with<T>(kind: &str, fields: &[(u32, &str)], look: impl FnOnce(&Message<'_>) -> T) -> T {
        let mut pen = Pen::default();
        pen.begin(kind.as_bytes());
        fields.iter().for_each(|(tag, value)| pen.text(*tag, value));
        let mut bytes = Vec::new();
        pen.finish(&mut bytes);
        let Ok(Next::Message { message, .. }) = next(&bytes) else {
            panic!("{:?}", next(&bytes));
        };
        look(&message)
    }

    fn execution(exec_type: &str, status: &str, asked: OrderKind) -> Option<Outcome> {
        let fields = [(tags::EXEC_TYPE, exec_type), (tags::ORD_STATUS, status)];
        with("8", &fields, |message| outcome(message, asked))
    }

    #[test]
    fn only_what_was_asked_is_acknowledged() {
        use OrderKind::{Cancel, New, Replace};
        for (exec_type, status, asked, expected) in [
            ("0", "0", New, Some(Outcome::Acked)),
            ("F", "1", New, Some(Outcome::Acked)),
            ("4", "4", New, Some(Outcome::Acked)),
            ("8", "8", New, Some(Outcome::Rejected)),
            ("A", "A", New, None),
            ("5", "0", New, Some(Outcome::BadResponse)),
            ("4", "4", Cancel, Some(Outcome::Acked)),
            ("6", "6", Cancel, None),
            ("0", "0", Cancel, Some(Outcome::BadResponse)),
            ("5", "0", Replace, Some(Outcome::Acked)),
            ("E", "E", Replace, None),
            ("F", "1", Replace, None),
            ("4", "4", Replace, Some(Outcome::BadResponse)),
            ("I", "0", New, Some(Outcome::Acked)),
            ("I", "8", New, Some(Outcome::Rejected)),
            ("I", "A", New, None),
            ("Z", "0", New, Some(Outcome::BadResponse)),
        ] {
            let found = execution(exec_type, status, asked);
            assert_eq!(found, expected, "{exec_type} {status} {asked:?}");
        }
    }

    #[test]
    fn rejects_are_definite_where_they_say_so() {
        let found = with("9", &[], |message| outcome(message, OrderKind::Cancel));
        assert_eq!(found, Some(Outcome::Rejected));
        let found = with("3", &[], |message| outcome(message, OrderKind::New));
        assert_eq!(found, Some(Outcome::BadResponse));
        for (reason, expected) in [
            ("8", Outcome::Throttled),
            ("3", Outcome::Rejected),
            ("0", Outcome::BadResponse),
            ("4", Outcome::BadResponse),
        ] {
            let fields = [(tags::BUSINESS_REJECT_REASON, reason)];
            let found = with("j", &fields, |message| outcome(message, OrderKind::New));
            assert_eq!(found, Some(expected), "{reason}");
        }
    }

    #[test]
    fn a_reject_is_traced_back_by_its_number() {
        let sent = VecDeque::from([(3, 30), (5, 50)]);
        let by = |kind: &str, fields: &[(u32, &str)]| {
            with(kind, fields, |message| match answered(message, &sent) {
                Answered::Id(id) => id.to_string(),
                Answered::Slot(slot) => slot.to_string(),
                Answered::Nothing => "nothing".to_string(),
            })
        };
        assert_eq!(by("3", &[(45, "5")]), "50");
        assert_eq!(by("3", &[(45, "4")]), "nothing");
        assert_eq!(by("j", &[(45, "3")]), "30");
        assert_eq!(by("j", &[(45, "3"), (379, "a-9")]), "a-9");
        assert_eq!(by("8", &[(11, "a-1"), (41, "a-0")]), "a-1");
        assert_eq!(by("B", &[(11, "a-1")]), "nothing");
    }
}
