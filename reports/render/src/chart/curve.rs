//! The percentile curve: response time over quantile, a line per phase, both axes logarithmic.

use shakedown_analysis::{Analysis, CurvePoint};
use shakedown_record::phase::Phase;

use super::canvas::Canvas;
use super::content::latency_limits;
use super::ink::Ink;
use super::panel::{KEY_HEIGHT, Mark, Panel, TITLE_HEIGHT, key_rows};
use super::scale::{Scale, decades};
use super::svg::{Anchor, Svg};
use crate::words::duration_ns;

const HEIGHT: f64 = 240.0;

/// The phases that are compared. Warm-up proves nothing, and the whole run mixes the others.
const PHASES: [Phase; 3] = [Phase::Steady, Phase::Impact, Phase::Recovery];

/// The chart, with the limits on response times; `None` without samples.
pub(crate) fn curve(analysis: &Analysis, canvas: Canvas) -> Option<String> {
    let compared: Vec<(Phase, &[CurvePoint])> = PHASES
        .into_iter()
        .filter_map(|phase| Some((phase, analysis.curves.get(&phase)?.as_slice())))
        .collect();
    let limits = latency_limits(&analysis.record.checks);
    let points = || compared.iter().flat_map(|(_, points)| points.iter());
    let latencies = || points().map(|point| point.latency_ns.max(1) as f64);
    latencies().next()?;
    let values = || latencies().chain(limits.iter().map(|limit| limit.0));
    let low = values().fold(f64::INFINITY, f64::min);
    let high = values().fold(1.0, f64::max);
    let nines = points().map(nines).fold(1.0, f64::max).ceil();
    let ticks = decades(low, high);
    let title = if canvas.narrow {
        ""
    } else {
        "Response time by quantile"
    };
    let key: Vec<(Mark, &str)> = compared
        .iter()
        .map(|(phase, _)| (Mark::Line(Ink::Of(*phase)), phase.name()))
        .collect();
    let key_lines = key_rows(canvas, title, &key).len().max(1);
    let top = TITLE_HEIGHT + (key_lines - 1) as f64 * KEY_HEIGHT;
    let bottom = top + HEIGHT;
    let panel = Panel {
        title,
        key,
        top,
        bottom,
        x: Scale::linear(0.0, nines, canvas.left, canvas.right),
        y: Scale::log(ticks[0], ticks[ticks.len() - 1], bottom, top),
        ticks: ticks
            .iter()
            .map(|ns| (*ns, duration_ns(*ns as u64)))
            .collect(),
    };
    let mut svg = Svg::new(
        canvas,
        bottom + 22.0,
        "Response time by quantile, for each phase",
    );
    quantile_axis(&mut svg, &panel, nines);
    panel.frame(&mut svg);
    for (value, name) in &limits {
        panel.limit(&mut svg, *value, name);
    }
    for (phase, points) in &compared {
        let line: Vec<_> = points
            .iter()
            .map(|point| (nines_within(point, nines), Some(point.latency_ns as f64)))
            .collect();
        panel.series(&mut svg, &line, Ink::Of(*phase));
    }
    Some(svg.finish())
}

/// Grid and labels of the quantiles; a label that would cover the one before it is left out.
fn quantile_axis(svg: &mut Svg, panel: &Panel<'_>, nines: f64) {
    let canvas = svg.canvas();
    let mut free_from = f64::NEG_INFINITY;
    for (value, label) in quantile_ticks(nines) {
        let at = panel.x.at(value);
        svg.line((at, panel.top), (at, panel.bottom), Ink::Grid);
        let width = canvas.text_width(&label);
        let left = (at - width / 2.0).min(canvas.right - width);
        if left >= free_from {
            let y = panel.bottom + canvas.font + 3.0;
            svg.text(left + width / 2.0, y, Anchor::Middle, "t-tick", &label);
            free_from = left + width + 2.0;
        }
    }
}

/// How many nines a quantile has: 0 at the minimum, 1 at P90, 2 at P99. The maximum has as many as its samples allow.
fn nines(point: &CurvePoint) -> f64 {
    let rest = (1.0 - point.quantile).max(1.0 / (point.count.max(1) as f64 * 2.0));
    -rest.min(1.0).log10()
}

fn nines_within(point: &CurvePoint, most: f64) -> f64 {
    nines(point).clamp(0.0, most)
}

/// 0, P50, then each further nine.
fn quantile_ticks(nines: f64) -> Vec<(f64, String)> {
    let mut ticks = vec![
        (0.0, "0".to_owned()),
        (0.5_f64.log10().abs(), "P50".to_owned()),
    ];
    for nine in 1..=nines as u32 {
        let name = match nine {
            1 => "P90".to_owned(),
            2 => "P99".to_owned(),
            more => format!("P99.{}", "9".repeat(more as usize - 2)),
        };
        ticks.push((f64::from(nine), name));
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_placed_by_their_nines() {
        let at = |quantile| {
            nines(&CurvePoint {
                quantile,
                latency_ns: 1,
                count: 500,
            })
        };
        assert_eq!(at(0.0), 0.0);
        assert!((at(0.99) - 2.0).abs() < 1e-9);
        assert!(
            (at(1.0) - 3.0).abs() < 1e-9,
            "the maximum stays on the page"
        );
        let names: Vec<String> = quantile_ticks(4.0).into_iter().map(|tick| tick.1).collect();
        assert_eq!(names, ["0", "P50", "P90", "P99", "P99.9", "P99.99"]);
    }
}
