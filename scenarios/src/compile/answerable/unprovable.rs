//! Rules that a profile cannot show, and what to do about it.

use crate::plan::gates::Operation;
use crate::plan::{
    DataClass, FaultKind, FaultPlan, FeedCount, FeedRule, RuleKind, System, VenueRule,
};

use super::Refusal;
use crate::compile::checkable::checkable;

/// What the books and the engine's own order cannot show with a profile.
pub(super) fn books_refusal(can: Result<(), &'static str>, system: &System) -> Option<Refusal> {
    let why = can.err()?;
    Some((
        "",
        format!(
            "this cannot be checked with the profile of `{}`: {why}",
            system.name
        ),
        "take the rule out, or let the profile read more".to_string(),
    ))
}

/// The engine's own order, where a kill switch cancels what no request has asked for.
pub(super) fn kill_refusal(faults: &[FaultPlan]) -> Option<Refusal> {
    let pulls = |fault: &&FaultPlan| matches!(fault.kind, FaultKind::KillSwitch { .. });
    let fault = faults.iter().find(pulls)?;
    Some((
        "",
        format!(
            "`{}` pulls a kill switch: the engine cancels what no request has asked for, and no replay knows of it",
            fault.id
        ),
        "take the rule out; `kill-switch` looks at what comes after it".to_string(),
    ))
}

/// What is told of one history, where a restore makes two of it.
pub(super) fn restore_refusal(kind: &RuleKind, faults: &[FaultPlan]) -> Option<Refusal> {
    let is_of_one_history = match kind {
        RuleKind::Linearizable
        | RuleKind::DropCopy
        | RuleKind::KillSwitch
        | RuleKind::Terms
        | RuleKind::CancelOnDisconnect
        | RuleKind::Exposure
        | RuleKind::Stops
        | RuleKind::Expiry { .. }
        | RuleKind::Venue(VenueRule::Trades { .. })
        | RuleKind::Feed(FeedRule::Book) => true,
        RuleKind::Feed(FeedRule::Count { what, .. }) => *what == FeedCount::Phantom,
        _ => false,
    };
    let restores =
        |fault: &&FaultPlan| matches!(fault.kind.operation(), Some(Operation::Restore { .. }));
    let fault = faults.iter().find(restores).filter(|_| is_of_one_history)?;
    Some((
        "",
        format!(
            "`{}` brings the data back to an earlier moment: what was told until then and what is there afterwards are no \
             longer one history",
            fault.id
        ),
        "take the rule out; `restore-rpo` and `lost-orders` look at what a restore keeps"
            .to_string(),
    ))
}

/// Orders of a class that cannot be found with a profile.
pub(super) fn class_refusal(class: DataClass, system: &System) -> Option<Refusal> {
    let why = checkable(system)
        .into_iter()
        .find(|(known, _)| *known == class)
        .and_then(|(_, provable)| provable.err())?;
    Some((
        "",
        format!(
            "whether orders are {} cannot be proven with the profile of `{}`: {why}",
            class.name(),
            system.name
        ),
        "take the rule out, or let the profile read more; `shakedown probe` says what it can prove"
            .to_string(),
    ))
}
