//! What became of a message, as messages to its client.

use super::fields::Fields;
use super::orders::Unfit;
use super::wire::{Message, utc_now};
use crate::command::{Answer, Fill, RejectReason};
use crate::gateway::Outcome;
use crate::instruments::InstrumentId;
use crate::metrics::Counted;
use crate::state::OrderView;

/// Type and fields of a message to a client.
pub(super) type Report = (&'static str, Fields);

/// Whom a report is about, besides the answer.
pub(super) struct About<'a> {
    pub(super) asked: &'a Message,
    /// The order as this node has it now, if it has it.
    pub(super) order: Option<OrderView>,
    /// An id that no other report has.
    pub(super) unique: String,
}

/// How an outcome is counted, and what the client is told.
pub(super) fn reports(about: &About<'_>, outcome: &Outcome) -> (Counted, Vec<Report>) {
    match outcome {
        Outcome::Answered(answer) => answered(about, answer),
        Outcome::Unavailable(why) => (
            Counted::Unavailable,
            vec![business_reject(about.asked, 4, why.as_str())],
        ),
        Outcome::Unknown(why) => (
            Counted::Unknown,
            vec![business_reject(about.asked, 0, why.as_str())],
        ),
    }
}

/// The answer to what cannot be read.
pub(super) fn unfit(asked: &Message, unfit: Unfit) -> Report {
    let rejected = |tag: u32, reason: u32| {
        let fields = Fields::default()
            .maybe(45, asked.get(34))
            .with(371, tag)
            .with(372, asked.kind())
            .with(373, reason);
        ("3", fields)
    };
    match unfit {
        Unfit::Kind => business_reject(asked, 3, "this type of message is not known here"),
        Unfit::Missing(tag) => rejected(tag, 1),
        Unfit::Wrong(tag) => rejected(tag, 5),
    }
}

fn business_reject(asked: &Message, reason: u32, text: &str) -> Report {
    let fields = Fields::default()
        .maybe(45, asked.get(34))
        .with(372, asked.kind())
        .maybe(379, asked.get(11))
        .with(380, reason)
        .with(58, text);
    ("j", fields)
}

fn answered(about: &About<'_>, answer: &Answer) -> (Counted, Vec<Report>) {
    let cancel_reject = |reason, text| vec![cancel_reject(about, reason, text)];
    match answer {
        Answer::Accepted {
            order_id,
            sequence,
            instrument,
            filled_lots,
            remaining_lots,
            fills,
            ..
        } => {
            let left = filled_lots + remaining_lots;
            let mut reports = vec![("8", Fields::default().with(37, order_id).with(17, sequence))];
            reports[0].1 = execution(about, &reports[0].1, ["0", "0"])
                .with(151, instrument.get().quantity_text(left))
                .with(14, instrument.get().quantity_text(0))
                .with(6, 0);
            trades(about, *order_id, *instrument, left, fills, &mut reports);
            (Counted::Accepted, reports)
        }
        Answer::Rejected { reason } if about.asked.kind() == "D" => {
            let known = Fields::default().with(37, "NONE").with(17, &about.unique);
            let fields = execution(about, &known, ["8", "8"])
                .with(103, reason_number(*reason))
                .with(58, reason.as_str())
                .with(151, 0)
                .with(14, 0)
                .with(6, 0);
            (Counted::Rejected, vec![("8", fields)])
        }
        Answer::Rejected { reason } => (Counted::Rejected, cancel_reject(2, reason.as_str())),
        Answer::Cancelled { sequence } => {
            let known = Fields::default()
                .with(37, order_id(about))
                .with(17, sequence);
            let fields = execution(about, &known, ["4", "4"]);
            let fields = fields.with(151, 0).with(14, filled(about)).with(6, 0);
            (Counted::Cancelled, vec![("8", fields)])
        }
        Answer::Replaced {
            sequence,
            instrument,
            remaining_lots,
            fills,
        } => {
            let known = Fields::default()
                .with(37, order_id(about))
                .with(17, sequence);
            let left = remaining_lots + fills.iter().map(|fill| fill.lots).sum::<u64>();
            let fields = execution(about, &known, ["5", "0"])
                .with(151, instrument.get().quantity_text(left))
                .with(14, filled(about))
                .with(6, 0);
            let mut reports = vec![("8", fields)];
            let order_id = about.order.as_ref().map_or(0, |view| view.order.order_id);
            trades(about, order_id, *instrument, left, fills, &mut reports);
            (Counted::Replaced, reports)
        }
        Answer::TooLate { .. } => (Counted::TooLate, cancel_reject(0, "too-late")),
        Answer::UnknownOrder => (Counted::UnknownOrder, cancel_reject(1, "unknown-order")),
        Answer::Ended { .. } | Answer::Killed { .. } => (Counted::Cancelled, Vec::new()),
    }
}

/// One report for each execution on entry.
fn trades(
    about: &About<'_>,
    order_id: u64,
    instrument: InstrumentId,
    mut left: u64,
    fills: &[Fill],
    reports: &mut Vec<Report>,
) {
    let mut done = 0;
    for fill in fills {
        done += fill.lots;
        left = left.saturating_sub(fill.lots);
        let status = if left == 0 { "2" } else { "1" };
        let known = Fields::default()
            .with(37, order_id)
            .with(17, format_args!("{}T", fill.trade_id));
        let fields = execution(about, &known, ["F", status])
            .with(31, instrument.get().price_text(fill.price_ticks))
            .with(32, instrument.get().quantity_text(fill.lots))
            .with(151, instrument.get().quantity_text(left))
            .with(14, instrument.get().quantity_text(done))
            .with(6, 0);
        reports.push(("8", fields));
    }
}

/// What all execution reports have, after these fields; kind and status of the execution.
fn execution(about: &About<'_>, known: &Fields, [kind, status]: [&str; 2]) -> Fields {
    let asked = about.asked;
    [11, 41, 583, 1, 55, 54, 38, 40, 44]
        .into_iter()
        .fold(known.clone(), |fields, tag| {
            fields.maybe(tag, asked.get(tag))
        })
        .with(150, kind)
        .with(39, status)
        .with(60, utc_now())
}

fn cancel_reject(about: &About<'_>, reason: u32, text: &str) -> Report {
    let asked = about.asked;
    let fields = Fields::default()
        .with(37, order_id(about))
        .maybe(11, asked.get(11))
        .maybe(41, asked.get(41))
        .with(39, status(about))
        .with(434, if asked.kind() == "F" { 1 } else { 2 })
        .with(102, reason)
        .with(58, text);
    ("9", fields)
}

fn order_id(about: &About<'_>) -> String {
    let order = about.order.as_ref();
    order.map_or("NONE".to_owned(), |view| view.order.order_id.to_string())
}

fn filled(about: &About<'_>) -> String {
    about.order.as_ref().map_or("0".to_owned(), |view| {
        view.order
            .instrument
            .get()
            .quantity_text(view.order.filled_lots)
    })
}

/// OrdStatus of the order; of one that nobody knows, rejected.
fn status(about: &About<'_>) -> &'static str {
    use crate::command::OrderState;
    match about.order.as_ref().map(|view| view.order.state) {
        None => "8",
        Some(OrderState::Open) => "0",
        Some(OrderState::Filled) => "2",
        Some(OrderState::Cancelled) => "4",
    }
}

/// OrdRejReason.
pub(super) fn reason_number(reason: RejectReason) -> u32 {
    match reason {
        RejectReason::UnknownSymbol => 1,
        RejectReason::MaxOrderQuantity
        | RejectReason::MaxOpenOrders
        | RejectReason::ExposureLimit => 3,
        RejectReason::QuantityNotPositive | RejectReason::QuantityOffLot => 13,
        RejectReason::PriceNotPositive
        | RejectReason::PriceOffTick
        | RejectReason::PriceTooLarge
        | RejectReason::PriceMissing
        | RejectReason::QuantityNotAboveFilled
        | RejectReason::ConnectionEnded
        | RejectReason::KillSwitch
        | RejectReason::StopWaits => 99,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::wire::sealed;
    use crate::gateway::{Unavailable, Unknown};

    fn told(asked: &str, outcome: &Outcome) -> Vec<(String, Message)> {
        let body = asked.replace('|', "\x01");
        let asked = Message::take(&mut sealed(&body)).unwrap().unwrap();
        let about = About {
            asked: &asked,
            order: None,
            unique: "u1".to_owned(),
        };
        let (_, reports) = reports(&about, outcome);
        let read = reports.into_iter().map(|(kind, fields)| {
            let body = format!("35={kind}\x01{}", fields.text());
            let message = Message::take(&mut sealed(&body)).unwrap().unwrap();
            (kind.to_owned(), message)
        });
        read.collect()
    }

    #[test]
    fn an_acceptance_is_told_before_its_executions() {
        let fill = |trade_id, lots| Fill {
            trade_id,
            price_ticks: 5_000_000,
            lots,
        };
        let accepted = Outcome::Answered(Answer::Accepted {
            order_id: 7,
            sequence: 9,
            term: 1,
            instrument: crate::instruments::find("BTCUSD").unwrap(),
            filled_lots: 5,
            remaining_lots: 0,
            fills: vec![fill(3, 2), fill(4, 3)],
        });
        let told = told("35=D|34=2|11=a|55=BTCUSD|54=1|38=0.005|", &accepted);
        let fields: Vec<[&str; 5]> = told
            .iter()
            .map(|(_, report)| [150, 39, 17, 151, 14].map(|tag| report.get(tag).unwrap()))
            .collect();
        assert_eq!(
            fields,
            [
                ["0", "0", "9", "0.005", "0.000"],
                ["F", "1", "3T", "0.003", "0.002"],
                ["F", "2", "4T", "0.000", "0.005"],
            ]
        );
        assert!(told.iter().all(|(_, report)| report.get(11) == Some("a")));
    }

    #[test]
    fn what_nobody_knows_is_no_rejection() {
        let asked = "35=D|34=2|11=a|";
        for (outcome, reason) in [
            (Outcome::Unavailable(Unavailable::NoLeader), "4"),
            (Outcome::Unknown(Unknown::TimedOut), "0"),
        ] {
            let told = told(asked, &outcome);
            assert_eq!((told.len(), told[0].0.as_str()), (1, "j"));
            let fields = [45, 379, 380].map(|tag| told[0].1.get(tag).unwrap());
            assert_eq!(fields, ["2", "a", reason]);
        }
    }

    #[test]
    fn a_cancel_that_is_refused_is_no_execution() {
        let told = told(
            "35=F|34=2|11=c|41=a|",
            &Outcome::Answered(Answer::UnknownOrder),
        );
        assert_eq!(told[0].0, "9");
        let fields = [11, 41, 434, 102].map(|tag| told[0].1.get(tag).unwrap());
        assert_eq!(fields, ["c", "a", "1", "1"]);
    }
}
