//! All of a plan, in the order in which its digest is taken.

use serde::Serialize;
use shakedown_record::readback::ReadKind;

use super::{
    AbortRule, EnvironmentPlan, FaultKind, FaultPlan, FeedBookPlan, FeedPlan, FeedRule, Guards,
    LoadPlan, Peak, Phases, Planted, PointsLoad, Rule, RuleKind, System, VenuePlan,
};

/// A scenario, compiled against its system's profile for one environment.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    pub scenario: String,
    pub about: String,
    pub tags: Vec<String>,
    pub seed: u64,
    pub system: System,
    /// The one environment that was chosen.
    pub environment: EnvironmentPlan,
    pub load: LoadPlan,
    /// The recorded peak that the load is the double of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peak: Option<Peak>,
    /// Market data that is published beside the orders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<PointsLoad>,
    /// How the venue behaves that Shakedown plays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<VenuePlan>,
    /// Orders that wait, beside the load.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planted: Option<Planted>,
    pub phases: Phases,
    /// In the order in which they are written.
    pub faults: Vec<FaultPlan>,
    /// What must hold before anything is touched: the profile's guards and the scenario's.
    pub guards: Guards,
    /// The system's own rules, the scenario's, and the implied ones.
    pub rules: Vec<Rule>,
    pub abort: Vec<AbortRule>,
    /// Always contains `converged` unless the profile cannot read back at all.
    pub reads: Vec<ReadKind>,
    /// Things a person should know before running this, in words.
    pub notes: Vec<String>,
    /// SHA-256 over everything above: equal plans have equal digests.
    pub digest: String,
}

impl Plan {
    /// An account whose kill switch nobody pulls: for orders that must be let in whatever the scenario does.
    pub fn free_account(&self) -> Option<&str> {
        let is_killed = |name: &&String| {
            let mut kinds = self.faults.iter().map(|fault| &fault.kind);
            kinds.any(|kind| matches!(kind, FaultKind::KillSwitch { accounts } if accounts.contains(name)))
        };
        let mut accounts = self.load.accounts.iter();
        accounts.find(|name| !is_killed(name)).map(String::as_str)
    }

    /// The market-data feed, where a rule is about it: then it is listened to.
    pub fn feed_heard(&self) -> Option<&FeedPlan> {
        let mut rules = self.rules.iter();
        let is_asked = rules.any(|rule| matches!(rule.kind, RuleKind::Feed(_)));
        let feed = self.system.market_data.feed.as_ref();
        feed.filter(|_| is_asked)
    }

    /// What the feed's messages tell of the books, where a rule is about that: then it is written down, and a subscriber
    /// comes late.
    pub fn feed_book(&self) -> Option<&FeedBookPlan> {
        let mut rules = self.rules.iter();
        rules.find(|rule| rule.kind == RuleKind::Feed(FeedRule::Book))?;
        self.system.market_data.feed.as_ref()?.book.as_ref()
    }
}
