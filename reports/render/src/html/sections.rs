//! The sections of the page: each a title, sentences, charts, tables and stories.

use shakedown_analysis::Analysis;
use shakedown_record::run_record::RunRecord;

use crate::chart::{self, Canvas};
use crate::document::{
    Table, availability_table, checks_table, data_loss_table, facts_table, failover_table,
    faults_table, generator_table, latency_table, outcomes_table, recovery_point, throughput_table,
};
use crate::screen::Line;
use crate::words::{Tone, shell_word};

/// A chart in both of its sizes.
pub(super) struct Chart {
    pub(super) wide: String,
    pub(super) narrow: String,
    pub(super) caption: &'static str,
}

impl Chart {
    fn of(caption: &'static str, draw: impl Fn(Canvas) -> Option<String>) -> Option<Chart> {
        Some(Chart {
            wide: draw(Canvas::WIDE)?,
            narrow: draw(Canvas::NARROW)?,
            caption,
        })
    }
}

/// An order of a class of data loss.
pub(super) struct Story {
    pub(super) class: String,
    pub(super) order: String,
    pub(super) text: String,
    pub(super) command: String,
}

/// One section.
#[derive(Default)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: Vec<Line>,
    pub(super) charts: Vec<Chart>,
    pub(super) tables: Vec<Table>,
    pub(super) stories: Vec<Story>,
    pub(super) commands: Vec<String>,
}

impl Section {
    fn new(id: &'static str, title: &'static str) -> Section {
        Section {
            id,
            title,
            ..Section::default()
        }
    }

    fn say(mut self, text: impl Into<String>, tone: Tone) -> Section {
        self.lead.push(Line {
            text: text.into(),
            tone,
            command: None,
        });
        self
    }

    /// Adds a table, or the sentence that there is nothing to show.
    fn table(mut self, table: Table, otherwise: &str) -> Section {
        if table.rows.is_empty() {
            return self.say(otherwise, Tone::Quiet);
        }
        self.tables.push(table);
        self
    }

    fn chart(mut self, chart: Option<Chart>) -> Section {
        self.charts.extend(chart);
        self
    }
}

/// All sections in the order of the page.
pub(super) fn all(analysis: &Analysis) -> Vec<Section> {
    let record = &analysis.record;
    vec![
        Section::new("checks", "Checks").table(
            checks_table(record),
            "No check was made: the run did not get that far.",
        ),
        timeline(analysis),
        failover(record),
        Section::new("faults", "Faults: asked for and measured")
            .table(faults_table(record), "No fault was asked for."),
        data_loss(record),
        latency(analysis),
        service(record),
        generator(record),
        not_checked(record),
        facts(analysis),
    ]
}

fn timeline(analysis: &Analysis) -> Section {
    const CAPTION: &str = "By the time at which orders were due. Shaded: a fault holds (strong), is healed but not yet \
        proven to be gone (weak). Dashed vertical line: service was good again. Failures count as the timeout.";
    let section = Section::new("timeline", "Timeline");
    match Chart::of(CAPTION, |canvas| chart::timeline(analysis, canvas)) {
        Some(chart) => section.chart(Some(chart)),
        None => section.say("No order was sent.", Tone::Quiet),
    }
}

fn failover(record: &RunRecord) -> Section {
    const CAPTION: &str = "Seconds after the fault was injected, or after the outage began.";
    Section::new("failover", "Failover, as the clients saw it")
        .chart(Chart::of(CAPTION, |canvas| {
            chart::outage(&record.failover, canvas)
        }))
        .table(
            failover_table(&record.failover),
            "No fault and no outage was seen.",
        )
}

fn data_loss(record: &RunRecord) -> Section {
    let data = &record.data_loss;
    let coverage = &data.coverage;
    let reads: Vec<&str> = coverage.reads.iter().map(|read| read.name()).collect();
    let read = match reads.is_empty() {
        true => "no read".to_owned(),
        false => format!("reads: {}", reads.join(", ")),
    };
    let tone = match coverage.replicas_read == coverage.replicas_expected && !reads.is_empty() {
        true => Tone::Plain,
        false => Tone::Unsure,
    };
    let grouped = crate::words::grouped;
    let mut section = Section::new("data-loss", "Data loss").say(
        format!(
            "{} acknowledged, {} rejected, {} without a clear answer. Looked for {} on {} of {} copies ({read}).",
            grouped(data.acknowledged),
            grouped(data.rejected),
            grouped(data.indeterminate),
            crate::words::counted(coverage.orders, "order"),
            coverage.replicas_read,
            coverage.replicas_expected,
        ),
        tone,
    );
    for reason in &coverage.unread {
        section = section.say(format!("Not read: {reason}"), Tone::Unsure);
    }
    if let Some(point) = recovery_point(data) {
        section = section.say(point, Tone::Plain);
    }
    let run = shell_word(&record.run.id);
    section.stories = data
        .examples
        .iter()
        .map(|example| Story {
            class: example.class.clone(),
            order: example.order.clone(),
            text: example.story.clone(),
            command: format!(
                "shakedown explain {run} --order {}",
                shell_word(&example.order)
            ),
        })
        .collect();
    section.table(data_loss_table(data, false), "")
}

fn latency(analysis: &Analysis) -> Section {
    const CAPTION: &str = "Response time of all orders by quantile, both axes logarithmic.";
    Section::new("latency", "Latency by phase")
        .say(
            "Response: from the moment an order was due, failures count as the timeout. Acknowledged: the same, \
             acknowledged orders only. Service: from the actual send to the answer.",
            Tone::Quiet,
        )
        .chart(Chart::of(CAPTION, |canvas| chart::curve(&analysis.curves, canvas)))
        .table(latency_table(&analysis.record), "Nothing was measured.")
}

fn service(record: &RunRecord) -> Section {
    Section::new("service", "Throughput and availability")
        .table(throughput_table(record), "No rate was measured.")
        .table(availability_table(record), "")
}

fn generator(record: &RunRecord) -> Section {
    Section::new("generator", "Generator health")
        .table(generator_table(&record.generator), "")
        .table(outcomes_table(&record.generator), "It sent nothing.")
}

fn not_checked(record: &RunRecord) -> Section {
    let mut section = Section::new("not-checked", "What was not checked");
    let never = &record.data_loss.coverage.not_checkable;
    let open = crate::document::not_checked(&record.data_loss);
    let open: Vec<&str> = open
        .into_iter()
        .filter(|class| !never.iter().any(|name| name == class))
        .collect();
    if !open.is_empty() {
        let text = format!("Could not be told in this run: {} orders.", open.join(", "));
        section = section.say(text, Tone::Unsure);
    }
    if !never.is_empty() {
        let text = format!(
            "Cannot be checked with this profile or by this version: {} orders.",
            never.join(", ")
        );
        section = section.say(text, Tone::Plain);
    }
    if record.latency_engine.is_empty() {
        section = section.say("Latency by the engine's own histogram.", Tone::Plain);
    }
    if record.target.changed.is_none() {
        section = section.say("Whether the build changed during the run.", Tone::Plain);
    }
    match section.lead.is_empty() {
        true => section.say(
            "Everything that this version can check was checked.",
            Tone::Plain,
        ),
        false => section,
    }
}

fn facts(analysis: &Analysis) -> Section {
    let record = &analysis.record;
    let run = &record.run;
    let mut section = Section::new("run", "The run");
    for note in &analysis.notes {
        section = section.say(note.clone(), Tone::Unsure);
    }
    let mut table = facts_table(record);
    if !analysis.plan_digest.is_empty() {
        table.push(vec![
            crate::document::Cell::new("plan (SHA-256)"),
            crate::document::Cell::new(analysis.plan_digest.clone()),
        ]);
    }
    let defect = run.defect.as_deref();
    let defect = defect
        .map(|d| format!(" --defect {}", shell_word(d)))
        .unwrap_or_default();
    section.commands = vec![
        format!(
            "# the same run again, from the folder of this report\nshakedown run scenario.yaml --seed {} --environment {}{defect}",
            run.seed,
            shell_word(&run.environment)
        ),
        format!(
            "# judge and render the record again\nshakedown report {}",
            shell_word(&run.id)
        ),
    ];
    section.table(table, "")
}
