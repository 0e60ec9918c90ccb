//! Response time over load: a point for each probe of a search for capacity, both axes logarithmic.

use shakedown_record::capacity::{CapacityPoint, CapacityRecord, Told};

use super::canvas::Canvas;
use super::ink::Ink;
use super::panel::{KEY_HEIGHT, Mark, Panel, TITLE_HEIGHT, key_rows};
use super::scale::{Scale, decades};
use super::svg::{Anchor, Svg};
use crate::words::{duration_ns, rate};

const HEIGHT: f64 = 260.0;
/// Half the height of a probe's mark.
const MARK: f64 = 5.0;

/// The chart; `None` when nothing was measured.
pub(crate) fn knee(record: &CapacityRecord, canvas: Canvas) -> Option<String> {
    let mut points: Vec<&CapacityPoint> = record.points.iter().collect();
    points.sort_by(|a, b| a.rate_per_s.total_cmp(&b.rate_per_s));
    let panel = panel(&points, canvas)?;
    let mut svg = Svg::new(canvas, panel.bottom + 22.0, "Response time by load");
    panel.frame(&mut svg);
    rates(&mut svg, &panel, &points);
    curves(&mut svg, &panel, &points);
    for point in points.iter().filter(|it| it.told != Told::Holds) {
        let Some(p99_ns) = point.p99_ns else { continue };
        let (x, y) = (panel.x.at(point.rate_per_s), panel.y.at(p99_ns as f64));
        let said = format!("{}: did not hold", rate(point.rate_per_s));
        svg.mark(x, y - MARK, y + MARK, Ink::Absent, &said);
    }
    if let Some(capacity) = record.found.capacity_per_s {
        let said = format!("capacity: {}", rate(capacity));
        let x = panel.x.at(capacity);
        svg.mark(x, panel.top, panel.bottom, Ink::Recovered, &said);
    }
    Some(svg.finish())
}

/// The frame around all times and rates; `None` when no time was measured. `points`: lowest rate first.
fn panel(points: &[&CapacityPoint], canvas: Canvas) -> Option<Panel<'static>> {
    let times = points
        .iter()
        .flat_map(|it| [it.p50_ns, it.p99_ns, it.p999_ns]);
    let times: Vec<f64> = times.flatten().map(|ns| ns.max(1) as f64).collect();
    let low = times.iter().copied().fold(f64::INFINITY, f64::min);
    let high = times.iter().copied().fold(1.0, f64::max);
    let (first, last) = (points.first()?, points.last()?);
    if times.is_empty() {
        return None;
    }
    let ticks = decades(low, high);
    let title = if canvas.narrow {
        ""
    } else {
        "Response time by load"
    };
    let key = vec![
        (Mark::Line(Ink::P50), "P50"),
        (Mark::Line(Ink::P99), "P99"),
        (Mark::Line(Ink::P999), "P99.9"),
        (Mark::Line(Ink::Recovered), "capacity"),
        (Mark::Line(Ink::Absent), "did not hold"),
    ];
    let lines = key_rows(canvas, title, &key).len().max(1);
    let top = TITLE_HEIGHT + (lines - 1) as f64 * KEY_HEIGHT;
    let bottom = top + HEIGHT;
    Some(Panel {
        title,
        key,
        top,
        bottom,
        x: Scale::log(
            first.rate_per_s * 0.9,
            last.rate_per_s * 1.1,
            canvas.left,
            canvas.right,
        ),
        y: Scale::log(ticks[0], ticks[ticks.len() - 1], bottom, top),
        ticks: ticks
            .iter()
            .map(|ns| (*ns, duration_ns(*ns as u64)))
            .collect(),
    })
}

/// A percentile of a point in nanoseconds.
type Percentile = fn(&CapacityPoint) -> Option<u64>;

fn curves(svg: &mut Svg, panel: &Panel<'_>, points: &[&CapacityPoint]) {
    let percentiles: [(Ink, Percentile); 3] = [
        (Ink::P50, |it| it.p50_ns),
        (Ink::P99, |it| it.p99_ns),
        (Ink::P999, |it| it.p999_ns),
    ];
    for (ink, of) in percentiles {
        let line: Vec<_> = points
            .iter()
            .map(|it| (it.rate_per_s, of(it).map(|ns| ns as f64)))
            .collect();
        panel.series(svg, &line, ink);
    }
}

/// Labels of the rates; one that would cover the one before it is left out.
fn rates(svg: &mut Svg, panel: &Panel<'_>, points: &[&CapacityPoint]) {
    let canvas = svg.canvas();
    let mut free_from = f64::NEG_INFINITY;
    for point in points {
        let at = panel.x.at(point.rate_per_s);
        let label = rate(point.rate_per_s);
        let width = canvas.text_width(&label);
        let left = (at - width / 2.0).clamp(canvas.left, canvas.right - width);
        if left >= free_from {
            svg.line((at, panel.top), (at, panel.bottom), Ink::Grid);
            let y = panel.bottom + canvas.font + 3.0;
            svg.text(left + width / 2.0, y, Anchor::Middle, "t-tick", &label);
            free_from = left + width + 8.0;
        }
    }
}
