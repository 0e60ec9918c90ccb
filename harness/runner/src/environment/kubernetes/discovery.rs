//! Which pods are meant, and that they can be reached. Only looks.

use std::net::SocketAddr;

use shakedown_scenarios::plan::{KubernetesPart, KubernetesPlan, Part, System};

use super::slots::Slots;
use crate::environment::address_book::AddressBook;
use crate::environment::error::EnvironmentError;
use crate::environment::handle::Replica;
use crate::mechanisms::kubernetes::look::{ContainerState, PodLook};
use crate::mechanisms::kubernetes::{Access, Cluster};

/// A part with its pods.
#[derive(Debug, Clone)]
pub struct FoundPart {
    pub replicas: Vec<FoundPod>,
    pub slots: Slots,
}

/// The pod of a replica.
#[derive(Debug, Clone)]
pub struct FoundPod {
    pub replica: Replica,
    pub look: PodLook,
    /// Name of the container that is meant.
    pub container: String,
    /// Where it serves orders.
    pub address: SocketAddr,
}

/// The cluster that a plan means.
///
/// # Errors
/// When there is no such context, or nobody answers.
pub async fn connect(plan: &KubernetesPlan) -> Result<Cluster, EnvironmentError> {
    let access = Access {
        context: plan.context.clone(),
        ..Access::default()
    };
    Ok(Cluster::connect(&access).await?)
}

/// Finds the pods of every part.
///
/// # Errors
/// When there are fewer or more pods than replicas, or one of them does not run or cannot be reached as the profile says. In words,
/// with what to do.
pub async fn discover(
    cluster: &Cluster,
    system: &System,
    plan: &KubernetesPlan,
) -> Result<Vec<FoundPart>, EnvironmentError> {
    let mut parts = Vec::new();
    for part in &system.parts {
        let Some(of_part) = plan.parts.get(&part.name) else {
            continue;
        };
        let selector = selector(of_part);
        let pods = cluster.pods(&plan.namespace, &selector).await?;
        parts.push(one_part(plan, part, of_part, &selector, &pods)?);
    }
    Ok(parts)
}

/// The pod of every replica, in order.
///
/// # Errors
/// As [`discover`].
pub async fn pods_of(
    cluster: &Cluster,
    system: &System,
    plan: &KubernetesPlan,
) -> Result<Vec<FoundPod>, EnvironmentError> {
    let found = discover(cluster, system, plan).await?;
    Ok(found.into_iter().flat_map(|part| part.replicas).collect())
}

/// Labels as the API takes them.
pub(super) fn selector(part: &KubernetesPart) -> String {
    let pair = |(key, value): (&String, &String)| format!("{key}={value}");
    let pairs: Vec<String> = part.labels.iter().map(pair).collect();
    pairs.join(",")
}

fn one_part(
    plan: &KubernetesPlan,
    part: &Part,
    of_part: &KubernetesPart,
    selector: &str,
    pods: &[PodLook],
) -> Result<FoundPart, EnvironmentError> {
    let alive: Vec<&PodLook> = pods
        .iter()
        .filter(|pod| !pod.phase.is_over() && pod.terminating_since.is_none())
        .collect();
    if alive.len() != part.replicas as usize {
        let names: Vec<&str> = alive.iter().map(|pod| pod.name.as_str()).collect();
        let there = match names.is_empty() {
            true => "none".to_string(),
            false => format!("{} ({})", names.len(), names.join(", ")),
        };
        return Err(EnvironmentError::Pods(format!(
            "part `{}` has {} replicas, and of pods with {selector} in namespace {} there are {there}: start them, or change \
             `environments.kubernetes` of the profile",
            part.name, part.replicas, plan.namespace
        )));
    }
    let mut slots = Slots::new(&part.name, part.replicas as usize);
    slots.assign(&alive);
    let mut replicas = Vec::new();
    for number in 1..=part.replicas as usize {
        let name = format!("{}-{number}", part.name);
        let uid = slots.pod_of(&name).map(|(_, uid)| uid);
        let look = alive.iter().find(|pod| Some(pod.uid.as_str()) == uid);
        let look = look.expect("every pod has a place, and there are as many");
        replicas.push(place(&part.name, number, of_part, look)?);
    }
    Ok(FoundPart { replicas, slots })
}

fn place(
    part: &str,
    number: usize,
    of_part: &KubernetesPart,
    look: &PodLook,
) -> Result<FoundPod, EnvironmentError> {
    let name = format!("{part}-{number}");
    let wrong =
        |why: String| EnvironmentError::Pods(format!("{name} is pod {}: {why}", look.full_name()));
    let names: Vec<&str> = look.containers.iter().map(|it| it.name.as_str()).collect();
    let container = match (&of_part.container, names.as_slice()) {
        (Some(wanted), _) => names.iter().find(|name| *name == wanted).copied(),
        (None, [only]) => Some(*only),
        (None, _) => None,
    };
    let listed = names.join(", ");
    let container = container.ok_or_else(|| {
        wrong(match &of_part.container {
            Some(wanted) => format!("it has no container {wanted}; there are {listed}"),
            None => format!(
                "it has several containers ({listed}): say which is meant with `container` in the profile"
            ),
        })
    })?;
    let state = look.containers.iter().find(|it| it.name == container);
    match state.map(|container| &container.state) {
        Some(ContainerState::Running { .. }) => {}
        Some(ContainerState::Waiting { reason }) => {
            return Err(wrong(format!("its container {container} waits ({reason})")));
        }
        Some(ContainerState::Terminated(_)) | None => {
            return Err(wrong(format!("its container {container} does not run")));
        }
    }
    let ip = look
        .ip
        .ok_or_else(|| wrong("it has no address".to_string()))?;
    let base_url = format!("http://{}:{}", AddressBook::host(&name), of_part.port);
    Ok(FoundPod {
        replica: Replica::numbered(part, number, base_url),
        look: look.clone(),
        container: container.to_string(),
        address: SocketAddr::new(ip, of_part.port),
    })
}
