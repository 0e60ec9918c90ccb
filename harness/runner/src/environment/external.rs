//! Somebody else runs the system: only its addresses are known, and nothing can be done to its processes.

use shakedown_scenarios::plan::{Endpoints, System};

use super::error::EnvironmentError;
use super::handle::Replica;

/// A system that is reached by URL only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalTarget {
    replicas: Vec<Replica>,
    entry: Vec<String>,
}

impl ExternalTarget {
    pub(crate) fn new(
        system: &System,
        endpoints: &Endpoints,
    ) -> Result<ExternalTarget, EnvironmentError> {
        let mut replicas = Vec::new();
        for part in &system.parts {
            let urls = endpoints.parts.get(&part.name).map(Vec::as_slice);
            for (index, url) in urls.unwrap_or_default().iter().enumerate() {
                replicas.push(Replica::numbered(&part.name, index + 1, base_url(url)?));
            }
        }
        if endpoints.entry.is_empty() {
            let part = system.parts.first().map_or("", |part| &part.name);
            return Err(EnvironmentError::NoEndpoints {
                part: part.to_string(),
            });
        }
        Ok(ExternalTarget {
            replicas,
            entry: endpoints
                .entry
                .iter()
                .map(|url| base_url(url))
                .collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    pub(super) fn entry(&self) -> &[String] {
        &self.entry
    }
}

fn base_url(url: &str) -> Result<String, EnvironmentError> {
    let bare = url.trim_end_matches('/');
    let known = [
        "http://",
        "https://",
        "postgresql://",
        "redis://",
        "redis+sentinel://",
    ];
    match known.iter().find_map(|scheme| bare.strip_prefix(scheme)) {
        Some(host) if !host.is_empty() => Ok(bare.to_string()),
        _ => Err(EnvironmentError::BadUrl {
            url: url.to_string(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_lose_their_slash_and_nonsense_is_refused() {
        assert_eq!(base_url("http://h:1/").unwrap(), "http://h:1");
        assert_eq!(base_url("https://h/api").unwrap(), "https://h/api");
        for bad in ["", "h:1", "ftp://h", "http://", "http:///"] {
            assert!(base_url(bad).is_err(), "{bad:?}");
        }
    }
}
