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

/// Facts that every table begins with.
const FACTS: [&str; 4] = ["campaign", "command", "commit", "seeds"];

/// A campaign that is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Campaign {
    /// The quickstart on the clean engine, over many seeds.
    QuickstartSeeds,
    /// SIGKILL of Shakedown at random moments.
    Sigkill,
}

impl Campaign {
    /// Every campaign.
    pub const ALL: [Campaign; 2] = [Campaign::QuickstartSeeds, Campaign::Sigkill];

    /// Its name on the command line and of its file.
    pub fn name(self) -> &'static str {
        match self {
            Campaign::QuickstartSeeds => "quickstart-20-seeds",
            Campaign::Sigkill => "sigkill-30",
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
}
