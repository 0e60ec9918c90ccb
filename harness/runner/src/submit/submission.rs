//! What is submitted.

use std::collections::BTreeMap;

/// Where the run finds its scenario, its profile and its calendars.
pub const INPUTS: &str = "/inputs";
/// The folder that the run and its courier share.
pub const PARCEL: &str = "/parcel";
/// The line of the log after which the report comes; before it is progress.
pub const REPORT_FOLLOWS: &str = "--- report ---";
/// The container of the run.
pub(super) const RUN: &str = "run";
/// The container that keeps the run directory until it was fetched.
pub(super) const COURIER: &str = "courier";
/// Objects of one submission carry this label with the name of its Job.
pub(super) const SUBMITTED: &str = "shakedown.dev/submitted";
/// The program of the courier, wherever its image keeps it.
pub(super) const ITSELF: &str = "/proc/1/exe";

/// A run as it is submitted. No secret is in it: those come from Secrets of the cluster, which are only named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Of the Job and its ConfigMap.
    pub name: String,
    pub namespace: String,
    /// The service account of the run.
    pub account: String,
    /// An image whose entry point is the Shakedown binary of this version.
    pub image: String,
    pub run_id: String,
    /// By their paths below [`INPUTS`].
    pub files: BTreeMap<String, String>,
    /// Handed on to the run, after those that are always given.
    pub arguments: Vec<String>,
    /// On whose behalf, for the record.
    pub operator: Option<String>,
    /// Secrets of the namespace whose keys become environment variables of the run.
    pub env_from: Vec<String>,
    /// Whose nodes the run keeps away from.
    pub apart: Vec<Apart>,
    /// Whether it rather does not run at all: the scenario breaks nodes.
    pub must_be_apart: bool,
    /// From the first order to the last, and what comes before and after, in seconds at most.
    pub longest_s: u64,
}

/// Pods of the system under test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    pub namespace: String,
    pub labels: BTreeMap<String, String>,
}

/// A name for the Job of a run: its scenario, as far as a name may be long, and its moment.
pub(super) fn name_of(run_id: &str) -> String {
    let (moment, scenario) = run_id.split_once('-').unwrap_or((run_id, "run"));
    let fits = |c: char| match c {
        'a'..='z' | '0'..='9' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '-',
    };
    let plain = |text: &str, most: usize| -> String {
        let text: String = text.chars().map(fits).take(most).collect();
        text.trim_matches('-').to_string()
    };
    // Pods get five more characters, and a label has 63.
    format!("run-{}-{}", plain(scenario, 28), plain(moment, 20))
}

/// The command that fetches the run directory by hand.
pub(super) fn by_hand(submission: &Submission, kubectl: &str) -> String {
    format!(
        "{kubectl} -n {} exec job/{} -c {COURIER} -- {ITSELF} __parcel send | tar -x -C FOLDER",
        submission.namespace, submission.name
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_the_cluster_takes() {
        assert_eq!(
            name_of("20260131T093000123Z-leader-kill"),
            "run-leader-kill-20260131t093000123z"
        );
        let long = name_of(&format!("20260131T093000123Z-{}-", "Long_Name.".repeat(9)));
        assert!(long.len() <= 57, "{long}");
        assert!(
            long.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'),
            "{long}"
        );
    }
}
