//! Links: packets between two ends are dropped, dropped by chance, or answered with a reset, by nftables in the
//! namespaces of the first end. Proven by the kernel's counters and by connections that do, or do not, come about.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use shakedown_record::fault::{Effect, EffectFigure, FaultTarget};
use shakedown_scenarios::plan::{Direction as Way, FaultKind};
use tokio::time::Instant;

use super::aim::{Aim, FarEnd, FaultTargetRef};
use super::error::{FaultError, NotClean};
use super::kill::left;
use super::nets::Nets;
use super::strength::Strength;
use crate::environment::Environment;
use crate::mechanisms::net::NetSnapshot;
use crate::mechanisms::net::table::{
    Action, Direction, Peers, PortMatch, PortSide, Rule, RuleCounts, Share, Transport,
};

const POLL: Duration = Duration::from_millis(50);
/// An address for documentation: no packet comes from there or goes there.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// A handshake inside one machine takes far less; one whose packets are lost is tried again after 1 s.
const CONNECTS_WITHIN: Duration = Duration::from_millis(400);
const CLEAN_WITHIN: Duration = Duration::from_secs(10);
/// So many packets tell a share of a few percent from none.
const ENOUGH_PACKETS: u64 = 1_000;
/// A measured share may be off by so many standard deviations of chance: one run in 15,000 is further off.
const DEVIATIONS: f64 = 4.0;

/// What is done to the packets.
#[derive(Debug, Clone, PartialEq)]
enum What {
    Drop,
    Lose(f64),
    Reset,
}

#[derive(Debug)]
pub(super) struct Link {
    what: What,
    ports: Vec<u16>,
    near: Vec<FaultTargetRef>,
    far: FarEnd,
    network: Nets,
    /// One address at which the far end serves, to try connections.
    probe: SocketAddr,
    /// Pictures of the near ends, once armed.
    before: Vec<NetSnapshot>,
}

impl Link {
    pub(super) fn new(
        fault: &str,
        kind: &FaultKind,
        aim: &Aim,
        environment: &Environment,
    ) -> Result<Link, FaultError> {
        let no_link = |reason: &str| FaultError::NotPossible {
            fault: fault.to_string(),
            reason: reason.to_string(),
        };
        let (what, ports) = match kind {
            FaultKind::Partition { ports } => (What::Drop, ports),
            FaultKind::Loss { share, ports } => (What::Lose(*share), ports),
            FaultKind::Reset { ports } => (What::Reset, ports),
            FaultKind::Kill { .. }
            | FaultKind::Freeze { .. }
            | FaultKind::Restart { .. }
            | FaultKind::Stop { .. }
            | FaultKind::Disconnect
            | FaultKind::Cpu { .. }
            | FaultKind::CpuStress { .. }
            | FaultKind::Memory { .. }
            | FaultKind::OutOfMemory
            | FaultKind::SlowDisk { .. }
            | FaultKind::FailingDisk { .. }
            | FaultKind::DiskFull { .. }
            | FaultKind::PowerCut
            | FaultKind::ClockSkew { .. }
            | FaultKind::Delay { .. }
            | FaultKind::Bandwidth { .. }
            | FaultKind::HalfOpen
            | FaultKind::Dns
            | FaultKind::Cluster(_)
            | FaultKind::KillSwitch { .. }
            | FaultKind::Operation(_)
            | FaultKind::Hook(_) => return Err(no_link("it is not done to links")),
        };
        let network = environment
            .network()
            .ok_or_else(|| no_link("the nodes have no network namespaces of their own here"))?;
        let far = aim
            .far
            .clone()
            .ok_or_else(|| no_link("only one end is named"))?;
        // Clients come to the near end, replicas are gone to.
        let served_by = match far.replicas.first() {
            Some(replica) => Some(replica),
            None => aim.targets.first().map(|target| &target.name),
        };
        let probe = served_by
            .and_then(|name| environment.address(name))
            .ok_or_else(|| no_link("nobody serves at its second end"))?;
        let port = ports.first().copied().unwrap_or(probe.port());
        Ok(Link {
            what,
            ports: ports.clone(),
            near: aim.targets.clone(),
            far,
            network: Nets::new(network),
            probe: SocketAddr::new(probe.ip(), port),
            before: Vec::new(),
        })
    }

    pub(super) fn mechanism(&self) -> String {
        let what = match self.what {
            What::Drop => "drop".to_string(),
            What::Lose(share) => format!("drop {:.4} % by chance", share * 100.0),
            What::Reset => "answer with a reset".to_string(),
        };
        format!(
            "nftables ({what}, {}) in a table owned by Shakedown's own socket, elements renewed or gone after 2 s",
            self.far.direction.name()
        )
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.near.iter().map(|target| target.name.clone()).collect()
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        let far = match self.far.clients {
            true => "the clients".to_string(),
            false => self.far.replicas.join(", "),
        };
        let target = |near: &FaultTargetRef| FaultTarget {
            name: near.name.clone(),
            role: near.role.clone(),
            handle: format!(
                "{} towards {far}",
                self.network.handle(&near.name).unwrap_or_default()
            ),
        };
        self.near.iter().map(target).collect()
    }

    /// Takes pictures, and sees that the link carries connections: a dead one cannot be cut.
    pub(super) async fn arm(&mut self, fault: &str) -> Result<(), FaultError> {
        let names = self.names();
        let pictures = self.network.on(fault, move |network| {
            names
                .iter()
                .map(|name| network.snapshot(name))
                .collect::<Result<Vec<_>, _>>()
        });
        self.before = pictures.await?;
        if self.all_connect(fault).await? {
            return Ok(());
        }
        Err(FaultError::NotPossible {
            fault: fault.to_string(),
            reason: format!(
                "no connection to {} comes about before anything was done",
                self.probe
            ),
        })
    }

    pub(super) async fn inject(&self, fault: &str, strength: Strength) -> Result<(), FaultError> {
        let (mut rule, names) = (self.rule(fault), self.names());
        if strength == Strength::Blunt {
            rule.peers = Peers::Addresses([NOBODY].into());
        }
        let label = fault.to_string();
        self.network
            .on(fault, move |network| {
                names
                    .iter()
                    .try_for_each(|name| network.cut(name, &label, vec![rule.clone()]))
            })
            .await
    }

    fn rule(&self, fault: &str) -> Rule {
        let far = self.far.replicas.iter();
        let mut peers: BTreeSet<IpAddr> =
            far.flat_map(|name| self.network.addresses(name)).collect();
        if self.far.clients {
            peers.extend(self.network.clients());
        }
        let both_sides = |port: &u16| {
            [PortSide::Local, PortSide::Remote].map(|side| PortMatch {
                transport: Transport::Tcp,
                side,
                port: *port,
            })
        };
        Rule {
            name: fault.to_string(),
            peers: Peers::Addresses(peers),
            direction: match self.far.direction {
                Way::Both => Direction::Both,
                Way::There => Direction::Out,
                Way::Back => Direction::In,
            },
            ports: self.ports.iter().flat_map(both_sides).collect(),
            share: match self.what {
                What::Lose(share) => Share::from_fraction(share).unwrap_or(Share::ALL),
                What::Drop | What::Reset => Share::ALL,
            },
            action: match self.what {
                What::Drop | What::Lose(_) => Action::Drop,
                What::Reset => Action::Reset,
            },
        }
    }

    /// Looks until packets were hit, and, where all of them should be, no connection comes about any more.
    pub(super) async fn confirm(&self, fault: &str, until: Instant) -> Effect {
        loop {
            let effect = match self.look(fault).await {
                Ok(effect) => effect,
                Err(error) => Effect::not_seen(error.to_string()),
            };
            if effect.confirmed || left(until).is_zero() {
                return effect;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn look(&self, fault: &str) -> Result<Effect, FaultError> {
        // Between pods there may be no traffic but that of this trial, and its packets count.
        let remote = self.goes_to_remote();
        let still = remote && self.any_connects(fault).await?;
        let counts = self.counts(fault).await?;
        let hit: u64 = counts.iter().map(RuleCounts::hit_packets).sum();
        let seen: u64 = counts.iter().map(RuleCounts::seen_packets).sum();
        let mut figures = vec![EffectFigure {
            name: "packets hit".into(),
            measured: Some(hit as f64),
            unit: "packets".into(),
            ..EffectFigure::default()
        }];
        let nobody_hit = counts.iter().any(|counts| counts.hit_packets() == 0);
        let told = match self.what {
            _ if nobody_hit && !self.far.there_too => {
                Err("at one end no packet was hit".to_string())
            }
            What::Lose(share) => {
                let (figure, told) = lost(share, hit, seen);
                figures.push(figure);
                told
            }
            // Only they could try; what the kernel dropped of what they sent is all that is seen from this end.
            What::Drop | What::Reset if self.clients_are_elsewhere() => Ok(format!(
                "{hit} packets of clients, who are elsewhere, were hit; no connection was tried from their side"
            )),
            What::Drop | What::Reset if still || !remote && self.any_connects(fault).await? => {
                Err(format!(
                    "{hit} packets were hit, but connections to {} still come about",
                    self.probe
                ))
            }
            What::Drop | What::Reset => Ok(format!(
                "{hit} packets were hit, and no connection to {} comes about{}",
                self.probe,
                self.seen_from()
            )),
        };
        let effect = match told {
            Ok(text) => Effect::seen(text),
            Err(text) => Effect::not_seen(text),
        };
        Ok(Effect { figures, ..effect })
    }

    fn clients_are_elsewhere(&self) -> bool {
        self.far.clients && !self.network.clients_are_here()
    }

    /// True when a far end cannot be entered from here.
    fn goes_to_remote(&self) -> bool {
        let mut far = self.far.replicas.iter();
        far.any(|name| self.network.is_remote(name))
    }

    fn seen_from(&self) -> &'static str {
        match self.goes_to_remote() {
            true => {
                " (tried from the near end only: the far end is on another node, or not entered)"
            }
            false => "",
        }
    }

    async fn counts(&self, fault: &str) -> Result<Vec<RuleCounts>, FaultError> {
        let (names, label) = (self.names(), fault.to_string());
        self.network
            .on(fault, move |network| {
                let of = |name: &String| {
                    let evidence = network.evidence(name)?;
                    let counts = evidence.and_then(|evidence| evidence.of(&label).cloned());
                    Ok(counts.unwrap_or_default())
                };
                names.iter().map(of).collect()
            })
            .await
    }

    async fn all_connect(&self, fault: &str) -> Result<bool, FaultError> {
        Ok(self.connections(fault).await?.into_iter().all(|it| it))
    }

    async fn any_connects(&self, fault: &str) -> Result<bool, FaultError> {
        Ok(self.connections(fault).await?.into_iter().any(|it| it))
    }

    /// Whether a connection comes about, for each near end.
    async fn connections(&self, fault: &str) -> Result<Vec<bool>, FaultError> {
        let (names, to, clients) = (self.names(), self.probe, self.far.clients);
        self.network
            .on(fault, move |network| match clients {
                true => Ok(vec![
                    TcpStream::connect_timeout(&to, CONNECTS_WITHIN).is_ok(),
                ]),
                false => names
                    .iter()
                    .map(|name| network.connects(name, to, CONNECTS_WITHIN))
                    .collect(),
            })
            .await
    }

    /// Takes the rules away.
    pub(super) async fn heal(&mut self, fault: &str) -> Result<(), FaultError> {
        let names = self.names();
        self.network.mend(fault, names).await
    }

    /// Waits until connections come about again, and compares the pictures.
    pub(super) async fn confirm_clean(&self, fault: &str) -> Result<(), NotClean> {
        self.network.held()?;
        let until = Instant::now() + CLEAN_WITHIN;
        loop {
            let reason = match self.difference(fault).await {
                Ok(None) => return Ok(()),
                Ok(Some(reason)) => reason,
                Err(error) => error.to_string(),
            };
            if left(until).is_zero() {
                return Err(NotClean { left: None, reason });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn difference(&self, fault: &str) -> Result<Option<String>, FaultError> {
        let names = self.names();
        let pictures = self.network.on(fault, move |network| {
            names
                .iter()
                .map(|name| network.snapshot(name))
                .collect::<Result<Vec<_>, _>>()
        });
        for (before, after) in self.before.iter().zip(pictures.await?) {
            let changed = NetSnapshot::differences(before, &after);
            if !changed.is_empty() {
                let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
                return Ok(Some(changed.join("; ")));
            }
        }
        let back = self.all_connect(fault).await?;
        Ok((!back).then(|| format!("no connection to {} comes about", self.probe)))
    }
}

/// The share that was lost, held against the one asked for: within what chance explains.
pub(super) fn lost(asked: f64, hit: u64, seen: u64) -> (EffectFigure, Result<String, String>) {
    let packets = seen.max(1) as f64;
    let measured = hit as f64 / packets;
    let error = DEVIATIONS * (asked * (1.0 - asked) / packets).sqrt();
    let figure = EffectFigure {
        name: "loss".into(),
        asked: Some(asked),
        measured: Some(measured),
        unit: "fraction".into(),
        error: Some(error),
    };
    let text = format!(
        "{hit} of {seen} packets were lost, {:.2} % for {:.2} % asked",
        measured * 100.0,
        asked * 100.0
    );
    let told = match figure.within_error() {
        Some(true) if seen >= ENOUGH_PACKETS => Ok(text),
        Some(true) => Err(format!("{text}: too few packets to tell")),
        Some(false) | None => Err(format!("{text}: further off than chance explains")),
    };
    (figure, told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_believed_within_what_chance_explains() {
        assert!(lost(0.1, 100, 1_000).1.is_ok());
        assert!(lost(0.1, 135, 1_000).1.is_ok());
        assert!(lost(0.1, 145, 1_000).1.is_err());
        assert!(lost(0.1, 0, 1_000).1.is_err());
        assert!(lost(0.1, 10, 100).1.unwrap_err().contains("too few"));
        assert!(lost(0.1, 0, 0).1.is_err());
    }
}
