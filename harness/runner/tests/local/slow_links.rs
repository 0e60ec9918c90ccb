//! Links between real processes: slow, half open, and honest when nothing comes of it.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::fault::{Effect, Firing};
use shakedown_runner::environment::{End, Environment, Handle, LinkKey, Means, mechanisms_here};
use shakedown_runner::faults::{Aim, FarEnd, FaultTargetRef, Prepared, preflight};
use shakedown_scenarios::plan::{
    Direction, FaultKind, FaultPlan, LinkEnd, Repeat, Selector, Trigger,
};

use crate::doubles::{Habit, Run};

const SOON: Duration = Duration::from_secs(4);
const AT_ONCE: Duration = Duration::from_millis(10);
const DELAY: FaultKind = FaultKind::Delay {
    by_ns: 20_000_000,
    jitter_ns: 0,
    reorder: 0.0,
};

struct World {
    run: Run,
    environment: Environment,
    kind: FaultKind,
    _folder: tempfile::TempDir,
}

fn firing() -> Firing {
    Firing {
        fault: "it".into(),
        occurrence: 0,
    }
}

impl World {
    /// Two nodes and a fault between them.
    async fn new(kind: FaultKind) -> World {
        let folder = tempfile::tempdir().unwrap();
        let mut run = Run::new(folder.path(), Habit::Sound, 2);
        run.plan.faults.push(FaultPlan {
            id: firing().fault,
            kind: kind.clone(),
            to: Selector::Link {
                from: Box::new(Selector::Name("engine-1".into())),
                to: LinkEnd::Peers,
                direction: Direction::Both,
            },
            when: Trigger::AfterSteady { by_ns: 0 },
            hold_ns: 1,
            repeat: Repeat {
                times: 1,
                every_ns: 0,
                jitter_ns: 0,
            },
        });
        let environment = run.start().await.unwrap();
        World {
            run,
            environment,
            kind,
            _folder: folder,
        }
    }

    async fn inject(&self) -> Prepared {
        let aim = Aim {
            targets: vec![FaultTargetRef {
                name: "engine-1".into(),
                role: None,
            }],
            far: Some(FarEnd {
                replicas: vec!["engine-2".into()],
                services: Vec::new(),
                there_too: false,
                clients: false,
                direction: Direction::Both,
            }),
        };
        let mut fault = preflight(&firing(), &self.kind, &aim, &self.environment).unwrap();
        fault
            .arm(&self.environment, &self.run.journal)
            .await
            .unwrap();
        fault.inject(&self.environment).await.unwrap();
        fault
    }

    async fn see(&self, fault: &Prepared, within: Duration) -> Effect {
        fault.confirm(&self.environment, within).await
    }

    async fn heal(&self, fault: &mut Prepared) {
        let healed = fault.heal(&self.environment, &self.run.journal).await;
        healed.unwrap();
    }

    async fn end(self, mut fault: Prepared) {
        self.heal(&mut fault).await;
        fault
            .confirm_clean(&self.environment, &self.run.journal)
            .await
            .unwrap();
        assert_eq!(self.environment.stop().await, []);
    }

    /// True when the kernel does it: then there are no links to be looked at.
    fn is_in_kernel(&self) -> bool {
        let chosen = mechanisms_here(&self.run.plan);
        matches!(chosen[0].1, Means::Discipline(..))
    }
}

fn keys() -> [LinkKey; 2] {
    [("engine-1", "engine-2"), ("engine-2", "engine-1")].map(|(from, to)| LinkKey {
        from: End::Node(from.into()),
        to: to.into(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_is_measured_and_gone_afterwards() {
    let world = World::new(DELAY).await;
    let fault = world.inject().await;
    let effect = world.see(&fault, SOON).await;
    assert!(effect.confirmed, "{effect:?}");
    assert_eq!(effect.figures.len(), 2);
    world.end(fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_that_is_taken_away_underneath_is_not_believed() {
    let world = World::new(DELAY).await;
    let fault = world.inject().await;
    if !world.is_in_kernel() {
        let links = world.environment.links().unwrap();
        for key in keys() {
            links.take_back(&key, "it").unwrap();
        }
        let effect = world.see(&fault, AT_ONCE).await;
        assert!(!effect.confirmed, "{effect:?}");
    }
    world.end(fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_past_the_link_is_found() {
    let world = World::new(DELAY).await;
    let fault = world.inject().await;
    if !world.is_in_kernel() {
        let links = world.environment.links().unwrap();
        let peer = links.upstreams(&keys()[0])[1];
        let past = world.run.data().join("engine-1").join("past");
        fs::write(&past, peer.to_string()).unwrap();
        let until = std::time::Instant::now() + SOON;
        let effect = loop {
            let effect = world.see(&fault, AT_ONCE).await;
            if !effect.confirmed || std::time::Instant::now() > until {
                break effect;
            }
        };
        let told = format!("engine-1 is connected to {peer}, past the link");
        assert!(effect.text.contains(&told), "{effect:?}");
        fs::remove_file(past).unwrap();
    }
    world.end(fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_vanishes_is_told() {
    let world = World::new(DELAY).await;
    let mut fault = world.inject().await;
    let Some(Handle::Process(process)) = world.environment.handle("engine-2") else {
        panic!("it runs");
    };
    process.signal(Signal::KILL).unwrap();
    assert!(process.wait_exit_blocking(SOON).unwrap());
    let effect = world.see(&fault, AT_ONCE).await;
    assert!(!effect.confirmed, "{effect:?}");
    world.heal(&mut fault).await;
    let told = fault
        .confirm_clean(&world.environment, &world.run.journal)
        .await
        .unwrap_err();
    assert!(
        told.left.is_none() && told.reason.contains("not answered"),
        "{told:?}"
    );
    assert_eq!(world.environment.stop().await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_stay_open_and_say_nothing() {
    let world = World::new(FaultKind::HalfOpen).await;
    let fault = world.inject().await;
    let effect = world.see(&fault, SOON).await;
    assert!(effect.confirmed, "{effect:?}");
    assert!(
        effect.figures.iter().all(|it| it.measured > Some(0.0)),
        "{effect:?}"
    );
    world.end(fault).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_that_are_let_go_underneath_are_not_believed() {
    let world = World::new(FaultKind::HalfOpen).await;
    let fault = world.inject().await;
    let links = world.environment.links().unwrap();
    for key in keys() {
        links.take_back(&key, "it").unwrap();
    }
    let effect = world.see(&fault, AT_ONCE).await;
    assert!(!effect.confirmed, "{effect:?}");
    world.end(fault).await;
}
