//! One right, and whether an account has it.

use std::fmt;

use futures_util::future::try_join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use serde::{Deserialize, Serialize};

use super::super::client::Cluster;
use super::super::error::{Ask, ClusterError};

/// Questions under way at once.
const AT_ONCE: usize = 8;

/// One thing that an account may do, or should.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Right {
    /// `None` for objects of the cluster, and for those of all namespaces.
    pub namespace: Option<String>,
    /// Empty for the core of the API.
    pub group: String,
    pub resource: String,
    pub subresource: Option<String>,
    pub verb: String,
    /// `None` for every name.
    pub name: Option<String>,
}

impl Right {
    /// To do something in a namespace.
    pub fn namespaced(group: &str, resource: &str, verb: &str, namespace: &str) -> Right {
        Right {
            namespace: Some(namespace.to_string()),
            ..Right::cluster(group, resource, verb)
        }
    }

    /// To do something to an object of the cluster, or in all namespaces.
    pub fn cluster(group: &str, resource: &str, verb: &str) -> Right {
        Right {
            namespace: None,
            group: group.to_string(),
            resource: resource.to_string(),
            subresource: None,
            verb: verb.to_string(),
            name: None,
        }
    }

    /// Only to a part of the object, such as `eviction`.
    #[must_use]
    pub fn part(mut self, subresource: &str) -> Right {
        self.subresource = Some(subresource.to_string());
        self
    }

    /// Only to the object of this name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Right {
        self.name = Some(name.to_string());
        self
    }

    /// As a Role names it: `pods/eviction`.
    pub(super) fn whole_resource(&self) -> String {
        match &self.subresource {
            Some(part) => format!("{}/{part}", self.resource),
            None => self.resource.clone(),
        }
    }

    fn attributes(&self) -> ResourceAttributes {
        ResourceAttributes {
            group: Some(self.group.clone()),
            resource: Some(self.resource.clone()),
            subresource: self.subresource.clone(),
            verb: Some(self.verb.clone()),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            ..ResourceAttributes::default()
        }
    }
}

impl fmt::Display for Right {
    /// `delete pods in trading-stg`; `patch nodes`; `list pods in all namespaces` is not told from an object of the
    /// cluster, because its group and name do not tell either.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.whole_resource())?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(namespace) => write!(f, " in {namespace}"),
            None => Ok(()),
        }
    }
}

/// Which of these rights the account does not have, in their order.
///
/// # Errors
/// When the API server does not say, for one of them.
pub async fn missing(cluster: &Cluster, rights: &[Right]) -> Result<Vec<Right>, ClusterError> {
    let mut missing = Vec::new();
    for some in rights.chunks(AT_ONCE) {
        let answers = some.iter().map(|right| is_allowed(cluster, right));
        let answers = try_join_all(answers).await?;
        let lacking = some.iter().zip(answers).filter(|(_, allowed)| !allowed);
        missing.extend(lacking.map(|(right, _)| right.clone()));
    }
    Ok(missing)
}

async fn is_allowed(cluster: &Cluster, right: &Right) -> Result<bool, ClusterError> {
    let question = SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(right.attributes()),
            non_resource_attributes: None,
        },
        ..SelfSubjectAccessReview::default()
    };
    let create = |client: Client| async move {
        let api = Api::<SelfSubjectAccessReview>::all(client);
        api.create(&PostParams::default(), &question).await
    };
    let ask = Ask::many("create", "selfsubjectaccessreviews", None);
    let answer = cluster.call(ask.clone(), create).await?;
    let status = answer.status;
    let status = status.ok_or_else(|| ClusterError::other(ask, "the answer has no status"))?;
    Ok(status.allowed && status.denied != Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_is_said_in_words() {
        let delete = Right::namespaced("", "pods", "delete", "trading-stg");
        assert_eq!(delete.to_string(), "delete pods in trading-stg");
        let evict = Right::namespaced("", "pods", "create", "stg").part("eviction");
        assert_eq!(evict.to_string(), "create pods/eviction in stg");
        let scale = Right::namespaced("apps", "deployments", "patch", "stg")
            .part("scale")
            .named("gate");
        assert_eq!(
            scale.to_string(),
            "patch deployments/scale.apps gate in stg"
        );
        assert_eq!(
            Right::cluster("", "nodes", "list").to_string(),
            "list nodes"
        );
        let asked = scale.attributes();
        assert_eq!(asked.subresource.as_deref(), Some("scale"));
        assert_eq!(
            (asked.name.as_deref(), asked.namespace.as_deref()),
            (Some("gate"), Some("stg"))
        );
    }
}
