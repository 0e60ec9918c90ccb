//! Each class of data loss turns its own check red, and absence is only believed of what was read.

mod extra;
mod loss;
mod order;
mod outages;
mod stale;
mod unanswered;

use shakedown_record::event::{Event, ReadBackDone};
use shakedown_record::ledger::{Retry, ServerId};
use shakedown_record::readback::{ReadKind, Row};
use shakedown_record::{Outcome, Verdict};
use shakedown_scenarios::plan::{DataClass, DataLayout, Identity, Part, ReadBack, Request};

use crate::build::*;
use crate::plan::{answer, fields, request};

/// A plain new order, acknowledged 37 ms before the fault.
const LATE: u64 = 6_000;

/// Refused while the server was gone.
const REFUSED: u64 = 6_100;

/// Rejected: too large on purpose.
const REJECTED: u64 = 2_011;

fn drop_order(slot: u64) -> impl Fn(&mut Vec<Row>) {
    move |rows| rows.retain(|row| row.id != order_id(slot))
}

fn add_order(run: &Run, slot: u64) -> impl Fn(&mut Vec<Row>) + use<> {
    let row = run.row(slot);
    move |rows| rows.push(row.clone())
}

fn red(analysis: &shakedown_analysis::Analysis, check: &str, headline: &str) {
    assert_eq!(
        ids(analysis, Verdict::Fail)[0],
        check,
        "{:?}",
        analysis.record.reasons
    );
    assert_eq!(
        (analysis.record.verdict, analysis.record.exit_code),
        (Verdict::Fail, 1)
    );
    assert_eq!(analysis.record.reasons[0], headline);
}
