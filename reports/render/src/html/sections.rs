//! The sections of the page, from what decides to what one needs to do it again.

use shakedown_analysis::Analysis;
use shakedown_record::run_record::{OrderExample, RunRecord};

use super::section::{Chart, OrderStory, Section};
use crate::chart;
use crate::document::{
    Cell, availability_table, checks_table, data_loss_table, effects_table, facts_table,
    failover_table, figures_table, generator_table, latency_table, life_table, outcomes_table,
    phases_table, platform_table, recovery_point, split_table, throughput_table, unchecked_table,
};
use crate::words::{Tone, counted, shell_word};

/// With more faults than this, the moments of each are folded away.
const MANY_FAULTS: usize = 6;

/// All sections in the order of the page.
pub(super) fn all(analysis: &Analysis) -> Vec<Section> {
    let record = &analysis.record;
    vec![
        checks(record),
        timeline(analysis),
        faults(record),
        failover(record),
        data_loss(analysis),
        latency(analysis),
        service(record),
        generator(record),
        not_checked(analysis),
        facts(analysis),
        again(record),
    ]
}

/// The first screen has a line for each check; the table adds what was compared.
fn checks(record: &RunRecord) -> Section {
    let section = Section::new("checks", "Checks, and what was compared");
    match record.checks.is_empty() {
        true => section.say(
            "No check was made: the run did not get that far.",
            Tone::Quiet,
        ),
        false => section.folded(checks_table(record), "Every check with its evidence"),
    }
}

fn timeline(analysis: &Analysis) -> Section {
    const CAPTION: &str = "By the time at which orders were due; failures count as the timeout. Shaded: a fault holds \
        (strong), is healed but not yet proven to be gone (weak). Lines down from the labels: injected (solid), effect \
        seen (dotted), healed (long dashes), clean (short dashes). Green dashed line: service was good again. Areas \
        under the rate: how orders ended, acknowledged at the bottom.";
    let section = Section::new("timeline", "Timeline");
    let caption = match analysis.platform.is_empty() {
        true => CAPTION.to_owned(),
        false => format!(
            "{CAPTION} Short strokes above the plot: a pod or a node changed its state; the table says which."
        ),
    };
    let section = match Chart::of(caption, |canvas| chart::timeline(analysis, canvas)) {
        Some(chart) => section.chart(Some(chart)).say(
            "The same figures as numbers: timeline.csv and latency.hlog, beside this file.",
            Tone::Quiet,
        ),
        None => section.say("No order was sent.", Tone::Quiet),
    };
    section.folded(
        platform_table(&analysis.platform),
        "Pods and nodes: what happened to them, when it was heard of, and their own times",
    )
}

fn faults(record: &RunRecord) -> Section {
    let mut section = Section::new("faults", "Faults: asked for and measured")
        .table(effects_table(record), "No fault was asked for.");
    let figures = figures_table(record);
    if !record.faults.is_empty() && figures.rows.is_empty() {
        section = section.say(
            "No figure was asked for: the effect is there, or it is not.",
            Tone::Quiet,
        );
    }
    section = section.table_if_any(figures);
    match record.faults.len() {
        0..=MANY_FAULTS => section.table_if_any(life_table(record)),
        _ => section.folded(life_table(record), "Injected, seen, healed and clean"),
    }
}

fn failover(record: &RunRecord) -> Section {
    const CAPTION: &str = "Service: each part ends with the event of its colour, from injection (or from the first \
        bad order) to the return of redundancy; in the words below, all times count from there. Fault: held (strong), \
        healed but not yet proven to be gone (weak). The worst session is drawn from zero, the outage by the heal from \
        the heal.";
    let drawn = record.failover.len();
    let caption = match drawn > chart::MOST_OUTAGES {
        false => CAPTION.to_owned(),
        true => format!(
            "{CAPTION} The first {} of {drawn}; all are in the table.",
            chart::MOST_OUTAGES
        ),
    };
    Section::new("failover", "Failover, as the clients saw it")
        .chart(Chart::of(caption, |canvas| chart::outage(record, canvas)))
        .table(
            failover_table(&record.failover),
            "No fault and no outage was seen.",
        )
        .table_if_any(split_table(&record.failover))
}

fn data_loss(analysis: &Analysis) -> Section {
    let record = &analysis.record;
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
            counted(coverage.orders, "order"),
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
    section.stories = data
        .examples
        .iter()
        .enumerate()
        .map(|(index, example)| story(analysis, example, index == 0))
        .collect();
    section.table(data_loss_table(data, false), "")
}

/// The story of an order: step by step where the analysis tells it, in one sentence otherwise.
fn story(analysis: &Analysis, example: &OrderExample, open: bool) -> OrderStory {
    let told = analysis
        .stories
        .iter()
        .find(|story| story.class == example.class && story.order == example.order);
    OrderStory {
        class: example.class.clone(),
        order: example.order.clone(),
        text: example.story.clone(),
        steps: told
            .map(|story| OrderStory::steps_of(&story.explanation))
            .unwrap_or_default(),
        command: format!(
            "shakedown explain {} --order {}",
            shell_word(&analysis.record.run.id),
            shell_word(&example.order)
        ),
        open,
    }
}

fn latency(analysis: &Analysis) -> Section {
    const CAPTION: &str = "Response time of all orders by quantile, both axes logarithmic; each step to the right is \
        one nine more.";
    let record = &analysis.record;
    Section::new("latency", "Latency by phase")
        .say(
            "Response time: from the moment an order was due, failures count as the timeout.",
            Tone::Quiet,
        )
        .chart(Chart::of(CAPTION, |canvas| chart::curve(analysis, canvas)))
        .table(phases_table(record), "Nothing was measured.")
        .folded(
            latency_table(record),
            "Response, acknowledged only, service time from the actual send, and the engine's own",
        )
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

fn not_checked(analysis: &Analysis) -> Section {
    let asked = analysis.unchecked.iter().filter(|open| open.was_asked);
    let asked = asked.count() as u64;
    let section = Section::new("not-checked", "What was not checked, and why");
    let section = match asked {
        0 => section,
        n => section.say(
            format!(
                "{} that this run should have answered: open.",
                counted(n, "question")
            ),
            Tone::Unsure,
        ),
    };
    section.table(
        unchecked_table(&analysis.unchecked),
        "Everything that this version can check was checked.",
    )
}

fn facts(analysis: &Analysis) -> Section {
    let mut section = Section::new("run", "Who ran what, where");
    for note in &analysis.notes {
        section = section.say(note.clone(), Tone::Unsure);
    }
    let mut table = facts_table(&analysis.record);
    if !analysis.plan_digest.is_empty() {
        table.push(vec![
            Cell::new("plan (SHA-256)"),
            Cell::new(analysis.plan_digest.clone()),
        ]);
    }
    section.table(table, "")
}

/// The commands that do it again.
fn again(record: &RunRecord) -> Section {
    let run = &record.run;
    let defect = run.defect.as_deref();
    let defect = defect
        .map(|d| format!(" --defect {}", shell_word(d)))
        .unwrap_or_default();
    let mut section = Section::new("again", "Run it again");
    section.commands = vec![
        format!(
            "# the same scenario again, from the folder of this report: one seed decides targets, order and jitter\nshakedown run scenario.yaml --seed {} --environment {}{defect}",
            run.seed,
            shell_word(&run.environment)
        ),
        format!(
            "# the same choices again, and how the two runs compare\nshakedown replay {}",
            shell_word(&run.id)
        ),
        format!(
            "# judge and render the record again, with no cluster\nshakedown report {}",
            shell_word(&run.id)
        ),
        format!(
            "# why the verdict is what it is\nshakedown explain {}",
            shell_word(&run.id)
        ),
    ];
    section
}
