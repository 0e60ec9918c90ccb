//! What trading systems say over FIX, and what they are told: orders and cancels in, execution reports out. Pure.

use shakedown_record::Decimal;
use shakedown_record::venue::{ReportKind, VenueOrder, VenueReport};

use super::desk::Order;
use crate::fix::{Message, Pen, UtcTime, tags};

/// What a message asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asked {
    New(VenueOrder),
    /// Of the order `id`; `request` is the cancel's own id.
    Cancel {
        id: String,
        request: String,
    },
    Unfit(Unfit),
    /// A Reject of the session layer: the system did not understand us, for this reason.
    Complaint(String),
}

/// A message that cannot be done, as BusinessMessageReject tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unfit {
    number: u64,
    kind: String,
    /// BusinessRejectReason.
    reason: u64,
    pub(super) why: String,
}

const UNSUPPORTED_TYPE: u64 = 3;
const FIELD_MISSING: u64 = 5;

/// Reads an application message of a session; `tag` is the field with the id of what caused an order.
pub(super) fn read(message: &Message<'_>, session: &str, tag: u32) -> Asked {
    let unfit = |reason: u64, why: String| {
        Asked::Unfit(Unfit {
            number: message.number(tags::MSG_SEQ_NUM).unwrap_or(0),
            kind: String::from_utf8_lossy(message.kind()).into_owned(),
            reason,
            why,
        })
    };
    let read = match message.kind() {
        b"D" => order(message, session, tag).map(Asked::New),
        b"F" => cancel(message),
        b"3" => {
            let text = message.text(tags::TEXT).unwrap_or("without a text");
            return Asked::Complaint(format!("a Reject came: {text}"));
        }
        kind => {
            let kind = String::from_utf8_lossy(kind);
            return unfit(
                UNSUPPORTED_TYPE,
                format!("the venue does not take messages of type {kind}"),
            );
        }
    };
    read.unwrap_or_else(|why| unfit(FIELD_MISSING, why))
}

fn order(message: &Message<'_>, session: &str, tag: u32) -> Result<VenueOrder, String> {
    let side = match message.get(tags::SIDE) {
        Some(b"1") => "buy",
        Some(b"2") => "sell",
        Some(_) | None => return Err("field 54 is neither 1 nor 2".to_string()),
    };
    if message.get(tags::ORD_TYPE).is_some_and(|kind| kind != b"2") {
        return Err("field 40 is not 2: the venue takes limit orders".to_string());
    }
    Ok(VenueOrder {
        session: session.to_string(),
        id: needed(message, tags::CL_ORD_ID)?,
        tag: message.text(tag).map(str::to_string),
        symbol: needed(message, tags::SYMBOL)?,
        side: side.to_string(),
        price: needed(message, tags::PRICE)?,
        quantity: needed(message, tags::ORDER_QTY)?,
    })
}

fn cancel(message: &Message<'_>) -> Result<Asked, String> {
    Ok(Asked::Cancel {
        id: needed(message, tags::ORIG_CL_ORD_ID)?,
        request: needed(message, tags::CL_ORD_ID)?,
    })
}

fn needed(message: &Message<'_>, tag: u32) -> Result<String, String> {
    match message.text(tag).filter(|text| !text.is_empty()) {
        Some(text) => Ok(text.to_string()),
        None => Err(format!("field {tag} is missing")),
    }
}

impl Unfit {
    /// The fields of a BusinessMessageReject.
    pub(super) fn write(&self, pen: &mut Pen) {
        pen.number(tags::REF_SEQ_NUM, self.number);
        pen.text(tags::REF_MSG_TYPE, &self.kind);
        pen.number(tags::BUSINESS_REJECT_REASON, self.reason);
        pen.text(tags::TEXT, &self.why);
    }
}

/// The type of the message that tells a report.
pub(super) fn kind(report: ReportKind) -> &'static [u8] {
    match report {
        ReportKind::CancelRejected => b"9",
        ReportKind::Accepted
        | ReportKind::Rejected
        | ReportKind::Filled
        | ReportKind::Cancelled => b"8",
    }
}

/// Writes the fields of a report. What they say follows from the report, and for the last one of an order from the order: so
/// it is the same whenever it is written.
pub(super) fn write(report: &VenueReport, order: Option<&Order>, at: &UtcTime, pen: &mut Pen) {
    let reason = report.reason.as_deref();
    pen.text(tags::ORDER_ID, order.map_or("NONE", |_| &report.id));
    match &report.request {
        Some(request) => {
            pen.text(tags::CL_ORD_ID, request);
            pen.text(tags::ORIG_CL_ORD_ID, &report.id);
        }
        None => pen.text(tags::CL_ORD_ID, &report.id),
    }
    match report.report {
        ReportKind::CancelRejected => {
            pen.text(tags::ORD_STATUS, status(order));
            pen.text(tags::CXL_REJ_RESPONSE_TO, "1");
            let is_unknown = u64::from(order.is_none());
            pen.number(tags::CXL_REJ_REASON, is_unknown);
        }
        ReportKind::Accepted => execution(report, order, ["0", "0"], pen),
        ReportKind::Rejected => {
            execution(report, order, ["8", "8"], pen);
            pen.number(tags::ORD_REJ_REASON, reject_number(reason));
        }
        ReportKind::Cancelled => execution(report, order, ["4", "4"], pen),
        ReportKind::Filled => {
            let is_open = left(report, order).is_positive();
            let status = if is_open { "1" } else { "2" };
            execution(report, order, ["F", status], pen);
            pen.text(tags::LAST_PX, report.price.as_deref().unwrap_or("0"));
            pen.text(tags::LAST_QTY, report.quantity.as_deref().unwrap_or("0"));
        }
    }
    pen.time(tags::TRANSACT_TIME, at);
    if let Some(reason) = reason {
        pen.text(tags::TEXT, reason);
    }
}

/// What every execution report has; kind and status of the execution.
fn execution(
    report: &VenueReport,
    order: Option<&Order>,
    [kind, status]: [&str; 2],
    pen: &mut Pen,
) {
    match &report.execution {
        Some(execution) => pen.text(tags::EXEC_ID, execution),
        None => pen.text(tags::EXEC_ID, &format!("r-{}", report.sequence)),
    }
    pen.text(tags::EXEC_TYPE, kind);
    pen.text(tags::ORD_STATUS, status);
    let (left, done) = (left(report, order), done(report, order));
    if let Some(order) = order {
        pen.text(tags::SYMBOL, &order.symbol);
        pen.text(tags::SIDE, if order.side == "buy" { "1" } else { "2" });
        pen.text(tags::ORDER_QTY, &order.quantity.to_string());
        pen.text(tags::PRICE, &order.price);
    }
    pen.text(tags::LEAVES_QTY, &left.to_string());
    pen.text(tags::CUM_QTY, &done.to_string());
    // Every fill is at the price of the order.
    let average = order.filter(|_| done.is_positive());
    pen.text(tags::AVG_PX, average.map_or("0", |order| &order.price));
}

/// What can still be filled after a report.
fn left(report: &VenueReport, order: Option<&Order>) -> Decimal {
    match report.report {
        ReportKind::Accepted => whole(order),
        ReportKind::Filled => after_fill(report, order),
        ReportKind::Rejected | ReportKind::Cancelled | ReportKind::CancelRejected => nothing(order),
    }
}

/// What was filled up to a report.
fn done(report: &VenueReport, order: Option<&Order>) -> Decimal {
    let remaining = match report.report {
        ReportKind::Accepted | ReportKind::Rejected | ReportKind::CancelRejected => {
            return nothing(order);
        }
        ReportKind::Filled => after_fill(report, order),
        ReportKind::Cancelled => order.map_or(Decimal::new(0, 0), |order| order.remaining),
    };
    let whole = whole(order);
    let unit = Decimal::new(1, whole.scale());
    let units = |it: Decimal| it.in_units_of(unit).unwrap_or(0);
    unit.times(units(whole) - units(remaining))
}

fn after_fill(report: &VenueReport, order: Option<&Order>) -> Decimal {
    let remaining = report.remaining.as_deref().map(str::parse);
    match remaining {
        Some(Ok(remaining)) => remaining,
        Some(Err(_)) | None => nothing(order),
    }
}

fn whole(order: Option<&Order>) -> Decimal {
    order.map_or(Decimal::new(0, 0), |order| order.quantity)
}

fn nothing(order: Option<&Order>) -> Decimal {
    Decimal::new(0, whole(order).scale())
}

/// OrdStatus of an order that cannot be cancelled.
fn status(order: Option<&Order>) -> &'static str {
    match order.map(|order| order.last) {
        None | Some(Some(ReportKind::Rejected)) => "8",
        Some(Some(ReportKind::Cancelled)) => "4",
        Some(Some(ReportKind::Filled)) => "2",
        Some(None | Some(ReportKind::Accepted | ReportKind::CancelRejected)) => "0",
    }
}

/// OrdRejReason.
fn reject_number(reason: Option<&str>) -> u64 {
    match reason {
        Some("duplicate-id") => 6,
        Some("quantity") => 13,
        Some(_) | None => 0,
    }
}
