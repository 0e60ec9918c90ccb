//! Which role a replica has, as it says itself.

use std::sync::Arc;
use std::time::Duration;

use shakedown_load::http::Vars;
use shakedown_scenarios::plan::{Part, Role};
use tokio::task::JoinSet;

use super::client::{ClientError, Reply};
use super::target::{PROBE_TIMEOUT, Target};
use crate::environment::Replica;

/// What a replica says of its roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleSeen {
    /// The roles that it has, in the profile's order.
    pub roles: Vec<String>,
    /// Term, epoch or view, where the profile says where it is.
    pub term: Option<u64>,
}

impl RoleSeen {
    /// The role that is named in events: the first.
    pub fn first(&self) -> Option<String> {
        self.roles.first().cloned()
    }
}

/// Asks one replica. Roles that are told by the same request are asked once.
///
/// # Errors
/// When it does not answer.
pub async fn ask(
    target: &Target,
    replica: &Replica,
    timeout: Duration,
) -> Result<RoleSeen, ClientError> {
    let mut seen = RoleSeen::default();
    let roles = target.part_of(replica).map_or(&[][..], |part| &part.roles);
    let mut last: Option<(&Role, Reply)> = None;
    for role in roles {
        let known = last.take().filter(|(other, _)| other.get == role.get);
        let reply = match known {
            Some((_, reply)) => reply,
            None => {
                let vars = Vars::default();
                let client = &target.client;
                client
                    .send(&replica.base_url, &role.get, &vars, timeout)
                    .await?
            }
        };
        take(role, &reply, &mut seen);
        last = Some((role, reply));
    }
    Ok(seen)
}

fn take(role: &Role, reply: &Reply, seen: &mut RoleSeen) {
    let Some(json) = reply.json().filter(|_| reply.is_success()) else {
        return;
    };
    if role
        .conditions
        .iter()
        .all(|condition| condition.holds(&json))
    {
        seen.roles.push(role.name.clone());
    }
    let term = role.term.as_ref().and_then(|term| json.pointer(&term.0));
    let term = term.and_then(|term| {
        let text = term.as_str().and_then(|text| text.parse().ok());
        term.as_u64().or(text)
    });
    seen.term = seen.term.max(term);
}

/// Asks all replicas of a part at once; `None` for one that does not answer.
pub async fn ask_all(target: &Arc<Target>, part: &Part) -> Vec<(Replica, Option<RoleSeen>)> {
    let mut asked = JoinSet::new();
    for replica in target.replicas.iter().filter(|it| it.part == part.name) {
        let (target, replica) = (Arc::clone(target), replica.clone());
        asked.spawn(async move {
            let answer = ask(&target, &replica, PROBE_TIMEOUT).await.ok();
            (replica, answer)
        });
    }
    let mut seen = asked.join_all().await;
    seen.sort_by_key(|(replica, _)| position(target, replica));
    seen
}

fn position(target: &Target, replica: &Replica) -> Option<usize> {
    let mut replicas = target.replicas.iter();
    replicas.position(|other| other.name == replica.name)
}

/// Who holds a role: exactly one, or why not.
///
/// # Errors
/// In words, when none or several hold it.
pub fn sole_holder(role: &str, seen: &[(Replica, Option<RoleSeen>)]) -> Result<Replica, String> {
    let holds = |answer: &Option<RoleSeen>| {
        let roles = answer.as_ref().map_or(&[][..], |answer| &answer.roles);
        roles.iter().any(|held| held == role)
    };
    let holders: Vec<&Replica> = seen
        .iter()
        .filter(|(_, answer)| holds(answer))
        .map(|(replica, _)| replica)
        .collect();
    let silent = seen.iter().filter(|(_, answer)| answer.is_none()).count();
    match holders.as_slice() {
        [holder] => Ok((*holder).clone()),
        [] => Err(format!(
            "no replica says that it is {role} ({} asked, {silent} without an answer)",
            seen.len()
        )),
        several => {
            let names: Vec<&str> = several.iter().map(|it| it.name.as_str()).collect();
            Err(format!("{} say that they are {role}", names.join(" and ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(name: &str) -> Replica {
        Replica {
            name: name.to_string(),
            part: "engine".to_string(),
            base_url: "http://127.0.0.1:1".to_string(),
        }
    }

    fn says(name: &str, roles: &[&str]) -> (Replica, Option<RoleSeen>) {
        let roles = roles.iter().map(|role| (*role).to_string()).collect();
        (replica(name), Some(RoleSeen { roles, term: None }))
    }

    #[test]
    fn exactly_one_holder_is_a_holder() {
        let seen = [
            says("engine-1", &["follower"]),
            says("engine-2", &["leader"]),
        ];
        assert_eq!(sole_holder("leader", &seen).unwrap().name, "engine-2");
    }

    #[test]
    fn none_and_several_are_refused_in_words() {
        let none = [says("engine-1", &["follower"]), (replica("engine-2"), None)];
        assert!(
            sole_holder("leader", &none)
                .unwrap_err()
                .contains("1 without an answer")
        );
        let two = [says("engine-1", &["leader"]), says("engine-2", &["leader"])];
        assert_eq!(
            sole_holder("leader", &two).unwrap_err(),
            "engine-1 and engine-2 say that they are leader"
        );
        assert!(sole_holder("leader", &[]).is_err());
    }
}
