//! The dependency table of the design, and the graph of `cargo metadata` that is held against it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One row of the table: what a crate of the workspace may depend on, and what it must never reach.
#[derive(Debug, Clone, Copy)]
pub struct TableRow {
    pub name: &'static str,
    /// Crates of the workspace that it may name.
    pub may_name: &'static [&'static str],
    /// Crates that it must not reach, directly or through others.
    pub never_reaches: &'static [&'static str],
}

const RECORD: &str = "shakedown-record";
const SCENARIOS: &str = "shakedown-scenarios";
const LOAD: &str = "shakedown-load";
const RUNNER: &str = "shakedown-runner";
const ANALYSIS: &str = "shakedown-analysis";
const RENDER: &str = "shakedown-render";
const HISTORY: &str = "shakedown-history";
const ENGINE: &str = "shakedown-engine";
const STAND_INS: &str = "shakedown-stand-ins";

/// The table.
pub const TABLE: [TableRow; 11] = [
    TableRow {
        name: RECORD,
        may_name: &[],
        never_reaches: &["tokio", "kube", "reqwest"],
    },
    TableRow {
        name: SCENARIOS,
        may_name: &[RECORD],
        never_reaches: &["tokio", "kube", "reqwest"],
    },
    TableRow {
        name: LOAD,
        may_name: &[RECORD, SCENARIOS],
        never_reaches: &["tokio", "kube", "reqwest"],
    },
    TableRow {
        name: RUNNER,
        may_name: &[RECORD, SCENARIOS, LOAD],
        never_reaches: &[ANALYSIS, RENDER],
    },
    TableRow {
        name: ANALYSIS,
        may_name: &[RECORD, SCENARIOS, HISTORY],
        never_reaches: &["tokio", "kube", "reqwest"],
    },
    TableRow {
        name: HISTORY,
        may_name: &[RECORD],
        never_reaches: &["tokio", "kube", "reqwest", ENGINE],
    },
    TableRow {
        name: RENDER,
        may_name: &[RECORD, ANALYSIS],
        never_reaches: &["tokio", "kube", "reqwest"],
    },
    TableRow {
        name: "shakedown",
        may_name: &[
            RECORD, SCENARIOS, LOAD, RUNNER, ANALYSIS, RENDER, ENGINE, STAND_INS,
        ],
        never_reaches: &[],
    },
    TableRow {
        name: ENGINE,
        may_name: &[],
        never_reaches: &["kube"],
    },
    TableRow {
        name: STAND_INS,
        may_name: &[ENGINE],
        never_reaches: &["kube"],
    },
    TableRow {
        name: "shakedown-tests",
        may_name: &[RECORD, SCENARIOS, LOAD, RUNNER, ANALYSIS, RENDER, ENGINE],
        never_reaches: &[],
    },
];

/// Only this crate may name `kube`.
const KUBE_OWNER: &str = RUNNER;

/// Which crate names which others; without development dependencies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// Crates of the workspace.
    pub members: BTreeSet<String>,
    pub names: BTreeMap<String, BTreeSet<String>>,
}

impl Graph {
    /// The graph of the workspace at `root`, as cargo resolves it for this machine.
    ///
    /// # Panics
    /// When cargo cannot say.
    pub fn of_workspace(root: &Path) -> Graph {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let output = Command::new(cargo)
            .args(["metadata", "--format-version", "1", "--locked"])
            .args(["--filter-platform", &platform])
            .current_dir(root)
            .output()
            .expect("cargo can be run");
        assert!(
            output.status.success(),
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
        Graph::of_metadata(&metadata)
    }

    fn of_metadata(metadata: &Value) -> Graph {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
        let by_id: BTreeMap<String, String> = list(&metadata["packages"])
            .iter()
            .map(|package| (text(&package["id"]), text(&package["name"])))
            .collect();
        let mut graph = Graph {
            members: list(&metadata["workspace_members"])
                .iter()
                .map(|id| by_id[&text(id)].clone())
                .collect(),
            names: BTreeMap::new(),
        };
        for node in list(&metadata["resolve"]["nodes"]) {
            let named = list(&node["deps"])
                .into_iter()
                .filter(|dependency| {
                    list(&dependency["dep_kinds"])
                        .iter()
                        .any(|kind| kind["kind"] != "dev")
                })
                .map(|dependency| by_id[&text(&dependency["pkg"])].clone());
            graph
                .names
                .entry(by_id[&text(&node["id"])].clone())
                .or_default()
                .extend(named);
        }
        graph
    }

    /// Everything that a crate reaches, directly or through others.
    pub fn reaches(&self, name: &str) -> BTreeSet<String> {
        let mut seen = BTreeSet::new();
        let mut open = vec![name.to_string()];
        while let Some(next) = open.pop() {
            for named in self.names.get(&next).into_iter().flatten() {
                if seen.insert(named.clone()) {
                    open.push(named.clone());
                }
            }
        }
        seen
    }

    /// Every way in which the graph breaks the table, in words; empty when it holds.
    pub fn violations(&self, table: &[TableRow]) -> Vec<String> {
        let mut broken = Vec::new();
        let rows: BTreeSet<&str> = table.iter().map(|row| row.name).collect();
        let members: BTreeSet<&str> = self.members.iter().map(String::as_str).collect();
        for name in rows.symmetric_difference(&members) {
            broken.push(format!(
                "{name} is not both in the workspace and in the table"
            ));
        }
        for row in table {
            let named = self.names.get(row.name).cloned().unwrap_or_default();
            for other in named.iter().filter(|name| self.members.contains(*name)) {
                if !row.may_name.contains(&other.as_str()) {
                    broken.push(format!("{} depends on {other}", row.name));
                }
            }
            let reached = self.reaches(row.name);
            for other in row.never_reaches {
                if reached.contains(*other) {
                    broken.push(format!("{} reaches {other}", row.name));
                }
            }
            if named.contains("kube") && row.name != KUBE_OWNER {
                broken.push(format!(
                    "{} depends on kube, which only {KUBE_OWNER} may",
                    row.name
                ));
            }
        }
        broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph {
            members: TABLE.iter().map(|row| row.name.to_string()).collect(),
            names: BTreeMap::new(),
        };
        for (from, to) in edges {
            graph
                .names
                .entry((*from).to_string())
                .or_default()
                .insert((*to).to_string());
        }
        graph
    }

    #[test]
    fn the_allowed_graph_breaks_nothing() {
        let allowed = graph(&[(LOAD, RECORD), (RUNNER, "kube"), (RUNNER, "tokio")]);
        assert_eq!(allowed.violations(&TABLE), Vec::<String>::new());
    }

    #[test]
    fn every_kind_of_break_is_seen() {
        for (edges, expected) in [
            (
                vec![(ANALYSIS, RUNNER)],
                "shakedown-analysis depends on shakedown-runner",
            ),
            (
                vec![(LOAD, "h"), ("h", "tokio")],
                "shakedown-load reaches tokio",
            ),
            (
                vec![(ENGINE, RECORD)],
                "shakedown-engine depends on shakedown-record",
            ),
            (vec![("shakedown", "kube")], "shakedown depends on kube"),
            (
                vec![(RUNNER, ANALYSIS)],
                "shakedown-runner depends on shakedown-analysis",
            ),
        ] {
            let broken = graph(&edges).violations(&TABLE);
            assert!(
                broken.iter().any(|text| text.starts_with(expected)),
                "{expected} not in {broken:?}"
            );
        }
        let mut stranger = graph(&[]);
        stranger.members.insert("shakedown-extra".to_string());
        assert_eq!(stranger.violations(&TABLE).len(), 1);
    }
}
