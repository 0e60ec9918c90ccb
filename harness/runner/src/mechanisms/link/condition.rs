//! What a link is asked to do, in plain values.

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Who connects to the link.
    Source,
    /// Whom the link connects to.
    Destination,
}

impl Side {
    /// The end across the link.
    pub fn other(self) -> Side {
        match self {
            Side::Source => Side::Destination,
            Side::Destination => Side::Source,
        }
    }

    pub(super) fn index(self) -> usize {
        match self {
            Side::Source => 0,
            Side::Destination => 1,
        }
    }
}

/// One way through a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    ToDestination,
    ToSource,
}

impl Direction {
    /// Both, for whoever has to look at each.
    pub const BOTH: [Direction; 2] = [Direction::ToDestination, Direction::ToSource];

    /// The end that the bytes come from.
    pub fn from(self) -> Side {
        match self {
            Direction::ToDestination => Side::Source,
            Direction::ToSource => Side::Destination,
        }
    }

    /// The direction in which an end sends.
    pub fn out_of(side: Side) -> Direction {
        match side {
            Side::Source => Direction::ToDestination,
            Side::Destination => Direction::ToSource,
        }
    }

    pub(super) fn index(self) -> usize {
        self.from().index()
    }
}

/// How much a delay varies. Bytes keep their order: a chunk that drew a shorter delay than the one before it leaves
/// together with that one, so under dense traffic the mean delay lies above the one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Jitter {
    /// Evenly between `delay - by` and `delay + by`.
    Uniform { by_ns: u64 },
    /// Normally around the delay, cut off at four deviations and at zero.
    Normal { deviation_ns: u64 },
}

impl Jitter {
    /// The most that it adds to a delay.
    pub fn at_most_ns(self) -> u64 {
        match self {
            Jitter::Uniform { by_ns } => by_ns,
            Jitter::Normal { deviation_ns } => deviation_ns.saturating_mul(4),
        }
    }
}

/// Loss, as a byte stream shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loss {
    /// Share of chunks that are lost once, 0 to 1.
    pub share: f64,
    /// How long a lost chunk, and all that follows it, waits for its retransmission.
    pub stall_ns: u64,
}

impl Loss {
    /// Linux's shortest retransmission timeout.
    pub const RETRANSMISSION_NS: u64 = 200_000_000;

    /// So much loss, with [`Loss::RETRANSMISSION_NS`] as the stall.
    pub fn of(share: f64) -> Loss {
        Loss {
            share,
            stall_ns: Loss::RETRANSMISSION_NS,
        }
    }
}

/// One direction of a link. The default passes everything on at once.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkState {
    pub delay_ns: u64,
    pub jitter: Option<Jitter>,
    pub loss: Option<Loss>,
    /// Payload bytes per second, shared by all connections.
    pub bandwidth_bytes_per_s: Option<u64>,
    /// Nothing comes through, and neither side is told.
    pub cut: bool,
}

impl LinkState {
    /// The longest delay that a chunk can draw, loss apart.
    pub fn longest_delay_ns(&self) -> u64 {
        self.delay_ns
            .saturating_add(self.jitter.map_or(0, Jitter::at_most_ns))
    }
}

/// What happens to connections as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionRule {
    #[default]
    Keep,
    /// Every connection gets a RST on both ends now; every new one right after it is accepted.
    Reset,
    /// Connections that exist now die without a word: the `gone` end neither gets bytes nor an answer to its own; the
    /// other end's bytes are taken, acknowledged and thrown away. No FIN or RST is sent until the rule ends, then both
    /// ends are reset. New connections pass, so that a client that notices can help itself.
    HalfOpen { gone: Side },
    /// Connections that exist now stay open, and what is said on them in these directions is taken, acknowledged and
    /// thrown away. When the rule ends, both ends are reset. New connections pass.
    Swallow {
        to_destination: bool,
        to_source: bool,
    },
}

impl ConnectionRule {
    pub(super) fn swallows(self) -> [bool; 2] {
        match self {
            ConnectionRule::Keep | ConnectionRule::Reset | ConnectionRule::HalfOpen { .. } => {
                [false; 2]
            }
            ConnectionRule::Swallow {
                to_destination,
                to_source,
            } => [to_destination, to_source],
        }
    }
}

/// All that a link is asked to do at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LinkCondition {
    pub to_destination: LinkState,
    pub to_source: LinkState,
    pub connections: ConnectionRule,
}

impl LinkCondition {
    /// A link that is not noticed.
    pub fn healthy() -> LinkCondition {
        LinkCondition::default()
    }

    /// The same in both directions.
    pub fn both(state: LinkState) -> LinkCondition {
        LinkCondition {
            to_destination: state,
            to_source: state,
            connections: ConnectionRule::Keep,
        }
    }

    /// In one direction only.
    pub fn one_way(direction: Direction, state: LinkState) -> LinkCondition {
        let mut condition = LinkCondition::healthy();
        match direction {
            Direction::ToDestination => condition.to_destination = state,
            Direction::ToSource => condition.to_source = state,
        }
        condition
    }

    /// Healthy, but for what happens to connections.
    pub fn of_connections(rule: ConnectionRule) -> LinkCondition {
        LinkCondition {
            connections: rule,
            ..LinkCondition::healthy()
        }
    }

    /// One direction's state.
    pub fn state(&self, direction: Direction) -> &LinkState {
        match direction {
            Direction::ToDestination => &self.to_destination,
            Direction::ToSource => &self.to_source,
        }
    }

    /// True when some direction is cut: no connection can come about then.
    pub fn is_cut(&self) -> bool {
        self.to_destination.cut || self.to_source.cut
    }

    /// Looks for values that a link cannot follow.
    ///
    /// # Errors
    /// With the first such value.
    pub fn check(&self) -> Result<(), ConditionError> {
        for direction in Direction::BOTH {
            check_state(self.state(direction))?;
        }
        Ok(())
    }
}

/// The longest delay or stall: beyond it, cut the link.
const LONGEST_NS: u64 = 60_000_000_000;

/// The least bandwidth: a byte per millisecond.
const LEAST_BYTES_PER_S: u64 = 1_000;

/// Why a link cannot do what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ConditionError {
    #[error("a loss of {share} is no share: give a number from 0 to 1")]
    Share { share: f64 },
    #[error(
        "a delay, with its jitter, of {asked_ns} ns is longer than {LONGEST_NS} ns: cut the link instead"
    )]
    Delay { asked_ns: u64 },
    #[error(
        "a stall of {asked_ns} ns for a lost chunk is longer than {LONGEST_NS} ns: cut the link instead"
    )]
    Stall { asked_ns: u64 },
    #[error(
        "a bandwidth of {asked} B/s is below {} B/s: cut the link instead",
        LEAST_BYTES_PER_S
    )]
    Bandwidth { asked: u64 },
}

fn check_state(state: &LinkState) -> Result<(), ConditionError> {
    let asked_ns = state.longest_delay_ns();
    if asked_ns > LONGEST_NS {
        return Err(ConditionError::Delay { asked_ns });
    }
    if let Some(loss) = state.loss {
        if !(0.0..=1.0).contains(&loss.share) {
            return Err(ConditionError::Share { share: loss.share });
        }
        if loss.stall_ns > LONGEST_NS {
            return Err(ConditionError::Stall {
                asked_ns: loss.stall_ns,
            });
        }
    }
    match state.bandwidth_bytes_per_s {
        Some(asked) if asked < LEAST_BYTES_PER_S => Err(ConditionError::Bandwidth { asked }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_followed_is_refused() {
        assert_eq!(LinkCondition::healthy().check(), Ok(()));
        let bad = [
            LinkState {
                delay_ns: LONGEST_NS,
                jitter: Some(Jitter::Uniform { by_ns: 1 }),
                ..LinkState::default()
            },
            LinkState {
                loss: Some(Loss::of(1.01)),
                ..LinkState::default()
            },
            LinkState {
                loss: Some(Loss::of(f64::NAN)),
                ..LinkState::default()
            },
            LinkState {
                loss: Some(Loss {
                    share: 0.1,
                    stall_ns: LONGEST_NS + 1,
                }),
                ..LinkState::default()
            },
            LinkState {
                bandwidth_bytes_per_s: Some(0),
                ..LinkState::default()
            },
        ];
        for state in bad {
            for direction in Direction::BOTH {
                assert!(
                    LinkCondition::one_way(direction, state).check().is_err(),
                    "{state:?}"
                );
            }
        }
    }

    #[test]
    fn one_way_leaves_the_other_alone() {
        let cut = LinkState {
            cut: true,
            ..LinkState::default()
        };
        let condition = LinkCondition::one_way(Direction::ToSource, cut);
        assert!(condition.to_source.cut && !condition.to_destination.cut && condition.is_cut());
        assert!(!LinkCondition::healthy().is_cut());
    }
}
