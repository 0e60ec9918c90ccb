//! The two sizes in which each chart is drawn.

/// Room for a chart, in the units of its view box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Canvas {
    pub(crate) width: f64,
    /// Left edge of the plot: labels of the axis stand before it.
    pub(crate) left: f64,
    /// Right edge of the plot.
    pub(crate) right: f64,
    /// Height of letters.
    pub(crate) font: f64,
    /// At most this many points in a line.
    pub(crate) points: usize,
    pub(crate) narrow: bool,
}

impl Canvas {
    /// From a small laptop upwards, and in print.
    pub(crate) const WIDE: Canvas = Canvas {
        width: 960.0,
        left: 62.0,
        right: 946.0,
        font: 12.0,
        points: 1_500,
        narrow: false,
    };

    /// A telephone held upright.
    pub(crate) const NARROW: Canvas = Canvas {
        width: 340.0,
        left: 48.0,
        right: 334.0,
        font: 11.0,
        points: 400,
        narrow: true,
    };

    /// Width of a text, estimated for a wide font, so that it never needs more.
    pub(crate) fn text_width(self, text: &str) -> f64 {
        text.chars().count() as f64 * self.font * 0.6
    }

    /// The text, cut to a width with a mark that it was cut.
    pub(crate) fn cut(self, text: &str, width: f64) -> String {
        let most = (width / (self.font * 0.6)).floor().max(2.0) as usize;
        if text.chars().count() <= most {
            return text.to_owned();
        }
        let head: String = text.chars().take(most - 1).collect();
        format!("{head}…")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_fits_and_says_that_it_was_cut() {
        let text = "an outage that no fault explains";
        let cut = Canvas::NARROW.cut(text, 100.0);
        assert!(
            cut.ends_with('…') && Canvas::NARROW.text_width(&cut) <= 100.0,
            "{cut}"
        );
        assert_eq!(Canvas::WIDE.cut("short", 100.0), "short");
    }
}
