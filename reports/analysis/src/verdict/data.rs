//! Limits on orders of a class of data loss, and on RPO. What was found is proof, whatever else is missing.

use shakedown_scenarios::plan::DataClass;

use super::finding::{Finding, Holds, quantity, unmeasured};
use crate::measured::Measured;
use crate::words::{count, duration_ns, duration_s};

/// Orders of one class.
pub(crate) fn orders(measured: &Measured, class: DataClass, at_most: u64) -> Finding {
    let limit = quantity(Some(at_most as f64), "orders", count(at_most));
    let known = &measured.assessment.classes[&class];
    let mut why = meaning(class).to_string();
    let outages = measured.assessment.reads.iter().map(|(read, _)| read);
    for read in outages.filter(|read| read.is_after_outage() && class == DataClass::Lost) {
        why.push_str(&format!(", or {}", read.moment()));
    }
    let found = known.proven();
    let holds = match &known.incomplete {
        // A copy that was not read might resolve them.
        None if found > at_most && class == DataClass::Unresolved => Holds::No,
        _ if found > at_most && class != DataClass::Unresolved => Holds::NoWithProof,
        Some(why) => Holds::Unknown(why.clone()),
        None => Holds::Yes,
    };
    let observed = match known.value() {
        Some(value) => quantity(Some(value as f64), "orders", words(measured, class, value)),
        None => unmeasured("orders"),
    };
    Finding {
        limit,
        observed,
        holds,
        why,
    }
}

/// Age of the oldest lost order when the fault struck.
pub(crate) fn rpo(measured: &Measured, at_most_ns: u64) -> Finding {
    let limit = quantity(
        Some(at_most_ns as f64 / 1e9),
        "s",
        duration_ns(at_most_ns as f64),
    );
    let lost = &measured.assessment.classes[&DataClass::Lost];
    let rpo = &measured.assessment.rpo;
    let why = "age of the oldest lost order when the fault struck".to_string();
    if lost.proven() > 0 && rpo.unattributed > 0 {
        let text = format!("{} lost orders belong to no fault", count(rpo.unattributed));
        return Finding {
            limit,
            observed: quantity(None, "s", text),
            holds: Holds::NoWithProof,
            why,
        };
    }
    let seconds = rpo.seconds.filter(|_| lost.value().is_some());
    let (observed, holds) = match (seconds, &lost.incomplete) {
        (Some(seconds), _) if seconds * 1e9 > at_most_ns as f64 => (
            quantity(Some(seconds), "s", duration_s(seconds)),
            Holds::NoWithProof,
        ),
        (Some(seconds), None) => (
            quantity(Some(seconds), "s", duration_s(seconds)),
            Holds::Yes,
        ),
        (Some(_), Some(why)) | (None, Some(why)) => (unmeasured("s"), Holds::Unknown(why.clone())),
        (None, None) => (
            unmeasured("s"),
            Holds::Unknown("lost orders could not be dated".to_string()),
        ),
    };
    Finding {
        limit,
        observed,
        holds,
        why,
    }
}

fn words(measured: &Measured, class: DataClass, value: u64) -> String {
    let data = &measured.assessment.data_loss;
    let of = match class {
        DataClass::Unresolved => format!("{} indeterminate", count(data.indeterminate)),
        DataClass::Lost
        | DataClass::Divergent
        | DataClass::Duplicate
        | DataClass::Corrupt
        | DataClass::Reordered
        | DataClass::Stale => {
            format!("{} acknowledged", count(data.acknowledged))
        }
        DataClass::Resurrected => format!("{} cancelled", count(measured.assessment.cancelled)),
        DataClass::Phantom => format!(
            "{} rejected or never sent",
            count(measured.assessment.absent)
        ),
    };
    let mut text = match class {
        // Phantoms may be orders that no slot stands for, and cancels are numbered too: they are not a part of these.
        DataClass::Phantom | DataClass::Reordered => format!("{}, with {of}", count(value)),
        _ => format!("{} of {of}", count(value)),
    };
    if let (DataClass::Lost, Some(rpo_s)) = (class, data.rpo_s.filter(|_| value > 0)) {
        text.push_str(&format!("; RPO {}", duration_s(rpo_s)));
    }
    if let (DataClass::Stale, Some(worst)) = (class, measured.assessment.stale.words()) {
        text.push_str(&format!("; {worst}"));
    }
    if class == DataClass::Lost {
        for gone in &measured.assessment.gone {
            let orders = gone.orders.len() + gone.sentinels;
            if orders > 0 {
                text.push_str(&format!("; {} gone {}", count(orders), gone.read.moment()));
            }
        }
    }
    if let Some(first) = data
        .examples
        .iter()
        .find(|example| example.class == class.name())
    {
        text.push_str(&format!("; first {}", first.order));
    }
    text
}

fn meaning(class: DataClass) -> &'static str {
    match class {
        DataClass::Lost => "acknowledged orders that are on no copy after the heal",
        DataClass::Divergent => "acknowledged orders that some copies have and others do not",
        DataClass::Phantom => "orders that are there though they were rejected or never sent",
        DataClass::Resurrected => "orders that are open though they had ended",
        DataClass::Duplicate => "orders that are there more than once",
        DataClass::Reordered => {
            "orders that the engine numbered before others that had been acknowledged when they were sent"
        }
        DataClass::Corrupt => "orders that are there with other values than were sent",
        DataClass::Unresolved => "orders of which it could not be told whether they were executed",
        DataClass::Stale => {
            "acknowledged orders that a copy did not show when it was asked during a fault"
        }
    }
}
