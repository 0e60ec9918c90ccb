//! How often each HTTP status was answered.

use std::collections::BTreeMap;

/// Statuses beyond the last class that HTTP has are counted as this one.
const MOST: usize = 1_000;

/// How often each status was answered. One place for each, so that an answer costs one addition.
#[derive(Debug, Clone)]
pub(crate) struct Statuses(Box<[u64; MOST]>);

impl Default for Statuses {
    fn default() -> Statuses {
        Statuses(Box::new([0; MOST]))
    }
}

impl Statuses {
    /// Counts one answer.
    pub fn add(&mut self, status: u16) {
        self.0[usize::from(status).min(MOST - 1)] += 1;
    }

    /// Those that were answered at all.
    pub fn counts(&self) -> BTreeMap<u16, u64> {
        let counts = (0..).zip(self.0.iter().copied());
        counts.filter(|(_, count)| *count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_is_counted_by_itself() {
        let mut statuses = Statuses::default();
        [200, 503, 200, 404, 65_535]
            .into_iter()
            .for_each(|status| statuses.add(status));
        let expected = [(200, 2), (404, 1), (503, 1), (999, 1)];
        assert_eq!(statuses.counts(), BTreeMap::from(expected));
    }
}
