//! SLA rules as planned.

mod resource;

use serde::Serialize;
use shakedown_record::phase::Phase;
use shakedown_record::run_record::Severity;

use super::alert::AlertRule;
use super::gates::CanaryRule;
use super::isolation::IsolationRule;
use super::market_data::{FeedRule, PointsRule};
use super::metric::MetricRule;
use super::peak::PeakFlow;
use super::venue::VenueRule;

pub use resource::{Resource, ResourceRule};

/// One SLA rule.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rule {
    /// Stable id: the check has the same.
    pub id: String,
    pub kind: RuleKind,
    pub severity: Severity,
    /// Where the limit comes from; `implied` for rules that nobody wrote.
    pub source: Option<String>,
}

/// What is limited. Times are nanoseconds, fractions are of 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
    /// Response time at the client.
    Latency {
        quantile: f64,
        at_most_ns: u64,
        phase: Phase,
    },
    /// Latency by the engine's own histogram.
    EngineLatency {
        quantile: f64,
        at_most_ns: u64,
        phase: Phase,
    },
    /// Acknowledged per second.
    Throughput { at_least_per_s: f64, phase: Phase },
    /// max(`recovered_s`, `worst_session_gap_s`) of every fault and every outage.
    Failover { at_most_ns: u64 },
    /// The worse of requests and time slots; with `projected`, 1 - failures x failover / 30 days.
    Availability {
        at_least: f64,
        projected: bool,
        failures_per_30d: f64,
    },
    /// Share of slots that were neither acknowledged nor rejected.
    ErrorRate { at_most: f64, phase: Phase },
    /// Share of rejects.
    RejectRate { at_most: f64, phase: Phase },
    /// Orders of one class of data loss.
    Orders { class: DataClass, at_most: u64 },
    /// Orders whose connection has ended end as the profile's contract says, and no others do.
    CancelOnDisconnect,
    /// Nobody has more open and filled than the profile says, at any place of the engine's own order.
    Exposure,
    /// From the kill switch of an account on nothing of it is let in, replaced, filled or open.
    KillSwitch,
    /// No leader acknowledges once a later one has.
    Terms,
    /// One order of all requests explains every answer and the books in the end: the engine's own, where it says which it is.
    Linearizable,
    /// What must hold of books and trades whatever came in.
    Invariants,
    /// Planted stop orders are triggered once when their price is reached, and not otherwise.
    Stops,
    /// Planted orders that are good until a time end once, not before it, and not later than so.
    Expiry { within_ns: u64 },
    /// The drop copy tells what clients were told, once.
    DropCopy,
    /// Age of the oldest lost order when the fault struck.
    Rpo { at_most_ns: u64 },
    /// Time from a restore's moment to the last acknowledgement of what it has taken away.
    RestoreRpo { at_most_ns: u64 },
    /// Series that the system exposes itself.
    Metric(MetricRule),
    /// What the system uses of its machine.
    Resource(ResourceRule),
    /// An alert of the system's own.
    Alert(AlertRule),
    /// A door between pods that stays shut.
    Isolation(Box<IsolationRule>),
    /// A new version beside the present one.
    Canary(CanaryRule),
    /// Twice a recorded peak, per second.
    Peak { flow: PeakFlow, at_least_per_s: f64 },
    /// What the market-data feed told, and when.
    Feed(FeedRule),
    /// Market data that was published.
    Points(PointsRule),
    /// What went between the system and its venue.
    Venue(VenueRule),
}

/// A class of data loss that a rule can limit and a read can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataClass {
    /// Acknowledged and on no copy.
    Lost,
    /// Acknowledged and missing on some copies.
    Divergent,
    /// Found though rejected or never sent.
    Phantom,
    /// Ended before, and open again.
    Resurrected,
    /// Found twice.
    Duplicate,
    /// Found with other values than were sent.
    Corrupt,
    /// Numbered by the engine before an order that was acknowledged before it was sent.
    Reordered,
    /// Could not be resolved to executed or not executed.
    Unresolved,
    /// Not shown by a copy that was asked while a fault was on, though acknowledged before; a later read shows it.
    Stale,
}

impl DataClass {
    /// Every class, in the order of reports.
    pub const ALL: [DataClass; 9] = [
        DataClass::Lost,
        DataClass::Divergent,
        DataClass::Phantom,
        DataClass::Resurrected,
        DataClass::Duplicate,
        DataClass::Corrupt,
        DataClass::Reordered,
        DataClass::Unresolved,
        DataClass::Stale,
    ];

    /// The class's name in files and reports; also the id of its implied rule.
    pub fn name(self) -> &'static str {
        match self {
            DataClass::Lost => "lost",
            DataClass::Divergent => "divergent",
            DataClass::Phantom => "phantom",
            DataClass::Resurrected => "resurrected",
            DataClass::Duplicate => "duplicate",
            DataClass::Corrupt => "corrupt",
            DataClass::Reordered => "reordered",
            DataClass::Unresolved => "unresolved",
            DataClass::Stale => "stale",
        }
    }

    /// Whether no order may be of it also where nobody has written so. How far a follower may be behind is for the
    /// contract to say.
    pub fn is_implied(self) -> bool {
        self != DataClass::Stale
    }
}

/// A condition that ends the run early: healed, reported, exit 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbortRule {
    /// Share of errors above a limit for some time without a break.
    ErrorRate { id: String, above: f64, for_ns: u64 },
}
