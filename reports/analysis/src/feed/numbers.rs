//! Sequence numbers: which never came, which came again, which came late.

use shakedown_record::feed::{FeedConnection, FeedRow};

/// Examples that are kept of each.
const MOST_EXAMPLES: usize = 5;

/// What the numbers of a feed show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub first: Option<u64>,
    pub last: Option<u64>,
    /// Between the first and the last.
    pub gaps: u64,
    /// The first ranges of them, both ends included.
    pub gap_examples: Vec<(u64, u64)>,
    pub duplicates: u64,
    /// Came after a higher one, for the first time.
    pub reordered: u64,
    /// Missing because nobody listened, of a feed that does not tell what was missed.
    pub unheard: u64,
}

/// Looks at the numbers of all messages, which are in the order of their receipt.
pub(crate) fn numbers(rows: &[FeedRow], connections: &[FeedConnection], resumes: bool) -> Numbers {
    let mut found = Numbers::default();
    let mut sorted: Vec<u64> = Vec::with_capacity(rows.len());
    let mut highest: Option<u64> = None;
    for row in rows {
        if highest.is_some_and(|highest| row.sequence < highest) {
            found.reordered += 1;
        }
        highest = highest.max(Some(row.sequence));
        sorted.push(row.sequence);
    }
    sorted.sort_unstable();
    let excused = match resumes {
        true => Vec::new(),
        false => not_listening(rows, connections),
    };
    found.first = sorted.first().copied();
    found.last = sorted.last().copied();
    for pair in sorted.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        if before == after {
            found.duplicates += 1;
            continue;
        }
        let missing = after - before - 1;
        if missing == 0 {
            continue;
        }
        if excused.contains(&after) {
            found.unheard += missing;
            continue;
        }
        found.gaps += missing;
        if found.gap_examples.len() < MOST_EXAMPLES {
            found.gap_examples.push((before + 1, after - 1));
        }
    }
    // A number that came again came late as well, and is told once.
    found.reordered = found.reordered.saturating_sub(found.duplicates);
    found
}

/// The first number of each connection but the first.
fn not_listening(rows: &[FeedRow], connections: &[FeedConnection]) -> Vec<u64> {
    let first_of = |connection: &FeedConnection| {
        let at = rows.partition_point(|row| row.received_ns < connection.from_mono_ns);
        rows.get(at).map(|row| row.sequence)
    };
    connections.iter().skip(1).filter_map(first_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(sequences: &[u64]) -> Vec<FeedRow> {
        let row = |(at, sequence): (usize, &u64)| FeedRow {
            received_ns: at as u64 * 10,
            sequence: *sequence,
            age_ns: None,
            slot: None,
        };
        sequences.iter().enumerate().map(row).collect()
    }

    fn connection(from_mono_ns: u64) -> FeedConnection {
        FeedConnection {
            url: String::new(),
            from_mono_ns,
            to_mono_ns: 0,
            ended: String::new(),
        }
    }

    #[test]
    fn missing_numbers_are_counted_and_named() {
        let found = numbers(&rows(&[5, 6, 9, 10, 20]), &[], true);
        assert_eq!((found.first, found.last), (Some(5), Some(20)));
        assert_eq!(found.gaps, 2 + 9);
        assert_eq!(found.gap_examples, [(7, 8), (11, 19)]);
        assert_eq!((found.duplicates, found.reordered), (0, 0));
    }

    #[test]
    fn late_numbers_are_no_gaps_and_second_ones_are_duplicates() {
        let found = numbers(&rows(&[1, 3, 2, 4, 4, 3]), &[], true);
        assert_eq!(found.gaps, 0);
        assert_eq!(found.duplicates, 2);
        let late = numbers(&rows(&[1, 3, 2, 4]), &[], true);
        assert_eq!((late.reordered, late.duplicates), (1, 0));
        assert_eq!(numbers(&[], &[], true), Numbers::default());
    }

    #[test]
    fn what_nobody_listened_to_is_no_gap_unless_the_feed_resumes() {
        let (rows, connections) = (rows(&[1, 2, 8, 9, 12]), [connection(0), connection(15)]);
        let found = numbers(&rows, &connections, false);
        assert_eq!((found.unheard, found.gaps), (5, 2));
        let found = numbers(&rows, &connections, true);
        assert_eq!((found.unheard, found.gaps), (0, 7));
    }
}
