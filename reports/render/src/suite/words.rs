//! Sentences and tables, the same for every medium.

use shakedown_record::Verdict;
use shakedown_record::exit::ExitCode;
use shakedown_record::run_record::Severity;
use shakedown_record::suite::{
    SuiteEvidence, SuiteRecord, SuiteRequirement, SuiteScenario, SuiteState,
};

use super::Titled;
use crate::document::{Cell, Table};
use crate::words::Tone;

pub(super) fn word(record: &SuiteRecord) -> (&'static str, Tone) {
    match ExitCode::from_code(record.exit_code) {
        Some(ExitCode::Dirty) => ("DIRTY", Tone::Bad),
        Some(ExitCode::Interrupted) => ("INTERRUPTED", Tone::Unsure),
        _ => match record.verdict {
            Verdict::Pass => ("PASS", Tone::Good),
            Verdict::Fail => ("FAIL", Tone::Bad),
            Verdict::Inconclusive => ("INCONCLUSIVE", Tone::Unsure),
        },
    }
}

pub(super) fn headline(record: &SuiteRecord) -> &str {
    record.reasons.first().map_or("", String::as_str)
}

/// What was asked for.
pub(super) fn asked(record: &SuiteRecord) -> String {
    let run = &record.run;
    let mut parts = vec![format!("Suite {}", record.suite)];
    parts.extend(record.about.clone());
    if !run.tags.is_empty() {
        parts.push(format!("only what has the tag {}", run.tags.join(" or ")));
    }
    if !run.defects.is_empty() {
        let on = run.defects.join(", ");
        parts.push(format!("defects of the stand-in switched on: {on}"));
    }
    parts.extend(run.started_at.as_ref().map(|at| format!("started {at}")));
    parts.join("; ")
}

/// Waivers first, then figures, then scenarios; tables without rows are left out.
pub(super) fn tables(record: &SuiteRecord) -> Vec<Titled> {
    let all = [
        ("Waived: run and told, but not counted", waived(record)),
        (
            "Figures of the documents, and what shows them",
            matrix(record),
        ),
        (
            "Scenarios, in the order in which they were run",
            scenarios(record),
        ),
    ];
    all.into_iter()
        .filter(|(_, table)| !table.rows.is_empty())
        .collect()
}

fn verdict_cell(verdict: Option<Verdict>, otherwise: &str) -> Cell {
    match verdict {
        Some(Verdict::Pass) => Cell::toned("pass", Tone::Good),
        Some(Verdict::Fail) => Cell::toned("FAIL", Tone::Bad),
        Some(Verdict::Inconclusive) => Cell::toned("inconclusive", Tone::Unsure),
        None => Cell::toned(otherwise, Tone::Quiet),
    }
}

fn waived(record: &SuiteRecord) -> Table {
    let mut table = Table::new(&["what", "until", "why", "came to"]);
    for waiver in &record.waived {
        let until = match waiver.expired {
            true => Cell::toned(format!("{}: over, counts", waiver.until), Tone::Bad),
            false => Cell::new(waiver.until.clone()),
        };
        table.push(vec![
            Cell::new(waiver.subject.clone()),
            until,
            Cell::new(waiver.reason.clone()),
            verdict_cell(waiver.verdict, "not looked at"),
        ]);
    }
    table
}

fn matrix(record: &SuiteRecord) -> Table {
    let mut table = Table::new(&["", "figure", "shown by", "limit", "observed", "source"]);
    for requirement in &record.requirements {
        let source = requirement.source.clone().unwrap_or_default();
        let figure = format!("{}: {}", requirement.id, requirement.figure);
        table.push(vec![
            standing(requirement),
            Cell::new(figure),
            Cell::new(match requirement.shown_by.is_empty() {
                true => requirement.why.clone(),
                false => String::new(),
            }),
            Cell::new(""),
            Cell::new(""),
            Cell::new(source),
        ]);
        for evidence in &requirement.shown_by {
            table.push(row(evidence));
        }
    }
    table
}

fn standing(requirement: &SuiteRequirement) -> Cell {
    let cell = verdict_cell(requirement.verdict, "not asked");
    match (requirement.waived, requirement.severity) {
        (true, _) => Cell::toned(format!("waived ({})", cell.text), Tone::Unsure),
        (false, Severity::Warning) if requirement.verdict == Some(Verdict::Fail) => {
            Cell::toned("warning", Tone::Unsure)
        }
        (false, _) => cell,
    }
}

/// One piece of evidence, below its figure.
fn row(evidence: &SuiteEvidence) -> Vec<Cell> {
    let name = match &evidence.check {
        Some(check) => format!("{}/{check}", evidence.scenario),
        None => evidence.scenario.clone(),
    };
    vec![
        verdict_cell(evidence.verdict, "not run"),
        Cell::new(""),
        Cell::new(name),
        Cell::new(evidence.limit.clone().unwrap_or_default()),
        Cell::new(evidence.observed.clone().unwrap_or_default()),
        Cell::new(""),
    ]
}

fn scenarios(record: &SuiteRecord) -> Table {
    let mut table = Table::new(&["", "scenario", "on", "#exit", "why", "run"]);
    for scenario in &record.scenarios {
        let earlier = match scenario.earlier.len() {
            0 => String::new(),
            count => format!(" ({count} before it were not finished)"),
        };
        table.push(vec![
            verdict_cell(scenario.verdict, state(scenario)),
            Cell::new(scenario.scenario.clone()),
            Cell::new(format!("{}, {}", scenario.system, scenario.environment)),
            Cell::new(
                scenario
                    .exit_code
                    .map_or(String::new(), |code| code.to_string()),
            ),
            Cell::new(scenario.why.clone()),
            Cell::new(format!(
                "{}{earlier}",
                scenario.run.clone().unwrap_or_default()
            )),
        ]);
    }
    table
}

fn state(scenario: &SuiteScenario) -> &'static str {
    match scenario.state {
        SuiteState::Judged => "judged",
        SuiteState::Unfinished => "unfinished",
        SuiteState::NotRun => "not run",
        SuiteState::NotSelected => "not asked",
    }
}
