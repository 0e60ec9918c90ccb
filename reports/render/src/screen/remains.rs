//! What was read back, whether the generator was sound, what was left behind and what nobody looked at.

use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::{DataLoss, GeneratorInfo, RunRecord};

use super::Line;
use crate::document::not_checked as classes_not_checked;
use crate::words::{Tone, counted, grouped};

/// `15,741 of 15,741 acknowledged on 3 of 3 replicas after the heal; cold restart: not asked`.
pub(super) fn read_back(record: &RunRecord) -> Line {
    let data = &record.data_loss;
    let coverage = &data.coverage;
    if coverage.reads.is_empty() {
        let why = match coverage.unread.is_empty() {
            true => String::new(),
            false => format!(": {}", coverage.unread.join("; ")),
        };
        return Line::new(format!("nothing{why}"), Tone::Unsure);
    }
    let orders = match coverage.orders == data.acknowledged {
        true => format!(
            "{} of {} acknowledged",
            grouped(coverage.orders),
            grouped(data.acknowledged)
        ),
        false => format!(
            "looked for {} ({} acknowledged)",
            counted(coverage.orders, "order"),
            grouped(data.acknowledged)
        ),
    };
    let copies = format!(
        "on {} of {} replicas",
        coverage.replicas_read, coverage.replicas_expected
    );
    let when: Vec<&str> = coverage.reads.iter().map(|read| moment(*read)).collect();
    let mut text = format!("{orders} {copies} {}", when.join(" and "));
    if !coverage.reads.contains(&ReadKind::Cold) {
        text.push_str("; cold restart: not asked");
    }
    let complete =
        coverage.replicas_read >= coverage.replicas_expected && coverage.unread.is_empty();
    if !coverage.unread.is_empty() {
        text.push_str(&format!("; NOT READ: {}", coverage.unread.join("; ")));
    }
    Line::new(text, if complete { Tone::Plain } else { Tone::Unsure })
}

fn moment(read: ReadKind) -> &'static str {
    match read {
        ReadKind::Degraded => "during the fault",
        ReadKind::Converged => "after the heal",
        ReadKind::Cold => "after a cold restart",
        ReadKind::PowerCut => "after a power cut",
    }
}

/// `sound`, or why not.
pub(crate) fn generator(generator: &GeneratorInfo) -> Line {
    match (generator.scheduled, generator.saturated) {
        (0, _) => Line::new("sent nothing", Tone::Unsure),
        (_, false) => Line::new("sound", Tone::Plain),
        (_, true) if generator.why.is_empty() => Line::new("NOT SOUND", Tone::Unsure),
        (_, true) => Line::new(format!("NOT SOUND: {}", generator.why), Tone::Unsure),
    }
}

/// `no fault, no open order, no object`, or what, and the command that removes it.
pub(super) fn left_behind(record: &RunRecord) -> Vec<Line> {
    let leftovers = &record.leftovers;
    let nothing_sent = record.generator.scheduled == 0;
    let orders = match leftovers.orders_open {
        Some(n) => counted(n, "open order"),
        None if nothing_sent => "no open order (none was sent)".into(),
        None => "open orders: could not be told".into(),
    };
    let unknown = leftovers.orders_open.is_none() && !nothing_sent;
    let dirty = leftovers.faults > 0
        || leftovers.objects > 0
        || leftovers.orders_open.is_some_and(|n| n > 0);
    let text = format!(
        "{}, {orders}, {}",
        counted(leftovers.faults, "fault"),
        counted(leftovers.objects, "object")
    );
    let tone = match (dirty, unknown) {
        (true, _) => Tone::Bad,
        (false, true) => Tone::Unsure,
        (false, false) => Tone::Plain,
    };
    let mut lines = vec![Line::new(text, tone)];
    lines.extend(
        leftovers
            .details
            .iter()
            .map(|detail| Line::new(detail.clone(), tone)),
    );
    lines
}

/// Classes of data loss that are not known, in order.
pub(super) fn not_checked(data: &DataLoss) -> Option<String> {
    let classes = classes_not_checked(data);
    (!classes.is_empty()).then(|| classes.join(", "))
}
