//! From a figure of the documents to the checks that show it.

use shakedown_record::Verdict;
use shakedown_record::run_record::Severity;
use shakedown_record::suite::{SuiteEvidence, SuiteRequirement, SuiteWaiver};
use shakedown_scenarios::suite::{Requirement, ShownBy, Subject};

use super::waivers::Waivers;
use super::{Ran, RanOutcome};

/// One piece of evidence, and whether it decides.
struct Piece {
    evidence: SuiteEvidence,
    severity: Severity,
    /// Its scenario was asked for.
    is_selected: bool,
    /// Why there is no verdict.
    why_not: Option<String>,
}

/// What a requirement came to.
pub(super) fn requirement(
    waivers: Waivers,
    requirement: &Requirement,
    ran: &[Ran],
) -> SuiteRequirement {
    let shown = requirement.shown_by.iter();
    let pieces: Vec<Piece> = shown.map(|shown| piece(shown, ran)).collect();
    let asked: Vec<&Piece> = pieces.iter().filter(|piece| piece.is_selected).collect();
    let told = asked.iter().map(|piece| {
        let verdict = piece.evidence.verdict;
        verdict.unwrap_or(Verdict::Inconclusive)
    });
    let verdict = (!asked.is_empty()).then(|| Verdict::over(told));
    let critical = pieces.iter().any(|it| it.severity == Severity::Critical);
    SuiteRequirement {
        id: requirement.id.clone(),
        figure: requirement.figure.clone(),
        source: requirement.source.clone(),
        verdict,
        severity: match critical || pieces.is_empty() {
            true => Severity::Critical,
            false => Severity::Warning,
        },
        waived: waivers.requirement(&requirement.id),
        why: why(verdict, &pieces, &asked),
        shown_by: pieces.into_iter().map(|piece| piece.evidence).collect(),
    }
}

fn why(verdict: Option<Verdict>, pieces: &[Piece], asked: &[&Piece]) -> String {
    let name = |piece: &Piece| match &piece.evidence.check {
        Some(check) => format!("{}/{check}", piece.evidence.scenario),
        None => piece.evidence.scenario.clone(),
    };
    if pieces.is_empty() {
        return "nothing shows it".to_string();
    }
    let Some(verdict) = verdict else {
        return "nothing that shows it was asked for".to_string();
    };
    if verdict == Verdict::Pass {
        let left_out = pieces.len() - asked.len();
        return match left_out {
            0 => format!("shown by {}", asked.len()),
            left_out => format!("shown by {}; {left_out} were not asked for", asked.len()),
        };
    }
    let told = asked.iter().filter(|piece| {
        let piece_verdict = piece.evidence.verdict.unwrap_or(Verdict::Inconclusive);
        piece_verdict == verdict
    });
    let told = told.map(|piece| match &piece.why_not {
        Some(why) => format!("{}: {why}", name(piece)),
        None => name(piece),
    });
    told.collect::<Vec<_>>().join("; ")
}

fn piece(shown: &ShownBy, ran: &[Ran]) -> Piece {
    let mut piece = Piece {
        evidence: SuiteEvidence {
            scenario: shown.scenario.clone(),
            check: shown.check.clone(),
            verdict: None,
            limit: None,
            observed: None,
            run: None,
        },
        severity: Severity::Critical,
        is_selected: false,
        why_not: None,
    };
    let Some(of) = ran.iter().find(|ran| ran.scenario == shown.scenario) else {
        return piece;
    };
    piece.is_selected = of.is_selected();
    piece.why_not = match &of.outcome {
        RanOutcome::NotSelected | RanOutcome::Judged { .. } => None,
        RanOutcome::NotRun => Some("not run".to_string()),
        RanOutcome::NotBegun { why, .. } => Some(why.clone()),
    };
    let Some((run, came_to)) = of.judged() else {
        return piece;
    };
    piece.evidence.run = Some(run.to_string());
    let Some(id) = &shown.check else {
        piece.evidence.verdict = Some(came_to.verdict);
        piece.evidence.observed = came_to.reasons.first().cloned();
        return piece;
    };
    match came_to.checks.iter().find(|check| check.id == *id) {
        Some(check) => {
            piece.severity = check.severity;
            piece.evidence.verdict = Some(check.verdict);
            piece.evidence.limit = Some(check.limit.text.clone());
            piece.evidence.observed = Some(check.observed.text.clone());
            let is_open = check.verdict == Verdict::Inconclusive;
            piece.why_not = is_open.then(|| check.why.clone());
        }
        None => piece.why_not = Some("the run ended before it was judged".to_string()),
    }
    piece
}

/// What is waived, and what it came to.
pub(super) fn waived(waivers: Waivers, ran: &[Ran]) -> Vec<SuiteWaiver> {
    let all = waivers.suite.waivers.iter();
    all.map(|waiver| SuiteWaiver {
        subject: waiver.subject.to_string(),
        reason: waiver.reason.clone(),
        until: waiver.until.to_string(),
        expired: !waiver.holds_on(waivers.today),
        verdict: match &waiver.subject {
            Subject::Check { scenario, check } => {
                let shown = ShownBy {
                    scenario: scenario.clone(),
                    check: Some(check.clone()),
                };
                piece(&shown, ran).evidence.verdict
            }
            Subject::Requirement(id) => {
                let mut all = waivers.suite.requirements.iter();
                let of = all.find(|requirement| requirement.id == *id);
                of.and_then(|of| requirement(waivers, of, ran).verdict)
            }
        },
    })
    .collect()
}
