//! Failover taken apart: what took how long after the fault, as bars from one zero.

use shakedown_record::run_record::Failover;

use super::canvas::Canvas;
use super::ink::Ink;
use super::scale::{Scale, linear_ticks};
use super::svg::{Anchor, Svg};
use crate::document::outage_name;
use crate::words::seconds;

const BAR: f64 = 13.0;
const ROW: f64 = 19.0;

/// More outages than this stand in the table only.
const MOST: usize = 8;

/// The chart; `None` when nothing was measured.
pub(crate) fn outage(entries: &[Failover], canvas: Canvas) -> Option<String> {
    let entries: Vec<(&Failover, Vec<Bar>)> = entries
        .iter()
        .take(MOST)
        .map(|entry| (entry, bars(entry)))
        .filter(|(_, bars)| !bars.is_empty())
        .collect();
    let longest = entries
        .iter()
        .flat_map(|(_, bars)| bars)
        .map(|bar| bar.seconds);
    let ticks = linear_ticks(
        longest.fold(0.0, f64::max),
        if canvas.narrow { 3 } else { 6 },
    );
    let rows: usize = entries.iter().map(|(_, bars)| bars.len() + 1).sum();
    if entries.is_empty() {
        return None;
    }
    let left = if canvas.narrow { 112.0 } else { 150.0 };
    let room = canvas.text_width("over 12.34 s");
    let x = Scale::linear(0.0, ticks[ticks.len() - 1], left, canvas.right - room);
    let bottom = rows as f64 * ROW + 4.0;
    let mut svg = Svg::new(
        canvas,
        bottom + 20.0,
        "Failover taken apart, in seconds after it began",
    );
    for tick in &ticks {
        svg.line((x.at(*tick), 4.0), (x.at(*tick), bottom), Ink::Grid);
        svg.text(
            x.at(*tick),
            bottom + canvas.font + 3.0,
            Anchor::Middle,
            "t-tick",
            &seconds(*tick),
        );
    }
    let mut y = 2.0;
    for (entry, bars) in &entries {
        let name = canvas.cut(&outage_name(entry), canvas.width - 4.0);
        svg.text(2.0, y + canvas.font + 2.0, Anchor::Start, "t-title", &name);
        y += ROW;
        for bar in bars {
            bar.draw(&mut svg, &x, left, y);
            y += ROW;
        }
    }
    Some(svg.finish())
}

struct Bar {
    name: &'static str,
    seconds: f64,
    /// It lasted at least this long; its end was not seen.
    open: bool,
}

fn bars(entry: &Failover) -> Vec<Bar> {
    let seen = [
        ("first ack", entry.first_ack_s),
        ("recovered", entry.recovered_s),
        ("worst session", entry.worst_session_gap_s),
        ("all replicas back", entry.redundancy_s),
        ("outage by heal", entry.heal_outage_s),
    ];
    let mut bars: Vec<Bar> = seen
        .into_iter()
        .filter_map(|(name, seconds)| {
            Some(Bar {
                name,
                seconds: seconds?.max(0.0),
                open: false,
            })
        })
        .collect();
    if let (None, Some(seconds)) = (entry.recovered_s, entry.censored_at_s) {
        bars.push(Bar {
            name: "not recovered",
            seconds: seconds.max(0.0),
            open: true,
        });
    }
    bars
}

impl Bar {
    fn draw(&self, svg: &mut Svg, x: &Scale, left: f64, y: f64) {
        let font = svg.canvas().font;
        let baseline = y + font;
        let (class, fill, said) = match self.open {
            false => ("f-bar", "#0072b2", seconds(self.seconds)),
            true => (
                "f-open",
                "#c04a00",
                format!("over {}", seconds(self.seconds)),
            ),
        };
        svg.text(left - 8.0, baseline, Anchor::End, "t-key", self.name);
        let width = (x.at(self.seconds) - left).max(1.5);
        let title = format!("{}: {said}", self.name);
        svg.band([left, y + 1.0, width, BAR], class, fill, 0.75, &title);
        svg.text(left + width + 5.0, baseline, Anchor::Start, "t-key", &said);
    }
}
