//! Writing SVG: every text and attribute that comes from outside is escaped here and nowhere else.

use std::fmt::Write;

use super::canvas::Canvas;
use super::ink::{Ink, Stroke};

/// Where a text stands relative to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// An SVG element that is being written.
#[derive(Debug)]
pub(super) struct Svg {
    out: String,
    canvas: Canvas,
}

impl Svg {
    /// Opens a chart; `title` is what a screen reader says.
    pub(super) fn new(canvas: Canvas, height: f64, title: &str) -> Svg {
        let label = escape(title);
        let out = format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{label}\" font-size=\"{}\" font-family=\"inherit\">\n<title>{label}</title>\n",
            canvas.width,
            short(height),
            canvas.font
        );
        Svg { out, canvas }
    }

    /// The finished element.
    pub(super) fn finish(mut self) -> String {
        self.out.push_str("</svg>\n");
        self.out
    }

    pub(super) fn canvas(&self) -> Canvas {
        self.canvas
    }

    /// A straight line.
    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        let data = format!(
            "M{} {}L{} {}",
            short(from.0),
            short(from.1),
            short(to.0),
            short(to.1)
        );
        self.path(&data, ink, "");
    }

    /// A line through points; `None` breaks it.
    pub(super) fn polyline(&mut self, points: &[Option<(f64, f64)>], ink: Ink) {
        let data = path_data(points);
        if !data.is_empty() {
            self.path(&data, ink, "");
        }
    }

    /// The area between points and a base line.
    pub(super) fn area(&mut self, points: &[Option<(f64, f64)>], base_y: f64, ink: Ink) {
        let mut data = String::new();
        for run in points.split(Option::is_none) {
            let run: Vec<(f64, f64)> = run.iter().flatten().copied().collect();
            if let (Some(first), Some(last)) = (run.first(), run.last()) {
                let _ = write!(data, "M{} {}", short(first.0), short(base_y));
                for (x, y) in &run {
                    let _ = write!(data, "L{} {}", short(*x), short(*y));
                }
                let _ = write!(data, "L{} {}Z", short(last.0), short(base_y));
            }
        }
        if !data.is_empty() {
            let Stroke { class, color, .. } = ink.stroke();
            let _ = writeln!(
                self.out,
                "<path class=\"f{class}\" d=\"{data}\" fill=\"{color}\" fill-opacity=\"0.25\"/>"
            );
        }
    }

    /// The area between two edges.
    pub(super) fn ribbon(
        &mut self,
        above: &[(f64, f64)],
        below: &[(f64, f64)],
        ink: Ink,
        opacity: f64,
    ) {
        let outline: Vec<Option<(f64, f64)>> = above
            .iter()
            .chain(below.iter().rev())
            .copied()
            .map(Some)
            .collect();
        let data = path_data(&outline);
        if !data.is_empty() {
            let Stroke { class, color, .. } = ink.stroke();
            let _ = writeln!(
                self.out,
                "<path class=\"f{class}\" d=\"{data}Z\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>"
            );
        }
    }

    fn path(&mut self, data: &str, ink: Ink, inner: &str) {
        let Stroke {
            class,
            color,
            dash,
            width,
        } = ink.stroke();
        let dash = match dash {
            "" => String::new(),
            dash => format!(" stroke-dasharray=\"{dash}\""),
        };
        let end = match inner {
            "" => "/>".to_owned(),
            inner => format!(">{inner}</path>"),
        };
        let _ = writeln!(
            self.out,
            "<path class=\"{class}\" d=\"{data}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\" stroke-linejoin=\"round\"{dash}{end}"
        );
    }

    /// A vertical mark that says what it is when it is pointed at.
    pub(super) fn mark(&mut self, x: f64, from_y: f64, to_y: f64, ink: Ink, title: &str) {
        let data = format!("M{x} {}V{}", short(from_y), short(to_y), x = short(x));
        self.path(&data, ink, &format!("<title>{}</title>", escape(title)));
    }

    /// A filled rectangle (x, y, width, height) that says what it is when it is pointed at.
    pub(super) fn band(
        &mut self,
        at: [f64; 4],
        class: &'static str,
        fill: &str,
        opacity: f64,
        title: &str,
    ) {
        let [x, y, width, height] = at.map(short);
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" fill-opacity=\"{opacity}\"><title>{}</title></rect>",
            escape(title)
        );
    }

    /// The sample of an area (x, y, width, height) in a key.
    pub(super) fn swatch(&mut self, at: [f64; 4], class: &str, fill: &str) {
        let [x, y, width, height] = at.map(short);
        let _ = writeln!(
            self.out,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"{fill}\" fill-opacity=\"0.7\"/>"
        );
    }

    /// A text.
    pub(super) fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &'static str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = match class {
            "t-title" => " font-weight=\"600\"",
            _ => "",
        };
        let _ = writeln!(
            self.out,
            "<text class=\"{class}\" x=\"{}\" y=\"{}\"{anchor}{weight} fill=\"currentColor\">{}</text>",
            short(x),
            short(y),
            escape(text)
        );
    }
}

fn path_data(points: &[Option<(f64, f64)>]) -> String {
    let mut data = String::with_capacity(points.len() * 12);
    for run in points.split(Option::is_none) {
        let mut run = run.iter().flatten();
        let Some((x, y)) = run.next() else { continue };
        let _ = write!(data, "M{} {}", short(*x), short(*y));
        let mut alone = true;
        for (x, y) in run {
            let _ = write!(data, "L{} {}", short(*x), short(*y));
            alone = false;
        }
        if alone {
            data.push_str("h1");
        }
    }
    data
}

/// A coordinate to a tenth of a unit: finer cannot be seen and makes the file larger.
fn short(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".into(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Text without any power in HTML, in elements and in attributes; characters that XML forbids are replaced.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_breaks_the_line_and_a_lonely_point_is_seen() {
        let points = [
            Some((0.0, 1.0)),
            Some((1.0, 2.25)),
            None,
            Some((3.0, -0.01)),
        ];
        assert_eq!(path_data(&points), "M0 1L1 2.2M3 0h1");
        assert_eq!(path_data(&[None, None]), "");
    }

    #[test]
    fn text_from_outside_is_inert() {
        let mut svg = Svg::new(Canvas::WIDE, 10.0, "\"><script>");
        svg.text(
            0.0,
            0.0,
            Anchor::Start,
            "t-tick",
            "</svg><script>alert('x')</script>\u{0}",
        );
        svg.mark(1.0, 0.0, 1.0, Ink::Axis, "<b>");
        let text = svg.finish();
        assert!(!text.contains("<script") && !text.contains("<b>"), "{text}");
        assert!(!text.contains('\u{0}'));
    }
}
