//! A section of the page: a title, sentences, charts, tables, stories and commands.

use shakedown_analysis::Explanation;

use crate::chart::Canvas;
use crate::document::Table;
use crate::screen::Line;
use crate::words::Tone;

/// A chart in both of its sizes.
pub(super) struct Chart {
    pub(super) wide: String,
    pub(super) narrow: String,
    pub(super) caption: String,
}

impl Chart {
    pub(super) fn of(
        caption: impl Into<String>,
        draw: impl Fn(Canvas) -> Option<String>,
    ) -> Option<Chart> {
        Some(Chart {
            wide: draw(Canvas::WIDE)?,
            narrow: draw(Canvas::NARROW)?,
            caption: caption.into(),
        })
    }
}

/// A table and how it is shown.
pub(super) struct Shown {
    pub(super) table: Table,
    /// What it is, for those who reach it without its surroundings.
    pub(super) label: &'static str,
    /// Closed until it is asked for; printed all the same.
    pub(super) folded: bool,
}

/// An order of a class of data loss.
pub(super) struct OrderStory {
    pub(super) class: String,
    pub(super) order: String,
    pub(super) text: String,
    /// Step by step: its moment, and what happened.
    pub(super) steps: Vec<(String, String)>,
    pub(super) command: String,
    /// The first one stands open.
    pub(super) open: bool,
}

impl OrderStory {
    /// The steps of an explanation as the page shows them.
    pub(super) fn steps_of(explanation: &Explanation) -> Vec<(String, String)> {
        let steps = explanation.steps.iter().map(|step| {
            let moment = step.at_s.map(shakedown_analysis::words::moment_s);
            (moment.unwrap_or_default(), step.text.clone())
        });
        steps.collect()
    }
}

/// One section.
#[derive(Default)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: Vec<Line>,
    pub(super) charts: Vec<Chart>,
    pub(super) tables: Vec<Shown>,
    pub(super) stories: Vec<OrderStory>,
    pub(super) commands: Vec<String>,
}

impl Section {
    pub(super) fn new(id: &'static str, title: &'static str) -> Section {
        Section {
            id,
            title,
            ..Section::default()
        }
    }

    pub(super) fn say(mut self, text: impl Into<String>, tone: Tone) -> Section {
        self.lead.push(Line {
            text: text.into(),
            tone,
            command: None,
        });
        self
    }

    /// Adds a table, or the sentence that there is nothing to show.
    pub(super) fn table(self, table: Table, otherwise: &str) -> Section {
        if table.rows.is_empty() {
            return self.say(otherwise, Tone::Quiet);
        }
        let label = self.title;
        self.shown(table, label, false)
    }

    /// Adds a table; nothing when it is empty.
    pub(super) fn table_if_any(self, table: Table) -> Section {
        let label = self.title;
        self.shown(table, label, false)
    }

    /// Adds a table that is closed until it is asked for; nothing when it is empty.
    pub(super) fn folded(self, table: Table, label: &'static str) -> Section {
        self.shown(table, label, true)
    }

    fn shown(mut self, table: Table, label: &'static str, folded: bool) -> Section {
        if !table.rows.is_empty() {
            self.tables.push(Shown {
                table,
                label,
                folded,
            });
        }
        self
    }

    pub(super) fn chart(mut self, chart: Option<Chart>) -> Section {
        self.charts.extend(chart);
        self
    }
}
