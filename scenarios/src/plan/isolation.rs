//! Doors between pods that must stay shut.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::{KubernetesPlan, Plan, RuleKind};

/// Time between two knocks where the rule does not say.
pub const KNOCK_EVERY_NS: u64 = 500_000_000;

/// What a guest of Shakedown's is called among its labels; nobody else may set it.
pub const GUEST_LABEL: &str = "shakedown.dev/guest";

/// A door that one pod must never get through while the run goes on, and another must.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IsolationRule {
    /// What must not be reached.
    pub to: Door,
    pub intruder: GuestPlan,
    /// May reach it: what is dead is shut for everybody.
    pub friend: GuestPlan,
    /// May be reached by the intruder: one that can go nowhere shows no wall.
    pub control: Door,
    /// Time between two knocks.
    pub every_ns: u64,
}

/// Where it is knocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Door {
    pub at: DoorAt,
    /// A path that is asked for; then an answer counts, and a connection alone does not.
    pub http: Option<String>,
}

/// Whose door it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoorAt {
    /// Every pod of a part; `None`: at the port of the orders.
    Part { part: String, port: Option<u16> },
    /// A service, by its cluster address; `None`: in the system's namespace.
    Service {
        namespace: Option<String>,
        name: String,
        port: u16,
    },
}

/// A pod of Shakedown's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GuestPlan {
    pub labels: BTreeMap<String, String>,
    /// `None`: that of the system.
    pub namespace: Option<String>,
}

/// Which of the two pods of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    Intruder,
    Friend,
}

impl Guest {
    pub const BOTH: [Guest; 2] = [Guest::Intruder, Guest::Friend];

    /// Its name in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Guest::Intruder => "intruder",
            Guest::Friend => "friend",
        }
    }

    /// What its looks are of, in `series.jsonl`.
    pub fn target(self, rule: &str) -> String {
        format!("{rule}/{}", self.name())
    }
}

impl IsolationRule {
    pub fn guest(&self, guest: Guest) -> &GuestPlan {
        match guest {
            Guest::Intruder => &self.intruder,
            Guest::Friend => &self.friend,
        }
    }

    /// Where a guest knocks: at the wall, and the intruder at its control as well.
    pub fn doors(&self, guest: Guest) -> Vec<(Knocked, &Door)> {
        let wall = (Knocked::Wall, &self.to);
        match guest {
            Guest::Intruder => vec![wall, (Knocked::Control, &self.control)],
            Guest::Friend => vec![wall],
        }
    }
}

/// Which of the two doors of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Knocked {
    Wall,
    Control,
}

impl Knocked {
    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Knocked::Wall => "wall",
            Knocked::Control => "control",
        }
    }
}

impl GuestPlan {
    /// Where it is made.
    pub fn namespace<'a>(&'a self, cluster: &'a KubernetesPlan) -> &'a str {
        self.namespace.as_deref().unwrap_or(&cluster.namespace)
    }

    /// For people: `app=stranger`.
    pub fn words(&self) -> String {
        let pairs = self.labels.iter();
        let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
        let labels = match pairs.is_empty() {
            true => "no labels".to_string(),
            false => pairs.join(","),
        };
        match &self.namespace {
            Some(namespace) => format!("{labels} in {namespace}"),
            None => labels,
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            DoorAt::Part { part, port: None } => write!(f, "part {part}")?,
            DoorAt::Part {
                part,
                port: Some(port),
            } => write!(f, "part {part} at port {port}")?,
            DoorAt::Service {
                namespace: None,
                name,
                port,
            } => write!(f, "service {name}:{port}")?,
            DoorAt::Service {
                namespace: Some(namespace),
                name,
                port,
            } => write!(f, "service {namespace}/{name}:{port}")?,
        }
        match &self.http {
            Some(path) => write!(f, ", asked for {path}"),
            None => Ok(()),
        }
    }
}

impl Plan {
    /// The rules on doors that must stay shut, with their ids.
    pub fn walls(&self) -> impl Iterator<Item = (&str, &IsolationRule)> {
        self.rules.iter().filter_map(|rule| match &rule.kind {
            RuleKind::Isolation(wall) => Some((rule.id.as_str(), wall.as_ref())),
            _ => None,
        })
    }
}
