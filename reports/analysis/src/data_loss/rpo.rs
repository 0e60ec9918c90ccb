//! RPO: how many acknowledged orders were lost, and how old the oldest was when the fault struck.
//!
//! A lost order belongs to the first fault from which service had not yet recovered when it was acknowledged. One
//! that was acknowledged after the fault, by a replica that had lost its role, counts with its distance after it.
//! A loss after the last recovery belongs to no fault: then no limit in seconds can excuse it. What was still there
//! after the heal, and gone after an outage for a read, belongs to that outage.

use super::classes::Gone;
use crate::bits::Bits;
use crate::failover::Struck;
use crate::input::{Fate, Input};

/// RPO in seconds over the lost orders.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rpo {
    /// `None`: not all orders were looked for, or a loss belongs to no fault.
    pub seconds: Option<f64>,
    /// Lost orders that no fault explains.
    pub unattributed: u64,
}

/// The fault to which a loss belongs, by the moment of acknowledgement. `over[i]`: when firing `i` was over.
pub(crate) fn fault_of(ack_ns: u64, over: &[Option<u64>]) -> Option<usize> {
    over.iter()
        .position(|end| end.is_none_or(|end| ack_ns <= end))
}

/// When each firing was over: recovered and clean; `None` while either is open.
pub(crate) fn over(struck: &[Struck], recovered: &[Option<u64>]) -> Vec<Option<u64>> {
    struck
        .iter()
        .zip(recovered)
        .map(|(firing, recovered)| Some(firing.clean_ns?.max((*recovered)?)))
        .collect()
}

/// RPO of the lost orders.
pub(crate) fn rpo(
    input: &Input,
    (lost, gone): (&Bits, &[Gone]),
    struck: &[Struck],
    over: &[Option<u64>],
) -> Rpo {
    let (mut worst_ns, mut unattributed) = (0u64, 0);
    for slot in lost.iter() {
        let Some(entry) = input.orders.get(slot) else {
            continue;
        };
        let Fate::Acked { at_ns } = input.fate(slot, &entry) else {
            continue;
        };
        if let Some(gone) = gone.iter().find(|gone| gone.orders.contains(slot)) {
            let begun = input.facts.outages_begun.get(&gone.read);
            let begun_ns = begun.and_then(|mono_ns| input.facts.since_zero(*mono_ns));
            let age_ns = begun_ns.map(|ns| ns.max(0) as u64).unwrap_or(at_ns);
            worst_ns = worst_ns.max(age_ns.saturating_sub(at_ns));
            continue;
        }
        match fault_of(at_ns, over) {
            Some(index) => worst_ns = worst_ns.max(struck[index].injected_ns.abs_diff(at_ns)),
            None => unattributed += 1,
        }
    }
    Rpo {
        seconds: (unattributed == 0).then_some(worst_ns as f64 / 1e9),
        unattributed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_belongs_to_the_fault_that_was_not_over() {
        let over = [Some(100), Some(200)];
        assert_eq!(fault_of(5, &over), Some(0));
        assert_eq!(fault_of(100, &over), Some(0));
        assert_eq!(fault_of(101, &over), Some(1));
        assert_eq!(fault_of(201, &over), None);
        assert_eq!(fault_of(201, &[Some(100), None]), Some(1));
        assert_eq!(fault_of(1, &[]), None);
    }
}
