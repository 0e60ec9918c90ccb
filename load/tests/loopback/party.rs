//! Four workers of one load as threads, at the ends of pairs of sockets, and what a test can do to them.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_load::secret::Secrets;
use shakedown_load::workers::{
    Lost, Party, Post, WorkerLink, WorkerOrder, Workers, has_unread, serve,
};
use shakedown_load::{Finished, LoadError};
use shakedown_record::ledger::{Entry, LedgerReader};
use shakedown_scenarios::{CompileInput, Compiled, SourceFile, compile};
use tempfile::TempDir;

use crate::server::Server;

pub const LOAD: &str = "  arrival: { poisson: { rate: 800/s } }
  mix: { new: 10, cancel: 9, replace: 2 }
  lifetimes: { table: [ { within: 20ms, share: 0% }, { within: 80ms, share: 100% } ] }
  sessions: 8
  timeout: 20s";

pub fn compiled(load: &str) -> Compiled {
    let file = |name: &str, text: String| SourceFile {
        name: name.to_string(),
        text,
    };
    let scenario = file(
        "scenario.yaml",
        format!(
            "scenario: shared\nsystem: exchange\nenvironment: external\nload:\n{load}\nphases: {{ steady: 60s }}\n"
        ),
    );
    let profile = file(
        "system.yaml",
        include_str!("../streams/exchange.yaml").to_string(),
    );
    let input = CompileInput {
        scenario: (&scenario).into(),
        profile: (&profile).into(),
        overrides: &[],
        environment: None,
        seed: Some(11),
    };
    compile(&input).unwrap_or_else(|wrong| panic!("{wrong}"))
}

/// What a test does to what comes from a worker.
pub type Meddle = fn(usize, UnixStream, &Arc<AtomicBool>) -> Box<dyn Read + Send>;

/// Cuts a worker off, and waits until it is gone.
struct Cut {
    stream: UnixStream,
    worker: Option<JoinHandle<()>>,
    ended: Arc<AtomicBool>,
    /// Its ledger is lost with it.
    lost_with_it: bool,
}

impl Post for Cut {
    fn end(&mut self) -> String {
        self.ended.store(true, Ordering::SeqCst);
        let _ = self.stream.shutdown(Shutdown::Both);
        if let Some(worker) = self.worker.take() {
            worker.join().unwrap();
        }
        "it was cut off".to_string()
    }

    fn has_unread(&self) -> bool {
        has_unread(&self.stream)
    }

    fn rescue(&mut self) -> Result<(), String> {
        self.end();
        match self.lost_with_it {
            true => Err("its machine is gone".to_string()),
            false => Ok(()),
        }
    }
}

pub struct Shared {
    pub workers: Workers,
    pub folder: TempDir,
    /// The coordinator's ends of the ways to the workers.
    pub streams: Vec<UnixStream>,
}

pub fn ledger(folder: &TempDir) -> PathBuf {
    folder.path().join("ledger")
}

pub fn gather(server: &Server, compiled: &Compiled, meddle: Meddle) -> Shared {
    gather_with(server, compiled, meddle, false).unwrap()
}

pub fn gather_with(
    server: &Server,
    compiled: &Compiled,
    meddle: Meddle,
    lost_with_it: bool,
) -> Result<Shared, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(ledger(&folder)).unwrap();
    let mut streams = Vec::new();
    let links = (0..4).map(|number| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let input = theirs.try_clone().unwrap();
        let worker = thread::spawn(move || {
            // One that is cut off says so, to nobody.
            let _ = serve(input, theirs);
        });
        let ended = Arc::new(AtomicBool::new(false));
        streams.push(ours.try_clone().unwrap());
        WorkerLink {
            place: format!("thread {number}"),
            reader: meddle(number, ours.try_clone().unwrap(), &ended),
            writer: Box::new(ours.try_clone().unwrap()),
            post: Box::new(Cut {
                stream: ours,
                worker: Some(worker),
                ended,
                lost_with_it,
            }),
            ledger: folder.path().join(format!("worker-{number}")),
            shard: folder.path().join(format!("worker-{number}")),
        }
    });
    let links: Vec<WorkerLink> = links.collect();
    let party = Party {
        order: WorkerOrder {
            worker: 0,
            workers: 4,
            beside: true,
            scenario_yaml: compiled.scenario_yaml.clone(),
            system_yaml: compiled.system_yaml.clone(),
            recording: None,
            plan_digest: compiled.plan.digest.clone(),
            reports: Vec::new(),
            entry: vec![server.url()],
            prefix: "t3st00".into(),
            ledger: PathBuf::new(),
            secrets: Secrets::default().hand_over(),
        },
        ledger: ledger(&folder),
        shards: folder.path().to_path_buf(),
        load: compiled.plan.load.clone(),
        seed: compiled.plan.seed,
        server_ids: false,
    };
    Ok(Shared {
        workers: Workers::gather(party, links)?,
        folder,
        streams,
    })
}

impl Shared {
    /// Lets it run until something is lost, tells all to end, and waits for them.
    pub fn end(mut self, longest: Duration) -> (Result<Finished, LoadError>, Vec<Lost>, TempDir) {
        let mut lost = Vec::new();
        let mut waited = Duration::ZERO;
        while lost.is_empty() && waited < longest {
            thread::sleep(Duration::from_millis(20));
            waited += Duration::from_millis(20);
            self.workers.take_slots();
            lost.extend(self.workers.take_lost());
        }
        self.workers.request_stop();
        while !self.workers.is_finished() {
            thread::sleep(Duration::from_millis(20));
        }
        lost.extend(self.workers.take_lost());
        (self.workers.finish(), lost, self.folder)
    }
}

pub fn untouched(_: usize, stream: UnixStream, _: &Arc<AtomicBool>) -> Box<dyn Read + Send> {
    Box::new(stream)
}

pub fn entries(ledger: &Path) -> BTreeMap<u64, Entry> {
    let reader = LedgerReader::open(ledger).unwrap();
    reader.entries().map(Result::unwrap).collect()
}
