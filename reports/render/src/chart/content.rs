//! What the panels of the timeline show, and on which scales.

use shakedown_analysis::{Analysis, TimelineRow};
use shakedown_record::run_record::Check;

use super::canvas::Canvas;
use super::ended::{Ended, per_second, stack};
use super::ink::Ink;
use super::panel::{Mark, Panel, TITLE_HEIGHT};
use super::sample::Point;
use super::scale::{Scale, decades, linear_ticks};
use super::svg::Svg;
use crate::words::{duration_ns, grouped, seconds};

/// More intervals than this are so narrow that a step cannot be seen.
const MOST_STEPS: usize = 200;

/// What a panel shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Content {
    /// What was due and what was acknowledged, over how everything ended.
    Rates,
    /// What was not acknowledged, on a scale of its own.
    Others,
    Latency,
    Gaps,
}

/// The panels of a run, from top to bottom; those that would be empty are left out.
pub(super) fn panels(
    analysis: &Analysis,
    canvas: Canvas,
    x: Scale,
    top: f64,
) -> Vec<(Panel<'static>, Content)> {
    let wanted = [
        (Content::Rates, 130.0),
        (Content::Others, 80.0),
        (Content::Latency, 190.0),
        (Content::Gaps, 80.0),
    ];
    let mut panels = Vec::new();
    let mut top = top;
    for (content, height) in wanted {
        if !content.has_something(&analysis.timeline) {
            continue;
        }
        let height = if canvas.narrow { height * 0.85 } else { height };
        let edges = [top + TITLE_HEIGHT, top + TITLE_HEIGHT + height];
        panels.push((content.panel(analysis, canvas, x, edges), content));
        top = edges[1] + 10.0;
    }
    panels
}

impl Content {
    fn has_something(self, rows: &[TimelineRow]) -> bool {
        match self {
            Content::Rates => true,
            Content::Others => Ended::OTHERS.iter().any(|group| group.occurs(rows)),
            Content::Latency => rows.iter().any(|row| row.p50_ns.is_some()),
            Content::Gaps => rows.iter().any(|row| row.worst_session_gap_s > 0.0),
        }
    }

    fn panel(
        self,
        analysis: &Analysis,
        canvas: Canvas,
        x: Scale,
        [top, bottom]: [f64; 2],
    ) -> Panel<'static> {
        let rows = &analysis.timeline;
        let (title, key) = self.names(analysis, canvas);
        let linear = |max: f64, count: usize, show: fn(f64) -> String| {
            let ticks = linear_ticks(max, count);
            let high = ticks.last().copied().unwrap_or(1.0);
            let y = Scale::linear(0.0, high, bottom, top);
            (y, ticks.into_iter().map(|v| (v, show(v))).collect())
        };
        let (y, ticks) = match self {
            Content::Rates => linear(
                highest(rows, |r| r.offered_per_s.max(r.achieved_per_s)),
                4,
                plain,
            ),
            Content::Others => linear(highest(rows, |r| per_second(r, &Ended::OTHERS)), 2, plain),
            Content::Gaps => linear(highest(rows, |r| r.worst_session_gap_s), 2, seconds),
            Content::Latency => latency_scale(analysis, top, bottom),
        };
        Panel {
            title,
            key,
            top,
            bottom,
            x,
            y,
            ticks,
        }
    }

    fn names(
        self,
        analysis: &Analysis,
        canvas: Canvas,
    ) -> (&'static str, Vec<(Mark, &'static str)>) {
        let title = match (self, canvas.narrow) {
            (Content::Rates, true) => "Per second",
            (Content::Rates, false) => "Orders per second, and how they ended",
            (Content::Others, true) => "Not acked/s",
            (Content::Others, false) => "Not acknowledged, per second",
            (Content::Latency, true) => "Response",
            (Content::Latency, false) => "Response time, logarithmic",
            (Content::Gaps, true) => "Worst session",
            (Content::Gaps, false) => "Worst session: time without a good answer",
        };
        let line = |ink, name| (Mark::Line(ink), name);
        let key = match self {
            Content::Rates => vec![
                line(Ink::Offered, "offered"),
                line(
                    Ink::Achieved,
                    match canvas.narrow {
                        true => "achieved",
                        false => "achieved (acknowledged)",
                    },
                ),
            ],
            Content::Others => Ended::OTHERS
                .into_iter()
                .filter(|group| group.occurs(&analysis.timeline))
                .map(|group| {
                    let name = match canvas.narrow {
                        true => group.short_name(),
                        false => group.name(),
                    };
                    (Mark::Area(group.ink()), name)
                })
                .collect(),
            Content::Latency => vec![
                line(Ink::P50, "P50"),
                line(Ink::P99, "P99"),
                line(Ink::P999, "P99.9"),
            ],
            Content::Gaps => vec![(Mark::Area(Ink::Gap), "gap")],
        };
        (title, key)
    }

    /// Draws the lines of a panel on top of its frame.
    pub(super) fn lines(self, svg: &mut Svg, panel: &Panel<'_>, analysis: &Analysis) {
        let rows = &analysis.timeline;
        match self {
            Content::Rates => {
                stack(svg, panel, rows, &Ended::ALL);
                panel.series(svg, &series(rows, |r| Some(r.offered_per_s)), Ink::Offered);
                panel.series(
                    svg,
                    &series(rows, |r| Some(r.achieved_per_s)),
                    Ink::Achieved,
                );
            }
            Content::Others => stack(svg, panel, rows, &Ended::OTHERS),
            Content::Latency => {
                for (value, name) in latency_limits(&analysis.record.checks) {
                    panel.limit(svg, value, &name);
                }
                let of = |pick: fn(&TimelineRow) -> Option<u64>| {
                    series(rows, move |r| pick(r).map(|ns| ns as f64))
                };
                panel.series(svg, &of(|r| r.p999_ns), Ink::P999);
                panel.series(svg, &of(|r| r.p99_ns), Ink::P99);
                panel.series(svg, &of(|r| r.p50_ns), Ink::P50);
            }
            Content::Gaps => {
                panel.filled(
                    svg,
                    &series(rows, |r| Some(r.worst_session_gap_s)),
                    Ink::Gap,
                );
            }
        }
    }
}

fn plain(value: f64) -> String {
    match value.fract().abs() < 1e-9 {
        true => grouped(value as u64),
        false => format!("{value:.1}"),
    }
}

/// Intervals as steps, so that nothing seems to happen before it did; as points where they are many.
fn series(rows: &[TimelineRow], value: impl Fn(&TimelineRow) -> Option<f64>) -> Vec<Point> {
    if rows.len() > MOST_STEPS {
        let middle = |row: &TimelineRow| (row.from_s + row.to_s) / 2.0;
        return rows.iter().map(|row| (middle(row), value(row))).collect();
    }
    rows.iter()
        .flat_map(|row| [(row.from_s, value(row)), (row.to_s, value(row))])
        .collect()
}

fn highest(rows: &[TimelineRow], value: impl Fn(&TimelineRow) -> f64) -> f64 {
    rows.iter().map(value).fold(0.0, f64::max)
}

fn latency_scale(analysis: &Analysis, top: f64, bottom: f64) -> (Scale, Vec<(f64, String)>) {
    let figures = || {
        analysis
            .timeline
            .iter()
            .flat_map(|row| [row.p50_ns, row.p99_ns, row.p999_ns])
            .flatten()
            .map(|ns| ns as f64)
            .chain(
                latency_limits(&analysis.record.checks)
                    .into_iter()
                    .map(|l| l.0),
            )
    };
    let low = figures().fold(f64::INFINITY, f64::min).max(1.0);
    let high = figures().fold(1.0, f64::max);
    let ticks = match low.is_finite() {
        true => decades(low, high),
        false => decades(1e6, 1e9),
    };
    let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
    let labels = ticks
        .iter()
        .map(|ns| (*ns, duration_ns(*ns as u64)))
        .collect();
    (Scale::log(first, last, bottom, top), labels)
}

/// The limits on response time in nanoseconds, each value once.
pub(super) fn latency_limits(checks: &[Check]) -> Vec<(f64, String)> {
    let mut limits: Vec<(f64, String)> = Vec::new();
    for check in checks.iter().filter(|check| check.kind == "latency") {
        let factor = match check.limit.unit.as_str() {
            "ns" => 1.0,
            "us" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            _ => continue,
        };
        if let Some(value) = check.limit.value.map(|value| value * factor)
            && value >= 1.0
            && limits.iter().all(|(other, _)| *other != value)
        {
            limits.push((value, format!("limit of {}", check.id)));
        }
    }
    limits
}
