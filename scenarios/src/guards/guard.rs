//! The guards by name, and how one says no.

use std::fmt;
use std::str::FromStr;

/// A guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// The target proves that it is not production.
    NotProduction,
    /// The environment can do what the faults want.
    Reach,
    /// The load stays below what the profile allows.
    Ceilings,
    /// What is protected is not touched.
    Protected,
    /// No part loses more replicas at once than its quorum spares.
    Quorum,
    /// No part loses more replicas at once than the files allow.
    BlastRadius,
    /// The run lies in the hours that the files allow, to its planned end.
    TimeWindow,
    /// The run lies outside the hours of a market, to its planned end.
    MarketHours,
    /// One run at a time on a system.
    Lock,
    /// The account may do what the run will do in the cluster.
    Rights,
    /// No fault may hit the node on which Shakedown itself runs.
    OwnNode,
    /// Nobody would undo a fault at once.
    Operators,
    /// Somebody has said yes.
    Confirmation,
}

impl Guard {
    /// Every guard, in the order in which they decide.
    pub const ALL: [Guard; 13] = [
        Guard::Ceilings,
        Guard::Reach,
        Guard::Protected,
        Guard::Quorum,
        Guard::BlastRadius,
        Guard::TimeWindow,
        Guard::MarketHours,
        Guard::Confirmation,
        Guard::Rights,
        Guard::NotProduction,
        Guard::OwnNode,
        Guard::Operators,
        Guard::Lock,
    ];

    /// The name in options, messages and records.
    pub fn name(self) -> &'static str {
        match self {
            Guard::NotProduction => "not-production",
            Guard::Reach => "reach",
            Guard::Ceilings => "ceilings",
            Guard::Protected => "protected",
            Guard::Quorum => "quorum",
            Guard::BlastRadius => "blast-radius",
            Guard::TimeWindow => "time-window",
            Guard::MarketHours => "market-hours",
            Guard::Lock => "lock",
            Guard::Rights => "rights",
            Guard::OwnNode => "own-node",
            Guard::Operators => "operators",
            Guard::Confirmation => "confirmation",
        }
    }

    /// Whether a person may overrule it, with a reason: where the harm is known and bounded. What must never happen
    /// is changed in the file that says so, where others see it.
    pub fn can_be_overridden(self) -> bool {
        match self {
            Guard::Quorum
            | Guard::BlastRadius
            | Guard::TimeWindow
            | Guard::MarketHours
            | Guard::Operators => true,
            Guard::NotProduction
            | Guard::Reach
            | Guard::Ceilings
            | Guard::Protected
            | Guard::Lock
            | Guard::Rights
            | Guard::OwnNode
            | Guard::Confirmation => false,
        }
    }

    /// Those that a person may overrule.
    pub fn overridable() -> impl Iterator<Item = Guard> {
        Guard::ALL
            .into_iter()
            .filter(|guard| guard.can_be_overridden())
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is of no guard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no guard '{name}' (there are: {})", Guard::ALL.map(Guard::name).join(", "))]
pub struct UnknownGuard {
    pub name: String,
}

impl FromStr for Guard {
    type Err = UnknownGuard;

    fn from_str(name: &str) -> Result<Self, UnknownGuard> {
        let found = Guard::ALL.into_iter().find(|guard| guard.name() == name);
        found.ok_or_else(|| UnknownGuard {
            name: name.to_string(),
        })
    }
}

/// A guard says no. Nothing was touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub guard: Guard,
    /// What it saw.
    pub saw: String,
    /// What to change in files or plans so that it says yes.
    pub mend: String,
}

impl Refusal {
    pub(super) fn new(guard: Guard, saw: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            guard,
            saw: saw.into(),
            mend: mend.into(),
        }
    }
}

impl fmt::Display for Refusal {
    /// What it saw, how to mend it, and how to overrule it where that may be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.saw, self.mend)?;
        match self.guard.can_be_overridden() {
            true => write!(
                f,
                ", or overrule it with --override {} --because REASON",
                self.guard
            ),
            false => f.write_str(" (this guard cannot be overruled)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guard_is_found_by_its_name_and_says_whether_it_can_be_overruled() {
        for guard in Guard::ALL {
            assert_eq!(guard.name().parse(), Ok(guard));
            let said = Refusal::new(guard, "saw this", "do that").to_string();
            let offers = said.contains(&format!("--override {guard}"));
            assert_eq!(offers, guard.can_be_overridden(), "{said}");
            assert!(said.starts_with("saw this; do that"), "{said}");
        }
        assert_eq!(Guard::overridable().count(), 5);
        assert!("quorom".parse::<Guard>().is_err());
    }
}
