//! How long orders live: sensible, and in keeping with the mix.

use crate::plan::{LifetimePoint, Lifetimes, Mix};
use crate::spec::scalar::Duration;
use crate::spec::scenario::{LifetimeSpec, LifetimesSpec};

use super::human::{share_text, time_text};
use super::sheet::{At, Sheet};

const LONGEST_NS: u64 = 7 * 86_400_000_000_000;
const MOST_LINES: usize = 64;

/// SEC, "The speed of the equity markets", data of the second quarter of 2013: less than 8 % of cancelled orders within 500
/// microseconds, less than 25 % within 50 ms, 38.7 % within 500 ms, more than a third after 5 s, nearly all within 10
/// minutes. No order is cancelled sooner than 10 microseconds here.
const US_EQUITIES: [(u64, f64); 6] = [
    (10_000, 0.0),
    (500_000, 0.08),
    (50_000_000, 0.25),
    (500_000_000, 0.387),
    (5_000_000_000, 0.66),
    (600_000_000_000, 1.0),
];

/// The lifetimes, none where none are written; `None` when a mistake leaves nothing to build on.
pub(super) fn lifetimes(
    at: &At,
    spec: Option<&LifetimesSpec>,
    mix: Mix,
    sheet: &Sheet,
) -> Option<Option<Lifetimes>> {
    let Some(spec) = spec else {
        return Some(None);
    };
    if mix.cancel == 0 && mix.replace == 0 {
        sheet.refuse_entry(
            at,
            "nothing ends the lives of orders: the mix has neither cancels nor replaces",
            "such as mix: { new: 70, cancel: 25, replace: 5 }",
        );
    }
    if mix.cancel > mix.new {
        sheet.refuse_entry(
            at,
            format!(
                "{} cancels for {} new orders: each order is cancelled once at most",
                mix.cancel, mix.new
            ),
            "let `mix.cancel` be at most `mix.new`",
        );
    }
    let lifetimes = match spec {
        LifetimesSpec::UsEquities => Some(Lifetimes::Table(
            US_EQUITIES
                .map(|(within_ns, share)| LifetimePoint { within_ns, share })
                .to_vec(),
        )),
        LifetimesSpec::Exponential(spec) => {
            let mean = length(&at.to("exponential").to("mean"), spec.mean, sheet);
            mean.map(|mean_ns| Lifetimes::Exponential { mean_ns })
        }
        LifetimesSpec::Table(lines) => table(&at.to("table"), lines, sheet).map(Lifetimes::Table),
    };
    lifetimes.map(Some)
}

fn length(at: &At, length: Duration, sheet: &Sheet) -> Option<u64> {
    if (1_000..=LONGEST_NS).contains(&length.ns) {
        return Some(length.ns);
    }
    sheet.refuse_with(
        at,
        format!("{} is not sensible here", time_text(length.ns)),
        "from 1us to 7d",
    );
    None
}

fn table(at: &At, lines: &[LifetimeSpec], sheet: &Sheet) -> Option<Vec<LifetimePoint>> {
    if !(2..=MOST_LINES).contains(&lines.len()) {
        sheet.refuse_with(
            at,
            format!("{} lines are no table", lines.len()),
            format!(
                "from 2 to {MOST_LINES}, such as [ {{ within: 1ms, share: 0% }}, {{ within: 1s, share: 100% }} ]"
            ),
        );
        return None;
    }
    let mut points: Vec<LifetimePoint> = Vec::new();
    let mut is_sound = true;
    let mut refuse = |at: &At, message: String, hint: &str| {
        is_sound = false;
        sheet.refuse_with(at, message, hint);
    };
    for (index, line) in lines.iter().enumerate() {
        let at = at.item(index);
        let point = LifetimePoint {
            within_ns: length(&at.to("within"), line.within, sheet).unwrap_or(0),
            share: line.share.fraction,
        };
        let ends = match index {
            0 => Some(0.0),
            _ if index + 1 == lines.len() => Some(1.0),
            _ => None,
        };
        if let Some(share) = ends.filter(|share| *share != point.share) {
            refuse(
                &at.to("share"),
                format!(
                    "a table goes from 0% to 100%, and here is {}",
                    share_text(point.share)
                ),
                if share == 0.0 {
                    "begin with share: 0%"
                } else {
                    "end with share: 100%"
                },
            );
        }
        if let Some(before) = points.last() {
            if point.within_ns != 0 && point.within_ns <= before.within_ns {
                let before = time_text(before.within_ns);
                refuse(
                    &at.to("within"),
                    format!("this is not later than {before}"),
                    "lines come in the order of time",
                );
            }
            if point.share <= before.share && ends.is_none_or(|share| share == point.share) {
                let before = share_text(before.share);
                refuse(
                    &at.to("share"),
                    format!("this is not more than {before}"),
                    "shares climb from line to line",
                );
            }
        }
        points.push(point);
    }
    (is_sound && points.iter().all(|point| point.within_ns > 0)).then_some(points)
}
