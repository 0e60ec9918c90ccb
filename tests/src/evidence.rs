//! Evidence of the campaigns: tables that say how they were made, and that are held to what they claim.
//!
//! ```text
//! # campaign: quickstart-20-seeds
//! # command: tests/campaign.sh quickstart-20-seeds
//! # commit: 40 hexadecimal digits
//! # seeds: 1..20
//! seed <tab> exit <tab> …
//! ```

use std::collections::BTreeMap;
use std::fmt;

use crate::campaign::{defects, kubernetes_library, linearizability};
use crate::cluster_kill;
use crate::rates::soak;
use crate::{scale, starved, storm_proxy};

/// Facts that every table begins with.
const FACTS: [&str; 4] = ["campaign", "command", "commit", "seeds"];

/// A campaign that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Campaign {
    /// The quickstart on the clean engine, over many seeds.
    QuickstartSeeds,
    /// SIGKILL of Shakedown at random moments.
    Sigkill,
    /// SIGKILL of whoever holds a partition, with the runner's own mechanism.
    PartitionSigkill,
    /// SIGKILL of whoever holds a freeze, by signal and by control group in turn.
    FreezeSigkill,
    /// SIGKILL of whoever holds a pause by the Docker Engine.
    DockerPauseSigkill,
    /// The generator starved from outside, each way with each command.
    Starved,
    /// Runs through storms of broken connections, over many seeds.
    Conservation,
    /// The generator for half an hour: what memory it takes.
    Soak,
    /// Run directories of many orders, judged again.
    Scale,
    /// Each defect of the reference engine over several seeds, each caught by its check.
    Defects,
    /// The clean engine over many seeds, in the scenarios in which its defects are seen.
    Clean,
    /// The search for an order beside a checker of others, on many histories.
    Linearizability,
    /// Each shipped scenario for Kubernetes once, on a real cluster.
    KubernetesLibrary,
    /// SIGKILL of an agent, of the runner and of both, in the middle of a partition in a real cluster.
    KubernetesSigkill,
}

impl Campaign {
    /// Every campaign.
    pub const ALL: [Campaign; 14] = [
        Campaign::QuickstartSeeds,
        Campaign::Sigkill,
        Campaign::PartitionSigkill,
        Campaign::FreezeSigkill,
        Campaign::DockerPauseSigkill,
        Campaign::Starved,
        Campaign::Conservation,
        Campaign::Soak,
        Campaign::Scale,
        Campaign::Defects,
        Campaign::Clean,
        Campaign::Linearizability,
        Campaign::KubernetesLibrary,
        Campaign::KubernetesSigkill,
    ];

    /// Its name on the command line and of its file.
    pub fn name(self) -> &'static str {
        match self {
            Campaign::QuickstartSeeds => "quickstart-20-seeds",
            Campaign::Sigkill => "sigkill-30",
            Campaign::PartitionSigkill => "partition-sigkill",
            Campaign::FreezeSigkill => "freeze-sigkill",
            Campaign::DockerPauseSigkill => "docker-pause-sigkill",
            Campaign::Starved => "starved",
            Campaign::Conservation => "conservation",
            Campaign::Soak => "soak",
            Campaign::Scale => "scale",
            Campaign::Defects => "defects",
            Campaign::Clean => "clean-200",
            Campaign::Linearizability => "linearizability",
            Campaign::KubernetesLibrary => "kubernetes-library",
            Campaign::KubernetesSigkill => "kubernetes-sigkill",
        }
    }

    /// The campaign with this name.
    pub fn find(name: &str) -> Option<Campaign> {
        Campaign::ALL
            .into_iter()
            .find(|campaign| campaign.name() == name)
    }

    /// How many rows make it whole.
    pub fn rows(self) -> usize {
        match self {
            Campaign::QuickstartSeeds => 20,
            Campaign::Sigkill => 30,
            Campaign::PartitionSigkill => 1000,
            Campaign::FreezeSigkill => 400,
            Campaign::DockerPauseSigkill => 50,
            Campaign::Starved => starved::ROWS,
            Campaign::Conservation => storm_proxy::ROWS,
            Campaign::Soak => soak::ROWS,
            Campaign::Scale => scale::ROWS,
            Campaign::Defects => defects::rows(),
            Campaign::Clean => defects::CLEAN_ROWS,
            Campaign::Linearizability => linearizability::ROWS,
            Campaign::KubernetesLibrary => kubernetes_library::SCENARIOS.len(),
            Campaign::KubernetesSigkill => 300,
        }
    }

    /// Columns of its table.
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Campaign::QuickstartSeeds => &[
                "seed",
                "exit",
                "verdict",
                "recovered_s",
                "worst_session_gap_s",
                "steady_p99_ms",
                "lost",
                "why",
                "starved_before",
            ],
            Campaign::Sigkill => &[
                "kill",
                "scenario",
                "after_s",
                "processes_before",
                "left",
                "frozen",
                "recover_exit",
            ],
            Campaign::PartitionSigkill => &[
                "round",
                "after_ms",
                "sent_while_cut",
                "received_while_cut",
                "back_ms",
                "gone_ms",
                "left",
            ],
            Campaign::FreezeSigkill | Campaign::DockerPauseSigkill => &[
                "round",
                "by",
                "after_ms",
                "signs_while_frozen",
                "back_ms",
                "gone_ms",
                "left",
            ],
            Campaign::Starved => starved::COLUMNS,
            Campaign::Conservation => storm_proxy::COLUMNS,
            Campaign::Soak => soak::COLUMNS,
            Campaign::Scale => &scale::COLUMNS,
            Campaign::Defects => &defects::COLUMNS,
            Campaign::Clean => &defects::CLEAN_COLUMNS,
            Campaign::Linearizability => &linearizability::COLUMNS,
            Campaign::KubernetesLibrary => &kubernetes_library::COLUMNS,
            Campaign::KubernetesSigkill => cluster_kill::COLUMNS,
        }
    }
}

/// A table with its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    pub facts: BTreeMap<String, String>,
    pub columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

/// Why a file is no evidence, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEvidence(pub String);

impl fmt::Display for NoEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Evidence {
    /// Reads a table.
    ///
    /// # Errors
    /// When a fact is missing, or a row has another number of columns.
    pub fn parse(text: &str) -> Result<Evidence, NoEvidence> {
        let mut facts = BTreeMap::new();
        let mut lines = text.lines().peekable();
        while let Some(fact) = lines.peek().and_then(|line| line.strip_prefix("# ")) {
            let (name, value) = fact
                .split_once(": ")
                .ok_or_else(|| NoEvidence(format!("'{fact}' is no fact")))?;
            facts.insert(name.to_string(), value.to_string());
            lines.next();
        }
        for name in FACTS {
            if !facts.contains_key(name) {
                return Err(NoEvidence(format!("it does not say its {name}")));
            }
        }
        let commit = &facts["commit"];
        if commit.len() != 40 || !commit.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NoEvidence(format!("'{commit}' is no commit")));
        }
        let split = |line: &str| line.split('\t').map(str::to_string).collect::<Vec<_>>();
        let columns = split(lines.next().unwrap_or_default());
        let rows: Vec<Vec<String>> = lines.map(split).collect();
        if let Some(row) = rows.iter().find(|row| row.len() != columns.len()) {
            return Err(NoEvidence(format!("{row:?} does not fit {columns:?}")));
        }
        Ok(Evidence {
            facts,
            columns,
            rows,
        })
    }

    /// Whether the table shows what its campaign claims.
    ///
    /// # Errors
    /// With the first row that does not.
    pub fn supports_its_claim(&self) -> Result<(), NoEvidence> {
        let name = &self.facts["campaign"];
        let campaign = Campaign::find(name)
            .ok_or_else(|| NoEvidence(format!("there is no campaign {name}")))?;
        if self.columns != campaign.columns() {
            return Err(NoEvidence(format!("columns are {:?}", self.columns)));
        }
        if self.rows.len() != campaign.rows() {
            let (found, expected) = (self.rows.len(), campaign.rows());
            return Err(NoEvidence(format!("{found} rows, not {expected}")));
        }
        match campaign {
            Campaign::QuickstartSeeds => self.no_fail_and_one_named_doubt(),
            Campaign::Sigkill => self.nothing_left(),
            Campaign::PartitionSigkill => self.traffic_is_back(),
            Campaign::FreezeSigkill => self.thawed(&["signal", "cgroup"]),
            Campaign::DockerPauseSigkill => self.thawed(&["engine"]),
            Campaign::Starved => starved::supports(&self.rows).map_err(NoEvidence),
            Campaign::Conservation => storm_proxy::supports(&self.rows).map_err(NoEvidence),
            Campaign::Soak => soak::supports(&self.rows).map_err(NoEvidence),
            Campaign::Scale => scale::supports(&self.rows).map_err(NoEvidence),
            Campaign::Defects => defects::all_caught(&self.rows).map_err(NoEvidence),
            Campaign::Clean => defects::no_alarm(&self.rows).map_err(NoEvidence),
            Campaign::Linearizability => linearizability::agree(&self.rows).map_err(NoEvidence),
            Campaign::KubernetesLibrary => {
                kubernetes_library::claim(&self.rows).map_err(NoEvidence)
            }
            Campaign::KubernetesSigkill => cluster_kill::supports(&self.rows),
        }
    }

    /// No fail, and at most one seed that stays inconclusive, whose cause in the generator is named. A seed whose
    /// generator was starved is run again; how often stands in its row.
    fn no_fail_and_one_named_doubt(&self) -> Result<(), NoEvidence> {
        let mut doubts = 0;
        for row in &self.rows {
            match row[1].as_str() {
                "0" if row[6] == "0" => {}
                "2" if row[7].contains("generator") => doubts += 1,
                _ => return Err(NoEvidence(format!("{row:?} is no pass"))),
            }
        }
        if doubts > 1 {
            return Err(NoEvidence(format!("{doubts} runs were inconclusive")));
        }
        Ok(())
    }

    /// After every kill no process, none frozen, and `recover` was clean; and runs were really killed.
    fn nothing_left(&self) -> Result<(), NoEvidence> {
        if let Some(row) = self.rows.iter().find(|row| row[4..] != ["0", "0", "0"]) {
            return Err(NoEvidence(format!("{row:?} left something")));
        }
        let at_work = self
            .rows
            .iter()
            .filter(|row| row[3].parse().is_ok_and(|processes: u32| processes > 1))
            .count();
        if at_work * 2 < self.rows.len() {
            return Err(NoEvidence(format!("only {at_work} kills met a cluster")));
        }
        Ok(())
    }
}

/// After which a killed partition must let traffic through again: 99 of 100 times, and always.
pub const CUT_BACK_P99_MS: f64 = 100.0;
pub const CUT_BACK_WORST_MS: f64 = 250.0;
/// In so few milliseconds no datagram may be due.
pub fn is_at_once(after_ms: f64) -> bool {
    after_ms < 2.0
}

/// After which a killed freeze must be over, always.
pub const THAWED_WITHIN_MS: f64 = 1000.0;

impl Evidence {
    /// Every cut was proven, was over in time, and left nothing.
    fn traffic_is_back(&self) -> Result<(), NoEvidence> {
        // The cut is proven before `after_ms` begins; a kill right after that meets no datagram more.
        let met_none = |row: &[String]| row[2] == "0" && !row[1].parse().is_ok_and(is_at_once);
        let unproven = |row: &&Vec<String>| met_none(row) || row[3] != "0" || row[6] != "0";
        if let Some(row) = self.rows.iter().find(unproven) {
            return Err(NoEvidence(format!("{row:?} was no cut, or left something")));
        }
        let back = self.sorted_ms(4, |_| true)?;
        let p99 = back[(back.len() * 99).div_ceil(100).max(1) - 1];
        let worst = back[back.len() - 1];
        if p99 > CUT_BACK_P99_MS || worst > CUT_BACK_WORST_MS {
            let told = format!("traffic was back after {p99} ms at P99, {worst} ms at worst");
            return Err(NoEvidence(told));
        }
        Ok(())
    }

    /// Every freeze was proven, was over in time, and left nothing; both ways were taken.
    fn thawed(&self, means: &[&str]) -> Result<(), NoEvidence> {
        let unproven = |row: &&Vec<String>| row[3] != "0" || row[6] != "0";
        if let Some(row) = self.rows.iter().find(unproven) {
            return Err(NoEvidence(format!(
                "{row:?} was no freeze, or left something"
            )));
        }
        for by in means {
            let back = self.sorted_ms(4, |row| row[1] == *by)?;
            match back.last() {
                Some(worst) if *worst <= THAWED_WITHIN_MS => {}
                Some(worst) => return Err(NoEvidence(format!("{by}: thawed after {worst} ms"))),
                None => return Err(NoEvidence(format!("no freeze by {by}"))),
            }
        }
        Ok(())
    }

    /// A column in milliseconds, the shortest first.
    fn sorted_ms(
        &self,
        column: usize,
        of: impl Fn(&[String]) -> bool,
    ) -> Result<Vec<f64>, NoEvidence> {
        let mut sorted = Vec::new();
        for row in self.rows.iter().filter(|row| of(row)) {
            let ms: f64 = row[column]
                .parse()
                .map_err(|_| NoEvidence(format!("{row:?} did not come back")))?;
            sorted.push(ms);
        }
        sorted.sort_by(f64::total_cmp);
        Ok(sorted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seeds(row: impl Fn(usize) -> String) -> String {
        let campaign = Campaign::QuickstartSeeds;
        let mut text = format!(
            "# campaign: {}\n# command: c\n# commit: {}\n# seeds: 1..20\n{}\n",
            campaign.name(),
            "a".repeat(40),
            campaign.columns().join("\t")
        );
        (1..=20).for_each(|seed| text.push_str(&format!("{}\n", row(seed))));
        text
    }

    fn good(seed: usize) -> String {
        format!("{seed}\t0\tpass\t1.1\t1.2\t4.0\t0\t-\t1")
    }

    fn claim(text: &str) -> Result<(), NoEvidence> {
        Evidence::parse(text)?.supports_its_claim()
    }

    #[test]
    fn twenty_passes_support_the_claim() {
        assert_eq!(claim(&seeds(good)), Ok(()));
        let doubt = |seed| match seed {
            3 => "3\t2\tinconclusive\t-\t-\t-\t0\tthe generator was throttled\t4".to_string(),
            _ => good(seed),
        };
        assert_eq!(claim(&seeds(doubt)), Ok(()));
    }

    #[test]
    fn what_does_not_support_it_is_refused() {
        let failed = |seed| match seed {
            3 => "3\t1\tfail\t1\t1\t1\t7\tlost\t0".to_string(),
            _ => good(seed),
        };
        assert!(claim(&seeds(failed)).is_err());
        let doubts = |seed| format!("{seed}\t2\tinconclusive\t-\t-\t-\t0\tthe generator\t4");
        assert!(claim(&seeds(doubts)).is_err());
        let unnamed = |seed| match seed {
            3 => "3\t2\tinconclusive\t-\t-\t-\t0\twhatever\t0".to_string(),
            _ => good(seed),
        };
        assert!(claim(&seeds(unnamed)).is_err());
        assert!(claim(&seeds(|seed| format!("{seed}\t0"))).is_err());
        let text = seeds(good);
        assert!(claim(text.trim_end().rsplit_once('\n').unwrap().0).is_err());
        assert!(claim(&text.replace(&"a".repeat(40), "HEAD")).is_err());
        assert!(claim("").is_err());
    }

    fn table(campaign: Campaign, row: impl Fn(usize) -> String) -> String {
        let mut text = format!(
            "# campaign: {}\n# command: c\n# commit: {}\n# seeds: 1\n{}\n",
            campaign.name(),
            "a".repeat(40),
            campaign.columns().join("\t")
        );
        (1..=campaign.rows()).for_each(|number| text.push_str(&format!("{}\n", row(number))));
        text
    }

    #[test]
    fn traffic_that_is_back_too_late_or_was_never_cut_supports_nothing() {
        let cut = |row: &dyn Fn(usize) -> &'static str| {
            claim(&table(Campaign::PartitionSigkill, |n| {
                format!("{n}\t{}", row(n))
            }))
        };
        let good = "12.0\t40\t0\t8.00\t9.00\t0";
        let but = |number, other| move |n: usize| if n == number { other } else { good };
        assert_eq!(cut(&|_| good), Ok(()));
        for fine in ["12.0\t40\t0\t240.00\t250.00\t0", "0.2\t0\t0\t8.00\t9.00\t0"] {
            assert_eq!(cut(&but(7, fine)), Ok(()));
        }
        for wrong in [
            "12.0\t40\t0\t260.00\t270.00\t0",
            "12.0\t40\t1\t8.00\t9.00\t0",
            "12.0\t0\t0\t8.00\t9.00\t0",
            "12.0\t40\t0\t8.00\t-\t1",
            "12.0\t40\t0\t-\t9.00\t0",
        ] {
            assert!(cut(&but(7, wrong)).is_err(), "{wrong}");
        }
        let slow = |n: usize| match n <= 20 {
            true => "12.0\t40\t0\t120.00\t130.00\t0",
            false => good,
        };
        assert!(cut(&slow).is_err(), "2 in 100 are late");
    }

    #[test]
    fn a_freeze_that_goes_on_supports_nothing() {
        let frozen = |number, other: &str| {
            claim(&table(Campaign::FreezeSigkill, |n| {
                let by = if n % 2 == 1 { "signal" } else { "cgroup" };
                let rest = if n == number { other } else { "0\t8.0\t9.0\t0" };
                format!("{n}\t{by}\t12.0\t{rest}")
            }))
        };
        assert_eq!(frozen(0, ""), Ok(()));
        for wrong in ["0\t1001.0\t9.0\t0", "1\t8.0\t9.0\t0", "0\t8.0\t-\t1"] {
            assert!(frozen(8, wrong).is_err(), "{wrong}");
        }
        let one_way = table(Campaign::FreezeSigkill, |n| {
            format!("{n}\tsignal\t1\t0\t8\t9\t0")
        });
        assert!(claim(&one_way).is_err());
        let paused = |back_ms: &str| {
            claim(&table(Campaign::DockerPauseSigkill, |n| {
                format!("{n}\tengine\t12.0\t0\t{back_ms}\t9.0\t0")
            }))
        };
        assert_eq!(paused("80.0"), Ok(()));
        assert!(paused("1001.0").is_err());
    }
}
