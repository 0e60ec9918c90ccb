//! Failover taken apart: for each fault one bar from its injection to the return of redundancy, cut where something
//! happened; below it how long the fault held, the worst session, and the outage that the heal made.

use shakedown_record::run_record::{Failover, FaultRecord, RunRecord};

use super::canvas::Canvas;
use super::ink::Ink;
use super::scale::{Scale, clock, linear_ticks};
use super::svg::{Anchor, Svg};
use crate::document::outage_name;
use crate::words::seconds;

/// Heights: of a bar, of a row with a bar, of a row with words.
const BAR: f64 = 13.0;
const ROW: f64 = 18.0;
const WORDS: f64 = 17.0;

/// More outages than this stand in the table only.
pub(crate) const MOST: usize = 8;

/// The chart; `None` when nothing was measured.
pub(crate) fn outage(record: &RunRecord, canvas: Canvas) -> Option<String> {
    let entries: Vec<Shown> = record
        .failover
        .iter()
        .map(|entry| Shown::of(entry, fault_of(record, entry)))
        .filter(|shown| !shown.figures().is_empty())
        .take(MOST)
        .collect();
    let longest = entries.iter().map(Shown::end).fold(0.0, f64::max);
    let ticks = linear_ticks(longest, if canvas.narrow { 3 } else { 8 });
    let left = if canvas.narrow { 92.0 } else { 110.0 };
    let x = Scale::linear(
        0.0,
        *ticks.last().filter(|_| !entries.is_empty())?,
        left,
        canvas.right - 14.0,
    );
    let heights = entries.iter().map(|shown| shown.height(canvas));
    let bottom = heights.sum::<f64>() + 4.0;
    let mut svg = Svg::new(
        canvas,
        bottom + 2.0 * canvas.font + 12.0,
        "Failover taken apart, in seconds after the fault was injected or the outage began",
    );
    axis(&mut svg, &x, &ticks, bottom);
    let mut y = 2.0;
    for shown in &entries {
        y = shown.draw(&mut svg, &x, y);
    }
    Some(svg.finish())
}

/// The firing whose clock an entry has; a later outage under the same fault has a clock of its own.
fn fault_of<'a>(record: &'a RunRecord, entry: &Failover) -> Option<&'a FaultRecord> {
    let name = entry.fault.as_deref()?;
    record.faults.iter().find(|fault| {
        let apart = fault
            .injected_at_s
            .map(|at| (at - entry.started_at_s).abs());
        fault.name == name && apart.is_some_and(|s| s < 1e-3)
    })
}

fn axis(svg: &mut Svg, x: &Scale, ticks: &[f64], bottom: f64) {
    let canvas = svg.canvas();
    for tick in ticks {
        let at = x.at(*tick);
        svg.line((at, 4.0), (at, bottom), Ink::Grid);
        let y = bottom + canvas.font + 3.0;
        let longest = ticks.last().copied().unwrap_or_default();
        svg.text(at, y, Anchor::Middle, "t-tick", &clock(*tick, longest));
    }
    let y = bottom + 2.0 * canvas.font + 7.0;
    let note = "time since it began";
    svg.text(canvas.right, y, Anchor::End, "t-tick", note);
}

/// A class of the style sheet, and the colour without it.
type Paint = (&'static str, &'static str);

const EFFECT: Paint = ("fi-amber", "#d98c00");
const FIRST_ACK: Paint = ("fi-blue", "#0072b2");
const RECOVERED: Paint = ("fi-green", "#00795a");
const REDUNDANT: Paint = ("fi-grey", "#77808c");
const FAULT: Paint = ("f-fault", "#d98c00");
const SESSION: Paint = ("fi-purple", "#8a4a78");
const OPEN: Paint = ("fi-red", "#c04a00");

/// Something that took from one moment to another, in seconds after the entry began.
#[derive(Debug, Clone, PartialEq)]
struct Stretch {
    name: &'static str,
    from_s: f64,
    to_s: f64,
    paint: Paint,
    opacity: f64,
    /// Its end was not seen.
    open: bool,
}

impl Stretch {
    fn new(name: &'static str, from_s: f64, to_s: f64, paint: Paint) -> Stretch {
        Stretch {
            name,
            from_s,
            to_s,
            paint,
            opacity: 0.85,
            open: false,
        }
    }

    fn open(self) -> Stretch {
        Stretch { open: true, ..self }
    }

    fn faint(self) -> Stretch {
        Stretch {
            opacity: 0.35,
            ..self
        }
    }
}

/// A figure in words, with the colour of its bar.
struct Figure {
    paint: Paint,
    text: String,
}

/// One entry as it is drawn.
struct Shown {
    title: String,
    /// The bar: what happened, in order of time.
    service: Vec<Stretch>,
    /// Further bars, each with what stands at its left.
    others: Vec<(&'static str, Vec<Stretch>)>,
}

impl Shown {
    fn of(entry: &Failover, fault: Option<&FaultRecord>) -> Shown {
        let mut others = Vec::new();
        let hold = fault.map(held).unwrap_or_default();
        let healed_s = hold.first().map_or(0.0, |stretch| stretch.to_s);
        if !hold.is_empty() {
            others.push(("fault", hold));
        } else if let (Some(_), Some(s)) = (fault, entry.censored_at_s) {
            let open = Stretch::new("not healed within", 0.0, s, FAULT).open();
            others.push(("fault", vec![open]));
        }
        if let Some(s) = entry.worst_session_gap_s {
            let gap = Stretch::new("worst session", 0.0, s, SESSION);
            others.push(("worst session", vec![gap]));
        }
        if let Some(s) = entry.heal_outage_s {
            let outage = Stretch::new("outage by the heal", healed_s, healed_s + s, OPEN);
            others.push(("heal outage", vec![outage]));
        }
        if let (None, Some(s)) = (entry.recovered_s, entry.censored_at_s) {
            let open = Stretch::new("not recovered within", 0.0, s, OPEN).open();
            others.push(("not recovered", vec![open]));
        }
        let what = fault.map(|fault| {
            let targets: Vec<&str> = fault.targets.iter().map(|t| t.name.as_str()).collect();
            format!(": {} {}", fault.kind, targets.join(", "))
        });
        Shown {
            title: format!("{}{}", outage_name(entry), what.unwrap_or_default()),
            service: service(entry, fault),
            others,
        }
    }

    fn end(&self) -> f64 {
        let others = self.others.iter().flat_map(|(_, stretches)| stretches);
        let all = self.service.iter().chain(others);
        all.map(|stretch| stretch.to_s).fold(0.0, f64::max)
    }

    /// Every figure in words: moments of the service first, then lengths.
    fn figures(&self) -> Vec<Figure> {
        let moments = self.service.iter().map(|stretch| Figure {
            paint: stretch.paint,
            text: format!("{} {}", stretch.name, seconds(stretch.to_s)),
        });
        let others = self.others.iter().flat_map(|(_, stretches)| stretches);
        let lengths = others.map(|stretch| {
            let since = match stretch.paint == FAULT {
                true => stretch.to_s,
                false => stretch.to_s - stretch.from_s,
            };
            Figure {
                paint: stretch.paint,
                text: format!("{} {}", stretch.name, seconds(since)),
            }
        });
        moments.chain(lengths).collect()
    }

    fn height(&self, canvas: Canvas) -> f64 {
        let bars = usize::from(!self.service.is_empty()) + self.others.len();
        let words = lines(self.figures(), canvas).len();
        ROW + bars as f64 * ROW + words as f64 * WORDS + 8.0
    }

    /// Draws the entry and returns where the next one begins.
    fn draw(&self, svg: &mut Svg, x: &Scale, top: f64) -> f64 {
        let canvas = svg.canvas();
        let title = canvas.cut(&self.title, canvas.width - 4.0);
        svg.text(
            2.0,
            top + canvas.font + 2.0,
            Anchor::Start,
            "t-title",
            &title,
        );
        let mut y = top + ROW;
        if !self.service.is_empty() {
            bar(svg, x, y, "service", &self.service);
            y += ROW;
        }
        for (name, stretches) in &self.others {
            bar(svg, x, y, name, stretches);
            y += ROW;
        }
        for line in lines(self.figures(), canvas) {
            let mut at = 2.0;
            for figure in &line {
                let (class, fill) = figure.paint;
                svg.swatch([at, y + 3.0, 10.0, 10.0], class, fill);
                let baseline = y + canvas.font;
                svg.text(at + 15.0, baseline, Anchor::Start, "t-key", &figure.text);
                at += figure_width(canvas, figure);
            }
            y += WORDS;
        }
        y + 8.0
    }
}

/// What became of the service, cut at each moment that was seen.
fn service(entry: &Failover, fault: Option<&FaultRecord>) -> Vec<Stretch> {
    let effect_s = fault
        .filter(|fault| fault.effect.confirmed)
        .and_then(|fault| Some(fault.confirmed_at_s? - fault.injected_at_s?));
    let seen = [
        ("effect seen", effect_s, EFFECT),
        ("first acknowledgement", entry.first_ack_s, FIRST_ACK),
        ("recovered", entry.recovered_s, RECOVERED),
        ("redundancy back", entry.redundancy_s, REDUNDANT),
    ];
    let mut moments: Vec<(&'static str, f64, Paint)> = seen
        .into_iter()
        .filter_map(|(name, at_s, paint)| Some((name, at_s?.max(0.0), paint)))
        .collect();
    moments.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut from_s = 0.0;
    let cut = moments.into_iter().map(|(name, to_s, paint)| {
        let stretch = Stretch::new(name, from_s, to_s, paint);
        from_s = to_s;
        stretch
    });
    cut.collect()
}

/// How long the fault held, and how long until it was proven to be gone.
fn held(fault: &FaultRecord) -> Vec<Stretch> {
    let Some(injected_s) = fault.injected_at_s else {
        return Vec::new();
    };
    let Some(healed_s) = fault.healed_at_s.map(|at| (at - injected_s).max(0.0)) else {
        return Vec::new();
    };
    let mut stretches = vec![Stretch::new("healed", 0.0, healed_s, FAULT)];
    if let Some(at) = fault.clean_at_s {
        let clean_s = (at - injected_s).max(healed_s);
        stretches.push(Stretch::new("clean", healed_s, clean_s, FAULT).faint());
    }
    stretches
}

fn bar(svg: &mut Svg, x: &Scale, y: f64, name: &str, stretches: &[Stretch]) {
    let canvas = svg.canvas();
    let left = x.at(0.0);
    svg.text(left - 8.0, y + canvas.font, Anchor::End, "t-key", name);
    for stretch in stretches {
        let (from, to) = (x.at(stretch.from_s), x.at(stretch.to_s));
        let width = (to - from - 1.0).max(1.5);
        let (class, fill) = stretch.paint;
        let title = match stretch.open {
            true => format!(
                "{} {}, when observation ended",
                stretch.name,
                seconds(stretch.to_s)
            ),
            false => format!(
                "{}: from {} to {}",
                stretch.name,
                seconds(stretch.from_s),
                seconds(stretch.to_s)
            ),
        };
        svg.band(
            [from, y + 1.0, width, BAR],
            class,
            fill,
            stretch.opacity,
            &title,
        );
        if stretch.open {
            svg.text(to + 1.0, y + canvas.font, Anchor::Start, "t-key", "…");
        }
    }
}

fn figure_width(canvas: Canvas, figure: &Figure) -> f64 {
    15.0 + canvas.text_width(&figure.text) + 8.0
}

/// Figures in lines that fit.
fn lines(figures: Vec<Figure>, canvas: Canvas) -> Vec<Vec<Figure>> {
    let mut lines: Vec<Vec<Figure>> = Vec::new();
    let mut taken = f64::INFINITY;
    for figure in figures {
        let width = figure_width(canvas, &figure);
        if taken + width > canvas.right {
            lines.push(Vec::new());
            taken = 0.0;
        }
        taken += width;
        if let Some(line) = lines.last_mut() {
            line.push(figure);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_cut_where_something_happened_in_order_of_time() {
        let entry = Failover {
            first_ack_s: Some(1.62),
            recovered_s: Some(1.84),
            redundancy_s: Some(0.9),
            ..Failover::default()
        };
        let cut: Vec<(&str, f64, f64)> = service(&entry, None)
            .into_iter()
            .map(|stretch| (stretch.name, stretch.from_s, stretch.to_s))
            .collect();
        assert_eq!(
            cut,
            [
                ("redundancy back", 0.0, 0.9),
                ("first acknowledgement", 0.9, 1.62),
                ("recovered", 1.62, 1.84),
            ]
        );
    }

    #[test]
    fn what_did_not_recover_is_open_and_never_recovered() {
        let entry = Failover {
            censored_at_s: Some(6.8),
            ..Failover::default()
        };
        let shown = Shown::of(&entry, None);
        let words: Vec<String> = shown.figures().into_iter().map(|f| f.text).collect();
        assert_eq!(words, ["not recovered within 6.8 s"]);
        assert!(shown.others[0].1[0].open);
        let nothing = Shown::of(&Failover::default(), None);
        assert!(nothing.figures().is_empty());
    }

    #[test]
    fn figures_wrap_before_the_edge() {
        let entry = Failover {
            first_ack_s: Some(1.62),
            recovered_s: Some(1.84),
            worst_session_gap_s: Some(2.11),
            redundancy_s: Some(6.4),
            heal_outage_s: Some(0.3),
            ..Failover::default()
        };
        let figures = Shown::of(&entry, None).figures();
        let wrapped = lines(figures, Canvas::NARROW);
        assert!(wrapped.len() > 1);
        for line in &wrapped {
            let width: f64 = line.iter().map(|f| figure_width(Canvas::NARROW, f)).sum();
            assert!(width <= Canvas::NARROW.right);
        }
    }
}
