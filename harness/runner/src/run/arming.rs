//! From what a fault is to be to what can be done: its means, its strength, and, of a restore, the moment that it means.

use std::collections::BTreeMap;
use std::time::Duration;

use shakedown_record::fault::Firing;
use shakedown_scenarios::guards::Guard;
use shakedown_scenarios::plan::gates::{Operation, RestorePoint};
use shakedown_scenarios::plan::{FaultKind, FaultPlan};

use super::driver::{Faults, lock};
use crate::faults::{Aim, FaultError, Moment, Prepared, Strength, preflight};

impl Faults {
    /// # Errors
    /// When it cannot be done here, or something that must be in place before cannot be had.
    pub(super) async fn arm(
        &self,
        firing: &Firing,
        plan: &FaultPlan,
        aim: &Aim,
    ) -> Result<Prepared, FaultError> {
        let hold = Duration::from_nanos(plan.hold_ns);
        let strength = match self.blunted.contains(&plan.id) {
            true => Strength::Blunt,
            false => Strength::Full,
        };
        let prepared = match &plan.kind {
            FaultKind::KillSwitch { accounts } => {
                Prepared::kill_switch(firing, accounts, &self.target)?
            }
            FaultKind::Operation(operation) => {
                let moment = self.moment_of(firing, operation)?;
                Prepared::operation(firing, (operation, moment), self.began, &self.environment)
            }
            kind => preflight(firing, kind, aim, &self.environment)?,
        };
        let mut prepared = prepared.of_strength(strength).lasting(hold);
        if self.overridden.contains(&Guard::Operators) {
            prepared = prepared.though_undone();
        }
        prepared.arm(&self.environment, &self.journal).await?;
        Ok(prepared)
    }

    fn moment_of(
        &self,
        firing: &Firing,
        operation: &Operation,
    ) -> Result<Option<Moment>, FaultError> {
        let Operation::Restore { to, .. } = operation else {
            return Ok(None);
        };
        match to {
            RestorePoint::Before { by_ns } => Ok(Some(Moment::Before(*by_ns))),
            RestorePoint::At { at_ns } => Ok(Some(Moment::Mono(self.zero.mono_ns + at_ns))),
            RestorePoint::AfterFault { fault, by_ns } => {
                let last = last_of(&lock(&self.injected), fault);
                let mono_ns = last.ok_or_else(|| FaultError::NotPossible {
                    fault: firing.label(),
                    reason: format!("{fault} was not injected: there is no moment after it"),
                })?;
                Ok(Some(Moment::Mono(mono_ns + by_ns)))
            }
        }
    }
}

/// When a fault was injected last.
fn last_of(injected: &BTreeMap<Firing, u64>, fault: &str) -> Option<u64> {
    let mut own = injected.iter().filter(|(firing, _)| firing.fault == fault);
    own.next_back().map(|(_, mono_ns)| *mono_ns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_injection_of_a_fault_counts() {
        let firing = |fault: &str, occurrence| Firing {
            fault: fault.to_string(),
            occurrence,
        };
        let injected = BTreeMap::from([
            (firing("bad", 0), 5),
            (firing("bad", 1), 9),
            (firing("worse", 0), 11),
        ]);
        assert_eq!(last_of(&injected, "bad"), Some(9));
        assert_eq!(last_of(&injected, "kept"), None);
    }
}
