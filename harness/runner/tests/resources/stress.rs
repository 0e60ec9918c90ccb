use std::time::Duration;

use rustix::process::Signal;
use shakedown_record::monotonic_ns;
use shakedown_runner::mechanisms::cgroup::{Controller, Version};
use shakedown_runner::mechanisms::stress::{StressError, StressPlace, StressPlan, StressWorkers};
use shakedown_runner::mechanisms::{ProcessHandle, Spawner};

use super::doubles::{Case, LONG, SOON, Target, eventually, write_exe};

const WANTED: Duration = Duration::from_millis(200);

fn plan(target: &Target, place: StressPlace, lasts: Duration) -> StressPlan {
    StressPlan {
        target: target.handle.clone(),
        placement: place,
        workers: 2,
        until_mono_ns: monotonic_ns() + lasts.as_nanos() as u64,
    }
}

fn handles(workers: &StressWorkers) -> Vec<ProcessHandle> {
    let open = |id| ProcessHandle::open(id).unwrap().unwrap();
    workers.processes().into_iter().map(open).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_burn_and_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (target, spawner) = (Target::sleeper(), Spawner::start().unwrap());
    let exe = write_exe(folder.path());
    let plan = plan(&target, StressPlace::TargetCpus, LONG * 3);
    let workers = StressWorkers::start(&spawner, &exe, plan).await.unwrap();
    let burnt = workers.confirm(WANTED, LONG).unwrap();
    assert_eq!(burnt.workers, 2);
    assert!(burnt.used_us >= 200_000, "{burnt}");
    // Held, they use nothing, and that is seen.
    let handles = handles(&workers);
    for worker in &handles {
        worker.signal(Signal::STOP).unwrap();
    }
    std::thread::sleep(Duration::from_millis(20));
    let error = workers.confirm(WANTED, SOON).unwrap_err();
    assert!(
        matches!(error, StressError::TooLittle { alive: 2, .. }),
        "{error}"
    );
    workers.stop().await.unwrap();
    workers.stop().await.unwrap();
    assert!(handles.iter().all(|worker| worker.has_exited().unwrap()));
    let error = workers.confirm(WANTED, SOON).unwrap_err();
    assert!(
        matches!(error, StressError::TooLittle { alive: 0, .. }),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_end_at_their_deadline_with_their_line_and_with_their_spawner() {
    let folder = tempfile::tempdir().unwrap();
    let (target, spawner) = (Target::sleeper(), Spawner::start().unwrap());
    let exe = write_exe(folder.path());
    let start = async |lasts| {
        let plan = plan(&target, StressPlace::TargetCpus, lasts);
        StressWorkers::start(&spawner, &exe, plan).await.unwrap()
    };
    let timed = start(Duration::from_secs(1)).await;
    // On a machine that stood still its second is over before anybody looks for it.
    for id in timed.processes() {
        if let Some(worker) = ProcessHandle::open(id).unwrap() {
            assert!(worker.wait_exit(LONG).await.unwrap());
        }
    }
    let dropped = start(LONG * 3).await;
    let workers = handles(&dropped);
    drop(dropped);
    for worker in workers {
        assert!(worker.wait_exit(LONG).await.unwrap());
    }
    let orphaned = start(LONG * 3).await;
    let workers = handles(&orphaned);
    drop(spawner);
    for worker in workers {
        assert!(worker.wait_exit(LONG).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_join_the_targets_group() {
    let folder = tempfile::tempdir().unwrap();
    let (target, spawner) = (Target::sleeper(), Spawner::start().unwrap());
    let case = Case::new(&target, Version::V1, Controller::Cpu, "stress");
    let group = case.placement.enter().unwrap();
    let exe = write_exe(folder.path());
    let plan = plan(&target, StressPlace::TargetGroup, LONG * 3);
    let workers = StressWorkers::start(&spawner, &exe, plan).await.unwrap();
    let members = group.members().unwrap();
    let joined = |worker: &ProcessHandle| members.contains(&worker.pid());
    assert!(handles(&workers).iter().all(joined), "{members:?}");
    workers.confirm(WANTED, LONG).unwrap();
    workers.stop().await.unwrap();
    eventually("the target alone", || group.members().unwrap().len() == 1);
    case.finish();
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let target = Target::sleeper();
    let asked = plan(&target, StressPlace::TargetGroup, LONG);
    StressWorkers::preflight(&asked).unwrap();
    let refuse = |plan: &StressPlan| StressWorkers::preflight(plan).unwrap_err();
    let none = StressPlan {
        workers: 0,
        ..asked.clone()
    };
    assert!(matches!(refuse(&none), StressError::Workers(0)));
    let late = StressPlan {
        until_mono_ns: 1,
        ..asked.clone()
    };
    assert!(matches!(refuse(&late), StressError::Deadline));
    let spawner = Spawner::start().unwrap();
    let error = StressWorkers::start(&spawner, "/bin/true".as_ref(), asked.clone()).await;
    assert!(matches!(error, Err(StressError::NotReady(_))), "{error:?}");
    target.kill();
    assert!(matches!(refuse(&asked), StressError::Gone(_)));
}
