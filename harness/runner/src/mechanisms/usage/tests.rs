use std::path::PathBuf;

use super::*;
use crate::mechanisms::cgroup::Cgroups;
use crate::mechanisms::cgroup::testing::FakeTree;
use crate::mechanisms::process::{ProcessHandle, ProcessId};

const OURS: ProcessId = ProcessId {
    pid: 10,
    start_time_ticks: 5,
};
const THEIRS: ProcessId = ProcessId {
    pid: 42,
    start_time_ticks: 700,
};

/// A machine of 8 GiB and two CPUs on which both processes are in these groups.
fn machine(tree: &FakeTree, ours: &[(&str, &str)], theirs: &[(&str, &str)]) {
    tree.set("/proc/meminfo", "MemTotal:  8388608 kB\nMemFree: 1 kB\n");
    tree.set("/proc/stat", "cpu  1 2 3\ncpu0 1 1 1\ncpu1 1 1 1\nintr 5\n");
    tree.put(OURS.pid, ours);
    tree.put(THEIRS.pid, theirs);
    let stat = format!(
        "42 (a b) c) S 1 1 1 0 -1 4194304 9 0 0 0 250 50 0 0 20 0 9 0 {} 1 1\n",
        THEIRS.start_time_ticks
    );
    tree.set("/proc/42/stat", &stat);
    tree.set("/proc/42/status", "Name:\ta\nVmRSS:\t  2048 kB\n");
}

#[test]
fn a_process_in_our_own_group_has_its_own_figures_and_the_machines_limits() {
    let tree = FakeTree::unified(&["memory", "cpu"]);
    machine(&tree, &[("", "/a")], &[("", "/a")]);
    let cgroups = Cgroups::discover_with(tree).unwrap();
    let told = usage(&cgroups, OURS, THEIRS).unwrap();
    assert_eq!(
        told,
        Usage {
            started_s: 7.0,
            memory: Share {
                used: 2_097_152.0,
                limit: 8_589_934_592.0
            },
            cpu_s: 3.0,
            cpus: 2.0,
        }
    );
}

#[test]
fn a_container_in_v2_has_the_figures_of_its_group_and_the_smallest_limit_above_it() {
    let tree = FakeTree::unified(&["memory", "cpu"]);
    machine(&tree, &[("", "/a")], &[("", "/pod/box")]);
    let file = |name: &str| format!("/sys/fs/cgroup/{name}");
    for group in ["pod", "pod/box"] {
        tree.set(&file(&format!("{group}/cgroup.procs")), "");
    }
    tree.set(&file("pod/memory.max"), "1000000\n");
    tree.set(&file("pod/cpu.max"), "50000 100000\n");
    tree.set(&file("pod/box/memory.max"), "max\n");
    tree.set(&file("pod/box/cpu.max"), "max 100000\n");
    tree.set(&file("pod/box/memory.current"), "700000\n");
    tree.set(
        &file("pod/box/memory.stat"),
        "anon 5\ninactive_file 100000\n",
    );
    tree.set(
        &file("pod/box/cpu.stat"),
        "usage_usec 1500000\nuser_usec 1\n",
    );
    let cgroups = Cgroups::discover_with(tree).unwrap();
    let told = usage(&cgroups, OURS, THEIRS).unwrap();
    let memory = Share {
        used: 600_000.0,
        limit: 1_000_000.0,
    };
    assert_eq!((told.memory, told.cpu_s, told.cpus), (memory, 1.5, 0.5));
}

#[test]
fn a_container_in_v1_is_understood_too() {
    let tree = FakeTree::hybrid();
    let ours = [("freezer", "/"), ("cpu", "/"), ("memory", "/")];
    let theirs = [("freezer", "/"), ("cpu", "/box"), ("memory", "/box")];
    machine(&tree, &ours, &theirs);
    let file = |name: &str| format!("/sys/fs/cgroup/{name}");
    tree.set(&file("memory/box/cgroup.procs"), "");
    tree.set(&file("cpu/box/cgroup.procs"), "");
    tree.set(&file("memory/box/memory.usage_in_bytes"), "900\n");
    tree.set(&file("memory/box/memory.stat"), "total_inactive_file 100\n");
    tree.set(&file("memory/box/memory.limit_in_bytes"), "1600\n");
    tree.set(&file("cpu/box/cpuacct.usage"), "2500000000\n");
    tree.set(&file("cpu/box/cpu.cfs_quota_us"), "-1\n");
    tree.set(&file("cpu/box/cpu.cfs_period_us"), "100000\n");
    let cgroups = Cgroups::discover_with(tree).unwrap();
    let told = usage(&cgroups, OURS, THEIRS).unwrap();
    let memory = Share {
        used: 800.0,
        limit: 1_600.0,
    };
    assert_eq!((told.memory, told.cpu_s, told.cpus), (memory, 2.5, 2.0));
}

#[test]
fn another_process_under_the_same_pid_is_not_taken_for_it() {
    let tree = FakeTree::unified(&[]);
    machine(&tree, &[("", "/a")], &[("", "/a")]);
    tree.set(
        "/proc/42/stat",
        "42 (x) S 1 1 1 0 -1 0 9 0 0 0 1 1 0 0 20 0 9 0 999 1 1\n",
    );
    let cgroups = Cgroups::discover_with(tree.clone()).unwrap();
    assert!(matches!(
        usage(&cgroups, OURS, THEIRS),
        Err(UsageError::Gone)
    ));
    tree.set("/proc/42/stat", "42 (x) S 1\n");
    assert!(matches!(
        usage(&cgroups, OURS, THEIRS),
        Err(UsageError::Form { .. })
    ));
}

#[test]
fn this_very_process_uses_something() {
    let own = ProcessHandle::of_pid(std::process::id())
        .unwrap()
        .unwrap()
        .id();
    let cgroups = Cgroups::discover().unwrap();
    let told = usage(&cgroups, own, own).unwrap();
    assert!(
        told.memory.used > 1e6 && told.memory.used < told.memory.limit,
        "{told:?}"
    );
    assert!(told.cpus >= 1.0 && told.started_s > 0.0, "{told:?}");
    let disk = disk_use(own, &PathBuf::from("/")).unwrap();
    assert!(disk.used > 0.0 && disk.used <= disk.size, "{disk:?}");
    assert!(disk_use(own, &PathBuf::from("/there/is/no/such/folder")).is_err());
}
