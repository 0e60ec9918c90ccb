//! Where orders go: through a service, as the system's own clients go.

use std::net::IpAddr;

use shakedown_scenarios::plan::{KubernetesEntry, KubernetesPlan};

use crate::environment::error::EnvironmentError;
use crate::mechanisms::kubernetes::Cluster;

/// Base URLs for orders.
///
/// # Errors
/// When the service does not exist, has no address of its own, or not this port. In words, with what to do.
pub async fn service_urls(
    cluster: &Cluster,
    plan: &KubernetesPlan,
) -> Result<Vec<String>, EnvironmentError> {
    let (name, port) = match &plan.entry {
        KubernetesEntry::Urls(urls) => return Ok(urls.clone()),
        KubernetesEntry::Service { name, port } => (name, *port),
    };
    let service = cluster.service(&plan.namespace, name).await?;
    let wrong =
        |why: String| EnvironmentError::Pods(format!("service {}/{name}: {why}", plan.namespace));
    let ip = service.cluster_ip.ok_or_else(|| {
        wrong("it has no cluster address (a headless service): name one that has, or `urls`".into())
    })?;
    if !service.ports.iter().any(|known| known.port == port) {
        let ports: Vec<String> = service.ports.iter().map(|it| it.port.to_string()).collect();
        return Err(wrong(format!(
            "it has no port {port}; it has {}",
            ports.join(", ")
        )));
    }
    Ok(vec![match ip {
        IpAddr::V4(ip) => format!("http://{ip}:{port}"),
        IpAddr::V6(ip) => format!("http://[{ip}]:{port}"),
    }])
}
