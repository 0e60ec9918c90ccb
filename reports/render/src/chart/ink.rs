//! Lines of a chart: a colour for those who see it, a dash for those who do not. Colours after Okabe and Ito.

use shakedown_record::phase::Phase;

/// What a line stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Grid,
    Axis,
    Offered,
    Achieved,
    Declined,
    Uncertain,
    Absent,
    P50,
    P99,
    P999,
    Gap,
    Limit,
    Recovered,
    Injected,
    Confirmed,
    Healed,
    Clean,
    Platform,
    Of(Phase),
}

/// How a line is drawn: class of the style sheet, colour without it, dashes, width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stroke {
    pub(super) class: &'static str,
    pub(super) color: &'static str,
    pub(super) dash: &'static str,
    pub(super) width: f64,
}

const fn stroke(
    class: &'static str,
    color: &'static str,
    dash: &'static str,
    width: f64,
) -> Stroke {
    Stroke {
        class,
        color,
        dash,
        width,
    }
}

impl Ink {
    pub(super) fn stroke(self) -> Stroke {
        match self {
            Ink::Grid => stroke("i-grid", "#d5dbe3", "", 1.0),
            Ink::Axis => stroke("i-axis", "#77808c", "", 1.0),
            Ink::Offered => stroke("i-grey", "#5b6470", "6 4", 1.6),
            Ink::Achieved | Ink::P99 | Ink::Of(Phase::Recovery) => {
                stroke("i-blue", "#0072b2", "", 1.8)
            }
            Ink::Absent | Ink::Of(Phase::Impact) => stroke("i-red", "#c04a00", "", 1.8),
            Ink::Declined => stroke("i-purple", "#8a4a78", "2 3", 1.6),
            Ink::Uncertain => stroke("i-amber", "#d98c00", "7 3", 1.6),
            Ink::Injected => stroke("i-fault", "#a86400", "", 1.6),
            Ink::Confirmed => stroke("i-fault", "#a86400", "1 3", 1.4),
            Ink::Healed => stroke("i-fault", "#a86400", "8 3", 1.4),
            Ink::Clean => stroke("i-fault", "#a86400", "3 4", 1.2),
            Ink::P50 => stroke("i-green", "#00795a", "7 3", 1.6),
            Ink::P999 => stroke("i-purple", "#8a4a78", "2 3", 1.4),
            Ink::Gap => stroke("i-orange", "#9a6400", "", 1.8),
            Ink::Limit => stroke("i-red", "#c04a00", "10 3 2 3", 1.2),
            Ink::Recovered => stroke("i-green", "#00795a", "4 3", 1.4),
            Ink::Platform => stroke("i-ink", "#20262e", "", 1.6),
            Ink::Of(Phase::WarmUp) => stroke("i-grey", "#5b6470", "2 3", 1.4),
            Ink::Of(Phase::Steady) => stroke("i-green", "#00795a", "7 3", 1.8),
            Ink::Of(Phase::Run) => stroke("i-ink", "#20262e", "10 3 2 3", 1.4),
        }
    }
}
