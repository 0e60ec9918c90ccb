//! Who is hit: targets are resolved when the fault fires, not when the plan was made.

use std::sync::Arc;
use std::time::{Duration, Instant};

use shakedown_record::fault::Firing;
use shakedown_scenarios::plan::{ActsOn, FaultKind, LinkEnd, Part, Selector};

use super::choice::{chooser, pick};
use crate::environment::{KubernetesTarget, Replica};
use crate::faults::{Aim, FarEnd, FaultTargetRef};
use crate::guard;
use crate::probes::Target;
use crate::probes::roles::{RoleSeen, ask_all, sole_holder};

/// How long a role may be held by nobody, or by several, before the fault is refused.
const ROLE_WITHIN: Duration = Duration::from_secs(2);

/// Pause between two askings for a role.
const PAUSE: Duration = Duration::from_millis(50);

type Answers = Vec<(Replica, Option<RoleSeen>)>;

/// Whom a firing means now.
///
/// # Errors
/// In words, when the selector does not name targets now.
pub async fn resolve(
    target: &Arc<Target>,
    selector: &Selector,
    firing: &Firing,
    pods: Option<&KubernetesTarget>,
) -> Result<Aim, String> {
    let Selector::Link {
        from,
        to,
        direction,
    } = selector
    else {
        return replicas(target, selector, firing, pods).await.map(Aim::at);
    };
    let targets = replicas(target, from, firing, pods).await?;
    let own = |name: &str| targets.iter().any(|own| own.name == name);
    let far = match to {
        LinkEnd::Clients | LinkEnd::Service(_) => Vec::new(),
        LinkEnd::Peers => peers(target, &targets),
        LinkEnd::Replicas(to) => {
            let others = replicas(target, to, firing, pods).await?;
            others.into_iter().map(|other| other.name).collect()
        }
    };
    let far: Vec<String> = far.into_iter().filter(|name| !own(name)).collect();
    let clients = *to == LinkEnd::Clients;
    let services = match to {
        LinkEnd::Service(name) => vec![name.clone()],
        LinkEnd::Replicas(_) | LinkEnd::Peers | LinkEnd::Clients => Vec::new(),
    };
    if far.is_empty() && services.is_empty() && !clients {
        return Err("nothing is left for the second end of the link".to_string());
    }
    Ok(Aim {
        targets,
        far: Some(FarEnd {
            replicas: far,
            services,
            clients,
            direction: *direction,
            there_too: false,
        }),
    })
}

/// Names of the replicas of the parts that the targets belong to.
fn peers(target: &Target, targets: &[FaultTargetRef]) -> Vec<String> {
    let part_of = |name: &str| {
        let replica = target.replicas.iter().find(|replica| replica.name == name);
        replica.map(|replica| replica.part.clone())
    };
    let parts: Vec<String> = targets.iter().filter_map(|it| part_of(&it.name)).collect();
    let same = target
        .replicas
        .iter()
        .filter(|replica| parts.contains(&replica.part));
    same.map(|replica| replica.name.clone()).collect()
}

async fn replicas(
    target: &Arc<Target>,
    selector: &Selector,
    firing: &Firing,
    pods: Option<&KubernetesTarget>,
) -> Result<Vec<FaultTargetRef>, String> {
    match selector {
        Selector::Role(role) => {
            let part = part_with_role(target, role)?;
            let (holder, _) = holder(target, part, role).await?;
            Ok(vec![FaultTargetRef {
                name: holder.name,
                role: Some(role.clone()),
            }])
        }
        Selector::Name(name) => {
            let known = target.replicas.iter().find(|it| it.name == *name);
            let known = known.ok_or_else(|| format!("there is no replica '{name}'"))?;
            let part = target.part_of(known);
            let part = part.ok_or_else(|| format!("'{name}' belongs to no part"))?;
            let all = refs(ask_all(target, part).await);
            Ok(all.into_iter().filter(|it| it.name == *name).collect())
        }
        Selector::System => Ok(Vec::new()),
        Selector::Placed(placed) => {
            let pods = pods.ok_or("there are no pods and nodes here")?;
            let names = pods.placed(placed).await?;
            if names.is_empty() {
                return Err(format!("{}: there is none", placed.words()));
            }
            Ok(named(target, &names).await)
        }
        Selector::Link { .. } => Err("a link has no replicas of its own".to_string()),
        Selector::Part(name) => Ok(refs(ask_all(target, part(target, name)?).await)),
        Selector::Random {
            part: name,
            count,
            without_role,
        } => {
            let part = part(target, name)?;
            let answers = match without_role {
                Some(role) => {
                    let (holder, mut answers) = holder(target, part, role).await?;
                    answers.retain(|(it, answer)| it.name != holder.name && answer.is_some());
                    answers
                }
                None => ask_all(target, part).await,
            };
            let mut candidates = refs(answers);
            candidates.retain(|it| guard::protected(&target.plan, &it.name, name).is_none());
            let wanted = *count as usize;
            if candidates.len() < wanted {
                let found = candidates.len();
                return Err(format!(
                    "{wanted} of part '{name}' are wanted and {found} qualify"
                ));
            }
            let seed = target.plan.seed;
            let mut chooser = chooser(seed, "targets", &firing.fault, firing.occurrence);
            Ok(pick(&mut chooser, &candidates, wanted))
        }
    }
}

/// Replicas by name, with the roles that they have now.
async fn named(target: &Arc<Target>, names: &[String]) -> Vec<FaultTargetRef> {
    let mut found = Vec::new();
    for part in &target.plan.system.parts {
        let is_of_part = |name: &String| {
            let of = name.rsplit_once('-').map(|(part, _)| part);
            of == Some(part.name.as_str())
        };
        if names.iter().any(is_of_part) {
            found.extend(refs(ask_all(target, part).await));
        }
    }
    found.retain(|it| names.contains(&it.name));
    found
}

/// What is done to a node is done to all that is on it.
pub async fn with_neighbours(
    target: &Arc<Target>,
    aim: Aim,
    kind: &FaultKind,
    pods: Option<&KubernetesTarget>,
) -> Aim {
    let of_nodes = match kind {
        FaultKind::Cluster(kind) => kind.acts_on() == ActsOn::Nodes,
        _ => false,
    };
    let (true, Some(pods)) = (of_nodes, pods) else {
        return aim;
    };
    let known: Vec<&str> = aim.targets.iter().map(|it| it.name.as_str()).collect();
    let places = pods.places();
    let nodes: Vec<&String> = places
        .iter()
        .filter(|place| known.contains(&place.replica.as_str()))
        .filter_map(|place| place.pod.node.as_ref())
        .collect();
    let others: Vec<String> = places
        .iter()
        .filter(|place| {
            place
                .pod
                .node
                .as_ref()
                .is_some_and(|node| nodes.contains(&node))
        })
        .filter(|place| !known.contains(&place.replica.as_str()))
        .map(|place| place.replica.clone())
        .collect();
    let mut targets = aim.targets;
    targets.extend(named(target, &others).await);
    Aim { targets, ..aim }
}

/// Asks again and again until exactly one replica holds the role.
async fn holder(
    target: &Arc<Target>,
    part: &Part,
    role: &str,
) -> Result<(Replica, Answers), String> {
    let deadline = Instant::now() + ROLE_WITHIN;
    loop {
        let answers = ask_all(target, part).await;
        match sole_holder(role, &answers) {
            Ok(holder) => return Ok((holder, answers)),
            Err(why) if Instant::now() >= deadline => {
                return Err(format!("{why}, for {} s", ROLE_WITHIN.as_secs()));
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

fn part_with_role<'a>(target: &'a Target, role: &str) -> Result<&'a Part, String> {
    let mut parts = target.plan.system.parts.iter();
    let has = |part: &&Part| part.roles.iter().any(|it| it.name == role);
    parts
        .find(has)
        .ok_or_else(|| format!("no part of the system has a role '{role}'"))
}

fn part<'a>(target: &'a Target, name: &str) -> Result<&'a Part, String> {
    let mut parts = target.plan.system.parts.iter();
    parts
        .find(|part| part.name == name)
        .ok_or_else(|| format!("the system has no part '{name}'"))
}

fn refs(answers: Answers) -> Vec<FaultTargetRef> {
    let named = |(replica, answer): (Replica, Option<RoleSeen>)| FaultTargetRef {
        name: replica.name,
        role: answer.and_then(|answer| answer.first()),
    };
    answers.into_iter().map(named).collect()
}
