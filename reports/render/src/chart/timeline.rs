//! The run over time: rates, outcomes, response time and the worst session, with faults and phases behind them.

use shakedown_analysis::Analysis;
use shakedown_record::phase::Phase;
use shakedown_record::run_record::RunRecord;

use super::canvas::Canvas;
use super::content::panels;
use super::ink::Ink;
use super::marks::Marks;
use super::panel::TITLE_HEIGHT;
use super::scale::{Scale, clock, time_ticks};
use super::svg::{Anchor, Svg};
use crate::words::{counted, seconds};

/// Room above the first label.
const TOP: f64 = 2.0;
const STRIP_HEIGHT: f64 = 17.0;
/// A row of strokes for what the platform did, where one told of itself.
const PLATFORM_HEIGHT: f64 = 12.0;

/// The chart; `None` when no load was offered.
pub(crate) fn timeline(analysis: &Analysis, canvas: Canvas) -> Option<String> {
    let end_s = analysis.timeline.last()?.to_s;
    let x = Scale::linear(0.0, end_s, canvas.left, canvas.right);
    let marks = Marks::of(&analysis.record, canvas, &x, end_s);
    let strip_top = TOP + marks.height();
    let platform_top = strip_top + STRIP_HEIGHT;
    let plot_top = match analysis.platform.is_empty() {
        true => platform_top,
        false => platform_top + PLATFORM_HEIGHT,
    };
    let panels = panels(analysis, canvas, x, plot_top);
    let bottom = panels.last().map_or(plot_top, |(panel, _)| panel.bottom);
    let title = format!(
        "Timeline of {}: rates, outcomes, response time and worst session, with {} shaded",
        seconds(end_s),
        counted(analysis.record.faults.len() as u64, "fault")
    );
    let mut svg = Svg::new(canvas, bottom + 38.0, &title);
    bands(&mut svg, &analysis.record, &x, end_s, [strip_top, bottom]);
    marks.lines(&mut svg, [TOP, bottom]);
    marks.labels(&mut svg, TOP);
    strip(&mut svg, &analysis.record, &x, strip_top);
    platform(&mut svg, analysis, &x, end_s, platform_top);
    time_axis(&mut svg, &x, end_s, plot_top, bottom);
    for (panel, draw) in &panels {
        panel.frame(&mut svg);
        draw.lines(&mut svg, panel, analysis);
    }
    recoveries(&mut svg, &analysis.record, &x, [plot_top, bottom]);
    Some(svg.finish())
}

/// A band for each fault: strong while it holds, weak until it is proven to be gone.
fn bands(svg: &mut Svg, record: &RunRecord, x: &Scale, end_s: f64, [top, bottom]: [f64; 2]) {
    for fault in &record.faults {
        let Some(from_s) = fault.injected_at_s else {
            continue;
        };
        let healed_s = fault.healed_at_s.unwrap_or(end_s);
        let clean_s = fault.clean_at_s.unwrap_or(end_s).max(healed_s);
        let title = format!(
            "{} ({}): injected at {}, {}, {}, {}",
            fault.name,
            fault.kind,
            seconds(from_s),
            fault
                .confirmed_at_s
                .map_or("effect not seen".into(), |s| format!(
                    "effect seen at {}",
                    seconds(s)
                )),
            fault
                .healed_at_s
                .map_or("not healed".into(), |s| format!("healed at {}", seconds(s))),
            fault
                .clean_at_s
                .map_or("not clean".into(), |s| format!("clean at {}", seconds(s))),
        );
        let mut band = |from: f64, to: f64, opacity: f64| {
            let (from, to) = (x.at(from), x.at(to));
            let width = (to - from).max(1.5);
            svg.band(
                [from, top, width, bottom - top],
                "f-fault",
                "#d98c00",
                opacity,
                &title,
            );
        };
        band(from_s, healed_s, 0.24);
        if fault.healed_at_s.is_some() {
            band(healed_s, clean_s, 0.10);
        }
    }
}

/// Marks where service was good again.
fn recoveries(svg: &mut Svg, record: &RunRecord, x: &Scale, [top, bottom]: [f64; 2]) {
    for entry in &record.failover {
        if let Some(recovered_s) = entry.recovered_s {
            let at = x.at(entry.started_at_s + recovered_s);
            let outage = crate::document::outage_name(entry);
            let title = format!("good again {} after {outage} began", seconds(recovered_s));
            svg.mark(at, top, bottom, Ink::Recovered, &title);
        }
    }
}

/// The phases as a strip above the plot.
fn strip(svg: &mut Svg, record: &RunRecord, x: &Scale, top: f64) {
    let canvas = svg.canvas();
    for (phase, spans) in &record.run.phases {
        if *phase == Phase::Run {
            continue;
        }
        for span in spans {
            let (from, to) = (x.at(span.from_s), x.at(span.to_s));
            let name = phase.name();
            let title = format!("{name}: {} to {}", seconds(span.from_s), seconds(span.to_s));
            let opacity = match phase {
                Phase::WarmUp => 0.12,
                Phase::Steady | Phase::Run => 0.28,
                Phase::Impact => 0.45,
                Phase::Recovery => 0.20,
            };
            let at = [from, top, (to - from).max(0.5), STRIP_HEIGHT - 4.0];
            svg.band(at, "f-phase", "#7a8796", opacity, &title);
            if canvas.text_width(name) + 6.0 < to - from {
                let middle = (from + to) / 2.0;
                svg.text(
                    middle,
                    top + canvas.font - 2.0,
                    Anchor::Middle,
                    "t-phase",
                    name,
                );
            }
        }
    }
}

/// A short stroke for each change of a pod or a node, which says what it is when it is pointed at.
fn platform(svg: &mut Svg, analysis: &Analysis, x: &Scale, end_s: f64, top: f64) {
    let shown = analysis.platform.iter().filter(|it| it.at_s <= end_s);
    for moment in shown {
        let at = x.at(moment.at_s);
        let ends = [top, top + PLATFORM_HEIGHT - 3.0];
        svg.mark(at, ends[0], ends[1], Ink::Platform, &moment.sentence());
    }
}

fn time_axis(svg: &mut Svg, x: &Scale, end_s: f64, top: f64, bottom: f64) {
    let canvas = svg.canvas();
    for tick in time_ticks(end_s, if canvas.narrow { 5 } else { 12 }) {
        let at = x.at(tick);
        svg.line((at, top + TITLE_HEIGHT), (at, bottom), Ink::Grid);
        let anchor = match tick > 0.0 && canvas.right - at < 14.0 {
            true => Anchor::End,
            false => Anchor::Middle,
        };
        let label = clock(tick, end_s);
        svg.text(at, bottom + canvas.font + 5.0, anchor, "t-tick", &label);
    }
    let note = "time since the first order was due";
    svg.text(
        canvas.right,
        bottom + 2.0 * canvas.font + 9.0,
        Anchor::End,
        "t-tick",
        note,
    );
}
