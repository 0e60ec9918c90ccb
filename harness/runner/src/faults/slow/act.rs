//! The life of such a fault.

use std::sync::Arc;
use std::time::Duration;

use shakedown_record::fault::{Effect, FaultTarget, Firing};
use shakedown_scenarios::plan::FaultKind;
use tokio::time::Instant;

use super::course::{By, Course, What};
use super::look::{Before, Insider};
use crate::environment::{
    ClusterNetwork, End, Environment, Handle, LinkError, LinkKey, LinkWeb, Means, Route, Steering,
};
use crate::faults::aim::Aim;
use crate::faults::error::{FaultError, NotClean};
use crate::faults::kill::left;
use crate::mechanisms::net::{NetSnapshot, NetnsError};

const POLL: Duration = Duration::from_millis(50);
const CLEAN_WITHIN: Duration = Duration::from_secs(10);
/// A round trip is back when it takes no longer than before by more than this and a quarter of what was asked.
const BACK_NS: u64 = 5_000_000;

#[derive(Debug)]
pub(in crate::faults) struct Slow {
    course: Arc<Course>,
    /// Pictures of the senders' namespaces, once armed.
    pictures: Vec<(String, NetSnapshot)>,
    before: Arc<Before>,
}

impl Slow {
    pub(in crate::faults) fn new(
        firing: &Firing,
        kind: &FaultKind,
        aim: &Aim,
        environment: &Environment,
    ) -> Result<Slow, FaultError> {
        let not_possible = |reason: &str| FaultError::NotPossible {
            fault: firing.label(),
            reason: reason.to_string(),
        };
        let what = What::of(kind).ok_or_else(|| not_possible("it is not done to links"))?;
        let far = aim
            .far
            .clone()
            .ok_or_else(|| not_possible("only one end is named"))?;
        let network = environment.network();
        let by = match (environment.means(&firing.fault), &network) {
            (Some(Means::Discipline(name, steering)), Some(network)) => {
                By::Discipline(name, steering, Arc::clone(network))
            }
            (Some(Means::Userspace { why }), _) => {
                let links = environment.links();
                By::Links(
                    links.ok_or_else(|| not_possible("there are no userspace links"))?,
                    why,
                )
            }
            (Some(Means::Table | Means::Discipline(..)) | None, _) => {
                return Err(not_possible("no mechanism for it was chosen for this run"));
            }
        };
        let mut course = Course {
            fault: firing.label(),
            what,
            by,
            near: aim.targets.clone(),
            far,
            routes: Vec::new(),
            network,
            orders_per_s: environment.orders_per_s(),
        };
        course.routes = routes(&course, environment).map_err(not_possible)?;
        Ok(Slow {
            course: Arc::new(course),
            pictures: Vec::new(),
            before: Arc::default(),
        })
    }

    pub(in crate::faults) fn name(&self) -> &'static str {
        self.course.what.name()
    }

    pub(in crate::faults) fn names(&self) -> Vec<String> {
        self.course.names()
    }

    pub(in crate::faults) fn mechanism(&self) -> String {
        let direction = self.course.far.direction.name();
        match &self.course.by {
            By::Discipline(name, Steering::Table, _) => format!(
                "{name} ({direction}) on what nftables steers there, in the namespaces of the senders, which end with \
                 Shakedown"
            ),
            By::Discipline(name, Steering::Filters, _) => format!(
                "{name} ({direction}) on what filters (u32) steer there, in the namespaces of the senders"
            ),
            By::Links(_, why) => format!(
                "userspace links ({direction}) of Shakedown's own process, which end with it: {why}"
            ),
        }
    }

    pub(in crate::faults) fn targets(&self) -> Vec<FaultTarget> {
        let course = &self.course;
        let far = course.far_words();
        let handle = |name: &str| match &course.by {
            By::Discipline(_, _, network) => network.handle(name).unwrap_or_default(),
            By::Links(..) => "its userspace links".to_string(),
        };
        let target = |near: &crate::faults::aim::FaultTargetRef| FaultTarget {
            name: near.name.clone(),
            role: near.role.clone(),
            handle: format!("{} towards {far}", handle(&near.name)),
        };
        course.near.iter().map(target).collect()
    }

    /// Takes pictures, and sees how long round trips take before anything is done.
    pub(in crate::faults) async fn arm(&mut self) -> Result<(), FaultError> {
        let found = self.blocking(|course| {
            let calm = course.round_trips()?;
            let held = match course.what {
                What::HalfOpen => course.hold()?,
                What::Delay { .. }
                | What::Bandwidth { .. }
                | What::Cut
                | What::Lose(_)
                | What::Reset => Ok(Vec::new()),
            };
            let before = calm.and_then(|calm_ns| {
                Ok(Before {
                    calm_ns,
                    held: held?,
                })
            });
            let before = before.map_err(|error| FaultError::NotPossible {
                fault: course.fault.clone(),
                reason: format!(
                    "{} is not answered by {} before anything was done: {error}",
                    course.names().join(", "),
                    course.far_words()
                ),
            })?;
            Ok((before, course.pictures()?))
        });
        let (before, pictures) = found.await?;
        (self.before, self.pictures) = (Arc::new(before), pictures);
        Ok(())
    }

    pub(in crate::faults) async fn inject(&self) -> Result<(), FaultError> {
        self.blocking(|course| match &course.by {
            By::Links(web, _) => {
                for lane in course.lanes() {
                    let condition = course.condition(&lane);
                    web.put(&lane.key, &course.fault, condition)
                        .map_err(|source| course.userspace(source))?;
                }
                Ok(())
            }
            By::Discipline(_, steering, network) => {
                let shape = course.shape().ok_or_else(|| FaultError::NotPossible {
                    fault: course.fault.clone(),
                    reason: "no discipline can do that".to_string(),
                })?;
                for (name, peers) in course.senders(network) {
                    network
                        .shape(&name, &course.fault, &shape, (peers, *steering))
                        .map_err(|source| course.link(source))?;
                }
                Ok(())
            }
        })
        .await
    }

    /// Looks until what was asked can be measured at both ends.
    pub(in crate::faults) async fn confirm(
        &self,
        environment: &Environment,
        until: Instant,
    ) -> Effect {
        loop {
            let (before, insiders) = (Arc::clone(&self.before), self.insiders(environment));
            let seen = self.blocking(move |course| course.look(&before, &insiders));
            let effect = match seen.await {
                Ok(effect) => effect,
                Err(error) => Effect::not_seen(error.to_string()),
            };
            if effect.confirmed || left(until).is_zero() {
                return effect;
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The processes that are to go through the links.
    fn insiders(&self, environment: &Environment) -> Vec<Insider> {
        let By::Links(web, _) = &self.course.by else {
            return Vec::new();
        };
        let insider = |lane: super::course::Lane| {
            let End::Node(name) = &lane.key.from else {
                return None;
            };
            let Handle::Process(process) = environment.handle(name)?;
            Some(Insider {
                name: name.clone(),
                pid: process.pid(),
                upstreams: web.upstreams(&lane.key),
            })
        };
        let lanes = self.course.lanes().into_iter();
        lanes.filter_map(insider).collect()
    }

    pub(in crate::faults) async fn heal(&self) -> Result<(), FaultError> {
        // What cannot be taken back at one place is no reason to leave it at another.
        self.blocking(|course| {
            let healed: Vec<Result<(), FaultError>> = match &course.by {
                By::Links(web, _) => {
                    let lanes = course.lanes().into_iter();
                    lanes
                        .map(|lane| web.take_back(&lane.key, &course.fault))
                        .map(|done| done.map_err(|source| course.userspace(source)))
                        .collect()
                }
                By::Discipline(_, _, network) => {
                    let senders = course.senders(network).into_iter();
                    senders
                        .map(|(name, _)| network.unshape(&name, &course.fault))
                        .map(|done| done.map_err(|source| course.link(source)))
                        .collect()
                }
            };
            healed.into_iter().collect()
        })
        .await
    }

    /// Waits until the links are as before, round trips take no longer, and the pictures are equal.
    pub(in crate::faults) async fn confirm_clean(&self) -> Result<(), NotClean> {
        let until = Instant::now() + CLEAN_WITHIN;
        loop {
            let (before, pictures) = (Arc::clone(&self.before), self.pictures.clone());
            let difference = self.blocking(move |course| course.difference(&before, &pictures));
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

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Course) -> Result<T, FaultError> + Send + 'static,
    ) -> Result<T, FaultError> {
        let course = Arc::clone(&self.course);
        match tokio::task::spawn_blocking(move || work(&course)).await {
            Ok(done) => done,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl Course {
    fn pictures(&self) -> Result<Vec<(String, NetSnapshot)>, FaultError> {
        let Some(network) = &self.network else {
            return Ok(Vec::new());
        };
        let all = self.names().into_iter().chain(self.far.replicas.clone());
        let entered = all.filter(|name| !network.is_remote(name));
        entered
            .map(|name| {
                let picture = network
                    .snapshot(&name)
                    .map_err(|source| self.link(source))?;
                Ok((name, picture))
            })
            .collect()
    }

    fn difference(
        &self,
        before: &Before,
        pictures: &[(String, NetSnapshot)],
    ) -> Result<Option<String>, FaultError> {
        for ((_, before), (name, after)) in pictures.iter().zip(self.pictures()?) {
            let changed = NetSnapshot::differences(before, &after);
            if !changed.is_empty() {
                let changed: Vec<String> = changed.iter().map(ToString::to_string).collect();
                return Ok(Some(format!("{name}: {}", changed.join("; "))));
            }
        }
        if let By::Links(web, _) = &self.by {
            let lanes = self.lanes();
            if let Some(lane) = lanes
                .iter()
                .find(|it| !web.is_without(&it.key, &self.fault))
            {
                return Ok(Some(format!(
                    "the link to {} is not as before",
                    lane.key.to
                )));
            }
        }
        let asked_ns = match self.what {
            What::Delay { by_ns, .. } => by_ns * self.passes(),
            What::Bandwidth { .. } | What::HalfOpen | What::Cut | What::Lose(_) | What::Reset => 0,
        };
        let now = match self.round_trips()? {
            Ok(now) => now,
            Err(error) => {
                let (from, to) = (self.names().join(", "), self.far_words());
                return Ok(Some(format!("{from} is not answered by {to}: {error}")));
            }
        };
        let limit_ns = |calm_ns: &u64| match asked_ns {
            0 => u64::MAX,
            asked_ns => calm_ns + asked_ns / 4 + BACK_NS,
        };
        let still = before
            .calm_ns
            .iter()
            .zip(&now)
            .find(|(calm_ns, now_ns)| **now_ns > limit_ns(calm_ns));
        Ok(still.map(|(calm_ns, now_ns)| {
            format!("a round trip takes {now_ns} ns, and took {calm_ns} ns before")
        }))
    }

    pub(super) fn failed(&self, source: NetnsError) -> FaultError {
        self.link(LinkError::Netns(source))
    }

    pub(super) fn link(&self, source: LinkError) -> FaultError {
        FaultError::Link {
            fault: self.fault.clone(),
            source,
        }
    }

    fn userspace(&self, source: crate::mechanisms::link::LinkError) -> FaultError {
        FaultError::Userspace {
            fault: self.fault.clone(),
            source,
        }
    }
}

/// From each first end to each second one, by the way that the system's own traffic goes.
fn routes(course: &Course, environment: &Environment) -> Result<Vec<Route>, &'static str> {
    let address = |name: &str| environment.address(name).ok_or("nobody serves at its end");
    let mut routes = Vec::new();
    for near in &course.near {
        if course.far.clients {
            routes.push(through(&course.by, End::Clients, &near.name, || {
                Ok(Route {
                    netns: None,
                    to: address(&near.name)?,
                })
            })?);
        }
        for far in &course.far.replicas {
            let from = End::Node(near.name.clone());
            routes.push(through(&course.by, from, far, || {
                let network: Option<&Arc<ClusterNetwork>> = course.network.as_ref();
                Ok(Route {
                    netns: network.and_then(|network| network.netns(&near.name)),
                    to: address(far)?,
                })
            })?);
        }
    }
    Ok(routes)
}

fn through(
    by: &By,
    from: End,
    to: &str,
    directly: impl FnOnce() -> Result<Route, &'static str>,
) -> Result<Route, &'static str> {
    let By::Links(web, _) = by else {
        return directly();
    };
    let web: &LinkWeb = web;
    let key = LinkKey {
        from,
        to: to.to_string(),
    };
    let to = web
        .http(&key)
        .ok_or("no userspace link lies between its ends")?;
    Ok(Route {
        netns: web.netns(&key),
        to,
    })
}
