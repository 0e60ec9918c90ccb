//! Name servers that do not answer: what comes from their port is dropped in the target's namespace, by UDP and TCP.
//! Proven by a question from inside to the first server of the target's own `resolv.conf`.
//!
//! Answers are dropped, not questions: whoever is not allowed to send is told so at once, and that is another fault.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use shakedown_record::fault::{Effect, EffectFigure, FaultTarget};
use tokio::time::Instant;

use super::aim::{Aim, FaultTargetRef};
use super::error::{FaultError, NotClean};
use super::kill::left;
use super::nets::Nets;
use crate::environment::{ClusterNetwork, Environment, Handle, LinkError};
use crate::mechanisms::net::NetSnapshot;
use crate::mechanisms::net::table::{
    Action, Direction, Peers, PortMatch, PortSide, Rule, RuleCounts, Share, Transport,
};
use crate::mechanisms::resolver;

const POLL: Duration = Duration::from_millis(200);
const ANSWERS_WITHIN: Duration = Duration::from_millis(800);
const CLEAN_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Names {
    places: Vec<Place>,
    network: Nets,
}

#[derive(Debug, Clone)]
struct Place {
    target: FaultTargetRef,
    server: SocketAddr,
    /// Once armed: whether it answered before anything was done, and a picture of the namespace.
    before: Option<(bool, NetSnapshot)>,
}

impl Names {
    pub(super) fn new(
        fault: &str,
        aim: &Aim,
        environment: &Environment,
    ) -> Result<Names, FaultError> {
        let not_possible = |reason: String| FaultError::NotPossible {
            fault: fault.to_string(),
            reason,
        };
        let network = environment.network().ok_or_else(|| {
            not_possible("the nodes have no network namespaces of their own here".into())
        })?;
        let place = |target: &FaultTargetRef| {
            let handle = environment.handle(&target.name);
            let Some(Handle::Process(process)) = handle else {
                return Err(FaultError::NoHandle {
                    fault: fault.to_string(),
                    kind: "dns",
                    target: target.name.clone(),
                });
            };
            let path = format!("/proc/{}/root/etc/resolv.conf", process.pid());
            // Without the file, resolvers ask their own machine.
            let text = fs::read_to_string(path).unwrap_or_default();
            Ok(Place {
                target: target.clone(),
                server: SocketAddr::new(resolver::first_server(&text), resolver::PORT),
                before: None,
            })
        };
        let places: Vec<Place> = aim.targets.iter().map(place).collect::<Result<_, _>>()?;
        match places.is_empty() {
            true => Err(FaultError::NoTarget {
                fault: fault.to_string(),
            }),
            false => Ok(Names {
                places,
                network: Nets::new(network),
            }),
        }
    }

    pub(super) fn mechanism(&self) -> String {
        "nftables (drop what comes from port 53, UDP and TCP) in a table owned by Shakedown's own socket, elements renewed \
         or gone after 2 s"
            .to_string()
    }

    pub(super) fn names(&self) -> Vec<String> {
        let names = self.places.iter().map(|place| place.target.name.clone());
        names.collect()
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        let target = |place: &Place| FaultTarget {
            name: place.target.name.clone(),
            role: place.target.role.clone(),
            handle: format!(
                "{} towards {}",
                self.network.handle(&place.target.name).unwrap_or_default(),
                place.server
            ),
        };
        self.places.iter().map(target).collect()
    }

    pub(super) async fn arm(&mut self, fault: &str) -> Result<(), FaultError> {
        let places = self.places.clone();
        let before = self.network.on(fault, move |network| {
            let look = |place: &Place| {
                let answered = answers(network, place)? == Ok(true);
                Ok((answered, network.snapshot(&place.target.name)?))
            };
            places
                .iter()
                .map(look)
                .collect::<Result<Vec<_>, LinkError>>()
        });
        let before = before.await?;
        for (place, before) in self.places.iter_mut().zip(before) {
            place.before = Some(before);
        }
        Ok(())
    }

    pub(super) async fn inject(&self, fault: &str) -> Result<(), FaultError> {
        let (names, rule, label) = (self.names(), rule(fault), fault.to_string());
        self.network
            .on(fault, move |network| {
                names
                    .iter()
                    .try_for_each(|name| network.cut(name, &label, vec![rule.clone()]))
            })
            .await
    }

    /// Looks until, at each target, an answer was dropped and none comes through.
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
        let (places, label) = (self.places.clone(), fault.to_string());
        self.network
            .on(fault, move |network| {
                let (mut texts, mut hits, mut confirmed) = (Vec::new(), 0, true);
                for place in &places {
                    let answer = answers(network, place)?;
                    let evidence = network.evidence(&place.target.name)?;
                    let counts = evidence.as_ref().and_then(|all| all.of(&label));
                    let hit = counts.map_or(0, RuleCounts::hit_packets);
                    let (seen, text) = judge(place, &answer, hit);
                    confirmed &= seen;
                    hits += hit;
                    texts.push(text);
                }
                Ok(Effect {
                    confirmed,
                    text: texts.join("; "),
                    figures: vec![EffectFigure {
                        name: "answers dropped".into(),
                        measured: Some(hits as f64),
                        unit: "packets".into(),
                        ..EffectFigure::default()
                    }],
                })
            })
            .await
    }

    /// Takes the rules away.
    pub(super) async fn heal(&mut self, fault: &str) -> Result<(), FaultError> {
        let names = self.names();
        self.network.mend(fault, names).await
    }

    /// Waits until name servers that answered before do so again, and compares the pictures.
    pub(super) async fn confirm_clean(&self, fault: &str) -> Result<(), NotClean> {
        self.network.held()?;
        let until = Instant::now() + CLEAN_WITHIN;
        loop {
            let places = self.places.clone();
            let difference = self.network.on(fault, move |network| {
                for place in &places {
                    if let Some(difference) = difference(network, place)? {
                        return Ok(Some(difference));
                    }
                }
                Ok(None)
            });
            let reason = match difference.await {
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
}

fn rule(fault: &str) -> Rule {
    let from = |transport| PortMatch {
        transport,
        side: PortSide::Remote,
        port: resolver::PORT,
    };
    Rule {
        name: fault.to_string(),
        peers: Peers::Anyone,
        direction: Direction::In,
        ports: [Transport::Udp, Transport::Tcp].map(from).into(),
        share: Share::ALL,
        action: Action::Drop,
    }
}

/// Whether a question from inside is answered; inside: why it could not be asked.
fn answers(network: &ClusterNetwork, place: &Place) -> Result<Result<bool, String>, LinkError> {
    let no_namespace = || LinkError::NoNamespace(place.target.name.clone());
    let netns = network.netns(&place.target.name).ok_or_else(no_namespace)?;
    let id = shakedown_record::monotonic_ns() as u16;
    let answered = netns.run_in(|| resolver::is_answered(place.server, id, ANSWERS_WITHIN))?;
    Ok(answered.map_err(|error| error.to_string()))
}

fn judge(place: &Place, answer: &Result<bool, String>, hit: u64) -> (bool, String) {
    let (name, server) = (&place.target.name, place.server);
    let before = match &place.before {
        Some((true, _)) => "it answered before",
        Some((false, _)) | None => "it did not answer before either",
    };
    match answer {
        Ok(true) => (false, format!("{server} still answers {name}")),
        Ok(false) if hit > 0 => (
            true,
            format!("{server} does not answer {name}, {hit} answers were dropped; {before}"),
        ),
        Ok(false) => (
            false,
            format!("no answer of {server} to {name} came that could be dropped; {before}"),
        ),
        Err(why) => (
            false,
            format!("{name} cannot ask {server}: {why}; {before}"),
        ),
    }
}

fn difference(network: &ClusterNetwork, place: &Place) -> Result<Option<String>, LinkError> {
    let Some((answered, before)) = &place.before else {
        return Ok(None);
    };
    let (name, server) = (&place.target.name, place.server);
    let changed = NetSnapshot::differences(before, &network.snapshot(name)?);
    if !changed.is_empty() {
        let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
        return Ok(Some(changed.join("; ")));
    }
    let lost = *answered && answers(network, place)? != Ok(true);
    Ok(lost.then(|| format!("{server} does not answer {name}, and did before")))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::sync::Arc;

    use super::*;

    fn name_server() -> SocketAddr {
        let socket = UdpSocket::bind(("0.0.0.0", resolver::PORT)).unwrap();
        let address = socket.local_addr().unwrap();
        std::thread::spawn(move || {
            let mut question = [0; 64];
            while let Ok((len, asker)) = socket.recv_from(&mut question) {
                question[2] |= 0x80;
                drop(socket.send_to(&question[..len], asker));
            }
        });
        address
    }

    fn names(network: &Arc<ClusterNetwork>, server: SocketAddr) -> Names {
        let target = FaultTargetRef {
            name: "engine-1".into(),
            role: None,
        };
        Names {
            places: vec![Place {
                target,
                server,
                before: None,
            }],
            network: Nets::new(Arc::clone(network)),
        }
    }

    /// With a real name server at our end of a node's network, and with one that nobody is.
    #[tokio::test(flavor = "multi_thread")]
    async fn answers_are_dropped_and_come_back_and_without_any_nothing_is_believed() {
        let network = Arc::new(ClusterNetwork::build(&["engine-1".into()]).unwrap());
        let server = SocketAddr::new(network.clients()[0], name_server().port());
        let soon = || Instant::now() + Duration::from_millis(10);
        let mut fault = names(&network, server);
        fault.arm("it").await.unwrap();
        let early = fault.confirm("it", soon()).await;
        assert!(early.text.contains("still answers"), "{early:?}");
        fault.inject("it").await.unwrap();
        let effect = fault.confirm("it", soon()).await;
        assert!(effect.confirmed, "{effect:?}");
        network.mend("engine-1", "it").unwrap();
        let underneath = fault.confirm("it", soon()).await;
        assert!(!underneath.confirmed, "{underneath:?}");
        fault.heal("it").await.unwrap();
        fault.confirm_clean("it").await.unwrap();

        let nobody = "198.51.100.1:53".parse().unwrap();
        let mut fault = names(&network, nobody);
        fault.arm("it").await.unwrap();
        fault.inject("it").await.unwrap();
        let effect = fault.confirm("it", soon()).await;
        assert!(
            !effect.confirmed && effect.text.contains("cannot ask"),
            "{effect:?}"
        );
        fault.heal("it").await.unwrap();
        fault.confirm_clean("it").await.unwrap();
    }
}
