//! A node of two pods: one on it, with a process and a control group, and one elsewhere, with an address.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use shakedown_record::fault::Firing;
use shakedown_runner::agent::{
    Deadline, EndedBy, FarSide, FarTarget, LeaseRef, NearTarget, ORDER_VERSION, Order, Report, Said,
};
use shakedown_runner::faults::Strength;
use shakedown_runner::mechanisms::cgroup::{Cgroups, Controller};
use shakedown_runner::mechanisms::net::nodes::NodeLink;
use shakedown_runner::mechanisms::net::{Netns, NodeNetwork};
use shakedown_scenarios::plan::{Direction, FaultKind};

use crate::doubles;

pub const LONG: Duration = Duration::from_secs(20);
pub const CUT: FaultKind = FaultKind::Partition { ports: Vec::new() };
const PORT: u16 = 8080;
const RENEWED_EVERY: Duration = Duration::from_millis(200);
const CONNECTS_WITHIN: Duration = Duration::from_millis(150);

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// One container: a process that is the first of its pid namespace, in a group of its own.
pub struct Pod {
    uid: String,
    root: PathBuf,
    node: Option<NodeLink>,
    address: String,
    running: Mutex<Vec<Container>>,
}

struct Container {
    id: String,
    /// `unshare`, whose child it is.
    parent: Child,
    main: u32,
}

impl Pod {
    /// In the namespace of a node of the network, or (`None`) in that of the machine.
    pub fn start(node: Option<NodeLink>) -> Pod {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let cgroups = Cgroups::discover().unwrap();
        let freezers = cgroups.with_controller(Controller::Freezer).unwrap();
        let name = format!("shakedown-agent-{}-{number}", std::process::id());
        let address = node.as_ref().map_or("127.0.0.1:0".to_string(), |node| {
            format!("{}:{PORT}", node.address)
        });
        let pod = Pod {
            uid: format!(
                "2c48913c-b29f-11e7-9350-{:012x}",
                std::process::id() * 100 + number
            ),
            root: freezers[0].mount_point.join(name),
            node,
            address,
            running: Mutex::default(),
        };
        pod.run_container();
        pod
    }

    /// Starts a container as a kubelet does: under a new id, in the same place.
    pub fn run_container(&self) {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let id = format!(
            "{:064x}",
            u64::from(std::process::id()) * 1000 + u64::from(number)
        );
        let group = self.group(&id);
        fs::create_dir_all(&group).unwrap();
        let mut command = std::process::Command::new("unshare");
        command
            .args(["--pid", "--fork", "--kill-child"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "double", "--nocapture"])
            .envs(doubles::role("server", &[&self.address]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some(node) = &self.node {
            node.netns.enter_on_exec(&mut command);
        }
        let parent = command.spawn().unwrap();
        let pid = parent.id();
        let children = format!("/proc/{pid}/task/{pid}/children");
        let main = eventually("the container's process", || {
            let text = fs::read_to_string(&children).ok()?;
            let main: u32 = text.split_whitespace().next()?.parse().ok()?;
            let comm = fs::read_to_string(format!("/proc/{main}/comm")).ok()?;
            (comm.trim() != "unshare").then_some(main)
        });
        fs::write(group.join("cgroup.procs"), main.to_string()).unwrap();
        self.running().push(Container { id, parent, main });
    }

    fn group(&self, id: &str) -> PathBuf {
        let pod = format!("kubepods/burstable/pod{}", self.uid);
        self.root.join(pod).join(id)
    }

    pub fn main(&self) -> u32 {
        self.running().last().unwrap().main
    }

    /// As the API would describe it.
    pub fn target(&self) -> NearTarget {
        let id = self.running().last().unwrap().id.clone();
        NearTarget {
            replica: "engine-1".into(),
            role: Some("leader".into()),
            pod: "engine-0".into(),
            pod_uid: self.uid.clone(),
            container_id: format!("containerd://{id}"),
            container: "engine".into(),
            ip: self
                .node
                .as_ref()
                .map_or([127, 0, 0, 1].into(), |node| node.address),
            port: PORT,
        }
    }

    fn running(&self) -> MutexGuard<'_, Vec<Container>> {
        self.running.lock().unwrap()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        for container in self.running().iter_mut() {
            drop(container.parent.kill());
            drop(container.parent.wait());
        }
        let ended = Instant::now() + LONG;
        let mut folders: Vec<PathBuf> = Vec::new();
        let mut folder = self.group("");
        folders.extend(self.running().iter().map(|it| self.group(&it.id)));
        while folder.starts_with(&self.root) {
            folders.push(folder.clone());
            folder.pop();
        }
        for folder in folders {
            // A group can be removed once the kernel has buried the last process in it.
            while folder.exists() && fs::remove_dir(&folder).is_err() && Instant::now() < ended {
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

/// Two pods, a Lease that is renewed, and room for an agent.
pub struct World {
    pub pod: Pod,
    pub network: NodeNetwork,
    pub lease: Lease,
    pub folder: tempfile::TempDir,
}

impl World {
    pub fn new() -> World {
        let network = NodeNetwork::build(2).expect("these tests take root");
        let far = network.nodes()[1].clone();
        let listener = far.netns.run_in(|| TcpListener::bind((far.address, PORT)));
        let listener = listener.unwrap().unwrap();
        std::thread::spawn(move || doubles::serve_on(listener));
        let pod = Pod::start(Some(network.nodes()[0].clone()));
        let folder = tempfile::tempdir().unwrap();
        let world = World {
            pod,
            lease: Lease::start(&folder.path().join("lease")),
            network,
            folder,
        };
        eventually("the pod's answer", || {
            TcpStream::connect_timeout(&world.served(), CONNECTS_WITHIN).ok()
        });
        assert!(world.connects());
        world
    }

    pub fn order(&self, kind: FaultKind) -> Order {
        let far = kind.is_of_links().then(|| FarSide {
            replicas: vec![FarTarget {
                replica: "engine-2".into(),
                ip: self.network.nodes()[1].address.into(),
                port: PORT,
                services: Vec::new(),
            }],
            clients: None,
            direction: Direction::Both,
            there_too: false,
        });
        Order {
            version: ORDER_VERSION,
            run_id: "run-1".into(),
            firing: Firing {
                fault: "cut".into(),
                occurrence: 0,
            },
            kind,
            strength: Strength::Full,
            node: "node-1".into(),
            near: vec![self.pod.target()],
            far,
            deadline: Deadline {
                at_unix_ns: unix_now_ns() + 60_000_000_000,
                clocks_differ_by_at_most_ns: 1_000_000_000,
                at_most_ns: 60_000_000_000,
            },
            hold_ns: None,
            confirm_within_ns: 5_000_000_000,
            orders_per_s: 100.0,
            lease: LeaseRef {
                namespace: "shakedown".into(),
                name: "run-1".into(),
            },
            board: None,
        }
    }

    /// Where the pod on this node serves.
    pub fn served(&self) -> SocketAddr {
        SocketAddr::from((self.network.nodes()[0].address, PORT))
    }

    /// Whether somebody in a namespace reaches an address.
    pub fn connects_from(from: &Netns, to: SocketAddr) -> bool {
        let connected = from.run_in(|| TcpStream::connect_timeout(&to, CONNECTS_WITHIN));
        connected.unwrap().is_ok()
    }

    /// Whether the pod on this node reaches the one elsewhere.
    pub fn connects(&self) -> bool {
        let [near, far] = [&self.network.nodes()[0], &self.network.nodes()[1]];
        World::connects_from(&near.netns, SocketAddr::from((far.address, PORT)))
    }

    /// How long it takes until it does.
    pub fn connects_again_after(&self, since: Instant) -> Duration {
        eventually("a connection", || self.connects().then_some(()));
        since.elapsed()
    }

    pub fn agent(&self, order: &Order) -> Agent {
        let arguments = self.arguments(order);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.spawn(&mut doubles::command("agent", &arguments))
    }

    /// An agent on a node that has nothing but this service of its own (what its process is called, its role, where it
    /// listens): in a pid namespace of its own, and in the network namespace of the pod.
    pub fn agent_beside(&self, service: [&str; 3], order: &Order) -> Agent {
        let [called, role, place] = service;
        let program = self.folder.path().join(called);
        std::os::unix::fs::symlink(std::env::current_exe().unwrap(), &program).unwrap();
        let mut arguments = vec![program.display().to_string(), role.into(), place.into()];
        arguments.extend(self.arguments(order));
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut command = std::process::Command::new("unshare");
        command
            .args(["--pid", "--fork", "--kill-child", "--mount-proc"])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "double", "--nocapture"])
            .envs(doubles::role("stage", &arguments));
        self.network.nodes()[0].netns.enter_on_exec(&mut command);
        self.spawn(&mut command)
    }

    fn spawn(&self, command: &mut std::process::Command) -> Agent {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Agent {
            child: child.unwrap(),
            log: self.folder.path().join("log"),
        }
    }

    /// What an agent is started with.
    fn arguments(&self, order: &Order) -> Vec<String> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        fs::write(path("order"), order.to_json()).unwrap();
        let exe = doubles::write_exe(self.folder.path());
        vec![
            path("order"),
            path("state"),
            path("lease"),
            exe.display().to_string(),
            path("log"),
            path("board"),
        ]
    }

    /// An agent that has been told to go, and has said what it saw.
    pub fn injected(&self, order: &Order) -> Agent {
        self.go(self.agent(order))
    }

    /// Tells an agent to go once it is armed, and waits until it has said what it saw.
    pub fn go(&self, agent: Agent) -> Agent {
        agent.hear("armed", |said| matches!(said, Said::Armed { .. }));
        self.lease.say("inject");
        agent.hear("effect", |said| matches!(said, Said::Effect(_)));
        agent
    }
}

/// A Lease in a file, renewed until told otherwise.
pub struct Lease {
    path: PathBuf,
    state: Arc<Mutex<(u64, &'static str)>>,
    end: Arc<AtomicBool>,
    renewer: Option<JoinHandle<()>>,
}

impl Lease {
    fn start(path: &Path) -> Lease {
        let lease = Lease {
            path: path.to_path_buf(),
            state: Arc::new(Mutex::new((0, ""))),
            end: Arc::default(),
            renewer: None,
        };
        lease.write();
        let own = Lease {
            path: lease.path.clone(),
            state: Arc::clone(&lease.state),
            end: Arc::clone(&lease.end),
            renewer: None,
        };
        let renewer = std::thread::spawn(move || {
            while !own.end.load(Ordering::SeqCst) {
                own.state.lock().unwrap().0 += 1;
                own.write();
                std::thread::sleep(RENEWED_EVERY);
            }
        });
        Lease {
            renewer: Some(renewer),
            ..lease
        }
    }

    /// Sets the phase.
    pub fn say(&self, phase: &'static str) {
        self.state.lock().unwrap().1 = phase;
    }

    /// As if the runner had died just now.
    pub fn die(&mut self) -> Instant {
        self.end.store(true, Ordering::SeqCst);
        if let Some(renewer) = self.renewer.take() {
            renewer.join().unwrap();
        }
        Instant::now()
    }

    fn write(&self) {
        let (renewed, phase) = *self.state.lock().unwrap();
        let draft = self.path.with_extension("draft");
        fs::write(&draft, format!("{renewed}\n{phase}")).unwrap();
        fs::rename(draft, &self.path).unwrap();
    }
}

/// An agent that runs.
pub struct Agent {
    child: Child,
    log: PathBuf,
}

impl Agent {
    /// All that it has said, former lives included.
    pub fn said(&self) -> Vec<Said> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        Report::all(&log).into_iter().map(|it| it.said).collect()
    }

    /// Waits until it has said something.
    pub fn hear(&self, what: &str, is_it: impl Fn(&Said) -> bool) -> Said {
        let until = Instant::now() + LONG;
        loop {
            let said = self.said();
            if let Some(said) = said.iter().find(|said| is_it(said)) {
                return said.clone();
            }
            assert!(Instant::now() < until, "{what} was not heard: {said:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn signal(&self, signal: Signal) -> Instant {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        Instant::now()
    }

    /// Its exit code; `None`: killed.
    pub fn ended(&mut self) -> Option<i32> {
        let child = &mut self.child;
        let status = eventually("the end of the agent", || child.try_wait().unwrap());
        status.code()
    }

    /// That it ended for this reason, healed, and clean.
    pub fn ended_clean_by(&mut self, why: EndedBy) {
        let code = self.ended();
        let said = self.said();
        let tail = &said[said.len().saturating_sub(3)..];
        assert_eq!(
            tail,
            [Said::Ended { why }, Said::Healed, Said::Clean],
            "{said:#?}"
        );
        assert_eq!(code, Some(0));
        let board = fs::read_to_string(self.log.with_file_name("board")).unwrap();
        let log = fs::read_to_string(&self.log).unwrap();
        assert!(
            log.ends_with(&board),
            "the board is not what was said: {board}"
        );
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn unix_now_ns() -> u64 {
    jiff::Timestamp::now().as_nanosecond().try_into().unwrap()
}

/// Waits until something is there.
pub fn eventually<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + LONG;
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(5));
    }
}
