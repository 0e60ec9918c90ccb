//! A target that is a deployment of a cluster: what its template and the services over it say.

use shakedown_scenarios::starter::{Found, MetricsFound, PlaceFound, ServiceFound};

use super::AcquaintError;
use crate::mechanisms::kubernetes::look::{ContainerTemplate, ServiceLook, TemplateLook};
use crate::mechanisms::kubernetes::{Access, Cluster};

/// Names that ports for orders often have.
const ORDER_PORTS: [&str; 4] = ["orders", "http", "api", "web"];

/// Asks a cluster what a deployment is. `context`: of the kubeconfig; `None`: the current one.
///
/// # Errors
/// When the cluster cannot be reached, or there is no such deployment.
pub async fn deployment(
    namespace: &str,
    name: &str,
    context: Option<String>,
) -> Result<Found, AcquaintError> {
    let access = Access {
        context,
        ..Access::default()
    };
    let unreachable = |error: &dyn std::fmt::Display| AcquaintError::Unreachable(error.to_string());
    let cluster = Cluster::connect(&access).await;
    let cluster = cluster.map_err(|error| unreachable(&error))?;
    let (look, template) =
        (cluster.deployed(namespace, name).await).map_err(|error| unreachable(&error))?;
    let services = (cluster.services(namespace, "").await).map_err(|error| unreachable(&error))?;
    drafted(
        name,
        namespace,
        look.replicas,
        &look.selector,
        &template,
        &services,
    )
}

fn drafted(
    name: &str,
    namespace: &str,
    replicas: u32,
    selector: &str,
    template: &TemplateLook,
    services: &[ServiceLook],
) -> Result<Found, AcquaintError> {
    let with_ports = template.containers.iter().filter(|it| !it.ports.is_empty());
    let container = with_ports
        .clone()
        .find(|it| it.name == name)
        .or(with_ports.clone().next());
    let Some(container) = container else {
        return Err(AcquaintError::Wrong(format!(
            "deployment/{name} in {namespace}: no container of it says which port it has"
        )));
    };
    let port = order_port(container);
    let over = services.iter().find(|service| is_over(service, template));
    let place = PlaceFound::Kubernetes {
        namespace: namespace.to_string(),
        selector: selector.to_string(),
        container: container.name.clone(),
        port,
        service: over.and_then(|service| {
            let leads = service
                .ports
                .iter()
                .find(|it| leads_to(&it.target, port, container));
            Some(ServiceFound {
                name: service.name.clone(),
                port: leads?.port,
            })
        }),
    };
    let mut found = Found::at(name, place);
    found.replicas = Some(replicas);
    for (probe, path, words) in [
        (&container.ready, &mut found.ready, "readiness"),
        (&container.live, &mut found.live, "liveness"),
    ] {
        let Some((asked, at)) = probe else { continue };
        match *at == port {
            true => *path = Some(asked.clone()),
            false => found.notes.push(format!(
                "Its {words} probe asks {asked} at port {at}, another one than that for orders."
            )),
        }
    }
    found.metrics = metrics(template, port);
    Ok(found)
}

/// The port that has one of the usual names, or the first.
fn order_port(container: &ContainerTemplate) -> u16 {
    let named = ORDER_PORTS.iter().find_map(|name| {
        let mut ports = container.ports.iter();
        ports.find(|(known, _)| known == name)
    });
    named
        .or(container.ports.first())
        .map_or(80, |(_, port)| *port)
}

/// A service whose pods these are.
fn is_over(service: &ServiceLook, template: &TemplateLook) -> bool {
    let mut wanted = service.selector.iter();
    !service.selector.is_empty()
        && wanted.all(|(key, value)| template.labels.get(key) == Some(value))
}

fn leads_to(target: &str, port: u16, container: &ContainerTemplate) -> bool {
    let named = container.ports.iter().find(|(name, _)| name == target);
    named.map_or(target.parse() == Ok(port), |(_, number)| *number == port)
}

/// By the annotations that Prometheus is often told by.
fn metrics(template: &TemplateLook, port: u16) -> Option<MetricsFound> {
    let said = |key: &str| template.annotations.get(&format!("prometheus.io/{key}"));
    if said("scrape").is_none_or(|value| value != "true") {
        return None;
    }
    let at = said("port").and_then(|text| text.parse().ok());
    Some(MetricsFound {
        port: at.filter(|at| *at != port),
        path: said("path")
            .cloned()
            .unwrap_or_else(|| "/metrics".to_string()),
        latency: None,
        histograms: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::{PodTemplateSpec, Service};

    use super::*;

    fn template() -> TemplateLook {
        let template: PodTemplateSpec = serde_json::from_str(
            r#"{"metadata":{"labels":{"app":"hft","tier":"api"},
               "annotations":{"prometheus.io/scrape":"true","prometheus.io/port":"9090"}},
               "spec":{"containers":[{"name":"proxy"},{"name":"hft",
               "ports":[{"name":"metrics","containerPort":9090},{"name":"http","containerPort":8080}],
               "readinessProbe":{"httpGet":{"path":"/ready","port":"http"}},
               "livenessProbe":{"httpGet":{"path":"/live","port":9090}}}]}}"#,
        )
        .unwrap();
        TemplateLook::of(&template).unwrap()
    }

    fn services() -> Vec<ServiceLook> {
        let service = |name: &str, selector: &str| -> ServiceLook {
            let json = format!(
                r#"{{"metadata":{{"name":"{name}","uid":"1"}},"spec":{{"selector":{selector},
                    "ports":[{{"port":80,"targetPort":"http"}},{{"port":9090}}]}}}}"#
            );
            let service: Service = serde_json::from_str(&json).unwrap();
            ServiceLook::of(&service).unwrap()
        };
        vec![
            service("other", r#"{"app":"other"}"#),
            service("hft-trading-service", r#"{"app":"hft"}"#),
        ]
    }

    #[test]
    fn ports_probes_and_services_are_found() {
        let found = drafted("hft", "stg", 3, "app=hft", &template(), &services()).unwrap();
        let PlaceFound::Kubernetes {
            container,
            port,
            service,
            ..
        } = &found.place
        else {
            panic!("{:?}", found.place);
        };
        assert_eq!((container.as_str(), *port), ("hft", 8080));
        let service = service.as_ref().unwrap();
        assert_eq!(
            (service.name.as_str(), service.port),
            ("hft-trading-service", 80)
        );
        assert_eq!(found.replicas, Some(3));
        assert_eq!(found.ready.as_deref(), Some("/ready"));
        assert_eq!(found.live, None, "it is at another port");
        assert!(
            found.notes[0].contains("/live at port 9090"),
            "{:?}",
            found.notes
        );
        assert_eq!(found.metrics.unwrap().port, Some(9090));
    }

    #[test]
    fn a_template_without_ports_is_told() {
        let mut template = template();
        template.containers.pop();
        let error = drafted("hft", "stg", 3, "app=hft", &template, &[]).unwrap_err();
        assert!(error.to_string().contains("which port"), "{error}");
    }
}
