//! What a workload's template says of its pods: ports, probes, where they are scraped.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, PodTemplateSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// Pods as they are to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateLook {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub containers: Vec<ContainerTemplate>,
}

/// A container as it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerTemplate {
    pub name: String,
    /// With their names, where they have any.
    pub ports: Vec<(String, u16)>,
    /// Path and port that its readiness is asked at, where that is HTTP.
    pub ready: Option<(String, u16)>,
    pub live: Option<(String, u16)>,
}

impl TemplateLook {
    pub fn of(template: &PodTemplateSpec) -> Option<TemplateLook> {
        let meta = template.metadata.clone().unwrap_or_default();
        let spec = template.spec.as_ref()?;
        Some(TemplateLook {
            labels: meta.labels.unwrap_or_default(),
            annotations: meta.annotations.unwrap_or_default(),
            containers: spec.containers.iter().map(container).collect(),
        })
    }
}

fn container(it: &Container) -> ContainerTemplate {
    let ports = it.ports.iter().flatten().filter_map(|port| {
        let number = u16::try_from(port.container_port).ok()?;
        Some((port.name.clone().unwrap_or_default(), number))
    });
    let ports: Vec<(String, u16)> = ports.collect();
    let asked = |probe: &Option<Probe>| asked(probe.as_ref()?, &ports);
    ContainerTemplate {
        name: it.name.clone(),
        ready: asked(&it.readiness_probe),
        live: asked(&it.liveness_probe),
        ports,
    }
}

fn asked(probe: &Probe, ports: &[(String, u16)]) -> Option<(String, u16)> {
    let get = probe.http_get.as_ref()?;
    let port = match &get.port {
        IntOrString::Int(port) => u16::try_from(*port).ok()?,
        IntOrString::String(name) => ports.iter().find(|(known, _)| known == name)?.1,
    };
    Some((get.path.clone().unwrap_or_else(|| "/".to_string()), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_found_by_their_names() {
        let template: PodTemplateSpec = serde_json::from_str(
            r#"{"metadata":{"labels":{"app":"hft"}},"spec":{"containers":[{"name":"hft",
               "ports":[{"name":"http","containerPort":8080}],
               "readinessProbe":{"httpGet":{"path":"/ready","port":"http"}},
               "livenessProbe":{"httpGet":{"port":8091}}}]}}"#,
        )
        .unwrap();
        let look = TemplateLook::of(&template).unwrap();
        let container = &look.containers[0];
        assert_eq!(container.ports, [("http".to_string(), 8080)]);
        assert_eq!(container.ready, Some(("/ready".to_string(), 8080)));
        assert_eq!(container.live, Some(("/".to_string(), 8091)));
    }
}
