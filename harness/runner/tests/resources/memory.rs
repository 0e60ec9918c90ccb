use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use shakedown_runner::mechanisms::cgroup::{
    CgroupError, Cgroups, Controller, MemoryLimit, NoEffect, Version,
};

use super::doubles::{Case, LONG, SOON, Target, eventually, tag};

const MIB: u64 = 1 << 20;

/// A group as a container's runtime makes one, below the group in which the tests run.
struct Container {
    dir: PathBuf,
}

impl Container {
    fn around(target: &Target, name: &str) -> Container {
        let cgroups = Cgroups::discover().unwrap();
        let hierarchy = cgroups.with_controller(Controller::Memory).unwrap()[0];
        let present = cgroups.group_of(target.handle.id(), hierarchy).unwrap();
        let dir = present.dir().join(format!("container-{}", tag(name)));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("cgroup.procs"), target.handle.pid().to_string()).unwrap();
        Container { dir }
    }

    fn limit(&self) -> String {
        fs::read_to_string(self.dir.join("memory.limit_in_bytes")).unwrap()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let until = std::time::Instant::now() + LONG;
        while fs::remove_dir(&self.dir).is_err() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(!self.dir.exists() || std::thread::panicking());
    }
}

#[tokio::test]
async fn a_process_that_asks_for_memory_is_killed_and_counted() {
    let mut target = Target::role("eater", &[]);
    target.tell("1");
    assert_eq!(target.answer(), "eaten");
    let case = Case::new(&target, Version::V1, Controller::Memory, "oom");
    let limit = MemoryLimit::of(case.placement.enter().unwrap(), &target.handle).unwrap();
    let before = limit.counters().unwrap();
    let lowered = limit.starve().unwrap();
    target.tell("64");
    let kill = limit.confirm_oom(before, lowered, LONG).unwrap();
    assert!(kill.kills >= 1);
    let exit = target.child.wait(LONG).await.unwrap();
    kill.agrees_with(&exit).unwrap();
    case.finish();
}

#[tokio::test]
async fn a_container_of_its_own_is_starved_as_it_is() {
    let mut target = Target::role("eater", &[]);
    let container = Container::around(&target, "starved");
    let unlimited = container.limit();
    target.tell("32");
    assert_eq!(target.answer(), "eaten");
    let case = Case::new(&target, Version::V1, Controller::Memory, "container");
    assert_eq!(case.placement.group().dir(), container.dir);
    let limit = MemoryLimit::of(case.placement.enter().unwrap(), &target.handle).unwrap();
    let before = limit.counters().unwrap();
    assert!(before.usage_bytes > 32 * MIB, "{before:?}");
    let lowered = limit.starve().unwrap();
    assert!(lowered < 48 * MIB, "{lowered}");
    target.tell("64");
    let kill = limit.confirm_oom(before, lowered, LONG).unwrap();
    let exit = target.child.wait(LONG).await.unwrap();
    kill.agrees_with(&exit).unwrap();
    assert_eq!(
        case.differences().len(),
        1 + usize::from(has_memsw(&container))
    );
    case.finish();
    assert_eq!(container.limit(), unlimited);
}

fn has_memsw(container: &Container) -> bool {
    container.dir.join("memory.memsw.limit_in_bytes").exists()
}

#[test]
fn a_process_that_asks_for_nothing_survives_and_that_is_said() {
    let target = Target::sleeper();
    eventually("sleep runs", || {
        fs::read_to_string(format!("/proc/{}/comm", target.handle.pid())).unwrap() == "sleep\n"
    });
    let case = Case::new(&target, Version::V1, Controller::Memory, "survives");
    let limit = MemoryLimit::of(case.placement.enter().unwrap(), &target.handle).unwrap();
    let before = limit.counters().unwrap();
    let lowered = limit.starve().unwrap();
    let error = limit.confirm_oom(before, lowered, SOON).unwrap_err();
    assert!(matches!(error, NoEffect::Survived { .. }), "{error}");
    case.finish();
    target.kill();
}

#[tokio::test]
async fn another_death_is_no_death_for_want_of_memory() {
    let target = Target::script("read word; exit 3");
    let case = Case::new(&target, Version::V1, Controller::Memory, "other");
    let limit = MemoryLimit::of(case.placement.enter().unwrap(), &target.handle).unwrap();
    let before = limit.counters().unwrap();
    target.kill();
    let error = limit.confirm_oom(before, 0, LONG).unwrap_err();
    assert!(matches!(error, NoEffect::EndedOtherwise { .. }), "{error}");
    case.finish();
}

#[test]
fn a_limit_is_run_into_without_a_death() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("written");
    let mut target = Target::role("writer", &[file.to_str().unwrap()]);
    let case = Case::new(&target, Version::V1, Controller::Memory, "limit");
    let limit = MemoryLimit::of(case.placement.enter().unwrap(), &target.handle).unwrap();
    let before = limit.counters().unwrap();
    limit.apply(16 * MIB).unwrap();
    let error = limit.confirm_limited(before, SOON).unwrap_err();
    assert!(matches!(error, NoEffect::LimitNeverHit { .. }), "{error}");
    target.tell("go");
    let hit = limit.confirm_limited(before, LONG).unwrap();
    assert!(hit.usage_bytes <= 16 * MIB, "{hit}");
    assert!(!target.handle.has_exited().unwrap());
    case.finish();
    target.kill();
}

#[test]
fn a_group_with_strangers_is_not_limited() {
    let (target, stranger) = (Target::sleeper(), Target::sleeper());
    let case = Case::new(&target, Version::V1, Controller::Memory, "shared");
    let group = case.placement.enter().unwrap();
    let limit = MemoryLimit::of(group.clone(), &target.handle).unwrap();
    fs::write(
        group.dir().join("cgroup.procs"),
        stranger.handle.pid().to_string(),
    )
    .unwrap();
    for refused in [limit.apply(MIB), limit.starve().map(drop)] {
        assert!(
            matches!(refused, Err(CgroupError::Shared { .. })),
            "{refused:?}"
        );
    }
    assert!(MemoryLimit::of(group, &target.handle).is_err());
    case.finish();
}
