//! Which storms a run has, and when.

/// Numbers that depend on nothing but the seed (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Dice for a seed.
    pub fn new(seed: u64) -> Dice {
        Dice { state: seed }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number from `from` to below `to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.bits() % (to - from).max(1)
    }

    /// True in so many of 100 cases.
    pub fn percent(&mut self, share: u64) -> bool {
        self.between(0, 100) < share
    }
}

/// What becomes of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StormKind {
    /// SIGKILL of the proxy; a new one listens on the same port when the storm is over.
    Kill,
    /// SIGSTOP of the proxy, SIGCONT when the storm is over: the kernel accepts and acknowledges, nobody reads.
    Freeze,
    /// Nobody listens; connections live on.
    Refuse,
    /// Packets that come are dropped without a word, of connections and of dials; nothing is sent.
    Blackhole,
    /// Connections are reset: before, while and after they carry something.
    Reset,
    /// Connections end in good order, one way or both ways: before, while and after they carry something.
    Fin,
    /// Connections vanish on this side without a word: the peer learns of it when it writes.
    HalfOpen,
    /// Bytes trickle.
    Trickle,
}

impl StormKind {
    /// Every kind.
    pub const ALL: [StormKind; 8] = [
        StormKind::Kill,
        StormKind::Freeze,
        StormKind::Refuse,
        StormKind::Blackhole,
        StormKind::Reset,
        StormKind::Fin,
        StormKind::HalfOpen,
        StormKind::Trickle,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            StormKind::Kill => "kill",
            StormKind::Freeze => "freeze",
            StormKind::Refuse => "refuse",
            StormKind::Blackhole => "blackhole",
            StormKind::Reset => "reset",
            StormKind::Fin => "fin",
            StormKind::HalfOpen => "half-open",
            StormKind::Trickle => "trickle",
        }
    }
}

/// One storm of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storm {
    pub kind: StormKind,
    /// After the start, in nanoseconds.
    pub from_ns: u64,
    pub to_ns: u64,
}

/// The storms of a run, in order; they may overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub storms: Vec<Storm>,
}

const MS: u64 = 1_000_000;

impl Program {
    /// Three to six storms of 20 to 300 ms within a run of this length.
    pub fn of(seed: u64, run_ns: u64) -> Program {
        let mut dice = Dice::new(seed ^ 0x5702_4d5e_ed00_0000);
        let count = dice.between(3, 7);
        let mut storms: Vec<Storm> = (0..count)
            .map(|_| {
                let from_ns = dice.between(50 * MS, run_ns.max(51 * MS));
                Storm {
                    kind: StormKind::ALL[dice.between(0, StormKind::ALL.len() as u64) as usize],
                    from_ns,
                    to_ns: from_ns + dice.between(20 * MS, 300 * MS),
                }
            })
            .collect();
        storms.sort_by_key(|storm| (storm.from_ns, storm.to_ns));
        Program { storms }
    }

    /// Whether a storm of this kind is on at a moment after the start.
    pub fn is_on(&self, kind: StormKind, at_ns: u64) -> bool {
        self.storms
            .iter()
            .any(|storm| storm.kind == kind && (storm.from_ns..storm.to_ns).contains(&at_ns))
    }

    /// How many storms of this kind have begun.
    pub fn begun(&self, kind: StormKind, at_ns: u64) -> usize {
        let begun = |storm: &&Storm| storm.kind == kind && storm.from_ns <= at_ns;
        self.storms.iter().filter(begun).count()
    }

    /// Its kinds by name, in order.
    pub fn names(&self) -> String {
        let names: Vec<&str> = self.storms.iter().map(|storm| storm.kind.name()).collect();
        names.join("+")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_decides_everything_and_every_kind_occurs() {
        assert_eq!(Program::of(7, 1_000 * MS), Program::of(7, 1_000 * MS));
        assert_ne!(Program::of(7, 1_000 * MS), Program::of(8, 1_000 * MS));
        for kind in StormKind::ALL {
            let runs = (0..100).filter(|seed| {
                let program = Program::of(*seed, 1_000 * MS);
                program.begun(kind, u64::MAX) > 0
            });
            assert!(runs.count() > 10, "{}", kind.name());
        }
    }

    #[test]
    fn a_storm_is_on_from_its_beginning_to_its_end() {
        let storm = Storm {
            kind: StormKind::Fin,
            from_ns: 10,
            to_ns: 20,
        };
        let program = Program {
            storms: vec![storm],
        };
        let on: Vec<bool> = [9, 10, 19, 20]
            .into_iter()
            .map(|at_ns| program.is_on(StormKind::Fin, at_ns))
            .collect();
        assert_eq!(on, [false, true, true, false]);
        assert!(!program.is_on(StormKind::Reset, 15));
        assert_eq!(
            (
                program.begun(StormKind::Fin, 9),
                program.begun(StormKind::Fin, 99)
            ),
            (0, 1)
        );
        assert_eq!(program.names(), "fin");
    }
}
