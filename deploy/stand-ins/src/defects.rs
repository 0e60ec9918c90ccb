//! The defects that can be switched on, all of them here.
//!
//! Each breaks one promise of one service in the way real ones break it. Nothing here does anything unless its switch is on.

use std::collections::BTreeSet;
use std::time::Duration;

/// A defect by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Defect {
    /// Decisions that come late.
    SlowDecisions,
    /// Fewer decisions, or fewer points taken in.
    LowThroughput,
    /// Orders that are acknowledged and not kept.
    LosesOrders,
    /// Orders that nobody is told of.
    SkipsBroker,
    /// Ready, whatever is down.
    UnreadyStaysReady,
    /// Connections that are cut when a replica is replaced.
    DropsUnderDeploy,
    /// The dead master for ever.
    NoFailover,
    /// A migration that has no way back.
    MigrationNotReversible,
    /// Limits that nobody holds.
    IgnoresPositionLimit,
    /// Requests that fail.
    Errors,
    /// Memory that is never given back.
    LeaksMemory,
    /// Answers that come late.
    SlowApi,
    /// Trades at prices of long ago.
    TradesOnStalePrices,
    /// Trades without their money.
    LosesPnl,
    /// Prices that are behind.
    StaleData,
    /// Seconds that are not written.
    LosesAggregates,
    /// Signals that come too late to be of use.
    SlowInference,
    /// The same signal for everything.
    BlindModel,
}

/// A defect as it is listed.
#[derive(Debug, Clone, Copy)]
pub struct DefectInfo {
    /// Its switch.
    pub defect: Defect,
    /// Its name on the command line.
    pub name: &'static str,
    /// The services that have it.
    pub of: &'static str,
    /// What it does.
    pub about: &'static str,
}

const fn info(
    defect: Defect,
    name: &'static str,
    of: &'static str,
    about: &'static str,
) -> DefectInfo {
    DefectInfo {
        defect,
        name,
        of,
        about,
    }
}

/// In the order of the command line.
static DEFECTS: [DefectInfo; 18] = [
    info(
        Defect::SlowDecisions,
        "slow-decisions",
        "bot3",
        "Each batch of decisions is held back for 15 ms.",
    ),
    info(
        Defect::LowThroughput,
        "low-throughput",
        "bot3, data-processor",
        "At most 50,000 messages or points a second are taken from each connection.",
    ),
    info(
        Defect::LosesOrders,
        "loses-orders",
        "bot3",
        "Orders are acknowledged before they are written, and every 50th is never written.",
    ),
    info(
        Defect::SkipsBroker,
        "skips-broker",
        "bot3",
        "Orders are marked as published without being published.",
    ),
    info(
        Defect::UnreadyStaysReady,
        "unready-stays-ready",
        "all",
        "`/ready` says yes whatever is down, also while the service stops.",
    ),
    info(
        Defect::DropsUnderDeploy,
        "drops-under-deploy",
        "all",
        "Asked to stop, the service ends at once, and cuts every connection with what is on it.",
    ),
    info(
        Defect::NoFailover,
        "no-failover",
        "bot3, trading-app, data-processor",
        "Stores are dialled where they were found first, for ever.",
    ),
    info(
        Defect::MigrationNotReversible,
        "migration-not-reversible",
        "bot3",
        "The second migration of the database has no way back.",
    ),
    info(
        Defect::IgnoresPositionLimit,
        "ignores-position-limit",
        "bot3, trading-app",
        "Positions grow beyond their limit.",
    ),
    info(
        Defect::Errors,
        "errors",
        "all",
        "Every 20th request over HTTP is answered with status 500.",
    ),
    info(
        Defect::LeaksMemory,
        "leaks-memory",
        "all",
        "40 MB of memory are taken every second and none given back, up to 192 MB.",
    ),
    info(
        Defect::SlowApi,
        "slow-api",
        "all",
        "Every answer over HTTP is held back for 700 ms.",
    ),
    info(
        Defect::TradesOnStalePrices,
        "trades-on-stale-prices",
        "trading-app",
        "Trades are made at the last price, however old it is.",
    ),
    info(
        Defect::LosesPnl,
        "loses-pnl",
        "trading-app",
        "The money of every 10th trade is not booked.",
    ),
    info(
        Defect::StaleData,
        "stale-data",
        "data-processor",
        "Last prices are shown 5 s late.",
    ),
    info(
        Defect::LosesAggregates,
        "loses-aggregates",
        "data-processor",
        "Every third bar is left out when bars are written.",
    ),
    info(
        Defect::SlowInference,
        "slow-inference",
        "ml-service",
        "A signal takes 400 ms.",
    ),
    info(
        Defect::BlindModel,
        "blind-model",
        "ml-service",
        "The model says the same whatever it is shown.",
    ),
];

/// All defects.
pub fn defects() -> &'static [DefectInfo] {
    &DEFECTS
}

/// How long `slow-decisions` holds a batch.
const DECISION_HELD: Duration = Duration::from_millis(15);

/// How long `slow-api` holds an answer.
const ANSWER_HELD: Duration = Duration::from_millis(700);

/// How long `slow-inference` takes.
const INFERENCE_HELD: Duration = Duration::from_millis(400);

/// How late `stale-data` shows a price.
pub const SHOWN_LATE: Duration = Duration::from_secs(5);

/// What `low-throughput` takes from a connection, in messages or points a second.
const LOW_PER_S: u64 = 50_000;

/// One of so many requests fails with `errors`.
const ERROR_EVERY: u64 = 20;

/// One of so many orders is lost with `loses-orders`.
const LOSES_EVERY: u64 = 50;

/// One of so many trades has no money with `loses-pnl`.
const NO_MONEY_EVERY: u64 = 10;

/// One of so many bars is lost with `loses-aggregates`.
const NO_BAR_EVERY: u64 = 3;

const LEAK_BYTES: usize = 4_000_000;
const LEAK_EVERY: Duration = Duration::from_millis(100);
const LEAK_AT_MOST: usize = 192_000_000;

/// Those that are switched on.
#[derive(Debug, Clone, Default)]
pub struct Defects(BTreeSet<Defect>);

impl Defects {
    /// With these switched on.
    pub fn new(defects: &[Defect]) -> Self {
        Self(defects.iter().copied().collect())
    }

    /// Whether it is switched on.
    pub fn has(&self, defect: Defect) -> bool {
        self.0.contains(&defect)
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        let on = DEFECTS.iter().filter(|info| self.has(info.defect));
        on.map(|info| info.name).collect()
    }

    /// How long a batch of decisions is held back.
    pub fn decision_hold(&self) -> Option<Duration> {
        self.has(Defect::SlowDecisions).then_some(DECISION_HELD)
    }

    /// How long it takes at least to take in so many messages or points of one connection.
    pub fn intake_hold(&self, count: u64) -> Option<Duration> {
        self.has(Defect::LowThroughput)
            .then(|| Duration::from_nanos(count * 1_000_000_000 / LOW_PER_S))
    }

    /// Whether the request of this number is answered with an error.
    pub fn answers_an_error(&self, number: u64) -> bool {
        self.has(Defect::Errors) && number % ERROR_EVERY == ERROR_EVERY - 1
    }

    /// Whether the order of this number is never written.
    pub fn loses_order(&self, number: u64) -> bool {
        self.has(Defect::LosesOrders) && number % LOSES_EVERY == LOSES_EVERY - 1
    }

    /// Whether the money of the trade of this number is not booked.
    pub fn loses_money(&self, number: u64) -> bool {
        self.has(Defect::LosesPnl) && number % NO_MONEY_EVERY == NO_MONEY_EVERY - 1
    }

    /// Whether the bar of this number is not written.
    pub fn loses_bar(&self, number: u64) -> bool {
        self.has(Defect::LosesAggregates) && number % NO_BAR_EVERY == NO_BAR_EVERY - 1
    }

    /// Holds an answer over HTTP back.
    pub async fn slow_answer(&self) {
        if self.has(Defect::SlowApi) {
            tokio::time::sleep(ANSWER_HELD).await;
        }
    }

    /// Holds a signal back.
    pub async fn slow_signal(&self) {
        if self.has(Defect::SlowInference) {
            tokio::time::sleep(INFERENCE_HELD).await;
        }
    }
}

/// `leaks-memory`: pages that are written to are really taken.
pub async fn leak_memory() {
    let mut leaked: Vec<Vec<u8>> = Vec::new();
    loop {
        if leaked.len() * LEAK_BYTES < LEAK_AT_MOST {
            leaked.push(vec![0xA5; LEAK_BYTES]);
        }
        tokio::time::sleep(LEAK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn every_switch_is_listed_once_under_its_own_name() {
        let names: Vec<String> = Defect::value_variants()
            .iter()
            .filter_map(|defect| Some(defect.to_possible_value()?.get_name().to_owned()))
            .collect();
        let listed: Vec<&str> = defects().iter().map(|info| info.name).collect();
        assert_eq!(listed, names);
        for (info, defect) in defects().iter().zip(Defect::value_variants()) {
            assert_eq!(info.defect, *defect);
            assert!(info.about.ends_with('.'), "{}", info.name);
        }
    }

    #[test]
    fn every_defect_has_its_row_in_the_document() {
        let document = include_str!("../../../docs/stand-ins.md");
        for DefectInfo { name, of, .. } in defects() {
            let row = format!("| `{name}` | {of} |");
            assert!(document.contains(&row), "there is no row {row}");
        }
    }

    #[test]
    fn nothing_is_wrong_unless_it_is_switched_on() {
        let clean = Defects::default();
        let broken = Defects::new(&[Defect::Errors, Defect::LowThroughput, Defect::SlowDecisions]);
        assert_eq!((0..100).filter(|n| clean.answers_an_error(*n)).count(), 0);
        assert_eq!((0..100).filter(|n| broken.answers_an_error(*n)).count(), 5);
        assert_eq!((clean.intake_hold(9), clean.decision_hold()), (None, None));
        assert_eq!(broken.intake_hold(50_000), Some(Duration::from_secs(1)));
        assert!(broken.decision_hold() > Some(Duration::from_millis(10)));
        assert_eq!(
            broken.names(),
            ["slow-decisions", "low-throughput", "errors"]
        );
    }
}
