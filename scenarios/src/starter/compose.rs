//! What a compose file tells of a service.

use std::fmt;

use crate::diagnostics::Diagnostics;
use crate::source::SourceFile;
use crate::yaml::{Content, Document, Node};

use super::{Found, PlaceFound};

/// Why a compose file tells nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComposeError {
    Unreadable(Diagnostics),
    /// No service was named, and these might be meant.
    WhichService(Vec<String>),
    NoSuchService {
        name: String,
        there_are: Vec<String>,
    },
    /// It publishes and exposes none.
    NoPort(String),
}

impl fmt::Display for ComposeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComposeError::Unreadable(told) => write!(f, "{told}"),
            ComposeError::WhichService(names) if names.is_empty() => {
                f.write_str("no service of it has a port")
            }
            ComposeError::WhichService(names) => write!(
                f,
                "which service takes the orders? Write compose:FILE#SERVICE; there are {}",
                names.join(", ")
            ),
            ComposeError::NoSuchService { name, there_are } => {
                write!(f, "no service `{name}`; there are {}", there_are.join(", "))
            }
            ComposeError::NoPort(name) => write!(f, "service `{name}` has no port"),
        }
    }
}

/// Drafts from a compose file. `folder`: the name of the folder that it is in, by which its project is called where it says nothing else.
///
/// # Errors
/// When it cannot be read, or it is not clear which service takes the orders.
pub fn from_compose(
    file: &SourceFile,
    service: Option<&str>,
    folder: &str,
) -> Result<Found, ComposeError> {
    let document = Document::parse(file).map_err(ComposeError::Unreadable)?;
    let root = &document.root;
    let services = || root.find(&["services"]).map(entries).unwrap_or_default();
    let with_ports: Vec<String> = (services().iter())
        .filter(|(_, node)| port(node).is_some())
        .map(|(name, _)| (*name).to_string())
        .collect();
    let name = match (service, with_ports.as_slice()) {
        (Some(name), _) => name.to_string(),
        (None, [only]) => only.clone(),
        (None, _) => return Err(ComposeError::WhichService(with_ports)),
    };
    let all = services();
    let Some((_, node)) = all.iter().find(|(key, _)| *key == name) else {
        return Err(ComposeError::NoSuchService {
            name,
            there_are: all.iter().map(|(key, _)| (*key).to_string()).collect(),
        });
    };
    let port = port(node).ok_or_else(|| ComposeError::NoPort(name.clone()))?;
    let project = root.find(&["name"]).and_then(Node::text);
    let place = PlaceFound::Docker {
        project: project.unwrap_or(folder).to_string(),
        service: name.clone(),
        port,
    };
    let mut found = Found::at(&system_name(&name), place);
    let replicas = node.find(&["deploy", "replicas"]).or(node.child("scale"));
    found.replicas = replicas
        .and_then(Node::text)
        .and_then(|text| text.parse().ok());
    found.ready = node.find(&["healthcheck", "test"]).and_then(health_path);
    let others = all.iter().filter(|(key, _)| *key != name);
    let others: Vec<&str> = others.map(|(key, _)| *key).collect();
    if !others.is_empty() {
        let text = format!("Other services of the project: {}", others.join(", "));
        found.notes.push(text);
    }
    Ok(found)
}

fn entries(node: &Node) -> Vec<(&str, &Node)> {
    match &node.content {
        Content::Map(entries) => entries
            .iter()
            .map(|entry| (entry.key.as_str(), &entry.value))
            .collect(),
        Content::Scalar(_) | Content::List(_) => Vec::new(),
    }
}

/// The first port inside the container: of `"127.0.0.1:8000:8080/tcp"` it is 8080.
fn port(service: &Node) -> Option<u16> {
    let listed = ["ports", "expose"].into_iter().find_map(|key| {
        let node = service.child(key)?;
        node.child("0").map(|first| (first.child("target"), first))
    });
    let (target, first) = listed?;
    let text = target.unwrap_or(first).text()?;
    let inside = text.rsplit(':').next()?;
    inside.split(['/', '-']).next()?.parse().ok()
}

/// The path of the first URL in a health check.
fn health_path(test: &Node) -> Option<String> {
    let words: Vec<&str> = match &test.content {
        Content::List(items) => items.iter().filter_map(Node::text).collect(),
        Content::Scalar(_) => vec![test.text()?],
        Content::Map(_) => return None,
    };
    let words = words.iter().flat_map(|text| text.split_whitespace());
    let url = words.into_iter().find(|word| word.contains("://"))?;
    let url = url.trim_matches(['"', '\'']);
    let behind = url.split_once("://")?.1;
    let path = behind.split_once('/').map(|(_, path)| format!("/{path}"));
    path.map(|path| path.split('?').next().unwrap_or_default().to_string())
}

/// A name that a system may have.
fn system_name(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let name: String = text
        .chars()
        .map(|c| if fits(c) { c } else { '-' })
        .take(64)
        .collect();
    let name = name.trim_start_matches(['-', '_']);
    match name.is_empty() {
        true => "my-engine".to_string(),
        false => name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
name: acme
services:
  api:
    image: acme/api:4
    ports: [\"127.0.0.1:8000:8080/tcp\"]
    deploy: { replicas: 3 }
    healthcheck: { test: [CMD, curl, -f, \"http://localhost:8080/health/ready?x=1\"] }
  db: { image: postgres }
";

    fn from(text: &str, service: Option<&str>) -> Result<Found, String> {
        let file = SourceFile {
            name: "compose.yaml".to_string(),
            text: text.to_string(),
        };
        from_compose(&file, service, "folder").map_err(|error| error.to_string())
    }

    #[test]
    fn the_one_service_with_a_port_takes_the_orders() {
        let found = from(FILE, None).unwrap();
        assert_eq!(found.name, "api");
        assert_eq!(found.replicas, Some(3));
        assert_eq!(found.ready.as_deref(), Some("/health/ready"));
        assert_eq!(found.notes, ["Other services of the project: db"]);
        let PlaceFound::Docker { project, port, .. } = found.place else {
            panic!("{:?}", found.place);
        };
        assert_eq!((project.as_str(), port), ("acme", 8080));
        let plain = from("services:\n  a.b: { expose: [9000] }\n", None).unwrap();
        assert_eq!(plain.name, "a-b");
        assert!(
            matches!(plain.place, PlaceFound::Docker { ref project, .. } if project == "folder")
        );
    }

    #[test]
    fn what_is_not_clear_is_asked() {
        let two = FILE.replace("{ image: postgres }", "{ ports: [{ target: 5432 }] }");
        let told = from(&two, None).unwrap_err();
        assert!(told.contains("there are api, db"), "{told}");
        assert!(from(&two, Some("db")).is_ok());
        let told = from(FILE, Some("web")).unwrap_err();
        assert_eq!(told, "no service `web`; there are api, db");
        assert_eq!(
            from(FILE, Some("db")).unwrap_err(),
            "service `db` has no port"
        );
        let none = from("services: {}\n", None).unwrap_err();
        assert_eq!(none, "no service of it has a port");
    }
}
