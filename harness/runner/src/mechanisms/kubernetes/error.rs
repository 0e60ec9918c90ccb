//! Why a cluster did not do what it was asked.

use std::borrow::Cow;
use std::fmt;

use kube::core::Status;

/// Characters of an answer that are shown: enough for a reason, too few for an object.
const SHOWN: usize = 300;
/// The cause that an API server names when a budget forbids an eviction.
const BUDGET: &str = "DisruptionBudget";
/// What kube writes as the reason of an answer that was no `Status`.
const NOT_KUBERNETES: &str = "Failed to parse error data";

/// One request: who reads an error must know what was asked, and of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// As in a Role: `get`, `patch`, `create`.
    pub verb: &'static str,
    /// As in a Role, with the subresource: `pods/eviction`.
    pub resource: Cow<'static, str>,
    /// `None` for objects of the cluster, and for all namespaces.
    pub namespace: Option<Box<str>>,
    /// `None` for lists.
    pub name: Option<Box<str>>,
}

impl Ask {
    /// A request about one object of a namespace.
    pub fn of(
        verb: &'static str,
        resource: impl Into<Cow<'static, str>>,
        namespace: &str,
        name: &str,
    ) -> Ask {
        Ask {
            verb,
            resource: resource.into(),
            namespace: Some(namespace.into()),
            name: Some(name.into()),
        }
    }

    /// A request about one object of the cluster.
    pub fn cluster(verb: &'static str, resource: &'static str, name: &str) -> Ask {
        Ask {
            verb,
            resource: resource.into(),
            namespace: None,
            name: Some(name.into()),
        }
    }

    /// A request about many objects; of all namespaces without one.
    pub fn many(verb: &'static str, resource: &'static str, namespace: Option<&str>) -> Ask {
        Ask {
            verb,
            resource: resource.into(),
            namespace: namespace.map(Into::into),
            name: None,
        }
    }
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.resource)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// What went wrong, for people. No variant carries the body of an answer.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    #[error(
        "no way to a cluster is known: {0}; name a kubeconfig and a context, or set KUBECONFIG"
    )]
    Access(String),
    #[error(
        "the API server of {server} cannot be reached to {ask}: {why}; is it up, and is the address right?"
    )]
    Unreachable {
        server: String,
        ask: Ask,
        why: String,
    },
    #[error(
        "the API server of {server} did not {ask} within {within_ms} ms; whether it will is unknown"
    )]
    Timeout {
        server: String,
        ask: Ask,
        within_ms: u64,
    },
    #[error(
        "the API server of {server} does not know who asks to {ask}; is the token or certificate expired?"
    )]
    Unauthorized { server: String, ask: Ask },
    #[error(
        "this account may not {verb} {resource}{}: {why}; grant it that right, or use an account that has it",
        place(namespace)
    )]
    Forbidden {
        verb: String,
        /// With the subresource: `pods/eviction`.
        resource: String,
        namespace: Option<String>,
        /// The API server's own words.
        why: String,
    },
    #[error("cannot {0}: there is none")]
    NotFound(Ask),
    #[error("cannot {0}: it exists already")]
    Exists(Ask),
    #[error("cannot {ask}: somebody else has changed it in between ({why})")]
    Conflict { ask: Ask, why: String },
    #[error("the cluster will not {ask} now: {message}")]
    TooManyRequests {
        ask: Ask,
        message: String,
        /// True when a disruption budget forbids it; false when the API server is busy.
        budget: bool,
    },
    #[error("this is another cluster: {asked} was meant, and {found} answers at {server}")]
    OtherCluster {
        asked: String,
        found: String,
        server: String,
    },
    #[error("cannot start a runtime for the cluster: {0}")]
    Runtime(std::io::Error),
    #[error("cannot {ask}: {why}")]
    Other {
        ask: Ask,
        /// Of the answer; `None` when there was none that could be read.
        status: Option<u16>,
        why: String,
    },
}

fn place(namespace: &Option<String>) -> String {
    match namespace {
        Some(namespace) => format!(" in {namespace}"),
        None => " in the whole cluster".to_string(),
    }
}

impl ClusterError {
    /// True when nothing came in time.
    pub fn is_late(&self) -> bool {
        matches!(self, ClusterError::Timeout { .. })
    }

    /// True when there is no such object.
    pub fn is_gone(&self) -> bool {
        matches!(self, ClusterError::NotFound(_))
    }

    /// True when nothing is known of what came of the request, so that only a new connection will tell.
    pub fn is_silence(&self) -> bool {
        matches!(
            self,
            ClusterError::Unreachable { .. } | ClusterError::Timeout { .. }
        )
    }

    /// True when asking again later may help: silence, a busy API server, or a server that starts or stops.
    pub fn is_passing(&self) -> bool {
        match self {
            ClusterError::Unreachable { .. }
            | ClusterError::Timeout { .. }
            | ClusterError::Conflict { .. }
            | ClusterError::TooManyRequests { .. } => true,
            ClusterError::Other { status, .. } => status.is_some_and(|status| status >= 500),
            ClusterError::Access(_)
            | ClusterError::Unauthorized { .. }
            | ClusterError::Forbidden { .. }
            | ClusterError::NotFound(_)
            | ClusterError::Exists(_)
            | ClusterError::OtherCluster { .. }
            | ClusterError::Runtime(_) => false,
        }
    }

    pub(super) fn other(ask: Ask, why: impl Into<String>) -> ClusterError {
        ClusterError::Other {
            ask,
            status: None,
            why: why.into(),
        }
    }

    /// What kube's error means for who asked.
    pub(super) fn of(server: &str, ask: Ask, error: kube::Error) -> ClusterError {
        match error {
            kube::Error::Api(status) => ClusterError::of_status(server, ask, &status),
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
                ClusterError::Unreachable {
                    server: server.to_string(),
                    ask,
                    why: innermost(&error),
                }
            }
            other => ClusterError::other(ask, shown(&innermost(&other))),
        }
    }

    fn of_status(server: &str, ask: Ask, status: &Status) -> ClusterError {
        let known = status.reason != NOT_KUBERNETES;
        let why = match known {
            true => shown(&status.message),
            // A proxy's page, or the path of an API that is not served.
            false => "the answer is none of an API server's".to_string(),
        };
        let server = server.to_string();
        match status.code {
            401 => ClusterError::Unauthorized { server, ask },
            403 => ClusterError::Forbidden {
                verb: ask.verb.to_string(),
                resource: ask.resource.to_string(),
                namespace: ask.namespace.map(String::from),
                why,
            },
            404 if known => ClusterError::NotFound(ask),
            409 if status.reason == "AlreadyExists" => ClusterError::Exists(ask),
            409 => ClusterError::Conflict { ask, why },
            429 => {
                let causes = status.details.iter().flat_map(|details| &details.causes);
                let budgets: Vec<&str> = causes
                    .filter(|cause| cause.reason == BUDGET)
                    .map(|cause| cause.message.as_str())
                    .collect();
                let message = match (budgets.is_empty(), known) {
                    (false, _) => shown(&format!("{} {}", status.message, budgets.join(" "))),
                    (true, true) => why,
                    (true, false) => "the API server has too much to do".to_string(),
                };
                ClusterError::TooManyRequests {
                    ask,
                    message,
                    budget: !budgets.is_empty(),
                }
            }
            code => ClusterError::Other {
                ask,
                status: Some(code),
                why: format!("{why} (status {code})"),
            },
        }
    }
}

/// One line, and not more than a reason needs.
fn shown(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// The cause of the cause: `connection refused` rather than `service error`.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    match innermost.is::<tokio::time::error::Elapsed>() {
        true => "no connection was made in time".to_string(),
        false => shown(&innermost.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> ClusterError {
        let status: Status = serde_json::from_str(text).unwrap();
        let ask = Ask::of("create", "pods/eviction", "stg", "engine-0");
        ClusterError::of("https://c:6443", ask, kube::Error::Api(status.boxed()))
    }

    #[test]
    fn answers_become_what_they_mean() {
        let status = |code: u16, reason: &str| {
            said(&format!(
                r#"{{"status":"Failure","code":{code},"reason":"{reason}","message":"because"}}"#
            ))
        };
        assert!(status(404, "NotFound").is_gone());
        assert!(matches!(
            status(409, "AlreadyExists"),
            ClusterError::Exists(_)
        ));
        assert!(matches!(
            status(409, "Conflict"),
            ClusterError::Conflict { .. }
        ));
        assert!(matches!(
            status(401, "Unauthorized"),
            ClusterError::Unauthorized { .. }
        ));
        assert!(status(503, "ServiceUnavailable").is_passing());
        assert!(!status(422, "Invalid").is_passing());
        let forbidden = status(403, "Forbidden").to_string();
        assert_eq!(
            forbidden,
            "this account may not create pods/eviction in stg: because; grant it that right, or use an account that has it"
        );
    }

    #[test]
    fn a_budget_is_told_from_a_busy_server() {
        let refused = said(
            r#"{"status":"Failure","code":429,"reason":"TooManyRequests","message":"Cannot evict pod.",
                "details":{"causes":[{"reason":"DisruptionBudget","message":"The budget engine needs 2."}]}}"#,
        );
        assert_eq!(
            refused.to_string(),
            "the cluster will not create pods/eviction engine-0 in stg now: Cannot evict pod. The budget engine needs 2."
        );
        assert!(matches!(
            refused,
            ClusterError::TooManyRequests { budget: true, .. }
        ));
        let busy = said(
            r#"{"code":429,"reason":"Failed to parse error data","message":"Too many requests"}"#,
        );
        assert!(matches!(
            busy,
            ClusterError::TooManyRequests { budget: false, .. }
        ));
    }

    #[test]
    fn pages_of_proxies_are_not_shown_and_are_no_proof_of_absence() {
        let page = said(
            r#"{"code":404,"reason":"Failed to parse error data","message":"<html>a secret page</html>"}"#,
        );
        assert!(!page.is_gone());
        assert!(!page.to_string().contains("secret"), "{page}");
        let long = said(&format!(
            r#"{{"code":422,"reason":"Invalid","message":"{}"}}"#,
            "x ".repeat(900)
        ));
        assert!(long.to_string().chars().count() < 450);
    }
}
