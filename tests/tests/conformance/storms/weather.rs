//! One run through its storms.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use shakedown_load::{Finished, GeneratorConfig, start};
use shakedown_record::ledger::{Entry, LedgerReader};
use shakedown_record::monotonic_ns;
use shakedown_record::slots::SlotStats;
use shakedown_scenarios::plan::Arrival;
use shakedown_tests::storm_proxy::{Dice, Program, StormKind};

use crate::rig::{MS, config, mix};
use crate::server::{Act, Seen, Server, done};
use crate::way::{Kind, Said, Way};

/// A run and all that is known of it.
pub struct Outcome {
    pub seed: u64,
    pub way: Way,
    pub program: Program,
    pub config: GeneratorConfig,
    /// Why there is no end, where there is none.
    pub finished: Result<Finished, String>,
    pub entries: BTreeMap<u64, Entry>,
    pub slots: Vec<(usize, SlotStats)>,
    /// What the server saw, and the answer that it may have given.
    pub seen: Vec<Saw>,
    /// Times at which more slots had ended than were scheduled.
    pub overtaken: u64,
}

/// A message that reached the server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Saw {
    pub slot: u64,
    pub kind: char,
    /// `+` done, `-` rejected, `!` throttled, `?` nothing that is definite.
    pub answer: char,
}

pub fn letter(kind: Kind) -> char {
    match kind {
        Kind::New => 'n',
        Kind::Cancel => 'c',
        Kind::Replace => 'r',
    }
}

/// The proxy's process, and the same again after it was killed.
struct Proxy {
    child: Child,
    address: SocketAddr,
    arguments: Vec<String>,
}

impl Proxy {
    fn start(engine: SocketAddr, seed: u64, run_ns: u64, zero_ns: u64) -> Proxy {
        let arguments = [
            ("engine", engine.to_string()),
            ("seed", seed.to_string()),
            ("run-ns", run_ns.to_string()),
            ("zero-ns", zero_ns.to_string()),
        ];
        let arguments = arguments.into_iter();
        let arguments: Vec<String> = arguments
            .flat_map(|(name, value)| [format!("--{name}"), value])
            .collect();
        let (child, port) = Proxy::spawn("127.0.0.1:0", &arguments);
        Proxy {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            arguments,
        }
    }

    fn spawn(listen: &str, arguments: &[String]) -> (Child, u16) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_storm-proxy"))
            .args(["--listen", listen])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.trim().strip_prefix("port ").unwrap().parse().unwrap();
        (child, port)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
    }

    fn again(&mut self) {
        let (child, _) = Proxy::spawn(&self.address.to_string(), &self.arguments);
        self.child = child;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a seed to its end.
pub fn weather(seed: u64) -> Outcome {
    let mut dice = Dice::new(seed);
    let way = Way::ALL[(seed % Way::ALL.len() as u64) as usize];
    let run_ns = dice.between(1_000, 1_700) * MS;
    let program = Program::of(seed, run_ns);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let server = angry_server(way, dice.bits(), Arc::clone(&seen));
    let zero_ns = monotonic_ns() + 50 * MS;
    let mut proxy = Proxy::start(server.address, seed, run_ns, zero_ns);
    let folder = tempfile::tempdir().unwrap();
    let mut config = load(way, proxy.address, seed, run_ns, &mut dice);
    config.ledger = folder.path().to_path_buf();
    let mut generator = start(config.clone()).unwrap();
    let mut slots = Vec::new();
    let mut overtaken = 0;
    let (mut is_killed, mut is_frozen) = (false, false);
    while !generator.is_finished() {
        let at_ns = monotonic_ns().saturating_sub(zero_ns);
        let kills = program.is_on(StormKind::Kill, at_ns);
        if kills != is_killed {
            is_killed = kills;
            // A new one is not frozen.
            is_frozen = false;
            if kills { proxy.kill() } else { proxy.again() }
        }
        let freezes = !is_killed && program.is_on(StormKind::Freeze, at_ns);
        if freezes != is_frozen && !is_killed {
            is_frozen = freezes;
            proxy.signal(if freezes { Signal::STOP } else { Signal::CONT });
        }
        slots.extend(generator.take_slots());
        let live = generator.counters();
        overtaken += u64::from(live.outcomes.total() > live.scheduled);
        thread::sleep(Duration::from_millis(2));
    }
    slots.extend(generator.take_slots());
    let finished = generator.finish().map_err(|error| error.to_string());
    // What is still on its way must not be missed: the proxy's end lets go of it.
    drop(proxy);
    thread::sleep(Duration::from_millis(60));
    drop(server);
    let entries = LedgerReader::open(folder.path())
        .map(|reader| reader.entries().filter_map(Result::ok).collect())
        .unwrap_or_default();
    let seen = seen.lock().unwrap().clone();
    Outcome {
        seed,
        way,
        program,
        config,
        finished,
        entries,
        slots,
        seen,
        overtaken,
    }
}

fn load(way: Way, address: SocketAddr, seed: u64, run_ns: u64, dice: &mut Dice) -> GeneratorConfig {
    let mut config = config(way, address);
    let rate_per_s = dice.between(500, 2_001) as f64;
    config.seed = seed;
    config.plan.arrival = match dice.percent(50) {
        true => Arrival::Poisson { rate_per_s },
        false => Arrival::Constant { rate_per_s },
    };
    config.plan.mix = mix(70, 20, 10);
    config.plan.sessions = dice.between(4, 25) as u32;
    config.plan.threads = dice.between(1, 3) as u32;
    config.plan.timeout_ns = dice.between(60, 400) * MS;
    config.session.in_flight = dice.between(1, 7) as u32;
    config.session.reconnect_every_ns = 10 * MS;
    config.duration_ns = Some(run_ns);
    config
}

/// A server that does something bad to one message in five.
fn angry_server(way: Way, seed: u64, seen: Arc<Mutex<Vec<Saw>>>) -> Server {
    let dice = Mutex::new(Dice::new(seed));
    Server::start(way, move |message| {
        let (die, ms) = {
            let mut dice = dice.lock().unwrap();
            (dice.between(0, 60), dice.between(1, 90))
        };
        let act = act(way, message, die, ms);
        seen.lock().unwrap().push(Saw {
            slot: message.asked.slot(),
            kind: letter(message.asked.kind),
            answer: answer(&act),
        });
        act
    })
}

fn act(way: Way, message: &Seen, die: u64, ms: u64) -> Act {
    match die {
        0 => Act::Reset,
        1 => Act::HalfClose,
        2 => Act::Garbage,
        // Where answers do not say whose they are, a second one would be taken for the next one's.
        3 if way.correlates() => Act::Twice(done(message)),
        4 => Act::SayAndHalfClose(Said::Rejected),
        5 => Act::Silence,
        6 | 7 => Act::Late(done(message), Duration::from_millis(ms)),
        8 => Act::Pieces(done(message), 7),
        9 => Act::Say(Said::Unknown),
        10 => Act::Torn(done(message)),
        11 => Act::Say(Said::Throttled),
        12 => Act::Say(Said::Rejected),
        _ => Act::Say(done(message)),
    }
}

fn answer(act: &Act) -> char {
    let said = match act {
        Act::Say(said)
        | Act::Late(said, _)
        | Act::Twice(said)
        | Act::Pieces(said, _)
        | Act::Release(said)
        | Act::Keep(said)
        | Act::SayAndHalfClose(said) => said,
        _ => return '?',
    };
    match said {
        Said::Done(_) => '+',
        Said::Rejected => '-',
        Said::Throttled => '!',
        Said::Unknown => '?',
    }
}
