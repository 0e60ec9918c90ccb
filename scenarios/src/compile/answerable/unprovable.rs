//! Rules that a profile cannot show, and what to do about it.

use crate::plan::{DataClass, System};

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
