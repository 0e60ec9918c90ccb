//! On which node of the cluster this very process runs, if on one: what is done to that node is done to us.

use std::net::{IpAddr, UdpSocket};

use crate::mechanisms::kubernetes::look::NodeLook;
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// What a pod's service account has beside its token.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// What this process is told of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Told {
    /// Of the node, by the downward API.
    node: Option<String>,
    /// Namespace and name of the pod, if it runs in one.
    pod: Option<(String, String)>,
}

/// The node on which this process runs; `None` when it runs on none of this cluster.
///
/// # Errors
/// In words, when it runs in a pod whose node cannot be found out.
pub async fn own_node(cluster: &Cluster, nodes: &[NodeLook]) -> Result<Option<String>, String> {
    let namespace = std::fs::read_to_string(NAMESPACE_FILE).ok();
    let told = Told::by(|name| std::env::var(name).ok(), namespace);
    if let Some(name) = told.among(nodes, is_ours) {
        return Ok(Some(name));
    }
    let Some((namespace, name)) = told.pod else {
        return Ok(None);
    };
    match cluster.pod(&namespace, &name).await {
        Ok(pod) => Ok(pod.node),
        // A pod of another cluster than the one that is tested.
        Err(ClusterError::NotFound(_)) => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

impl Told {
    fn by(variable: impl Fn(&str) -> Option<String>, namespace_file: Option<String>) -> Told {
        let said = |name: &str| variable(name).filter(|value| !value.is_empty());
        let file = namespace_file.map(|it| it.trim().to_string());
        let namespace = said("POD_NAMESPACE").or(file.filter(|it| !it.is_empty()));
        let name = said("POD_NAME").or_else(|| said("HOSTNAME"));
        Told {
            node: said("NODE_NAME"),
            pod: namespace.zip(name),
        }
    }

    /// The node that was told, or the one whose address is ours: we run on that machine itself, or in its network.
    fn among(&self, nodes: &[NodeLook], is_ours: impl Fn(IpAddr) -> bool) -> Option<String> {
        let told = nodes.iter().find(|it| Some(&it.name) == self.node.as_ref());
        let ours = |it: &&NodeLook| it.internal_ip.is_some_and(&is_ours);
        let found = told.or_else(|| nodes.iter().find(ours));
        found.map(|it| it.name.clone())
    }
}

/// Whether an address is one of this machine's: then it is spoken to from itself. Nothing is sent.
fn is_ours(ip: IpAddr) -> bool {
    let from = match ip {
        IpAddr::V4(_) => "0.0.0.0:0",
        IpAddr::V6(_) => "[::]:0",
    };
    let connected = UdpSocket::bind(from).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    connected.is_ok_and(|own| own.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, ip: &str) -> NodeLook {
        let text = format!(
            r#"{{"metadata":{{"name":"{name}","uid":"{name}"}},
                 "status":{{"addresses":[{{"type":"InternalIP","address":"{ip}"}}]}}}}"#
        );
        NodeLook::of(&serde_json::from_str(&text).unwrap()).unwrap()
    }

    fn told(variables: &[(&str, &str)], file: Option<&str>) -> Told {
        let variable = |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.to_string())
        };
        Told::by(variable, file.map(str::to_string))
    }

    #[test]
    fn a_pod_knows_itself_by_the_downward_api_or_by_its_host_name() {
        let pod = |told: Told| {
            told.pod
                .map(|(namespace, name)| format!("{namespace}/{name}"))
        };
        let all = told(
            &[
                ("POD_NAME", "run-1"),
                ("POD_NAMESPACE", "ops"),
                ("HOSTNAME", "x"),
            ],
            Some("other\n"),
        );
        assert_eq!(pod(all).as_deref(), Some("ops/run-1"));
        let plain = told(&[("HOSTNAME", "run-1"), ("NODE_NAME", "")], Some("ops\n"));
        assert_eq!(plain.node, None);
        assert_eq!(pod(plain).as_deref(), Some("ops/run-1"));
        // A host name alone makes no pod.
        assert_eq!(pod(told(&[("HOSTNAME", "desk")], None)), None);
    }

    #[test]
    fn the_node_is_the_one_that_was_told_or_whose_address_is_ours() {
        let nodes = [node("node-1", "10.0.0.1"), node("node-2", "10.0.0.2")];
        let second: IpAddr = "10.0.0.2".parse().unwrap();
        let by_name = told(&[("NODE_NAME", "node-1")], None);
        let by_address = Told::default();
        let nobody = |_| false;
        assert_eq!(by_name.among(&nodes, nobody).as_deref(), Some("node-1"));
        let ours = |ip| ip == second;
        assert_eq!(by_address.among(&nodes, ours).as_deref(), Some("node-2"));
        assert_eq!(by_address.among(&nodes, nobody), None);
        // A node of another cluster.
        let foreign = told(&[("NODE_NAME", "node-9")], None);
        assert_eq!(foreign.among(&nodes, nobody), None);
    }

    #[test]
    fn an_address_of_this_machine_is_known_as_such() {
        assert!(is_ours("127.0.0.1".parse().unwrap()));
        assert!(!is_ours("192.0.2.1".parse().unwrap()));
    }
}
