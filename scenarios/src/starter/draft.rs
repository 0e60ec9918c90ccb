//! A profile drafted from what a running target told of itself. What was found says so beside it; what nobody can know from outside
//! stays marked, to be filled in.

use crate::environment_kind::EnvironmentKind;

use super::PROFILE;

/// What was found out about a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Name of the system.
    pub name: String,
    pub place: PlaceFound,
    /// How many replicas there are; `None`: not known.
    pub replicas: Option<u32>,
    /// Paths that tell whether it is ready, and whether it lives.
    pub ready: Option<String>,
    pub live: Option<String>,
    pub metrics: Option<MetricsFound>,
    pub version: Option<VersionFound>,
    /// Where it says that it is no production: path, pointer and value.
    pub not_production: Option<(String, String, String)>,
    /// Paths to which orders may go, by its API description.
    pub order_paths: Vec<String>,
    /// What else a person has to know.
    pub notes: Vec<String>,
}

impl Found {
    /// Nothing but a name and a place.
    pub fn at(name: &str, place: PlaceFound) -> Found {
        Found {
            name: name.to_string(),
            place,
            replicas: None,
            ready: None,
            live: None,
            metrics: None,
            version: None,
            not_production: None,
            order_paths: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// Where it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceFound {
    /// At addresses.
    External { entry: Vec<String> },
    /// As pods of a cluster.
    Kubernetes {
        namespace: String,
        /// Of labels, `key=value` with commas between.
        selector: String,
        container: String,
        port: u16,
        /// Through which orders enter.
        service: Option<ServiceFound>,
    },
    /// As containers of a compose project.
    Docker {
        project: String,
        service: String,
        port: u16,
    },
}

impl PlaceFound {
    /// The environment in which it is.
    pub fn environment(&self) -> EnvironmentKind {
        match self {
            PlaceFound::External { .. } => EnvironmentKind::External,
            PlaceFound::Kubernetes { .. } => EnvironmentKind::Kubernetes,
            PlaceFound::Docker { .. } => EnvironmentKind::Docker,
        }
    }
}

/// A Service of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFound {
    pub name: String,
    pub port: u16,
}

/// Series of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricsFound {
    /// `None`: the port at which orders enter.
    pub port: Option<u16>,
    pub path: String,
    /// The histogram that is most likely that of its order latency, without `_bucket`.
    pub latency: Option<String>,
    /// Every histogram that there is.
    pub histograms: Vec<String>,
}

/// Where it tells its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionFound {
    pub path: String,
    pub pointer: String,
    /// What it said.
    pub said: String,
}

/// The profile as YAML.
pub fn profile_from(found: &Found) -> String {
    let mut text = PROFILE.to_string();
    let name = quoted(&found.name);
    section(&mut text, "system", &format!("system: {name}\n"));
    let replicas = found.replicas.unwrap_or(1);
    let said = match found.replicas {
        Some(_) => "found",
        None => "<- how many there are",
    };
    let quorum = replicas / 2 + 1;
    text = text.replace(
        "    replicas: 3                                    # <- how many there are\n    quorum: 2                                      # <- how many must live\n",
        &format!(
            "    replicas: {replicas}                                    # {said}\n    quorum: {quorum}                                      # <- how many must live\n"
        ),
    );
    section(
        &mut text,
        "environments",
        &environments(&found.place, replicas),
    );
    if let Some((path, pointer, value)) = &found.not_production {
        let proof = format!(
            "not-production:                                    # found; asked before the first order, all must hold\n  - {{ get: {}, where: {{ {}: {} }} }}\n",
            quoted(path),
            quoted(pointer),
            quoted(value)
        );
        section(&mut text, "not-production", &proof);
    }
    section(&mut text, "health", &health(found));
    section(&mut text, "metrics", &metrics(found.metrics.as_ref()));
    section(
        &mut text,
        "version",
        &match &found.version {
            Some(version) => format!(
                "version: {{ get: {}, take: {} }}           # found: {}\n",
                quoted(&version.path),
                quoted(&version.pointer),
                one_line(&version.said)
            ),
            None => {
                "# version: { get: /version, take: /version }       # <- no such path answered\n"
                    .to_string()
            }
        },
    );
    let mut head = String::new();
    for note in &found.notes {
        head.push_str(&format!("# {}\n", one_line(note)));
    }
    for path in &found.order_paths {
        head.push_str(&format!(
            "# By its API description orders may go to {}\n",
            one_line(path)
        ));
    }
    match head.is_empty() {
        true => text,
        false => format!("{head}\n{text}"),
    }
}

fn health(found: &Found) -> String {
    let paths = [("ready", &found.ready), ("live", &found.live)];
    let paths = paths.into_iter();
    let paths = paths.filter_map(|(key, path)| Some(format!("{key}: {}", quoted(path.as_ref()?))));
    let paths: Vec<String> = paths.collect();
    match paths.is_empty() {
        true => {
            "# health: { ready: /health/ready, live: /health/live }    # <- no such path answered\n"
                .to_string()
        }
        false => format!(
            "health: {{ {} }}                         # found\n",
            paths.join(", ")
        ),
    }
}

fn environments(place: &PlaceFound, replicas: u32) -> String {
    let list = |items: &[String]| {
        let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
        format!("[{}]", items.join(", "))
    };
    match place {
        PlaceFound::External { entry } => {
            let others = (2..=replicas).map(|number| format!("http://replica-{number}"));
            let each: Vec<String> = entry.iter().take(1).cloned().chain(others).collect();
            format!(
                "environments:\n  external:\n    entry: {}\n    parts:                                         # <- each replica by its own address, for roles and read-back\n      engine: {}\n",
                list(entry),
                list(&each)
            )
        }
        PlaceFound::Kubernetes {
            namespace,
            selector,
            container,
            port,
            service,
        } => {
            let entry = service.as_ref().map(|service| {
                let name = quoted(&service.name);
                format!("    entry: {{ service: {name}, port: {} }}\n", service.port)
            });
            format!(
                "environments:\n  kubernetes:\n    namespace: {}\n    parts: {{ engine: {{ selector: {}, container: {}, port: {port} }} }}\n{}",
                quoted(namespace),
                quoted(selector),
                quoted(container),
                entry.unwrap_or_default()
            )
        }
        PlaceFound::Docker {
            project,
            service,
            port,
        } => format!(
            "environments:\n  docker:\n    project: {}\n    parts: {{ engine: {{ service: {}, port: {port} }} }}\n",
            quoted(project),
            quoted(service)
        ),
    }
}

fn metrics(found: Option<&MetricsFound>) -> String {
    let Some(found) = found else {
        return "# metrics: { path: /metrics, latency: order_latency_seconds }    # <- no such path answered\n"
            .to_string();
    };
    let mut parts = Vec::new();
    parts.extend(found.port.map(|port| format!("port: {port}")));
    parts.push(format!("path: {}", quoted(&found.path)));
    let latency = found.latency.as_ref();
    parts.extend(latency.map(|name| format!("latency: {}", quoted(name))));
    let mut text = format!("metrics: {{ {} }}    # found\n", parts.join(", "));
    let others: Vec<&String> = (found.histograms.iter())
        .filter(|name| Some(*name) != latency)
        .collect();
    for name in others {
        text.push_str(&format!("#   another histogram: {}\n", one_line(name)));
    }
    text
}

/// Replaces a section: the line that begins with the key, and the indented lines below it.
fn section(text: &mut String, key: &str, with: &str) {
    let head = format!("{key}:");
    let mut out = String::with_capacity(text.len() + with.len());
    let mut inside = false;
    for line in text.lines() {
        let is_head = line.starts_with(&head);
        inside = is_head || (inside && line.starts_with(' '));
        if is_head {
            out.push_str(with);
        }
        if !inside {
            out.push_str(line);
            out.push('\n');
        }
    }
    *text = out;
}

/// A text as a value, in quotes where YAML could take it for something else.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/_-.=".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    match begins && text.chars().all(plain) && !matches!(text, "null" | "true" | "false") {
        true => text.to_string(),
        false => serde_json::Value::String(text.to_string()).to_string(),
    }
}

fn one_line(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::compile_profile;
    use crate::source::SourceFile;

    fn compiled(found: &Found) -> String {
        let text = profile_from(found);
        let file = SourceFile {
            name: "system.yaml".to_string(),
            text: text.clone(),
        };
        let environment = Some(found.place.environment());
        compile_profile(&file, environment).unwrap_or_else(|told| panic!("{told}\n{text}"));
        text
    }

    fn external() -> Found {
        let entry = vec!["http://10.0.0.7:8080".to_string()];
        Found::at("acme", PlaceFound::External { entry })
    }

    #[test]
    fn what_was_found_stands_there_and_the_rest_is_marked() {
        let found = Found {
            replicas: Some(5),
            ready: Some("/health".to_string()),
            metrics: Some(MetricsFound {
                port: Some(9090),
                path: "/metrics".to_string(),
                latency: Some("order_latency_seconds".to_string()),
                histograms: vec!["order_latency_seconds".into(), "gc_seconds".into()],
            }),
            version: Some(VersionFound {
                path: "/info".to_string(),
                pointer: "/build/version".to_string(),
                said: "4.12.0\nrm -rf".to_string(),
            }),
            not_production: Some(("/info".into(), "/env".into(), "staging: 2".into())),
            order_paths: vec!["POST /api/v1/orders".to_string()],
            ..external()
        };
        let text = compiled(&found);
        for words in [
            "system: acme\n",
            "replicas: 5 ",
            "quorum: 3 ",
            "entry: [\"http://10.0.0.7:8080\"]",
            "health: { ready: /health }",
            "port: 9090, path: /metrics, latency: order_latency_seconds",
            "another histogram: gc_seconds",
            "take: /build/version }           # found: 4.12.0rm -rf\n",
            "/env: \"staging: 2\"",
            "# By its API description orders may go to POST /api/v1/orders\n",
            "# <- ",
        ] {
            assert!(text.contains(words), "{words} is not in\n{text}");
        }
    }

    #[test]
    fn a_target_that_tells_nothing_still_gives_a_profile() {
        let text = compiled(&external());
        assert!(
            text.contains("# health: {") && text.contains("# metrics: {"),
            "{text}"
        );
    }

    #[test]
    fn pods_and_containers_are_found_by_what_selects_them() {
        let pods = PlaceFound::Kubernetes {
            namespace: "hft".to_string(),
            selector: "app.kubernetes.io/name=flashmm,tier=api".to_string(),
            container: "flashmm-app".to_string(),
            port: 8000,
            service: Some(ServiceFound {
                name: "flashmm".to_string(),
                port: 80,
            }),
        };
        let text = compiled(&Found::at("flashmm", pods));
        assert!(
            text.contains("entry: { service: flashmm, port: 80 }"),
            "{text}"
        );
        let containers = PlaceFound::Docker {
            project: "hft".to_string(),
            service: "hft-trading".to_string(),
            port: 8080,
        };
        compiled(&Found::at("hft", containers));
    }
}
