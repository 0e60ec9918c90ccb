//! What others put on the machine is byte for byte as before; a second Shakedown refuses; a halt gives everything back
//! within a second, by an independent clock.
#![allow(
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping it"
)]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use shakedown_record::monotonic_ns;
use shakedown_tests::calm::soundly;
use shakedown_tests::drill::{events, has_told, pids_of, scenario, targets_of};
use shakedown_tests::inside::{Knocking, address_of, output};
use shakedown_tests::proc::ProcessSeen;
use shakedown_tests::shakedown::{
    Finished, Running, Sandbox, ScenarioRun, alone, run_arguments, within_s,
};

const CUT: &str = "cut: { do: { partition: {} }, to: { link: { from: { role: leader }, to: { peers: {} } } }, \
                   when: { after: { phase: steady } }, for: 4s }";
const HALTED_WITHIN_MS: f64 = 1000.0;
const TABLE: &str = "somebody_elses";
const RULES: &str = "table inet somebody_elses {\n\
    set friends { type ipv4_addr; flags interval; elements = { 203.0.113.0/24, 198.51.100.7 } }\n\
    chain watch { type filter hook input priority 5; policy accept; ip saddr @friends tcp dport 9 counter drop; }\n}\n";

/// A run that was started and goes on.
struct Drill {
    sandbox: Sandbox,
    dir: PathBuf,
    running: Running,
}

impl Drill {
    fn start(fault: &str) -> Drill {
        let sandbox = Sandbox::new();
        let path = sandbox.write("drill.yaml", scenario(&[fault.to_string()]));
        let dir = sandbox.new_run_dir();
        let running = Running::start(sandbox.command(&run_arguments(&path, &dir, &[])));
        Drill {
            sandbox,
            dir,
            running,
        }
    }

    fn pid_of(&self, name: &str) -> Option<u32> {
        let state = self.sandbox.path().join("state");
        pids_of(&state, name).last().copied()
    }

    /// Waits until a process of this name is there.
    fn wait_pid(&self, name: &str) -> u32 {
        assert!(within_s(30.0, || self.pid_of(name).is_some()), "no {name}");
        self.pid_of(name).unwrap()
    }

    fn told(&self, event: &str) -> bool {
        has_told(&self.dir, event, None)
    }

    fn wait_told(&self, event: &str) {
        let told = within_s(60.0, || self.told(event));
        assert!(told, "no {event}: {:?}", events(&self.dir));
    }

    /// Name of the target of the fault.
    fn target(&self, fault: &str) -> String {
        targets_of(&self.dir, fault).remove(0)
    }
}

/// Rules and queueing disciplines of a namespace, as the programs of the machine print them.
fn picture(pid: Option<u32>, interface: &str) -> [String; 2] {
    [
        output(pid, &["nft", "list", "ruleset"]),
        output(pid, &["tc", "-s", "qdisc", "show", "dev", interface])
            // Counters of packets move with the traffic.
            .lines()
            .filter(|line| line.starts_with("qdisc"))
            .collect::<Vec<_>>()
            .join("\n"),
    ]
}

/// Somebody's rules, and a discipline of theirs on an interface; gone with this value.
struct Foreign {
    pid: Option<u32>,
    interface: String,
}

impl Foreign {
    fn put(pid: Option<u32>, interface: &str, folder: &Path) -> Foreign {
        let file = folder.join("foreign.nft");
        std::fs::write(&file, RULES).unwrap();
        output(pid, &["nft", "-f", file.to_str().unwrap()]);
        let add = [
            "tc", "qdisc", "add", "dev", interface, "root", "handle", "77:", "pfifo", "limit",
            "123",
        ];
        output(pid, &add);
        let interface = interface.to_string();
        Foreign { pid, interface }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // The namespace of a node ends with its run; ours must be as it was.
        if self.pid.is_none() {
            output(None, &["nft", "delete", "table", "inet", TABLE]);
            output(None, &["ip", "link", "del", &self.interface]);
        }
    }
}

/// One cut, with somebody's rules and disciplines on the host and in each node before, while and after it is on.
fn cut_among_rules_of_others(interface: &str, folder: &Path) -> (Finished, bool) {
    let host_before = picture(None, interface);
    assert!(
        host_before[0].contains(TABLE) && host_before[1].contains("pfifo 77:"),
        "{host_before:?}"
    );
    let drill = Drill::start(CUT);
    drill.wait_told("load-started");
    let pids: Vec<u32> = ["engine-1", "engine-2", "engine-3"]
        .map(|name| drill.wait_pid(name))
        .into();
    let _inside: Vec<Foreign> = (pids.iter())
        .map(|pid| Foreign::put(Some(*pid), "shk0", folder))
        .collect();
    let pictures = || -> Vec<_> { pids.iter().map(|pid| picture(Some(*pid), "shk0")).collect() };
    let before = pictures();
    assert!(!drill.told("fault-injected"), "the pictures came too late");
    drill.wait_told("fault-injected");
    thread::sleep(Duration::from_secs(1));
    assert_ne!(pictures(), before, "the cut is to be seen in one of them");
    assert_eq!(picture(None, interface), host_before);
    drill.wait_told("fault-clean");
    assert_eq!(pictures(), before);
    let finished = drill.running.finish();
    assert_eq!(picture(None, interface), host_before);
    assert_eq!(drill.sandbox.left_after_s(2.0), []);
    let dir = drill.dir;
    let run = ScenarioRun { finished, dir };
    let sound = run.sound();
    (run.finished, sound)
}

#[test]
fn rules_and_disciplines_of_others_are_byte_for_byte_as_before() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let interface = format!("frgn{}", std::process::id() % 100_000);
    let peer = format!("{interface}p");
    let pair = ["type", "veth", "peer", "name", &peer];
    let add = [&["ip", "link", "add", &interface], &pair[..]].concat();
    output(None, &add);
    let _host = Foreign::put(None, &interface, folder.path());
    soundly(|| cut_among_rules_of_others(&interface, folder.path())).expect_code(0);
}

#[test]
fn a_second_shakedown_is_told_who_has_the_system() {
    let _alone = alone();
    let sandbox = Sandbox::new();
    let path = sandbox.write("drill.yaml", scenario(&[CUT.to_string()]));
    let (first, second) = (sandbox.path().join("first"), sandbox.path().join("second"));
    let running = Running::start(sandbox.command(&run_arguments(&path, &first, &[])));
    assert!(within_s(30.0, || has_told(&first, "load-started", None)));
    let run_id = events(&first)[0]["run_id"].as_str().unwrap().to_string();
    let holder = format!("by run {run_id} (pid {}", running.pid());
    let before = sandbox.processes().len();
    sandbox
        .run(&run_arguments(&path, &second, &[]))
        .expect_code(77)
        .expect_words(&[&holder, "shakedown halt"]);
    assert_eq!(sandbox.processes().len(), before, "it started something");
    sandbox.run(&["halt"]).expect_code(0);
    running.finish().expect_code(130);
    assert_eq!(sandbox.left_after_s(2.0), []);
}

/// Asks for a halt: when that was, and after how many seconds Shakedown says that it had healed.
fn halt(drill: &Drill) -> (u64, f64) {
    let asked_ns = monotonic_ns();
    let halt = drill.sandbox.run(&["halt", "--json"]);
    halt.expect_code(0);
    let healed_s = halt.json()["runs"][0]["healed_after_s"].as_f64();
    (asked_ns, healed_s.expect("it says when it had healed"))
}

fn all_is_over(drill: Drill) {
    drill.running.finish().expect_code(130);
    assert_eq!(drill.sandbox.left_after_s(2.0), []);
    drill
        .sandbox
        .run(&["recover"])
        .expect_code(0)
        .expect_words(&["clean"]);
}

#[test]
fn a_halt_mends_a_cut_within_a_second() {
    let _alone = alone();
    let drill = Drill::start(&CUT.replace("for: 4s", "for: 60s"));
    drill.wait_told("fault-effect");
    let leader = drill.target("cut");
    let other = ["engine-1", "engine-2"]
        .into_iter()
        .find(|name| *name != leader)
        .unwrap();
    let to = format!("{}:8080", address_of(drill.wait_pid(other)));
    let to: SocketAddr = to.parse().unwrap();
    let knocking = Knocking::from(drill.wait_pid(&leader), to);
    thread::sleep(Duration::from_millis(300));
    let (asked_ns, healed_s) = halt(&drill);
    assert!(
        healed_s * 1e3 <= HALTED_WITHIN_MS,
        "healed after {healed_s} s"
    );
    let tries = knocking.since(0);
    let before = tries.iter().filter(|(at_ns, _)| *at_ns < asked_ns);
    let (mut knocked, mut came_about) = (0, 0);
    before.for_each(|(_, done)| {
        knocked += 1;
        came_about += u32::from(*done);
    });
    assert!(
        knocked > 2 && came_about == 0,
        "{came_about} of {knocked} came about"
    );
    let back = knocking.since(asked_ns).into_iter().find(|(_, done)| *done);
    let (back_ns, _) = back.expect("connections come about before the cluster is taken down");
    let back_ms = (back_ns - asked_ns) as f64 / 1e6;
    assert!(
        back_ms <= HALTED_WITHIN_MS,
        "traffic was back after {back_ms} ms"
    );
    all_is_over(drill);
}

#[test]
fn a_halt_thaws_within_a_second() {
    let _alone = alone();
    let drill = Drill::start(
        "cold: { do: { freeze: {} }, to: { role: leader }, when: { after: { phase: steady } }, for: 60s }",
    );
    drill.wait_told("fault-effect");
    let pid = drill.wait_pid(&drill.target("cold"));
    let is_frozen = |seen: Vec<ProcessSeen>| {
        seen.iter()
            .any(|process| process.pid == pid && process.is_frozen())
    };
    assert!(is_frozen(drill.sandbox.processes()));
    let asked_ns = monotonic_ns();
    let thawed_ns = thread::scope(|scope| {
        let watch = scope
            .spawn(|| within_s(10.0, || !is_frozen(drill.sandbox.processes())).then(monotonic_ns));
        let (_, healed_s) = halt(&drill);
        assert!(
            healed_s * 1e3 <= HALTED_WITHIN_MS,
            "healed after {healed_s} s"
        );
        watch.join().unwrap()
    });
    let thawed_ms = (thawed_ns.expect("it is thawed") - asked_ns) as f64 / 1e6;
    assert!(thawed_ms <= HALTED_WITHIN_MS, "thawed after {thawed_ms} ms");
    all_is_over(drill);
}
