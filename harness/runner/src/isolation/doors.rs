//! Where a door is: the address of a service, or those of a part's pods as they are now.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use shakedown_scenarios::plan::KubernetesPlan;
use shakedown_scenarios::plan::isolation::{Door, DoorAt};

use super::knock::Place;
use crate::environment::Environment;
use crate::mechanisms::kubernetes::Cluster;
use crate::mechanisms::kubernetes::look::PodLook;

/// A door whose addresses can be told at any time.
#[derive(Debug, Clone)]
pub(super) struct Found {
    place: Where,
    http: Option<String>,
}

#[derive(Debug, Clone)]
enum Where {
    /// As services keep their addresses, it is looked up once.
    Address(SocketAddr),
    Pods {
        labels: BTreeMap<String, String>,
        port: u16,
        environment: Arc<Environment>,
    },
}

impl Found {
    /// Looks a door up.
    ///
    /// # Errors
    /// In words, why there is no such door.
    pub(super) async fn look_up(
        door: &Door,
        (cluster, plan): (&Cluster, &KubernetesPlan),
        environment: &Arc<Environment>,
    ) -> Result<Found, String> {
        let place = match &door.at {
            DoorAt::Part { part, port } => {
                let found = plan.parts.get(part);
                let found = found.ok_or_else(|| format!("there are no pods of part {part}"))?;
                Where::Pods {
                    labels: found.labels.clone(),
                    port: port.unwrap_or(found.port),
                    environment: Arc::clone(environment),
                }
            }
            DoorAt::Service {
                namespace,
                name,
                port,
            } => {
                let namespace = namespace.as_deref().unwrap_or(&plan.namespace);
                let looked = cluster.service(namespace, name).await;
                let service = looked.map_err(|error| error.to_string())?;
                let ip = service.cluster_ip.ok_or_else(|| {
                    format!(
                        "service {namespace}/{name} has no cluster address: name the part instead"
                    )
                })?;
                Where::Address(SocketAddr::new(ip, *port))
            }
        };
        Ok(Found {
            place,
            http: door.http.clone(),
        })
    }

    /// Where it is now; empty while no pod has an address.
    pub(super) fn places(&self) -> Vec<Place> {
        let place = |address| Place {
            address,
            http: self.http.clone(),
        };
        self.addresses().into_iter().map(place).collect()
    }

    /// The addresses that it has now.
    pub(super) fn addresses(&self) -> BTreeSet<SocketAddr> {
        match &self.place {
            Where::Address(address) => BTreeSet::from([*address]),
            Where::Pods {
                labels,
                port,
                environment,
            } => {
                let state = environment.pods().map(|pods| pods.state());
                let pods = state.into_iter().flat_map(|state| state.pods.into_values());
                let pods: Vec<PodLook> = pods.collect();
                let ips = pods.iter().filter_map(|pod| address_of(pod, labels));
                ips.map(|ip| SocketAddr::new(ip, *port)).collect()
            }
        }
    }

    /// One at a fixed address.
    #[cfg(test)]
    pub(super) fn fixed(address: SocketAddr) -> Found {
        Found {
            place: Where::Address(address),
            http: None,
        }
    }
}

/// The address of a pod that is one of a part's, unless it is going: somebody else may get its address next.
fn address_of(pod: &PodLook, labels: &BTreeMap<String, String>) -> Option<IpAddr> {
    let has = |(key, value): (&String, &String)| pod.labels.get(key) == Some(value);
    let stays = pod.terminating_since.is_none() && !pod.phase.is_over();
    pod.ip.filter(|_| stays && labels.iter().all(has))
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;

    fn pod(app: &str, phase: &str, going: bool) -> PodLook {
        let mut meta =
            json!({"name": "p", "namespace": "stg", "uid": "u", "labels": {"app": app, "x": "y"}});
        if going {
            meta["deletionTimestamp"] = Value::from("2026-01-02T03:04:05Z");
        }
        let pod: Pod = serde_json::from_value(json!({
            "metadata": meta,
            "spec": {"containers": [{"name": "c", "image": "i"}]},
            "status": {"phase": phase, "podIP": "10.1.2.3"}
        }))
        .unwrap();
        PodLook::of(&pod).unwrap()
    }

    #[test]
    fn pods_of_the_part_have_doors_until_they_go() {
        let labels = BTreeMap::from([("app".to_string(), "engine".to_string())]);
        let of = |pod: &PodLook| address_of(pod, &labels);
        let known = "10.1.2.3".parse().ok();
        assert_eq!(of(&pod("engine", "Running", false)), known);
        assert_eq!(of(&pod("engine", "Pending", false)), known);
        assert_eq!(of(&pod("desk", "Running", false)), None);
        assert_eq!(of(&pod("engine", "Running", true)), None);
        assert_eq!(of(&pod("engine", "Failed", false)), None);
    }
}
