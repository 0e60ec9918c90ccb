//! Reads before which all replicas are stopped at once: they touch every replica, also those that no fault names.
//!
//! The quorum does not decide here: whoever asks for such a read asks for the loss of all of it, after the load.

use std::collections::BTreeMap;

use crate::plan::Plan;

use super::guard::{Guard, Refusal};
use super::protected::protection;
use super::radius::radius_allows;

/// Refusals for the reads of the plan that stop everything.
pub(super) fn refusals(plan: &Plan) -> Vec<Refusal> {
    let reads = plan.reads.iter().filter(|read| read.is_after_outage());
    let names: Vec<&str> = reads.map(|read| read.name()).collect();
    if names.is_empty() {
        return Vec::new();
    }
    let names = names.join(", ");
    let mut out = Vec::new();
    for part in &plan.system.parts {
        let labels = BTreeMap::new();
        let mut replicas = (1..=part.replicas).map(|n| format!("{}-{n}", part.name));
        let why = |name: String| protection(&plan.guards.protected, &name, &part.name, &labels);
        if let Some(why) = replicas.find_map(why) {
            out.push(Refusal::new(
                Guard::Protected,
                format!("the reads {names} stop all replicas at once: {why}"),
                "take them out of `reads`, or change `guards.protected`",
            ));
        }
        if let Some(limit) = radius_allows(plan, part).filter(|limit| *limit < part.replicas) {
            let (name, all) = (&part.name, part.replicas);
            out.push(Refusal::new(
                Guard::BlastRadius,
                format!(
                    "the reads {names} stop all {all} replicas of `{name}` at once, of which `guards.blast-radius` \
                     allows {limit}"
                ),
                "take them out of `reads`, or allow it",
            ));
        }
    }
    out
}
