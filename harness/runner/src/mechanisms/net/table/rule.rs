//! What is to happen to which packets.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// The longest name that still fits into a rule's comment with its direction.
const NAME_BYTES: usize = 96;

/// One fault, or one part of it, as seen from inside the namespace. A packet that an earlier rule of the list took
/// away is not seen by a later one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Unique in its list; counts go by it, over all replacements of the list. At most 96 bytes.
    pub name: String,
    pub peers: Peers,
    pub direction: Direction,
    /// Only these; none means all packets.
    pub ports: Vec<PortMatch>,
    /// Which part of the matching packets, chosen at random by the kernel.
    pub share: Share,
    pub action: Action,
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peers {
    Addresses(BTreeSet<IpAddr>),
    /// Whoever it is, the loopback interface included: for name servers, together with a port.
    Anyone,
}

/// Which way packets go, seen from the namespace. One way is enough to cut TCP, but not to make both ends notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the peers.
    In,
    /// To the peers.
    Out,
    Both,
}

/// A port to which a rule is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortMatch {
    pub transport: Transport,
    pub side: PortSide,
    pub port: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

/// Whose port it is. A node that listens on it: `Local`. A node that calls it: `Remote`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortSide {
    Local,
    Remote,
}

/// A part of all packets, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u32,
}

/// What happens to a packet that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It disappears. Whoever sends UDP from inside is told so (EPERM); TCP is not, and tries again.
    Drop,
    /// TCP only: its sender gets a reset, once it sends. Resets themselves pass, so both ends get theirs.
    Reset,
    /// Its sender is told that nobody listens on that port (ICMP).
    Unreachable,
    /// `Out` only: it goes through the discipline that [`crate::mechanisms::net::Qdisc`] keeps for steered packets.
    Steer,
}

/// A rule that makes no sense. Plans exclude these; they are found again here because the kernel would not.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RuleError {
    #[error("rule {0:?}: its name is empty, longer than 96 bytes, or not printable")]
    Name(String),
    #[error("two rules are called {0:?}: what each did could not be told apart")]
    Twice(String),
    #[error("rule {0:?} has no peers: it could never do anything")]
    NoPeers(String),
    #[error("rule {0:?} has a share of zero: it could never do anything")]
    NoShare(String),
    #[error("rule {0:?} resets UDP, which knows no connections; only TCP ports can be reset")]
    ResetUdp(String),
    #[error(
        "rule {0:?} steers what comes in; only what goes out can be delayed here, so put it on the other end"
    )]
    SteerIn(String),
}

impl Share {
    pub const ALL: Share = Share {
        millionths: Share::WHOLE,
    };
    pub(super) const WHOLE: u32 = 1_000_000;

    /// `None` for more than all.
    pub fn from_millionths(millionths: u32) -> Option<Share> {
        (millionths <= Share::WHOLE).then_some(Share { millionths })
    }

    /// Rounded to millionths; `None` unless it is from 0 to 1.
    pub fn from_fraction(fraction: f64) -> Option<Share> {
        (0.0..=1.0).contains(&fraction).then(|| Share {
            millionths: (fraction * f64::from(Share::WHOLE)).round() as u32,
        })
    }

    pub fn millionths(self) -> u32 {
        self.millionths
    }

    pub fn fraction(self) -> f64 {
        f64::from(self.millionths) / f64::from(Share::WHOLE)
    }
}

impl Direction {
    pub(super) fn has_in(self) -> bool {
        matches!(self, Direction::In | Direction::Both)
    }

    pub(super) fn has_out(self) -> bool {
        matches!(self, Direction::Out | Direction::Both)
    }
}

/// Finds the first rule that makes no sense.
pub(super) fn check(rules: &[Rule]) -> Result<(), RuleError> {
    let mut names = BTreeSet::new();
    for rule in rules {
        let name = || rule.name.clone();
        if rule.name.is_empty()
            || rule.name.len() > NAME_BYTES
            || rule.name.chars().any(char::is_control)
        {
            return Err(RuleError::Name(name()));
        }
        if !names.insert(&rule.name) {
            return Err(RuleError::Twice(name()));
        }
        if matches!(&rule.peers, Peers::Addresses(all) if all.is_empty()) {
            return Err(RuleError::NoPeers(name()));
        }
        if rule.share.millionths == 0 {
            return Err(RuleError::NoShare(name()));
        }
        let has_udp = || {
            rule.ports
                .iter()
                .any(|port| port.transport == Transport::Udp)
        };
        match rule.action {
            Action::Reset if has_udp() => return Err(RuleError::ResetUdp(name())),
            Action::Steer if rule.direction != Direction::Out => {
                return Err(RuleError::SteerIn(name()));
            }
            Action::Drop | Action::Reset | Action::Unreachable | Action::Steer => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> Rule {
        Rule {
            name: name.to_string(),
            peers: Peers::Addresses([IpAddr::from([198, 18, 0, 2])].into()),
            direction: Direction::Both,
            ports: Vec::new(),
            share: Share::ALL,
            action: Action::Drop,
        }
    }

    #[test]
    fn rules_that_make_no_sense_are_named() {
        assert_eq!(check(&[rule("a"), rule("b")]), Ok(()));
        assert_eq!(
            check(&[rule("a"), rule("a")]),
            Err(RuleError::Twice("a".into()))
        );
        assert_eq!(check(&[rule("")]), Err(RuleError::Name(String::new())));
        let mut odd = rule("x");
        odd.peers = Peers::Addresses(BTreeSet::new());
        assert_eq!(check(&[odd]), Err(RuleError::NoPeers("x".into())));
        let mut odd = rule("x");
        odd.share = Share::from_millionths(0).unwrap();
        assert_eq!(check(&[odd]), Err(RuleError::NoShare("x".into())));
        let mut odd = rule("x");
        odd.action = Action::Steer;
        assert_eq!(check(&[odd]), Err(RuleError::SteerIn("x".into())));
        let mut odd = rule("x");
        odd.action = Action::Reset;
        odd.ports = vec![PortMatch {
            transport: Transport::Udp,
            side: PortSide::Local,
            port: 53,
        }];
        assert_eq!(check(&[odd]), Err(RuleError::ResetUdp("x".into())));
    }

    #[test]
    fn shares_are_exact_to_a_millionth() {
        assert_eq!(Share::from_fraction(0.3).unwrap().millionths(), 300_000);
        assert_eq!(Share::from_fraction(1.0), Some(Share::ALL));
        assert_eq!(Share::from_fraction(1.1), None);
        assert_eq!(Share::from_fraction(f64::NAN), None);
        assert_eq!(Share::from_millionths(1_000_001), None);
        assert!((Share::from_millionths(1).unwrap().fraction() - 1e-6).abs() < 1e-12);
    }
}
