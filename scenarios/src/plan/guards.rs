//! Guards as planned: what must hold before anything is touched.

use std::collections::BTreeMap;

use serde::Serialize;

/// The guards of the profile and of the scenario together.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Guards {
    pub protected: Protected,
    /// All of them hold.
    pub blast_radius: Vec<BlastRadius>,
    /// In the order in which they are written, the profile's first.
    pub windows: Vec<Window>,
}

/// What no fault may ever touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Protected {
    /// Replicas, such as `engine-3`.
    pub names: Vec<String>,
    pub parts: Vec<String>,
    /// Label to the values that protect; for containers and pods.
    pub labels: BTreeMap<String, Vec<String>>,
    /// Labels that replicas were found to carry, by replica. Known only once their containers are looked at.
    #[serde(skip)]
    pub carried: BTreeMap<String, BTreeMap<String, String>>,
}

/// How much of a part may be down at once.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BlastRadius {
    pub count: Option<u32>,
    /// Share of the part's replicas, 0 to 1.
    pub share: Option<f64>,
}

impl BlastRadius {
    /// Replicas of a part that may be down at once.
    pub fn at_most(&self, replicas: u32) -> u32 {
        let by_share = self
            .share
            .map(|share| (f64::from(replicas) * share + 1e-9).floor() as u32);
        self.count
            .into_iter()
            .chain(by_share)
            .min()
            .unwrap_or(replicas)
    }
}

/// When a run may go on; held from its start until its planned end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    pub id: String,
    pub kind: WindowKind,
}

/// A kind of window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowKind {
    /// Hours of the week. A run lies in the union of all windows of this kind.
    Allowed(Hours),
    /// Never while a market trades, nor within the margin of that.
    OutsideMarketHours {
        /// As written: a path, or the name of a shipped calendar.
        calendar: String,
        margin_ns: u64,
    },
}

/// Hours of the week. Times are minutes since midnight; `to` at or before `from` lies on the next day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hours {
    /// Days on which the hours begin: 1 is Monday, 7 is Sunday.
    pub days: Vec<u8>,
    pub from_minutes: u16,
    pub to_minutes: u16,
    /// IANA name.
    pub zone: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smaller_limit_holds_and_shares_are_rounded_down() {
        let limit = |count, share| BlastRadius { count, share };
        assert_eq!(limit(Some(2), None).at_most(5), 2);
        assert_eq!(limit(None, Some(0.34)).at_most(3), 1);
        assert_eq!(limit(None, Some(0.3)).at_most(10), 3);
        assert_eq!(limit(None, Some(0.33)).at_most(3), 0);
        assert_eq!(limit(Some(2), Some(0.2)).at_most(5), 1);
        assert_eq!(limit(None, None).at_most(5), 5);
    }
}
