//! The life of each fault on the timeline: bands, a line for each of its moments, and their names above the plot.

use shakedown_record::run_record::{FaultRecord, RunRecord};

use super::canvas::Canvas;
use super::ink::Ink;
use super::lanes::Lanes;
use super::scale::Scale;
use super::svg::{Anchor, Svg};
use crate::words::seconds;

/// Lanes of labels above the plot.
const LANES: usize = 8;

/// With more faults than this, only their names are written; the moments stay in the table and in the bands.
const TOLD: usize = 3;

/// Names and moments of the faults, placed above the plot.
#[derive(Debug)]
pub(super) struct Marks {
    labels: Vec<Label>,
    lines: Vec<Line>,
    lane_height: f64,
    lanes: usize,
}

#[derive(Debug)]
struct Label {
    x: f64,
    lane: usize,
    class: &'static str,
    text: String,
}

/// A moment as a vertical line from its label down.
#[derive(Debug)]
struct Line {
    x: f64,
    lane: usize,
    ink: Ink,
    title: String,
}

impl Marks {
    /// Places the labels of all faults that were injected.
    pub(super) fn of(record: &RunRecord, canvas: Canvas, x: &Scale, end_s: f64) -> Marks {
        let struck: Vec<&FaultRecord> = record
            .faults
            .iter()
            .filter(|fault| fault.injected_at_s.is_some())
            .collect();
        let mut placing = Placing {
            lanes: Lanes::new(LANES, canvas.left, canvas.right),
            canvas,
            x,
            labels: Vec::new(),
            lines: Vec::new(),
        };
        for fault in &struck {
            placing.name(fault);
            if struck.len() <= TOLD {
                placing.moments(fault, end_s);
            }
        }
        Marks {
            lanes: placing.lanes.used(),
            labels: placing.labels,
            lines: placing.lines,
            lane_height: canvas.font + 5.0,
        }
    }

    /// Height that the labels need.
    pub(super) fn height(&self) -> f64 {
        self.lanes as f64 * self.lane_height
    }

    /// Lines, which go below the series.
    pub(super) fn lines(&self, svg: &mut Svg, [top, bottom]: [f64; 2]) {
        for line in &self.lines {
            let from = top + line.lane as f64 * self.lane_height;
            svg.mark(line.x, from, bottom, line.ink, &line.title);
        }
    }

    /// Labels, which go above everything.
    pub(super) fn labels(&self, svg: &mut Svg, top: f64) {
        let font = svg.canvas().font;
        for label in &self.labels {
            let y = top + label.lane as f64 * self.lane_height + font;
            svg.text(label.x + 3.0, y, Anchor::Start, label.class, &label.text);
        }
    }
}

struct Placing<'a> {
    lanes: Lanes,
    canvas: Canvas,
    x: &'a Scale,
    labels: Vec<Label>,
    lines: Vec<Line>,
}

impl Placing<'_> {
    fn name(&mut self, fault: &FaultRecord) {
        let Some(at_s) = fault.injected_at_s else {
            return;
        };
        let targets: Vec<&str> = fault.targets.iter().map(|t| t.name.as_str()).collect();
        let text = match self.canvas.narrow {
            true => fault.name.clone(),
            false => format!("{}: {} {}", fault.name, fault.kind, targets.join(", ")),
        };
        let text = self
            .canvas
            .cut(&text, (self.canvas.right - self.canvas.left) * 0.6);
        self.label(at_s, "t-fault", text);
    }

    fn moments(&mut self, fault: &FaultRecord, end_s: f64) {
        let Some(injected) = fault.injected_at_s else {
            return;
        };
        let effect = match (fault.effect.confirmed, fault.confirmed_at_s) {
            (true, Some(at)) => format!("effect seen after {}", seconds(at - injected)),
            (true, None) => "effect seen".to_owned(),
            (false, _) => "NO EFFECT SEEN".to_owned(),
        };
        let text = match self.canvas.narrow {
            true => format!("injected {}", seconds(injected)),
            false => format!("injected {}, {effect}", seconds(injected)),
        };
        self.moment(injected, Ink::Injected, &fault.name, text);
        match (fault.effect.confirmed, fault.confirmed_at_s) {
            (true, Some(at)) if self.canvas.narrow => {
                let text = format!("seen after {}", seconds(at - injected));
                self.moment(at, Ink::Confirmed, &fault.name, text);
            }
            (true, Some(at)) => self.line(at, 0, Ink::Confirmed, &fault.name, &effect),
            _ if self.canvas.narrow => {
                self.label(injected, "t-fault", effect);
            }
            _ => {}
        }
        match fault.healed_at_s {
            Some(at) => {
                let text = format!("healed {}", seconds(at));
                self.moment(at, Ink::Healed, &fault.name, text);
            }
            None => {
                self.label(end_s, "t-fault", "NOT HEALED".to_owned());
            }
        }
        match (fault.clean_at_s, fault.healed_at_s) {
            (Some(at), _) => {
                let text = format!("clean {}", seconds(at));
                self.moment(at, Ink::Clean, &fault.name, text);
            }
            (None, Some(at)) => {
                self.label(at, "t-fault", "NOT CLEAN".to_owned());
            }
            (None, None) => {}
        }
    }

    fn moment(&mut self, at_s: f64, ink: Ink, name: &str, text: String) {
        let lane = self.lanes.used();
        let title = text.clone();
        let placed = self.label(at_s, "t-moment", text);
        self.line(at_s, placed.unwrap_or(lane), ink, name, &title);
    }

    fn line(&mut self, at_s: f64, lane: usize, ink: Ink, name: &str, what: &str) {
        self.lines.push(Line {
            x: self.x.at(at_s),
            lane,
            ink,
            title: format!("{name}: {what}"),
        });
    }

    /// Writes a text beside a moment; the lane in which it found room.
    fn label(&mut self, at_s: f64, class: &'static str, text: String) -> Option<usize> {
        // Names and warnings are bold, and some are in capitals.
        let wider = if class == "t-fault" { 1.25 } else { 1.0 };
        let width = self.canvas.text_width(&text) * wider + 6.0;
        let (x, lane) = self.lanes.place(self.x.at(at_s), width)?;
        self.labels.push(Label {
            x,
            lane,
            class,
            text,
        });
        Some(lane)
    }
}
