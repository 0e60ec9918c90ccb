//! A recorded stream of messages, ready to be sent again.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use shakedown_record::ledger::{OrderKind, Side};

/// Largest recording that is read, in bytes: some 1.3 million messages.
pub const LARGEST_RECORDING_BYTES: usize = 64 << 20;

/// A recording that is sent again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replay {
    #[serde(serialize_with = "in_short")]
    pub recording: Arc<Recording>,
    /// How many times as fast as it was recorded.
    pub speed: f64,
    /// It begins again when it is over.
    pub again: bool,
}

/// Messages in the order of time.
#[derive(Clone, PartialEq, Eq)]
pub struct Recording {
    messages: Vec<Recorded>,
    /// From the first message of a round to the first of the next.
    round_ns: u64,
    sha256: String,
    text: String,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// After the first message, as it is sent again.
    pub at_ns: u64,
    /// [`OrderKind::New`], [`OrderKind::Cancel`] or [`OrderKind::Replace`].
    pub kind: OrderKind,
    pub side: Side,
    pub price_ticks: i64,
    /// Of a replace: what is left of the order.
    pub quantity_lots: u32,
    /// Number of the message that entered the order; of a new order its own.
    pub order: u32,
}

impl Recording {
    /// A recording of these messages, the first of which is due at zero; `sha256` is that of `text`.
    pub fn new(messages: Vec<Recorded>, sha256: String, text: String) -> Recording {
        let last_ns = messages.last().map_or(0, |last| last.at_ns);
        let gaps = messages.len().saturating_sub(1).max(1) as u64;
        Recording {
            round_ns: last_ns + (last_ns / gaps).max(1),
            messages,
            sha256,
            text,
        }
    }

    /// The messages of one round.
    pub fn messages(&self) -> &[Recorded] {
        &self.messages
    }

    /// From the first message of a round to the first of the next, a mean gap after the last.
    pub fn round_ns(&self) -> u64 {
        self.round_ns
    }

    /// SHA-256 of the file.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The file itself, for the run directory.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Messages in a second, in the mean of a round.
    pub(super) fn mean_per_s(&self) -> f64 {
        self.messages.len() as f64 * 1e9 / self.round_ns as f64
    }

    /// The highest number of messages in any one second.
    pub(super) fn highest_per_s(&self) -> f64 {
        const SECOND_NS: u64 = 1_000_000_000;
        let mut first = 0;
        let mut most = 0;
        for (last, message) in self.messages.iter().enumerate() {
            while message.at_ns - self.messages[first].at_ns >= SECOND_NS {
                first += 1;
            }
            most = most.max(last + 1 - first);
        }
        (most as f64).max(self.mean_per_s())
    }

    /// Messages before a moment.
    pub(super) fn messages_before(&self, end_ns: u64, again: bool) -> f64 {
        let (rounds, rest_ns) = match again {
            true => (end_ns / self.round_ns, end_ns % self.round_ns),
            false => (0, end_ns),
        };
        let rest = self
            .messages
            .partition_point(|message| message.at_ns < rest_ns);
        rounds as f64 * self.messages.len() as f64 + rest as f64
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("messages", &self.messages.len())
            .field("round_ns", &self.round_ns)
            .field("sha256", &self.sha256)
            .finish_non_exhaustive()
    }
}

/// What stands in a plan for a recording.
#[derive(Serialize)]
struct Short<'a> {
    sha256: &'a str,
    messages: usize,
    round_ns: u64,
    /// The last message as it is sent again: how prices and times were placed shows in it.
    last_price_ticks: Option<i64>,
}

fn in_short<S: Serializer>(recording: &Arc<Recording>, serializer: S) -> Result<S::Ok, S::Error> {
    let last = recording.messages.last();
    let short = Short {
        sha256: &recording.sha256,
        messages: recording.messages.len(),
        round_ns: recording.round_ns,
        last_price_ticks: last.map(|message| message.price_ticks),
    };
    short.serialize(serializer)
}
