//! What this machine may have no more of when a connection is dialled.

use std::fmt;

/// Something that a dial needs of this machine and did not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shortage {
    /// File descriptors of the process.
    Descriptors,
    /// File descriptors of the machine.
    OpenFiles,
    /// Local ports.
    Ports,
    /// Kernel memory for sockets.
    Memory,
}

/// Dials that failed for a shortage of this machine's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exhausted {
    pub dials: u64,
    /// The one that was met first.
    pub shortage: Shortage,
}

impl Exhausted {
    /// One more dial failed for this.
    pub fn note(found: &mut Option<Exhausted>, shortage: Shortage) {
        let first = Exhausted { dials: 0, shortage };
        found.get_or_insert(first).dials += 1;
    }

    /// What two threads met.
    pub fn merge(one: Option<Exhausted>, other: Option<Exhausted>) -> Option<Exhausted> {
        match (one, other) {
            (Some(one), Some(other)) => Some(Exhausted {
                dials: one.dials + other.dials,
                shortage: one.shortage,
            }),
            (one, other) => one.or(other),
        }
    }
}

impl Shortage {
    /// What to do.
    pub fn remedy(self) -> &'static str {
        match self {
            Shortage::Descriptors => "raise `ulimit -n`, or use fewer sessions",
            Shortage::OpenFiles => "raise the sysctl fs.file-max, or use fewer sessions",
            Shortage::Ports => {
                "widen the sysctl net.ipv4.ip_local_port_range, or use fewer sessions or more entry addresses"
            }
            Shortage::Memory => {
                "give the machine more memory (see the sysctl net.ipv4.tcp_mem), or use fewer sessions"
            }
        }
    }
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Shortage::Descriptors => "file descriptors of this process",
            Shortage::OpenFiles => "open files on this machine",
            Shortage::Ports => "local ports",
            Shortage::Memory => "memory for sockets",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dials_are_counted_and_the_first_shortage_is_named() {
        let mut one = None;
        Exhausted::note(&mut one, Shortage::Ports);
        Exhausted::note(&mut one, Shortage::Descriptors);
        let expected = Exhausted {
            dials: 2,
            shortage: Shortage::Ports,
        };
        assert_eq!(one, Some(expected));
        assert_eq!(Exhausted::merge(None, one), one);
        assert_eq!(Exhausted::merge(one, None), one);
        let both = Exhausted::merge(one, one).unwrap();
        assert_eq!((both.dials, both.shortage), (4, Shortage::Ports));
    }
}
