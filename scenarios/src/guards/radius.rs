//! How much may be down at once: quorum and blast radius.

use crate::compile::{AtOnce, at_once};
use crate::plan::{Part, Plan};

use super::guard::{Guard, Refusal};

/// Parts of which the plan may have more replicas down at once than it should.
pub(super) fn refusals(plan: &Plan) -> Vec<Refusal> {
    let mut out = Vec::new();
    for part in &plan.system.parts {
        let Some(worst) = at_once(&plan.faults, part, &plan.system) else {
            continue;
        };
        if let Some(limit) = quorum_spares(part)
            && worst.count > limit
        {
            out.push(refusal(Guard::Quorum, part, &worst, limit));
        }
        if let Some(limit) = radius_allows(plan, part)
            && worst.count > limit
        {
            out.push(refusal(Guard::BlastRadius, part, &worst, limit));
        }
    }
    out
}

/// Replicas that a part can spare; `None`: it names no quorum.
pub(super) fn quorum_spares(part: &Part) -> Option<u32> {
    part.quorum
        .map(|quorum| part.replicas.saturating_sub(quorum))
}

/// Replicas of a part that the files let go at once; `None`: they say nothing.
pub(super) fn radius_allows(plan: &Plan, part: &Part) -> Option<u32> {
    let limits = plan.guards.blast_radius.iter();
    limits.map(|limit| limit.at_most(part.replicas)).min()
}

fn refusal(guard: Guard, part: &Part, worst: &AtOnce, limit: u32) -> Refusal {
    let faults = worst.faults.join(", ");
    let (who, mend) = match worst.faults.len() {
        1 => (
            format!("fault '{faults}' takes"),
            "name fewer targets, or restart them in turn",
        ),
        _ => (
            format!("faults {faults} together may take"),
            "let one fire after the others are healed: after: { fault: …, by: … }",
        ),
    };
    let rule = match (guard, part.quorum) {
        (Guard::Quorum, Some(quorum)) => {
            format!("which can spare {limit} (quorum {quorum})")
        }
        _ => format!("of which `guards.blast-radius` allows {limit}"),
    };
    let (count, name, all) = (worst.count, &part.name, part.replicas);
    Refusal::new(
        guard,
        format!("{who} {count} of the {all} replicas of `{name}` at once, {rule}"),
        mend,
    )
}
