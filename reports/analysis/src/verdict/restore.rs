//! Limits on what a restore takes away. What is missing from before its moment, and what is there from after it, is proof.

use shakedown_record::restore::RestoreRecord;

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::measured::Measured;
use crate::words::{count, duration_ns, duration_s};

/// From the moment of a restore to the last acknowledgement of what is gone since, over all restores.
pub(super) fn rpo(measured: &Measured, at_most_ns: u64) -> Finding {
    let limit = quantity(
        Some(at_most_ns as f64 / 1e9),
        "s",
        duration_ns(at_most_ns as f64),
    );
    let why = "from the moment as of which the data was brought back to the last acknowledgement of an order that is gone; \
               all that was acknowledged before it must be there"
        .to_string();
    let restores = &measured.assessment.data_loss.restores;
    let worst = restores.iter().max_by(|one, other| {
        let weight = |it: &RestoreRecord| (it.rpo_s.is_none(), it.rpo_s.unwrap_or(0.0));
        let (one, other) = (weight(one), weight(other));
        one.0.cmp(&other.0).then(one.1.total_cmp(&other.1))
    });
    let Some(worst) = worst else {
        return Finding {
            limit,
            observed: unmeasured("s"),
            holds: Holds::Unknown("no restore was seen to be done".to_string()),
            why,
        };
    };
    let text: Vec<String> = restores.iter().map(words).collect();
    let holds: Vec<Holds> = restores.iter().map(|it| held(it, at_most_ns)).collect();
    let holds = holds
        .iter()
        .find(|it| **it == Holds::NoWithProof)
        .or_else(|| holds.iter().find(|it| matches!(it, Holds::Unknown(_))));
    Finding {
        limit,
        observed: quantity(worst.rpo_s, "s", text.join("; ")),
        holds: holds.cloned().unwrap_or(Holds::Yes),
        why,
    }
}

fn held(restore: &RestoreRecord, at_most_ns: u64) -> Holds {
    if restore.missing_before.is_some_and(|missing| missing > 0) || restore.kept_after > 0 {
        return Holds::NoWithProof;
    }
    match (restore.rpo_s, restore.rolled_back) {
        (Some(rpo_s), _) if rpo_s * 1e9 > at_most_ns as f64 => Holds::NoWithProof,
        (Some(_), Some(_)) if restore.after == 0 => Holds::Unknown(format!(
            "nothing was acknowledged between the moment of {} and its end: it shows nothing of what a restore takes away",
            restore.fault
        )),
        (Some(_), Some(_)) if restore.before == 0 => Holds::Unknown(format!(
            "nothing was acknowledged before the moment of {}: it shows nothing of what a restore keeps",
            restore.fault
        )),
        (Some(_), Some(_)) => Holds::Yes,
        (None, _) | (_, None) => Holds::Unknown(format!(
            "not all copies were read, so what {} took away is not known",
            restore.fault
        )),
    }
}

fn words(restore: &RestoreRecord) -> String {
    let (Some(rpo_s), Some(rolled_back), Some(missing)) =
        (restore.rpo_s, restore.rolled_back, restore.missing_before)
    else {
        return format!("{}: not measured", restore.fault);
    };
    let mut text = format!(
        "{}: {} of {} acknowledged after the moment rolled back",
        duration_s(rpo_s),
        count(rolled_back),
        count(restore.after)
    );
    match missing {
        0 => text.push_str(&format!(
            ", all {} from before it there",
            count(restore.before)
        )),
        missing => text.push_str(&format!(
            ", {} of {} from BEFORE it missing",
            count(missing),
            count(restore.before)
        )),
    }
    if restore.kept_after > 0 {
        text.push_str(&format!(
            ", {} that were sent after it still there: it did not go back so far",
            count(restore.kept_after)
        ));
    }
    text
}
