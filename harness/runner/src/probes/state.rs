//! Health, version and the target as seen running.

use std::time::Duration;

use shakedown_load::http::Vars;
use shakedown_record::event::{Event, Moment, ReplicaSeen};
use shakedown_scenarios::plan::Request;

use super::client::ClientError;
use super::roles;
use super::target::{PROBE_TIMEOUT, Target};
use crate::environment::Replica;

/// Asks a health endpoint: true for a status of 2xx, false for any other and for silence.
async fn healthy(
    target: &Target,
    replica: &Replica,
    (get, port): (&Request, Option<u16>),
    timeout: Duration,
) -> bool {
    let base = target.control_base(replica, port);
    let reply = target
        .client
        .send(&base, get, &Vars::default(), timeout)
        .await;
    reply.is_ok_and(|reply| reply.is_success())
}

/// Is a replica ready? `None` when the profile knows no readiness.
pub async fn ready(target: &Target, replica: &Replica, timeout: Duration) -> Option<bool> {
    let asked = target.plan.system.readiness(&replica.part)?;
    Some(healthy(target, replica, asked, timeout).await)
}

/// Is a replica alive? `None` when the profile knows no liveness.
pub async fn live(target: &Target, replica: &Replica, timeout: Duration) -> Option<bool> {
    let health = target.plan.system.health.as_ref()?;
    let asked = (health.live.as_ref()?, health.port);
    Some(healthy(target, replica, asked, timeout).await)
}

/// The version that a replica says it is; `None` when the profile does not know how to ask.
///
/// # Errors
/// When it does not answer, or the version is not where it should be.
pub async fn version(target: &Target, replica: &Replica) -> Option<Result<String, String>> {
    let probe = target.plan.system.version.as_ref()?;
    let vars = Vars::default();
    let sent = target
        .client
        .send(&replica.base_url, &probe.get, &vars, PROBE_TIMEOUT);
    let found = sent.await.map_err(|error| error.to_string());
    Some(found.and_then(|reply| {
        let json = reply.json().filter(|_| reply.is_success());
        let value = json.as_ref().and_then(|json| json.pointer(&probe.take.0));
        match value {
            Some(serde_json::Value::String(text)) => Ok(text.clone()),
            Some(value) if value.is_number() => Ok(value.to_string()),
            _ => Err(format!(
                "no version at '{}': {}",
                probe.take.0,
                target.client.excerpt(&reply)
            )),
        }
    }))
}

/// The target as it is seen now. A version that differs between replicas is given with every variant.
pub async fn look(target: &Target, when: Moment, image_digests: Vec<String>) -> Event {
    let mut replicas = Vec::new();
    let mut versions: Vec<String> = Vec::new();
    for replica in &target.replicas {
        let seen = look_at(target, replica).await;
        versions.extend(seen.version.clone());
        replicas.push(seen);
    }
    versions.sort();
    versions.dedup();
    Event::TargetSeen {
        when,
        version: (!versions.is_empty()).then(|| versions.join(" and ")),
        image_digests,
        replicas,
    }
}

async fn look_at(target: &Target, replica: &Replica) -> ReplicaSeen {
    let ready = ready(target, replica, PROBE_TIMEOUT).await;
    let role: Result<_, ClientError> = roles::ask(target, replica, PROBE_TIMEOUT).await;
    let version = version(target, replica).await;
    let knows_roles = target
        .part_of(replica)
        .is_some_and(|it| !it.roles.is_empty());
    let answered = matches!(&version, Some(Ok(_))) || (knows_roles && role.is_ok());
    ReplicaSeen {
        name: replica.name.clone(),
        reachable: answered || ready == Some(true),
        ready,
        role: role.ok().and_then(|role| role.first()),
        version: version.and_then(Result::ok),
    }
}
