//! Services, and who stands behind them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use k8s_openapi::api::core::v1::{Service, ServicePort as Said};
use k8s_openapi::api::discovery::v1::{Endpoint, EndpointSlice};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::{Deserialize, Serialize};

/// A service at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServiceLook {
    pub name: String,
    pub namespace: String,
    pub uid: String,
    pub resource_version: String,
    /// `ClusterIP`, `NodePort`, `LoadBalancer` or `ExternalName`.
    pub kind: String,
    /// `None` for a headless service: clients then have the addresses of its pods.
    pub cluster_ip: Option<IpAddr>,
    /// All of them, of both families.
    pub cluster_ips: Vec<IpAddr>,
    pub ports: Vec<ServicePort>,
    /// Empty when somebody else keeps its endpoints.
    pub selector: BTreeMap<String, String>,
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ServicePort {
    /// Empty when it has none.
    pub name: String,
    pub port: u16,
    /// A number, or the name of a port of the pods'.
    pub target: String,
    pub node_port: Option<u16>,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

/// One address behind a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EndpointLook {
    pub address: IpAddr,
    /// It gets new connections.
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
    pub node: Option<String>,
    pub pod: Option<String>,
    /// Ports of the pod, by the name of the service's port.
    pub ports: BTreeMap<String, u16>,
}

impl ServiceLook {
    /// `None` for an object that no API server sends: without name or UID.
    pub fn of(service: &Service) -> Option<ServiceLook> {
        let (meta, spec) = (&service.metadata, service.spec.clone().unwrap_or_default());
        let all = spec.cluster_ips.unwrap_or_default();
        Some(ServiceLook {
            name: meta.name.clone()?,
            namespace: meta.namespace.clone().unwrap_or_default(),
            uid: meta.uid.clone()?,
            resource_version: meta.resource_version.clone().unwrap_or_default(),
            kind: spec.type_.unwrap_or_default(),
            cluster_ip: spec.cluster_ip.and_then(|ip| ip.parse().ok()),
            cluster_ips: all.iter().filter_map(|ip| ip.parse().ok()).collect(),
            ports: spec.ports.iter().flatten().filter_map(port).collect(),
            selector: spec.selector.unwrap_or_default(),
            labels: meta.labels.clone().unwrap_or_default(),
            annotations: meta.annotations.clone().unwrap_or_default(),
        })
    }
}

fn port(said: &Said) -> Option<ServicePort> {
    let number = u16::try_from(said.port).ok()?;
    Some(ServicePort {
        name: said.name.clone().unwrap_or_default(),
        port: number,
        target: match &said.target_port {
            Some(IntOrString::Int(target)) => target.to_string(),
            Some(IntOrString::String(target)) => target.clone(),
            None => number.to_string(),
        },
        node_port: said.node_port.and_then(|it| u16::try_from(it).ok()),
        protocol: said.protocol.clone().unwrap_or_else(|| "TCP".to_string()),
    })
}

impl EndpointLook {
    /// All addresses of a service's slices, in the order of the addresses, each once.
    pub fn of(slices: &[EndpointSlice]) -> Vec<EndpointLook> {
        let mut all: BTreeMap<IpAddr, EndpointLook> = BTreeMap::new();
        for slice in slices {
            let named = slice.ports.iter().flatten().filter_map(|it| {
                let number = u16::try_from(it.port?).ok()?;
                Some((it.name.clone().unwrap_or_default(), number))
            });
            let ports: BTreeMap<String, u16> = named.collect();
            for endpoint in &slice.endpoints {
                for address in endpoint.addresses.iter().filter_map(|it| it.parse().ok()) {
                    // While a slice is split up, an address may be in two.
                    all.insert(address, look(endpoint, address, &ports));
                }
            }
        }
        all.into_values().collect()
    }
}

fn look(said: &Endpoint, address: IpAddr, ports: &BTreeMap<String, u16>) -> EndpointLook {
    let conditions = said.conditions.clone().unwrap_or_default();
    // Unknown counts as ready, as the API says.
    let ready = conditions.ready.unwrap_or(true);
    let target = said.target_ref.as_ref();
    let pod = target.filter(|it| it.kind.as_deref() == Some("Pod"));
    EndpointLook {
        address,
        ready,
        serving: conditions.serving.unwrap_or(ready),
        terminating: conditions.terminating.unwrap_or(false),
        node: said.node_name.clone(),
        pod: pod.and_then(|it| it.name.clone()),
        ports: ports.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(spec: &str) -> ServiceLook {
        let meta = r#"{"name":"orders","namespace":"stg","uid":"1","resourceVersion":"7"}"#;
        let text = format!(r#"{{"metadata":{meta},"spec":{spec}}}"#);
        ServiceLook::of(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    #[test]
    fn a_service_is_read_with_or_without_an_address() {
        let seen = service(
            r#"{"type":"ClusterIP","clusterIP":"10.96.3.4","clusterIPs":["10.96.3.4","fd00::4"],"selector":{"app":"engine"},
                "ports":[{"name":"http","port":80,"targetPort":"orders","nodePort":30080},{"port":9,"protocol":"UDP"}]}"#,
        );
        assert_eq!(seen.cluster_ip, "10.96.3.4".parse().ok());
        assert_eq!(
            (seen.cluster_ips.len(), seen.resource_version.as_str()),
            (2, "7")
        );
        assert_eq!(seen.selector["app"], "engine");
        let [http, plain] = &seen.ports[..] else {
            panic!("{seen:?}")
        };
        assert_eq!(
            (http.port, http.target.as_str(), http.node_port),
            (80, "orders", Some(30080))
        );
        assert_eq!(
            (plain.target.as_str(), plain.protocol.as_str()),
            ("9", "UDP")
        );
        let headless = service(r#"{"clusterIP":"None","clusterIPs":["None"]}"#);
        assert_eq!((headless.cluster_ip, headless.cluster_ips.len()), (None, 0));
    }

    #[test]
    fn slices_are_one_list() {
        let slice = |endpoints: &str| -> EndpointSlice {
            let text = format!(
                r#"{{"addressType":"IPv4","metadata":{{}},"endpoints":[{endpoints}],"ports":[{{"name":"http","port":8080}}]}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let going = r#"{"addresses":["10.1.0.9"],"conditions":{"ready":false,"serving":true,"terminating":true},
            "nodeName":"b","targetRef":{"kind":"Pod","name":"engine-1"}}"#;
        let unsaid = r#"{"addresses":["10.1.0.2"]}"#;
        let all = EndpointLook::of(&[slice(going), slice(&format!("{unsaid},{going}"))]);
        let [second, ninth] = &all[..] else {
            panic!("{all:?}")
        };
        assert!(second.ready && second.serving && !second.terminating);
        assert!(!ninth.ready && ninth.serving && ninth.terminating);
        assert_eq!(
            (ninth.pod.as_deref(), ninth.ports["http"]),
            (Some("engine-1"), 8080)
        );
    }
}
