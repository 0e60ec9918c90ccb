//! What was read back, whether the generator was sound, what was left behind and what nobody looked at.

use shakedown_record::readback::ReadKind;
use shakedown_record::run_record::{DataLoss, GeneratorInfo, RunRecord};
use shakedown_record::worker::WorkerReport;

use super::Line;
use crate::document::not_checked as classes_not_checked;
use crate::words::{Tone, counted, duration_ns, grouped};

/// `15,741 of 15,741 acknowledged on 3 of 3 replicas after the heal; cold restart: not asked`.
pub(super) fn read_back(record: &RunRecord) -> Line {
    let data = &record.data_loss;
    let coverage = &data.coverage;
    let reads = coverage.reads.iter().copied();
    let (during, after): (Vec<ReadKind>, Vec<ReadKind>) =
        reads.partition(|read| *read == ReadKind::Degraded);
    if after.is_empty() {
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
    let when: Vec<&str> = after.iter().map(|read| read.moment()).collect();
    let mut text = format!("{orders} {copies} {}", when.join(" and "));
    let asked = |read| coverage.reads.contains(&read) || coverage.reads_asked.contains(&read);
    if !asked(ReadKind::Cold) {
        text.push_str("; cold restart: not asked");
    }
    for read in during {
        text.push_str(&format!("; who could be reached also {}", read.moment()));
    }
    for read in [ReadKind::Cold, ReadKind::PowerCut] {
        if asked(read) && !coverage.reads.contains(&read) {
            text.push_str(&format!("; NOT READ {}", read.moment()));
        }
    }
    let complete =
        coverage.replicas_read >= coverage.replicas_expected && coverage.unread.is_empty();
    if !coverage.unread.is_empty() {
        text.push_str(&format!("; NOT READ: {}", coverage.unread.join("; ")));
    }
    Line::new(text, if complete { Tone::Plain } else { Tone::Unsure })
}

/// `sound`, or why not.
pub(crate) fn generator(generator: &GeneratorInfo) -> Line {
    let workers = &generator.workers;
    if let Some(lost) = workers.iter().find(|worker| worker.lost.is_some()) {
        let text = format!(
            "NOT SOUND: worker {} of {} was lost",
            lost.worker,
            workers.len()
        );
        return Line::new(text, Tone::Unsure);
    }
    match (generator.scheduled, generator.saturated) {
        (0, _) => Line::new("sent nothing", Tone::Unsure),
        (_, false) => Line::new(format!("sound{}", shared_by(workers)), Tone::Plain),
        (_, true) if generator.why.is_empty() => Line::new("NOT SOUND", Tone::Unsure),
        (_, true) => Line::new(format!("NOT SOUND: {}", generator.why), Tone::Unsure),
    }
}

/// Nothing, or `, 4 workers whose clocks agree within 41 us`.
fn shared_by(workers: &[WorkerReport]) -> String {
    let error_ns = workers.iter().map(|worker| worker.clock_error_ns).max();
    error_ns.map_or_else(String::new, |error_ns| {
        format!(
            ", {} whose clocks agree within {}",
            counted(workers.len() as u64, "worker"),
            duration_ns(error_ns)
        )
    })
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

#[cfg(test)]
mod tests {
    use shakedown_record::OutcomeCounts;

    use super::*;

    fn worker(worker: u32, lost: Option<&str>) -> WorkerReport {
        WorkerReport {
            worker,
            place: "a process".into(),
            scheduled: 500,
            outcomes: OutcomeCounts::default(),
            unknown: 0,
            clock_offset_ns: 3,
            clock_error_ns: 41_000 + u64::from(worker),
            lost: lost.map(str::to_string),
        }
    }

    #[test]
    fn workers_are_counted_and_a_lost_one_is_named() {
        let mut info = GeneratorInfo {
            scheduled: 1_000,
            ..GeneratorInfo::default()
        };
        assert_eq!(generator(&info).text, "sound");
        info.workers = vec![worker(1, None), worker(2, None)];
        assert_eq!(
            generator(&info).text,
            "sound, 2 workers whose clocks agree within 41 us"
        );
        info.workers[1] = worker(2, Some("it ended by signal 9 (KILL)"));
        assert_eq!(generator(&info).text, "NOT SOUND: worker 2 of 2 was lost");
    }
}
