//! A panel: frame, grid, labels of its axis, title and key; its lines share the time axis of the chart.

use super::canvas::Canvas;
use super::ink::{Ink, Stroke};
use super::sample::{Point, thin};
use super::scale::Scale;
use super::svg::{Anchor, Svg};

/// How something looks in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    Line(Ink),
    Area(Ink),
}

/// A panel and where it is.
#[derive(Debug, Clone)]
pub(super) struct Panel<'a> {
    pub(super) title: &'a str,
    /// What the lines are, for the key.
    pub(super) key: Vec<(Mark, &'a str)>,
    pub(super) top: f64,
    pub(super) bottom: f64,
    pub(super) x: Scale,
    pub(super) y: Scale,
    /// Values at which the axis is labelled, with the labels.
    pub(super) ticks: Vec<(f64, String)>,
}

/// Height of the line above a panel that holds its title and key.
pub(super) const TITLE_HEIGHT: f64 = 22.0;

/// Height of each further line of a key.
pub(super) const KEY_HEIGHT: f64 = 16.0;

/// A key in lines that fit beside the title of its panel.
pub(super) fn key_rows<'k>(
    canvas: Canvas,
    title: &str,
    key: &'k [(Mark, &'k str)],
) -> Vec<Vec<&'k (Mark, &'k str)>> {
    let room =
        canvas.right - canvas.text_width(title) - if canvas.narrow { 2.0 } else { canvas.left };
    let mut rows: Vec<Vec<&(Mark, &str)>> = Vec::new();
    let mut taken = f64::INFINITY;
    for item in key {
        let width = key_width(canvas, item.1);
        if taken + width > room {
            rows.push(Vec::new());
            taken = 0.0;
        }
        taken += width;
        if let Some(row) = rows.last_mut() {
            row.push(item);
        }
    }
    rows
}

fn key_width(canvas: Canvas, name: &str) -> f64 {
    36.0 + canvas.text_width(name)
}

impl Panel<'_> {
    /// Draws the frame; lines come on top of it.
    pub(super) fn frame(&self, svg: &mut Svg) {
        let canvas = svg.canvas();
        for (value, label) in &self.ticks {
            let y = self.y.at(*value);
            svg.line((canvas.left, y), (canvas.right, y), Ink::Grid);
            svg.text(
                canvas.left - 6.0,
                y + canvas.font * 0.35,
                Anchor::End,
                "t-tick",
                label,
            );
        }
        svg.line(
            (canvas.left, self.bottom),
            (canvas.right, self.bottom),
            Ink::Axis,
        );
        self.key(svg);
    }

    fn key(&self, svg: &mut Svg) {
        let canvas = svg.canvas();
        let rows = key_rows(canvas, self.title, &self.key);
        let first_y = self.top - 8.0 - (rows.len().max(1) - 1) as f64 * KEY_HEIGHT;
        let title_x = if canvas.narrow { 2.0 } else { canvas.left };
        svg.text(title_x, first_y, Anchor::Start, "t-title", self.title);
        for (index, row) in rows.iter().enumerate() {
            let y = first_y + index as f64 * KEY_HEIGHT;
            let mut x = canvas.right
                - row
                    .iter()
                    .map(|(_, name)| key_width(canvas, name))
                    .sum::<f64>();
            for (mark, name) in row {
                match mark {
                    Mark::Line(ink) => svg.line((x + 10.0, y - 4.0), (x + 31.0, y - 4.0), *ink),
                    Mark::Area(ink) => {
                        let Stroke { class, color, .. } = ink.stroke();
                        svg.swatch([x + 13.0, y - 9.0, 18.0, 10.0], &format!("f{class}"), color);
                    }
                }
                svg.text(x + 36.0, y, Anchor::Start, "t-key", name);
                x += key_width(canvas, name);
            }
        }
    }

    /// A line through a series, thinned to the canvas.
    pub(super) fn series(&self, svg: &mut Svg, points: &[Point], ink: Ink) {
        let placed = self.placed(svg, points);
        svg.polyline(&placed, ink);
    }

    /// A line with the area below it filled.
    pub(super) fn filled(&self, svg: &mut Svg, points: &[Point], ink: Ink) {
        let placed = self.placed(svg, points);
        svg.area(&placed, self.bottom, ink);
        svg.polyline(&placed, ink);
    }

    fn placed(&self, svg: &Svg, points: &[Point]) -> Vec<Option<(f64, f64)>> {
        thin(points, svg.canvas().points)
            .into_iter()
            .map(|(x, value)| value.map(|value| (self.x.at(x), self.y.at(value))))
            .collect()
    }

    /// A limit across the panel, with its name at the left end.
    pub(super) fn limit(&self, svg: &mut Svg, value: f64, name: &str) {
        let canvas = svg.canvas();
        let y = self.y.at(value);
        let name = canvas.cut(name, (canvas.right - canvas.left) * 0.6);
        svg.line((canvas.left, y), (canvas.right, y), Ink::Limit);
        svg.text(canvas.left + 4.0, y - 3.0, Anchor::Start, "t-over", &name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_too_wide_takes_more_lines() {
        let names = ["warm-up", "steady", "impact", "recovery", "run"];
        let key: Vec<(Mark, &str)> = names.map(|name| (Mark::Line(Ink::P50), name)).into();
        assert_eq!(key_rows(Canvas::WIDE, "Response time", &key).len(), 1);
        let narrow = key_rows(Canvas::NARROW, "", &key);
        assert_eq!(narrow.len(), 2);
        assert_eq!(narrow.concat().len(), names.len());
    }
}
