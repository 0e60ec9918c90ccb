//! The same limits once more when a fault fires: then its targets have names.

use std::collections::BTreeSet;

use crate::compile::taken;
use crate::plan::{FaultPlan, Plan};

use super::guard::{Guard, Refusal};
use super::radius::{quorum_spares, radius_allows};

/// A fault that is on, or about to be, with the replicas that it has.
#[derive(Debug, Clone)]
pub struct Down<'a> {
    pub fault: &'a FaultPlan,
    pub names: Vec<String>,
}

/// Whether a fault may take its targets while others are on. `overridden` guards say nothing.
///
/// # Errors
/// The guard that says no.
pub fn room_for(
    plan: &Plan,
    new: &Down,
    on: &[Down],
    overridden: &BTreeSet<Guard>,
) -> Result<(), Refusal> {
    for part in &plan.system.parts {
        let of_part = |name: &&String| {
            name.rsplit_once('-')
                .is_some_and(|(owner, _)| owner == part.name)
        };
        let taking = |down: &&Down| taken(down.fault, part, &plan.system) > 0;
        let before: BTreeSet<&String> = on
            .iter()
            .filter(taking)
            .flat_map(|down| down.names.iter().filter(of_part))
            .collect();
        let fresh = match taking(&new) {
            true => new
                .names
                .iter()
                .filter(of_part)
                .filter(|name| !before.contains(name))
                .count(),
            false => 0,
        };
        // A fault that goes from one target to the next has fewer at once than it names.
        let at_once = taken(new.fault, part, &plan.system) as usize;
        let down = before.len() + fresh.min(at_once);
        let limits = [
            (Guard::Quorum, quorum_spares(part)),
            (Guard::BlastRadius, radius_allows(plan, part)),
        ];
        for (guard, limit) in limits {
            let Some(limit) = limit else { continue };
            if fresh == 0 || down <= limit as usize || overridden.contains(&guard) {
                continue;
            }
            let names: Vec<&str> = before.iter().map(|name| name.as_str()).collect();
            let others = match names.is_empty() {
                true => "none is down yet".to_string(),
                false => format!("{} already down", names.join(", ")),
            };
            return Err(Refusal::new(
                guard,
                format!(
                    "with this fault {down} of the {} replicas of `{}` would be down at once ({others}), and {limit} may be",
                    part.replicas, part.name
                ),
                "let it fire after the others are healed",
            ));
        }
    }
    Ok(())
}
