use std::time::Duration;

use rustix::process::Signal;
use shakedown_runner::mechanisms::ProcessHandle;
use shakedown_runner::mechanisms::cgroup::{
    Cgroups, Controller, Freezer, FreezerState, NoEffect, Undo, Version,
};

use super::doubles::{Case, LONG, SOON, Target, eventually, tag, write_exe};

/// Times that the process was switched out, over its threads.
fn switches(target: &Target) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", target.handle.pid())).unwrap();
    tasks
        .map(|task| std::fs::read_to_string(task.unwrap().path().join("status")).unwrap())
        .flat_map(|text| {
            let lines: Vec<String> = text.lines().map(str::to_string).collect();
            lines
        })
        .filter(|line| line.contains("ctxt_switches"))
        .map(|line| {
            line.split_whitespace()
                .last()
                .unwrap()
                .parse::<u64>()
                .unwrap()
        })
        .sum()
}

fn works(target: &Target) -> bool {
    let before = switches(target);
    std::thread::sleep(Duration::from_millis(100));
    switches(target) > before
}

fn freezes_and_thaws(version: Version, name: &str) {
    let target = Target::role("threads", &[]);
    eventually("three threads", || {
        std::fs::read_dir(format!("/proc/{}/task", target.handle.pid()))
            .unwrap()
            .count()
            >= 3
    });
    let case = Case::new(&target, version, Controller::Freezer, name);
    let freezer = Freezer::of(case.placement.enter().unwrap());
    assert_eq!(freezer.state().unwrap(), FreezerState::Thawed);
    let error = freezer.confirm_frozen(&target.handle, SOON).unwrap_err();
    assert!(matches!(error, NoEffect::FreezerState { .. }), "{error}");
    eventually("work", || works(&target));
    freezer.freeze().unwrap();
    let proof = freezer.confirm_frozen(&target.handle, LONG).unwrap();
    assert!(proof.threads >= 3, "{proof}");
    assert!(!works(&target));
    // A signal that would continue a stopped process does not help.
    target.handle.signal(Signal::CONT).unwrap();
    assert!(!works(&target));
    assert!(freezer.confirm_thawed(SOON).is_err());
    freezer.thaw().unwrap();
    freezer.confirm_thawed(LONG).unwrap();
    eventually("work", || works(&target));
    // Taking it back thaws too.
    freezer.freeze().unwrap();
    freezer.confirm_frozen(&target.handle, LONG).unwrap();
    case.finish();
    eventually("work", || works(&target));
    freezer.confirm_thawed(LONG).unwrap();
}

#[test]
fn v1_freezes_every_thread_and_thaws() {
    freezes_and_thaws(Version::V1, "freeze-v1");
}

#[test]
fn v2_freezes_every_thread_and_thaws() {
    freezes_and_thaws(Version::V2, "freeze-v2");
}

#[test]
fn a_process_outside_of_the_frozen_group_is_not_proven_frozen() {
    let (target, other) = (Target::role("threads", &[]), Target::sleeper());
    let case = Case::new(&target, Version::V2, Controller::Freezer, "outside");
    let freezer = Freezer::of(case.placement.enter().unwrap());
    freezer.freeze().unwrap();
    let error = freezer.confirm_frozen(&other.handle, LONG).unwrap_err();
    assert!(matches!(error, NoEffect::NotInGroup { .. }), "{error}");
    case.finish();
}

#[test]
fn only_v2_lets_a_frozen_process_die() {
    for (version, name, dies) in [
        (Version::V1, "die-v1", false),
        (Version::V2, "die-v2", true),
    ] {
        let target = Target::sleeper();
        let case = Case::new(&target, version, Controller::Freezer, name);
        let freezer = Freezer::of(case.placement.enter().unwrap());
        freezer.freeze().unwrap();
        freezer.confirm_frozen(&target.handle, LONG).unwrap();
        target.handle.signal(Signal::KILL).unwrap();
        assert_eq!(
            target.handle.wait_exit_blocking(SOON).unwrap(),
            dies,
            "{name}"
        );
        case.finish();
        assert!(target.handle.wait_exit_blocking(LONG).unwrap());
    }
}

#[test]
fn children_are_moved_with_their_parent_and_back() {
    let target = Target::script("sleep 60 & sleep 60 & wait");
    let children = || -> usize {
        let path = format!("/proc/{0}/task/{0}/children", target.handle.pid());
        std::fs::read_to_string(path)
            .unwrap()
            .split_whitespace()
            .count()
    };
    eventually("two children", || children() == 2);
    let case = Case::new(&target, Version::V1, Controller::Freezer, "family");
    let group = case.placement.enter().unwrap();
    assert_eq!(group.members().unwrap().len(), 3);
    let members = group.members().unwrap();
    case.finish();
    for pid in members {
        let process = ProcessHandle::of_pid(pid).unwrap().unwrap();
        process.signal(Signal::KILL).unwrap();
    }
}

/// Returns the target, the owner and the pid of its watchdog, with the target frozen.
fn frozen_by_an_owner(version: &str, name: &str) -> (Target, Target, u32, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let target = Target::role("threads", &[]);
    let id = target.handle.id();
    let exe = write_exe(folder.path());
    let mut owner = Target::role(
        "owner",
        &[
            version,
            &id.pid.to_string(),
            &id.start_time_ticks.to_string(),
            &tag(name),
            exe.to_str().unwrap(),
        ],
    );
    let said = owner.answer();
    let watchdog = said.strip_prefix("frozen ").unwrap().parse().unwrap();
    assert!(!works(&target));
    (target, owner, watchdog, folder)
}

#[test]
fn when_the_owner_is_killed_the_watchdog_takes_everything_back() {
    for version in ["v1", "v2"] {
        let (target, owner, watchdog, _folder) = frozen_by_an_owner(version, "orphan");
        let watchdog = ProcessHandle::of_pid(watchdog).unwrap().unwrap();
        let cgroup = format!("/proc/{}/cgroup", target.handle.pid());
        let groups = || std::fs::read_to_string(&cgroup).unwrap();
        assert!(groups().contains(&tag("orphan")));
        owner.kill();
        assert!(watchdog.wait_exit_blocking(LONG).unwrap());
        assert!(!groups().contains(&tag("orphan")), "{}", groups());
        eventually("work", || works(&target));
    }
}

#[test]
fn when_the_watchdog_is_killed_too_the_record_takes_everything_back() {
    let (target, owner, watchdog, _folder) = frozen_by_an_owner("v1", "record");
    let watchdog = ProcessHandle::of_pid(watchdog).unwrap().unwrap();
    watchdog.signal(Signal::KILL).unwrap();
    assert!(watchdog.wait_exit_blocking(LONG).unwrap());
    owner.kill();
    std::thread::sleep(SOON);
    assert!(!works(&target), "who has thawed it?");
    // What recover finds in the journal.
    let cgroups = Cgroups::discover().unwrap();
    let hierarchy = cgroups
        .with_controller(Controller::Freezer)
        .unwrap()
        .into_iter()
        .find(|hierarchy| hierarchy.version == Version::V1)
        .unwrap();
    let group = cgroups.group_of(target.handle.id(), hierarchy).unwrap();
    let undo = Undo::Leave {
        group: group.dir().to_path_buf(),
        previous: group.dir().parent().unwrap().to_path_buf(),
        process: target.handle.id(),
    };
    let text = serde_json::to_string(&undo).unwrap();
    let undo: Undo = serde_json::from_str(&text).unwrap();
    assert!(undo.replay(&cgroups).unwrap());
    assert!(!undo.replay(&cgroups).unwrap());
    eventually("work", || works(&target));
}

#[test]
fn a_group_of_another_fault_is_no_difference_and_its_own_is_one() {
    let (target, neighbour) = (Target::sleeper(), Target::sleeper());
    let own = Case::new(&target, Version::V1, Controller::Freezer, "own");
    let other = Case::new(&neighbour, Version::V1, Controller::Freezer, "other");
    other.placement.enter().unwrap();
    assert_eq!(own.differences_at_its_place(), [""; 0]);
    own.placement.enter().unwrap();
    // It was moved, and the group is there.
    assert_eq!(own.differences_at_its_place().len(), 2);
    own.finish();
    assert_eq!(own.differences_at_its_place(), [""; 0]);
    other.finish();
}

#[test]
fn the_way_back_by_hand_works() {
    let target = Target::role("threads", &[]);
    let case = Case::new(&target, Version::V1, Controller::Freezer, "by-hand");
    let freezer = Freezer::of(case.placement.enter().unwrap());
    freezer.freeze().unwrap();
    freezer.confirm_frozen(&target.handle, LONG).unwrap();
    let done = std::process::Command::new("/bin/sh")
        .args(["-c", &case.placement.undo().by_hand()])
        .status()
        .unwrap();
    assert!(done.success());
    assert_eq!(case.differences(), [""; 0]);
    eventually("work", || works(&target));
    assert!(!case.placement.leave().unwrap());
}
