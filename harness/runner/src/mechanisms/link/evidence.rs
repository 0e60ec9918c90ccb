//! What a link did, beside what it was asked to do.

use hdrhistogram::Histogram;

use super::condition::{Direction, LinkCondition};
use super::queue::Chunk;

/// Windows over which the rate of a direction is measured.
const WINDOW_NS: u64 = 500_000_000;

/// What happened to connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Accepted from the source side.
    pub accepted: u64,
    /// Of these, connected to the destination.
    pub opened: u64,
    /// The destination refused or could not be reached; the source was reset.
    pub refused: u64,
    /// Ended by both sides in order.
    pub closed: u64,
    /// Ended by a RST to both sides, by the condition or because one side broke.
    pub reset: u64,
    /// Left half-open.
    pub forgotten: u64,
    /// Could not be accepted for lack of descriptors or memory, and were tried again.
    pub not_accepted: u64,
    /// Sockets at which segments were to be dropped, and the kernel did not allow it.
    pub not_silenced: u64,
}

/// Figures of a distribution, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    pub count: u64,
    pub min_ns: u64,
    pub mean_ns: f64,
    pub p50_ns: u64,
    pub p99_ns: u64,
    pub max_ns: u64,
}

impl Spread {
    /// The figures of a histogram; zeros when it is empty, see `count`.
    pub fn of(histogram: &Histogram<u64>) -> Spread {
        Spread {
            count: histogram.len(),
            min_ns: histogram.min(),
            mean_ns: histogram.mean(),
            p50_ns: histogram.value_at_quantile(0.5),
            p99_ns: histogram.value_at_quantile(0.99),
            max_ns: histogram.max(),
        }
    }
}

/// An empty histogram of times, which grows with what it is given.
pub(super) fn times() -> Histogram<u64> {
    Histogram::new(3).expect("three digits are a valid precision")
}

/// Notes a time.
pub(super) fn note(histogram: &mut Histogram<u64>, time_ns: u64) {
    // Saturating would stop at the highest value of a histogram that has not grown yet.
    histogram
        .record(time_ns)
        .expect("a histogram that grows takes every value");
}

/// What left in one direction.
#[derive(Debug, Clone)]
pub struct DirectionEvidence {
    /// Chunks and bytes handed to the receiver's socket.
    pub chunks: u64,
    pub bytes: u64,
    /// Chunks that were asked to be later than their arrival.
    pub delayed: u64,
    /// Chunks that were lost once and waited for their retransmission.
    pub stalled: u64,
    /// Chunks that had to wait for bandwidth.
    pub throttled: u64,
    /// Chunks that had to wait because the receiver took no more.
    pub blocked: u64,
    /// Bytes thrown away: by a half-open connection, or because the receiver had gone.
    pub discarded_bytes: u64,
    /// Sum of the delays that the chunks drew, stalls included.
    asked_sum_ns: u128,
    added: Histogram<u64>,
    late: Histogram<u64>,
    window: Window,
}

impl Default for DirectionEvidence {
    fn default() -> DirectionEvidence {
        DirectionEvidence {
            chunks: 0,
            bytes: 0,
            delayed: 0,
            stalled: 0,
            throttled: 0,
            blocked: 0,
            discarded_bytes: 0,
            asked_sum_ns: 0,
            added: times(),
            late: times(),
            window: Window::default(),
        }
    }
}

impl DirectionEvidence {
    /// Delay asked for, in the mean over all chunks: what was drawn for each, stalls included.
    pub fn asked_mean_ns(&self) -> f64 {
        self.asked_sum_ns as f64 / self.chunks.max(1) as f64
    }

    /// Delay measured: from the link's wake-up for a chunk to the return of the `send` of its last byte.
    pub fn added(&self) -> Spread {
        Spread::of(&self.added)
    }

    /// All of the measured delays, in nanoseconds.
    pub fn added_histogram(&self) -> &Histogram<u64> {
        &self.added
    }

    /// The error of the delay: how much later than due a chunk left that waited for nothing but its time. The wake-up
    /// before a read and the way through the kernel are not in it; [`LinkGroup::measure_overhead`] has them.
    ///
    /// [`LinkGroup::measure_overhead`]: super::LinkGroup::measure_overhead
    pub fn late(&self) -> Spread {
        Spread::of(&self.late)
    }

    /// Highest rate over half a second, in bytes per second; `None` when nothing flowed that long.
    pub fn busiest_bytes_per_s(&self) -> Option<f64> {
        self.window.busiest_per_s
    }

    fn left(&mut self, chunk: &Chunk, now_ns: u64) {
        self.chunks += 1;
        self.delayed += u64::from(chunk.asked_ns > chunk.arrived_ns);
        self.stalled += u64::from(chunk.stalled);
        self.throttled += u64::from(chunk.throttled);
        self.blocked += u64::from(chunk.blocked);
        self.asked_sum_ns += u128::from(chunk.asked_ns - chunk.arrived_ns);
        note(&mut self.added, now_ns.saturating_sub(chunk.arrived_ns));
        if !chunk.throttled && !chunk.blocked {
            note(&mut self.late, now_ns.saturating_sub(chunk.release_ns));
        }
    }

    fn moved(&mut self, bytes: usize, now_ns: u64) {
        self.bytes += bytes as u64;
        self.window.add(bytes as u64, now_ns);
    }
}

/// The rate of the window that goes on, and of the busiest so far.
#[derive(Debug, Clone, Copy, Default)]
struct Window {
    began_ns: u64,
    bytes: u64,
    busiest_per_s: Option<f64>,
}

impl Window {
    fn add(&mut self, bytes: u64, now_ns: u64) {
        let lasted_ns = now_ns.saturating_sub(self.began_ns);
        if self.began_ns != 0 && lasted_ns >= WINDOW_NS {
            let per_s = self.bytes as f64 * 1e9 / lasted_ns as f64;
            self.busiest_per_s = Some(self.busiest_per_s.map_or(per_s, |most| most.max(per_s)));
        }
        if self.began_ns == 0 || lasted_ns >= WINDOW_NS {
            self.began_ns = now_ns;
            self.bytes = 0;
        }
        self.bytes += bytes;
    }
}

/// What happened while one condition was in force.
#[derive(Debug, Clone)]
pub struct Period {
    /// What was asked.
    pub condition: LinkCondition,
    /// `CLOCK_MONOTONIC` in nanoseconds, when the link's thread took the condition.
    pub began_ns: u64,
    pub ended_ns: Option<u64>,
    pub connections: Counts,
    pub to_destination: DirectionEvidence,
    pub to_source: DirectionEvidence,
    /// Segments that the kernel dropped for a cut or half-open connection, attempts to connect among them.
    pub dropped_segments: u64,
}

impl Period {
    fn new(condition: LinkCondition, began_ns: u64) -> Period {
        Period {
            condition,
            began_ns,
            ended_ns: None,
            connections: Counts::default(),
            to_destination: DirectionEvidence::default(),
            to_source: DirectionEvidence::default(),
            dropped_segments: 0,
        }
    }

    /// One direction's evidence.
    pub fn direction(&self, direction: Direction) -> &DirectionEvidence {
        match direction {
            Direction::ToDestination => &self.to_destination,
            Direction::ToSource => &self.to_source,
        }
    }

    fn direction_mut(&mut self, direction: Direction) -> &mut DirectionEvidence {
        match direction {
            Direction::ToDestination => &mut self.to_destination,
            Direction::ToSource => &mut self.to_source,
        }
    }
}

/// All that is known about what a link did.
#[derive(Debug, Clone)]
pub struct LinkEvidence {
    /// Since the link was started; its condition is the healthy one of the start.
    pub total: Period,
    /// Since the condition was last changed. Its delays are those of chunks that also arrived under it.
    pub now: Period,
    /// Under the condition before that.
    pub before: Option<Period>,
    /// Connections that exist now.
    pub open: u64,
    /// Bytes that a cut holds in the link now, to the destination and to the source. Where segments are dropped, most
    /// of what is held waits at the sender and is not in here.
    pub held_bytes: [u64; 2],
    generation: u64,
}

impl LinkEvidence {
    pub(super) fn new(now_ns: u64) -> LinkEvidence {
        let period = Period::new(LinkCondition::healthy(), now_ns);
        LinkEvidence {
            total: period.clone(),
            now: period,
            before: None,
            open: 0,
            held_bytes: [0; 2],
            generation: 0,
        }
    }

    /// Begins a new period; returns its number, which chunks carry.
    pub(super) fn turn(&mut self, condition: LinkCondition, now_ns: u64) -> u64 {
        let ended = std::mem::replace(&mut self.now, Period::new(condition, now_ns));
        self.before = Some(Period {
            ended_ns: Some(now_ns),
            ..ended
        });
        self.generation += 1;
        self.generation
    }

    /// Counts something that happened to a connection.
    pub(super) fn count(&mut self, add: impl Fn(&mut Counts)) {
        add(&mut self.total.connections);
        add(&mut self.now.connections);
    }

    pub(super) fn moved(&mut self, direction: Direction, bytes: usize, now_ns: u64) {
        for period in [&mut self.total, &mut self.now] {
            period.direction_mut(direction).moved(bytes, now_ns);
        }
    }

    pub(super) fn left(&mut self, direction: Direction, chunk: &Chunk, now_ns: u64) {
        self.total.direction_mut(direction).left(chunk, now_ns);
        if chunk.generation == self.generation {
            self.now.direction_mut(direction).left(chunk, now_ns);
        }
    }

    pub(super) fn discarded(&mut self, direction: Direction, bytes: usize) {
        for period in [&mut self.total, &mut self.now] {
            period.direction_mut(direction).discarded_bytes += bytes as u64;
        }
    }

    pub(super) fn dropped(&mut self, segments: u32) {
        self.total.dropped_segments += u64::from(segments);
        self.now.dropped_segments += u64::from(segments);
    }
}

#[cfg(test)]
mod tests {
    use super::super::queue::Cargo;
    use super::*;

    fn chunk(arrived_ns: u64, asked_ns: u64, generation: u64) -> Chunk {
        Chunk {
            cargo: Cargo::Data,
            len: 100,
            arrived_ns,
            release_ns: asked_ns,
            asked_ns,
            stalled: false,
            throttled: false,
            blocked: false,
            generation,
        }
    }

    #[test]
    fn delays_of_a_period_are_those_of_its_own_chunks() {
        let mut evidence = LinkEvidence::new(1);
        evidence.left(Direction::ToSource, &chunk(1_000, 1_000, 0), 3_000);
        let generation = evidence.turn(LinkCondition::healthy(), 5_000);
        evidence.left(Direction::ToSource, &chunk(4_000, 4_000, 0), 900_000);
        evidence.left(
            Direction::ToSource,
            &chunk(6_000, 11_000, generation),
            12_000,
        );
        let now = &evidence.now.to_source;
        assert_eq!((now.chunks, now.delayed), (1, 1));
        assert_eq!(now.added().max_ns / 10, 6_000 / 10);
        assert_eq!(now.late().max_ns / 10, 1_000 / 10);
        assert!((now.asked_mean_ns() - 5_000.0).abs() < 1e-9);
        assert_eq!(evidence.total.to_source.chunks, 3);
        assert_eq!(evidence.before.unwrap().to_source.chunks, 1);
    }

    #[test]
    fn what_waited_for_the_receiver_is_no_error_of_the_link() {
        let mut evidence = LinkEvidence::new(1);
        let blocked = Chunk {
            blocked: true,
            ..chunk(1_000, 1_000, 0)
        };
        evidence.left(Direction::ToSource, &blocked, 9_000_000);
        assert_eq!(evidence.now.to_source.late().count, 0);
        assert_eq!(evidence.now.to_source.added().count, 1);
    }

    #[test]
    fn the_rate_is_that_of_the_busiest_half_second() {
        let mut evidence = LinkEvidence::new(1);
        assert_eq!(evidence.now.to_source.busiest_bytes_per_s(), None);
        for step in 1..=200u64 {
            let per_step = if step > 100 { 2_000 } else { 1_000 };
            evidence.moved(Direction::ToSource, per_step, step * 10_000_000);
        }
        let measured = evidence.now.to_source.busiest_bytes_per_s().unwrap();
        assert!((195_000.0..=205_000.0).contains(&measured), "{measured}");
    }
}
