//! Where a process is limited or frozen: in a group of ours, or in the one that is its own already.

use std::path::{Path, PathBuf};

use super::error::CgroupError;
use super::family::family;
use super::group::Group;
use super::hierarchy::{Cgroups, Controller, Version};
use super::undo::{FileValue, Undo};
use crate::mechanisms::process::{ProcessHandle, ProcessId};

/// Every group of ours begins with this.
pub(super) const PREFIX: &str = "shakedown-";

/// Rounds of moving children that were started while their parent was being moved.
const ROUNDS: u32 = 10;

/// What has been found out about one process and one controller. Nothing is changed before [`Placement::enter`].
#[derive(Debug, Clone)]
pub struct Placement {
    cgroups: Cgroups,
    process: ProcessHandle,
    controller: Controller,
    /// Where the process was.
    present: Group,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    /// A group of ours.
    Own(Group),
    /// The present group, which is the target's alone, with what its files said.
    Present(Vec<FileValue>),
}

impl Placement {
    /// Finds a place, and everything that stands against it: missing controllers, missing rights, processes that
    /// would be hit too. This is the preflight. `tag` makes the group's name; one fault on one process needs its own.
    ///
    /// # Errors
    /// Why it cannot be done here, in words.
    pub fn plan(
        cgroups: &Cgroups,
        process: &ProcessHandle,
        controller: Controller,
        tag: &str,
    ) -> Result<Placement, CgroupError> {
        let name = group_name(tag)?;
        let family = family(process)?;
        let mut refusal = None;
        for hierarchy in cgroups.with_controller(controller)? {
            let present = cgroups.group_of(process.id(), hierarchy)?;
            let found = find_place(&present, process.id(), &family, controller, &name)
                .and_then(|place| refuse_unwritable(&present, &place).map(|()| place));
            match found {
                Ok(place) => {
                    return Ok(Placement {
                        cgroups: cgroups.clone(),
                        process: process.clone(),
                        controller,
                        present,
                        place,
                    });
                }
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or(CgroupError::NotMounted(controller)))
    }

    /// The group in which the process will be, or is.
    pub fn group(&self) -> &Group {
        match &self.place {
            Place::Own(own) => own,
            Place::Present(_) => &self.present,
        }
    }

    pub fn process(&self) -> &ProcessHandle {
        &self.process
    }

    /// For reports: `group /sys/fs/cgroup/cpu/shakedown-x of its own (v1)`.
    pub fn describe(&self) -> String {
        let version = match self.present.version() {
            Version::V1 => "v1",
            Version::V2 => "v2",
        };
        let dir = self.group().dir().display();
        match &self.place {
            Place::Own(_) => format!("{} group {dir} of ours ({version})", self.controller),
            Place::Present(_) => format!("{} group {dir}, its own ({version})", self.controller),
        }
    }

    /// How all of it is taken back, by anybody: for the journal and the watchdog, before [`Placement::enter`].
    pub fn undo(&self) -> Undo {
        match &self.place {
            Place::Own(own) => Undo::Leave {
                group: own.dir().to_path_buf(),
                previous: self.present.dir().to_path_buf(),
                process: self.process.id(),
            },
            Place::Present(files) => Undo::Restore {
                group: self.present.dir().to_path_buf(),
                files: files.clone(),
                process: self.process.id(),
            },
        }
    }

    /// Makes the group and moves the process, with all that it has started, into it. Doing it twice does no more.
    ///
    /// # Errors
    /// When the kernel refuses, or somebody else is in the group.
    pub fn enter(&self) -> Result<Group, CgroupError> {
        match &self.place {
            Place::Own(own) => {
                self.make(own)?;
                self.move_family(own)?;
                Ok(own.clone())
            }
            Place::Present(_) => {
                self.present.refuse_strangers(&family(&self.process)?)?;
                Ok(self.present.clone())
            }
        }
    }

    /// Takes everything back; false when there was nothing to take back.
    ///
    /// # Errors
    /// When something stays, and what.
    pub fn leave(&self) -> Result<bool, CgroupError> {
        self.undo().replay(&self.cgroups)
    }

    fn make(&self, own: &Group) -> Result<(), CgroupError> {
        match own.fs().make_group(own.dir()) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let family = family(&self.process)?;
                let ours = own.strangers(&family)?.is_empty() && !own.members()?.is_empty();
                if !ours {
                    return Err(CgroupError::Exists(own.dir().to_path_buf()));
                }
            }
            Err(source) => {
                return Err(CgroupError::Make {
                    group: own.dir().to_path_buf(),
                    source,
                });
            }
        }
        own.need(self.controller).map(drop)
    }

    fn move_family(&self, own: &Group) -> Result<(), CgroupError> {
        for _ in 0..ROUNDS {
            let inside = own.members()?;
            let outside = self.present.members()?;
            let missing: Vec<u32> = family(&self.process)?
                .into_iter()
                .filter(|pid| !inside.contains(pid) && outside.contains(pid))
                .collect();
            if missing.is_empty() {
                break;
            }
            for pid in missing {
                own.take_in(pid)?;
            }
        }
        match own.members()?.contains(&self.process.pid()) {
            true => Ok(()),
            false => Err(CgroupError::Gone(self.process.id())),
        }
    }
}

fn find_place(
    present: &Group,
    process: ProcessId,
    family: &[u32],
    controller: Controller,
    name: &str,
) -> Result<Place, CgroupError> {
    refuse_threaded(present)?;
    let child = || Ok(Place::Own(present.child(name)));
    let alone = || present.strangers(family).map(|others| others.is_empty());
    match (controller, present.version()) {
        // Built into every group of v2 but the root; in v1 a controller goes to all groups below.
        (Controller::Freezer, _) | (Controller::Cpu, Version::V1) => child(),
        (Controller::Memory, Version::V1) => {
            present.need(controller)?;
            // What it has in use already is accounted in its present group.
            match !is_root(present)? && alone()? {
                true => in_place(present, controller),
                false => child(),
            }
        }
        (Controller::Cpu | Controller::Memory, Version::V2) => {
            if present.find(controller.key_file(Version::V2))?.is_some() && alone()? {
                in_place(present, controller)
            } else if hands_on(present, controller)? {
                child()
            } else {
                beside(present, process, controller, name)
            }
        }
    }
}

fn in_place(present: &Group, controller: Controller) -> Result<Place, CgroupError> {
    let mut files = Vec::new();
    for name in controller.files(present.version()) {
        if let Some(value) = present.find(name)? {
            files.push(FileValue {
                name: (*name).to_string(),
                value,
            });
        }
    }
    Ok(Place::Present(files))
}

/// A group beside the present one is under the same limits from above. The present one may have none of its own.
fn beside(
    present: &Group,
    process: ProcessId,
    controller: Controller,
    name: &str,
) -> Result<Place, CgroupError> {
    let not_delegated = || CgroupError::NotDelegated {
        process,
        group: present.dir().to_path_buf(),
        controller,
    };
    // The root of the hierarchy, or of what is mounted of it, has no such file.
    if present.find("cgroup.type")?.is_none() {
        return Err(not_delegated());
    }
    let parent = present.parent().ok_or_else(not_delegated)?;
    if !hands_on(&parent, controller)? {
        return Err(not_delegated());
    }
    for other in [Controller::Cpu, Controller::Memory] {
        for file in other.files(Version::V2) {
            if let Some(value) = present.find(file)?
                && value.split(' ').next() != Some("max")
            {
                return Err(CgroupError::WouldEscape {
                    group: present.dir().to_path_buf(),
                    file,
                    value,
                });
            }
        }
    }
    Ok(Place::Own(parent.child(name)))
}

fn hands_on(group: &Group, controller: Controller) -> Result<bool, CgroupError> {
    let handed = group.find("cgroup.subtree_control")?.unwrap_or_default();
    Ok(handed.split(' ').any(|name| name == controller.name()))
}

/// Only the root of a v1 hierarchy has a release agent; a v1 limit on it is refused by the kernel anyway.
fn is_root(group: &Group) -> Result<bool, CgroupError> {
    Ok(group.find("release_agent")?.is_some())
}

fn refuse_threaded(group: &Group) -> Result<(), CgroupError> {
    match group.find("cgroup.type")? {
        Some(kind) if kind != "domain" => Err(CgroupError::Threaded {
            group: group.dir().to_path_buf(),
            kind,
        }),
        Some(_) | None => Ok(()),
    }
}

fn refuse_unwritable(present: &Group, place: &Place) -> Result<(), CgroupError> {
    let mut needed = vec![present.dir().join("cgroup.procs")];
    match place {
        Place::Own(own) => needed.extend(own.dir().parent().map(Path::to_path_buf)),
        Place::Present(files) => {
            needed = files
                .iter()
                .map(|file| present.dir().join(&file.name))
                .collect();
        }
    }
    let refused = |path: PathBuf| match present.fs().writable(&path) {
        Ok(()) => None,
        Err(source) => Some(CgroupError::NotWritable {
            group: present.dir().to_path_buf(),
            source,
        }),
    };
    match needed.into_iter().find_map(refused) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

fn group_name(tag: &str) -> Result<String, CgroupError> {
    let fits = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
    match (1..=64).contains(&tag.len()) && tag.chars().all(fits) {
        true => Ok(format!("{PREFIX}{tag}")),
        false => Err(CgroupError::Tag(tag.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::fake::{FakeTree, Fault, Sleeper};
    use super::super::{CgroupFs, CpuLimit, Freezer, MemoryLimit, NoEffect, Snapshot};
    use super::*;

    const OWN: &str = "/sys/fs/cgroup/slice/shakedown-t1";
    const SOON: Duration = Duration::from_millis(40);

    /// A process in `slice/app`; the root and the slice hand these controllers on.
    fn machine(handed_on: &[&str]) -> (Arc<FakeTree>, Sleeper, Cgroups) {
        let tree = FakeTree::unified(handed_on);
        let target = Sleeper::start();
        tree.make_group(Path::new("/sys/fs/cgroup/slice")).unwrap();
        tree.hand_on("/sys/fs/cgroup/slice", handed_on);
        tree.put(target.pid(), &[("", "/slice/app")]);
        let cgroups = Cgroups::discover_with(tree.clone()).unwrap();
        (tree, target, cgroups)
    }

    fn plan(
        cgroups: &Cgroups,
        target: &Sleeper,
        controller: Controller,
    ) -> Result<Placement, CgroupError> {
        Placement::plan(cgroups, &target.handle, controller, "t1")
    }

    #[test]
    fn names_are_plain() {
        assert_eq!(group_name("run-1-f2").unwrap(), "shakedown-run-1-f2");
        for wrong in ["", "a/b", "..", "A", &"x".repeat(65)] {
            assert!(group_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_v2_freeze_goes_into_a_group_below_and_comes_back() {
        let (tree, target, cgroups) = machine(&[]);
        let before = Snapshot::take(&cgroups, target.handle.id()).unwrap();
        let placement = plan(&cgroups, &target, Controller::Freezer).unwrap();
        assert!(!placement.leave().unwrap(), "nothing was done yet");
        let group = placement.enter().unwrap();
        assert_eq!(placement.enter().unwrap().dir(), group.dir());
        assert_eq!(group.members().unwrap(), [target.pid()]);
        let freezer = Freezer::of(group.clone());
        freezer.freeze().unwrap();
        // It sleeps, so it is as still as one that is held.
        let proof = freezer.confirm_frozen(&target.handle, SOON).unwrap();
        assert_eq!(proof.threads, 1);
        let during = before.again(&cgroups).unwrap();
        assert_eq!(before.differences(&during).len(), 2, "{during:?}");
        assert!(placement.leave().unwrap());
        assert!(!placement.leave().unwrap());
        assert_eq!(
            before.differences(&before.again(&cgroups).unwrap()),
            [""; 0]
        );
        assert!(!tree.has_group("/sys/fs/cgroup/slice/app/shakedown-t1"));
        freezer.confirm_thawed(SOON).unwrap();
    }

    #[test]
    fn a_v2_freeze_that_does_not_hold_is_not_proven() {
        let (tree, target, cgroups) = machine(&[]);
        let placement = plan(&cgroups, &target, Controller::Freezer).unwrap();
        let freezer = Freezer::of(placement.enter().unwrap());
        tree.with(Fault::NeverFreezes);
        freezer.freeze().unwrap();
        let error = freezer.confirm_frozen(&target.handle, SOON).unwrap_err();
        assert!(
            error.to_string().contains("is freezing and not frozen"),
            "{error}"
        );
        placement.leave().unwrap();
    }

    #[test]
    fn a_process_that_is_said_to_be_frozen_and_moves_is_not_proven() {
        let tree = FakeTree::unified(&[]);
        let target = Sleeper::restless();
        tree.put(target.pid(), &[("", "/app")]);
        let cgroups = Cgroups::discover_with(tree).unwrap();
        let placement = plan(&cgroups, &target, Controller::Freezer).unwrap();
        let freezer = Freezer::of(placement.enter().unwrap());
        freezer.freeze().unwrap();
        // On a busy machine even it may be still for a while.
        let error = (0..40)
            .find_map(|_| freezer.confirm_frozen(&target.handle, SOON).err())
            .unwrap();
        assert!(matches!(error, NoEffect::Moves { .. }), "{error}");
        placement.leave().unwrap();
    }

    #[test]
    fn a_v2_group_of_its_own_is_limited_as_it_is_and_set_back() {
        let (tree, target, cgroups) = machine(&["cpu", "memory"]);
        let before = Snapshot::take(&cgroups, target.handle.id()).unwrap();
        let placement = plan(&cgroups, &target, Controller::Cpu).unwrap();
        assert!(placement.describe().contains("its own (v2)"));
        let limit = CpuLimit::of(placement.enter().unwrap());
        let counters = limit.counters().unwrap();
        limit.apply(250).unwrap();
        assert_eq!(tree.get("/sys/fs/cgroup/slice/app/cpu.max"), "25000 100000");
        let error = limit.confirm(counters, SOON).unwrap_err();
        assert!(matches!(error, NoEffect::NeverThrottled { .. }), "{error}");
        let stat = "usage_usec 9000\nnr_throttled 4\nthrottled_usec 120000\n";
        tree.set("/sys/fs/cgroup/slice/app/cpu.stat", stat);
        assert_eq!(limit.confirm(counters, SOON).unwrap().throttled_us, 120_000);
        assert_eq!(
            before.differences(&before.again(&cgroups).unwrap()).len(),
            1
        );
        assert!(placement.leave().unwrap());
        assert!(!placement.leave().unwrap());
        assert_eq!(tree.get("/sys/fs/cgroup/slice/app/cpu.max"), "max 100000");
        assert_eq!(
            before.differences(&before.again(&cgroups).unwrap()),
            [""; 0]
        );
    }

    #[test]
    fn a_v2_limit_that_is_not_taken_is_an_error() {
        let (tree, target, cgroups) = machine(&["cpu"]);
        let placement = plan(&cgroups, &target, Controller::Cpu).unwrap();
        let limit = CpuLimit::of(placement.enter().unwrap());
        assert!(matches!(limit.apply(9), Err(CgroupError::CpuShare(9))));
        tree.with(Fault::Forgets);
        let error = limit.apply(500).unwrap_err();
        assert!(matches!(error, CgroupError::NotTaken { .. }), "{error}");
    }

    #[test]
    fn a_process_that_shares_its_v2_group_gets_one_beside_it() {
        let (tree, target, cgroups) = machine(&["cpu", "memory"]);
        tree.put(1, &[("", "/slice/app")]);
        let placement = plan(&cgroups, &target, Controller::Memory).unwrap();
        assert_eq!(placement.enter().unwrap().dir(), Path::new(OWN));
        assert!(tree.get(&format!("{OWN}/cgroup.procs")) == target.pid().to_string());
        assert!(placement.leave().unwrap());
        assert!(!tree.has_group(OWN));
        // Beside it, it would not be under this limit any more.
        tree.set("/sys/fs/cgroup/slice/app/memory.max", "1000000");
        let error = plan(&cgroups, &target, Controller::Memory).unwrap_err();
        assert!(matches!(error, CgroupError::WouldEscape { .. }), "{error}");
    }

    #[test]
    fn a_v2_kill_for_want_of_memory_is_counted() {
        let (tree, target, cgroups) = machine(&["memory"]);
        tree.set("/sys/fs/cgroup/slice/app/memory.current", "4096");
        let placement = plan(&cgroups, &target, Controller::Memory).unwrap();
        let limit = MemoryLimit::of(placement.enter().unwrap(), &target.handle).unwrap();
        let before = limit.counters().unwrap();
        let lowered = limit.starve().unwrap();
        let kill = limit
            .confirm_oom(before, lowered, Duration::from_secs(5))
            .unwrap();
        assert_eq!(kill.kills, 1);
        assert!(placement.leave().unwrap());
        assert_eq!(tree.get("/sys/fs/cgroup/slice/app/memory.max"), "max");
        assert_eq!(tree.get("/sys/fs/cgroup/slice/app/memory.swap.max"), "max");
    }

    #[test]
    fn a_survivor_and_another_death_are_told_apart_from_a_kill() {
        let (tree, target, cgroups) = machine(&["memory"]);
        tree.with(Fault::NeverKills);
        let placement = plan(&cgroups, &target, Controller::Memory).unwrap();
        let limit = MemoryLimit::of(placement.enter().unwrap(), &target.handle).unwrap();
        let before = limit.counters().unwrap();
        let lowered = limit.starve().unwrap();
        let error = limit.confirm_oom(before, lowered, SOON).unwrap_err();
        assert!(matches!(error, NoEffect::Survived { .. }), "{error}");
        let error = limit.confirm_limited(before, SOON).unwrap_err();
        assert!(matches!(error, NoEffect::LimitNeverHit { .. }), "{error}");
        target.handle.signal(rustix::process::Signal::KILL).unwrap();
        let error = limit
            .confirm_oom(before, lowered, Duration::from_secs(5))
            .unwrap_err();
        assert!(matches!(error, NoEffect::EndedOtherwise { .. }), "{error}");
    }

    #[test]
    fn what_must_not_be_starved_is_refused() {
        let (tree, target, cgroups) = machine(&["memory"]);
        let placement = plan(&cgroups, &target, Controller::Memory).unwrap();
        let limit = MemoryLimit::of(placement.enter().unwrap(), &target.handle).unwrap();
        // Somebody else came in after the preflight.
        tree.put(1, &[("", "/slice/app")]);
        let error = limit.apply(0).unwrap_err();
        assert!(error.to_string().contains("[1]"), "{error}");
        assert!(matches!(placement.enter(), Err(CgroupError::Shared { .. })));
        assert_eq!(tree.get("/sys/fs/cgroup/slice/app/memory.max"), "max");
        let group = placement.group();
        tree.set("/proc/sys/vm/panic_on_oom", "2");
        let error = MemoryLimit::preflight(group, target.handle.id()).unwrap_err();
        assert!(matches!(error, CgroupError::PanicOnOom), "{error}");
        tree.set("/proc/sys/vm/panic_on_oom", "0");
        tree.set(&format!("/proc/{}/oom_score_adj", target.pid()), "-1000\n");
        let error = MemoryLimit::preflight(group, target.handle.id()).unwrap_err();
        assert!(matches!(error, CgroupError::Unkillable(_)), "{error}");
    }

    #[test]
    fn missing_rights_and_controllers_are_named() {
        let (tree, target, cgroups) = machine(&[]);
        let error = plan(&cgroups, &target, Controller::Memory).unwrap_err();
        assert!(error.to_string().contains("memory controller"), "{error}");
        tree.set("/sys/fs/cgroup/slice/app/cgroup.type", "threaded\n");
        let error = plan(&cgroups, &target, Controller::Freezer).unwrap_err();
        assert!(matches!(error, CgroupError::Threaded { .. }), "{error}");
        tree.set("/sys/fs/cgroup/slice/app/cgroup.type", "domain\n");
        tree.with(Fault::ReadOnly);
        let error = plan(&cgroups, &target, Controller::Freezer).unwrap_err();
        assert!(error.to_string().contains("it takes root"), "{error}");
    }

    #[test]
    fn a_group_left_by_an_earlier_run_is_not_taken_over() {
        let (tree, target, cgroups) = machine(&[]);
        let placement = plan(&cgroups, &target, Controller::Freezer).unwrap();
        tree.make_group(Path::new("/sys/fs/cgroup/slice/app/shakedown-t1"))
            .unwrap();
        assert!(matches!(placement.enter(), Err(CgroupError::Exists(_))));
        assert!(placement.leave().unwrap(), "recover removes it");
    }

    #[test]
    fn an_undo_touches_nothing_but_groups_of_ours() {
        let (tree, target, cgroups) = machine(&["memory"]);
        let process = target.handle.id();
        let previous = PathBuf::from("/sys/fs/cgroup/slice");
        for group in [
            "/sys/fs/cgroup/slice/app",
            "/etc/shakedown-x",
            "/sys/fs/cgroup/../shakedown-x",
        ] {
            let undo = Undo::Leave {
                group: group.into(),
                previous: previous.clone(),
                process,
            };
            let error = undo.replay(&cgroups).unwrap_err();
            assert!(matches!(error, CgroupError::NotOurs(_)), "{error}");
        }
        let files = vec![FileValue {
            name: "cgroup.procs".into(),
            value: "1".into(),
        }];
        let undo = Undo::Restore {
            group: previous.join("app"),
            files,
            process,
        };
        assert!(matches!(
            undo.replay(&cgroups),
            Err(CgroupError::NotOurs(_))
        ));
        assert_eq!(
            tree.get("/sys/fs/cgroup/slice/app/cgroup.procs"),
            target.pid().to_string()
        );
    }

    #[test]
    fn what_is_left_of_a_container_goes_above_it() {
        let (tree, target, cgroups) = machine(&[]);
        let placement = plan(&cgroups, &target, Controller::Freezer).unwrap();
        placement.enter().unwrap();
        let undo = Undo::Leave {
            group: placement.group().dir().to_path_buf(),
            previous: PathBuf::from("/sys/fs/cgroup/slice/gone/deeper"),
            process: target.handle.id(),
        };
        assert!(undo.replay(&cgroups).unwrap());
        assert_eq!(
            tree.get("/sys/fs/cgroup/slice/cgroup.procs"),
            target.pid().to_string()
        );
    }
}
