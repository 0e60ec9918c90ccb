//! What an order says of the other ends of links, and under which name its own rules stand. Pure.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use shakedown_record::fault::Firing;

use crate::agent::{FarSide, FarTarget, Order};

pub(super) type FarEnds = (BTreeMap<String, SocketAddr>, BTreeMap<String, Vec<IpAddr>>);

/// Where the far ends serve, and all addresses by which each of them is spoken to.
pub(super) fn far_ends(far: Option<&FarSide>) -> FarEnds {
    let replicas = far.map_or(&[][..], |far| &far.replicas);
    let serves = |far: &FarTarget| (far.replica.clone(), SocketAddr::new(far.ip, far.port));
    let known_by = |far: &FarTarget| {
        let all = std::iter::once(far.ip).chain(far.services.clone());
        (far.replica.clone(), all.collect())
    };
    (
        replicas.iter().map(serves).collect(),
        replicas.iter().map(known_by).collect(),
    )
}

/// From where orders come to the near ends.
pub(super) fn clients(order: &Order) -> Vec<IpAddr> {
    let clients = order.far.as_ref().and_then(|far| far.clients.as_ref());
    clients.map_or_else(Vec::new, |clients| {
        clients.own.iter().chain(&clients.nodes).copied().collect()
    })
}

/// Two faults at the same pod have an agent each, and the kernel lets a table be touched by its owner only.
pub(super) fn table(run_id: &str, firing: &Firing) -> String {
    let mut hasher = DefaultHasher::new();
    (run_id, firing).hash(&mut hasher);
    format!("faults_{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_at_the_same_pod_have_tables_of_their_own() {
        let firing = |fault: &str, occurrence| Firing {
            fault: fault.to_string(),
            occurrence,
        };
        let first = table("run-1", &firing("zone-alone", 0));
        assert_eq!(first, table("run-1", &firing("zone-alone", 0)));
        assert_eq!(first.len(), "faults_".len() + 16, "{first}");
        assert_ne!(first, table("run-1", &firing("zone-alone", 1)));
        assert_ne!(first, table("run-1", &firing("zone-unheard", 0)));
        assert_ne!(first, table("run-2", &firing("zone-alone", 0)));
    }
}
