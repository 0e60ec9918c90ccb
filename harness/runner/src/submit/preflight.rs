//! What is missing in the cluster, before anything is made.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::error::SubmitError;
use super::rights::of_submission;
use super::submission::Submission;
use crate::mechanisms::kubernetes::rights::Need;
use crate::mechanisms::kubernetes::{Cluster, Right, missing};

/// The submitter's rights, the namespace and the account of the run.
pub(super) async fn preflight(cluster: &Cluster, of: &Submission) -> Result<(), SubmitError> {
    let needs = of_submission(of);
    let rights: Vec<Right> = needs.iter().map(|need| need.right.clone()).collect();
    let lacking = missing(cluster, &rights).await?;
    if !lacking.is_empty() {
        return Err(SubmitError::Refused(lacks(&lacking, &needs, of)));
    }
    if !cluster.has_namespace(&of.namespace).await? {
        return Err(SubmitError::Unavailable(no_place(of)));
    }
    match cluster
        .get::<ServiceAccount>(&of.namespace, &of.account)
        .await
    {
        Ok(_) => Ok(()),
        Err(error) if error.is_gone() => Err(SubmitError::Unavailable(no_place(of))),
        Err(error) => Err(error.into()),
    }
}

fn lacks(lacking: &[Right], needs: &[Need], of: &Submission) -> String {
    let line = |right: &Right| {
        let need = needs.iter().find(|need| need.right == *right);
        let what_for = need.map_or("", |need| need.what_for.as_str());
        format!("\n  {right}: for {what_for}")
    };
    let lines: String = lacking.iter().map(line).collect();
    format!(
        "rights: you may not submit a run to this cluster; missing:{lines}\nNothing was made. `shakedown plan SCENARIO \
         --environment kubernetes --rights --in-cluster --account {}/{}` prints the Role",
        of.namespace, of.account
    )
}

fn no_place(of: &Submission) -> String {
    let (namespace, account) = (&of.namespace, &of.account);
    format!(
        "the cluster has no account {account} in a namespace {namespace} for the run; nothing was made. Make them:\n  \
         kubectl create namespace {namespace}\n  \
         kubectl label namespace {namespace} pod-security.kubernetes.io/enforce=restricted\n  \
         kubectl -n {namespace} create serviceaccount {account}\n  \
         shakedown plan SCENARIO --environment kubernetes --rights --account {namespace}/{account} | kubectl apply -f -\n\
         Or name others: --in-cluster-namespace, --in-cluster-account"
    )
}
