//! The verdict over a suite.

use shakedown_record::Verdict;
use shakedown_record::exit::ExitCode;
use shakedown_record::run_record::Severity;
use shakedown_record::suite::{
    SUITE_SCHEMA_VERSION, SuiteRecord, SuiteRequirement, SuiteRun, SuiteScenario, SuiteState,
};
use shakedown_scenarios::suite::{Date, Suite};

use super::matrix::{requirement, waived};
use super::waivers::Waivers;
use super::{CameTo, Ran, RanOutcome};

/// Judges what was run of a suite, as of a day. Exit codes have the precedence that they have over a run
/// (design contract, section 8); nothing asked for is inconclusive.
pub fn judge(suite: &Suite, ran: &[Ran], today: Date, run: SuiteRun) -> SuiteRecord {
    let waivers = Waivers { suite, today };
    let judged: Vec<(SuiteScenario, Option<ExitCode>)> =
        ran.iter().map(|ran| scenario(waivers, ran)).collect();
    let requirements: Vec<SuiteRequirement> = (suite.requirements.iter())
        .map(|it| requirement(waivers, it, ran))
        .collect();
    let deciding: Vec<&SuiteRequirement> = requirements.iter().filter(|it| decides(it)).collect();
    let shown = deciding.iter().filter_map(|it| it.verdict);
    let selected = || judged.iter().filter(|(_, code)| code.is_some());
    let verdicts = selected().map(|(it, _)| it.verdict.unwrap_or(Verdict::Inconclusive));
    let verdict = Verdict::over(verdicts.chain(shown.clone()));
    let codes = selected().filter_map(|(_, code)| *code);
    let exit = ExitCode::over(codes.chain(shown.map(ExitCode::from)));
    let scenarios: Vec<SuiteScenario> = judged.into_iter().map(|(it, _)| it).collect();
    SuiteRecord {
        schema_version: SUITE_SCHEMA_VERSION,
        verdict,
        exit_code: exit.code(),
        reasons: reasons(&scenarios, &deciding),
        suite: suite.name.clone(),
        about: suite.about.clone(),
        run: SuiteRun {
            started_at: moments(ran, |run| Some(&run.started_at)).min(),
            finished_at: moments(ran, |run| run.finished_at.as_ref()).max(),
            ..run
        },
        waived: waived(waivers, ran),
        requirements,
        scenarios,
    }
}

/// Times of RFC 3339 in UTC come in the order of their texts.
fn moments(ran: &[Ran], of: impl Fn(&CameTo) -> Option<&String>) -> impl Iterator<Item = String> {
    let runs = ran.iter().filter_map(Ran::judged);
    runs.filter_map(move |(_, run)| of(run).cloned())
        .filter(|text| !text.is_empty())
}

/// A requirement that counts.
fn decides(requirement: &SuiteRequirement) -> bool {
    !requirement.waived && requirement.severity == Severity::Critical
}

/// A scenario, and its exit code where it was asked for.
fn scenario(waivers: Waivers, ran: &Ran) -> (SuiteScenario, Option<ExitCode>) {
    let (state, verdict, exit_code, counts, why) = match &ran.outcome {
        RanOutcome::NotSelected => {
            let why = "it has none of the tags".to_string();
            (SuiteState::NotSelected, None, None, None, why)
        }
        RanOutcome::NotRun => {
            let why = "its turn has not come".to_string();
            let counts = Some(ExitCode::Inconclusive);
            (SuiteState::NotRun, None, None, counts, why)
        }
        RanOutcome::NotBegun { exit_code, why } => {
            let code = ExitCode::from_code(*exit_code).unwrap_or(ExitCode::Bug);
            let counts = Some(code);
            (
                SuiteState::NotRun,
                None,
                Some(*exit_code),
                counts,
                why.clone(),
            )
        }
        RanOutcome::Judged { came_to, .. } => {
            let (verdict, code) = waivers.without(&ran.scenario, came_to);
            let why = came_to.reasons.first().cloned().unwrap_or_default();
            let state = match is_finished(came_to.exit_code) {
                true => SuiteState::Judged,
                false => SuiteState::Unfinished,
            };
            (
                state,
                Some(verdict),
                Some(came_to.exit_code),
                Some(code),
                why,
            )
        }
    };
    let of = SuiteScenario {
        scenario: ran.scenario.clone(),
        file: ran.file.clone(),
        system: ran.system.clone(),
        environment: ran.environment.clone(),
        state,
        verdict,
        exit_code,
        why,
        run: ran.judged().map(|(run, _)| run.to_string()),
        earlier: ran.earlier.clone(),
    };
    (of, counts)
}

/// True for the codes of a run that came to its end: such a run is not made again, whatever it came to.
pub fn is_finished(exit_code: u8) -> bool {
    match ExitCode::from_code(exit_code) {
        Some(ExitCode::Pass | ExitCode::Fail | ExitCode::Inconclusive) => true,
        Some(
            ExitCode::Dirty
            | ExitCode::Usage
            | ExitCode::Unavailable
            | ExitCode::Bug
            | ExitCode::Refused
            | ExitCode::Interrupted,
        )
        | None => false,
    }
}

/// The headline, then what is behind it.
fn reasons(scenarios: &[SuiteScenario], deciding: &[&SuiteRequirement]) -> Vec<String> {
    let asked = || {
        let all = scenarios.iter();
        all.filter(|it| it.state != SuiteState::NotSelected)
    };
    let count = |wanted: Option<Verdict>| asked().filter(|it| it.verdict == wanted).count();
    let of = asked().count();
    let mut parts = Vec::new();
    let broken = |verdict: Verdict| {
        let broken = deciding.iter().filter(|it| it.verdict == Some(verdict));
        broken.map(|it| it.id.as_str()).collect::<Vec<_>>()
    };
    let failed = broken(Verdict::Fail);
    if !failed.is_empty() {
        parts.push(format!("not met: {}", failed.join(", ")));
    }
    for (words, verdict) in [
        ("failed", Some(Verdict::Fail)),
        ("inconclusive", Some(Verdict::Inconclusive)),
        ("not run", None),
    ] {
        if count(verdict) > 0 {
            parts.push(format!("{} of {of} scenarios {words}", count(verdict)));
        }
    }
    let open = broken(Verdict::Inconclusive);
    if !open.is_empty() {
        parts.push(format!("not shown: {}", open.join(", ")));
    }
    let unasked = deciding.iter().filter(|it| it.verdict.is_none()).count();
    if parts.is_empty() {
        let met = deciding.len() - unasked;
        parts.push(match (of, met) {
            (0, _) => "nothing was asked for".to_string(),
            (of, 0) => format!("{of} of {of} scenarios passed"),
            (of, met) => format!("{met} figures are met, {of} of {of} scenarios passed"),
        });
    }
    let mut reasons = vec![parts.join("; ")];
    if unasked > 0 {
        reasons.push(format!("{unasked} figures were not asked for"));
    }
    let told = asked().filter(|it| it.verdict != Some(Verdict::Pass));
    reasons.extend(told.map(|it| format!("{}: {}", it.scenario, it.why)));
    reasons
}
