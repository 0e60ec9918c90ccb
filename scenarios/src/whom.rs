//! Whom a fault means, in words.

use crate::compile::counted;
use crate::plan::{Direction, LinkEnd, Placed, Selector};

/// The replicas, or what lies between them. `system` is the name of the system, for what is done to all of it.
pub(crate) fn replicas(to: &Selector, system: &str) -> String {
    match to {
        Selector::Role(role) => format!("the replica that is {role} then"),
        Selector::Name(name) => name.clone(),
        Selector::Part(part) => format!("every replica of {part}"),
        Selector::Random {
            part,
            count,
            without_role: None,
        } => format!("{} of {part}, chosen by the seed", count_text(*count)),
        Selector::Random {
            part,
            count,
            without_role: Some(role),
        } => format!(
            "{} of {part} {} not {role}, chosen by the seed",
            count_text(*count),
            if *count == 1 { "that is" } else { "that are" }
        ),
        Selector::Link {
            from,
            to,
            direction,
        } => {
            let far = match to {
                LinkEnd::Replicas(to) => replicas(to, system),
                LinkEnd::Peers if are_many(from) => "their peers".to_string(),
                LinkEnd::Peers => "its peers".to_string(),
                LinkEnd::Clients => "the clients".to_string(),
                LinkEnd::Service(name) => format!("service {name}"),
            };
            let way = match direction {
                Direction::Both => "both ways",
                Direction::There => "there only",
                Direction::Back => "back only",
            };
            format!("between {} and {far}, {way}", replicas(from, system))
        }
        Selector::System => format!("against {system}"),
        Selector::Placed(placed) => placed.words(),
    }
}

/// The nodes on which they run.
pub(crate) fn nodes(to: &Selector, system: &str) -> String {
    match to {
        Selector::Placed(Placed::Node(name)) => format!("node {name}"),
        to if are_many(to) => format!("the nodes of {}", replicas(to, system)),
        to => format!("the node of {}", replicas(to, system)),
    }
}

/// What owns them in the cluster.
pub(crate) fn workload(to: &Selector, system: &str) -> String {
    match to {
        Selector::Placed(Placed::Deployment(name)) => format!("deployment {name}"),
        Selector::Placed(Placed::StatefulSet(name)) => format!("stateful set {name}"),
        to => format!("the workload of {}", replicas(to, system)),
    }
}

/// True when more than one replica may be meant.
pub(crate) fn are_many(to: &Selector) -> bool {
    match to {
        Selector::Part(_) | Selector::Placed(_) => true,
        Selector::Random { count, .. } => *count > 1,
        Selector::Role(_) | Selector::Name(_) | Selector::Link { .. } | Selector::System => false,
    }
}

fn count_text(count: u32) -> String {
    counted(u64::from(count), "replica")
}
