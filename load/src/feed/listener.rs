//! The thread that listens, and the handle by which it is ended.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::feed::{FeedConnection, FeedReport, FeedWriter};
use shakedown_record::{monotonic_ns, wall_ns};

use super::config::FeedConfig;
use super::conversation::{Call, Came, Conversation};
use super::message::{Now, Reader};
use crate::error::LoadError;
use crate::flow::random::Random;
use crate::http::{BaseUrl, auth_headers};

/// Between two attempts to connect.
const DIAL_EVERY: Duration = Duration::from_millis(10);

/// Connections of which the report tells.
const MOST_CONNECTIONS: usize = 1000;

/// A listener at work. Dropping it ends it.
#[derive(Debug)]
pub struct FeedListener {
    flags: Arc<Flags>,
    thread: Option<JoinHandle<FeedReport>>,
}

/// What the thread and its handle tell each other.
#[derive(Debug, Default)]
struct Flags {
    stop: AtomicBool,
    /// The feed was open once.
    open: AtomicBool,
}

/// The state of the thread.
struct Ear {
    config: FeedConfig,
    /// Host and address, each of every entry.
    places: Vec<(String, SocketAddr)>,
    headers: String,
    reader: Reader,
    writer: FeedWriter,
    report: FeedReport,
    /// The highest number that was heard.
    newest: Option<u64>,
    dialled: u64,
    flags: Arc<Flags>,
}

impl FeedListener {
    /// Starts to listen.
    ///
    /// # Errors
    /// When an entry is no URL, or the file cannot be created.
    pub fn start(config: FeedConfig) -> Result<FeedListener, LoadError> {
        let flags = Arc::new(Flags::default());
        let ear = Ear::new(config, Arc::clone(&flags))?;
        let thread = thread::Builder::new()
            .name("feed".to_string())
            .spawn(move || ear.listen())
            .map_err(|source| LoadError::Kernel {
                what: "threads",
                source,
            })?;
        Ok(FeedListener {
            flags,
            thread: Some(thread),
        })
    }

    /// True once the feed was open.
    pub fn is_open(&self) -> bool {
        self.flags.open.load(Ordering::Relaxed)
    }

    /// Ends it and returns how it went. Blocks for some 20 ms.
    pub fn end(mut self) -> FeedReport {
        self.flags.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take();
        let report = thread.and_then(|thread| thread.join().ok());
        report.unwrap_or_else(|| FeedReport {
            unwritten: Some("the thread that listened died".to_string()),
            ..FeedReport::default()
        })
    }
}

impl Drop for FeedListener {
    fn drop(&mut self) {
        self.flags.stop.store(true, Ordering::Relaxed);
    }
}

impl Ear {
    fn new(config: FeedConfig, flags: Arc<Flags>) -> Result<Ear, LoadError> {
        let mut places = Vec::new();
        for url in &config.entry {
            let url = BaseUrl::resolve(url)?.bare()?;
            let addresses = url.addresses.iter();
            places.extend(addresses.map(|address| (url.host.clone(), *address)));
        }
        if places.is_empty() {
            return Err(LoadError::NoEntry);
        }
        let headers = auth_headers(&config.auth, &config.secrets);
        let lines = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"));
        let writer = FeedWriter::create(&config.file).map_err(|source| LoadError::Ledger {
            path: config.file.clone(),
            source,
        })?;
        Ok(Ear {
            headers: lines.collect(),
            places,
            reader: Reader::new(config.plan.clone(), config.prefix.clone()),
            writer,
            report: FeedReport::default(),
            newest: None,
            dialled: 0,
            flags,
            config,
        })
    }

    fn listen(mut self) -> FeedReport {
        while !self.is_over() {
            let place = (self.dialled % self.places.len() as u64) as usize;
            self.dialled += 1;
            let began_ns = monotonic_ns();
            let (heard, ended) = self.converse(place);
            match heard {
                Some(from_ns) => self.remember(place, from_ns, ended),
                None => self.report.refused = Some(format!("{}: {ended}", self.places[place].0)),
            }
            if monotonic_ns() - began_ns < DIAL_EVERY.as_nanos() as u64 && !self.is_over() {
                thread::sleep(DIAL_EVERY);
            }
        }
        self.flush();
        self.report
    }

    fn is_over(&self) -> bool {
        self.flags.stop.load(Ordering::Relaxed)
    }

    /// One connection: since when it was open, if it ever was, and how it ended.
    fn converse(&mut self, place: usize) -> (Option<u64>, String) {
        let (host, address) = self.places[place].clone();
        let after = self.newest.map_or_else(String::new, |it| it.to_string());
        let path = self.config.plan.path.replace("{{after}}", &after);
        let call = Call {
            path: &path,
            host: &host,
            headers: &self.headers,
            nonce: self.nonce(),
        };
        let mut conversation = match Conversation::dial(address, &call, monotonic_ns()) {
            Ok(conversation) => conversation,
            Err(error) => return (None, error.to_string()),
        };
        let mut open_ns = None;
        while !self.is_over() {
            let came = conversation.hear(monotonic_ns, |message| self.take(message));
            if conversation.is_open() && open_ns.is_none() {
                open_ns = Some(monotonic_ns());
                self.flags.open.store(true, Ordering::Relaxed);
            }
            match came {
                Ok(Came::Something) => {}
                Ok(Came::Nothing) => self.flush(),
                Err(why) => return (open_ns, why),
            }
        }
        (open_ns, "the run ended".to_string())
    }

    fn take(&mut self, message: &[u8]) {
        let now = Now {
            mono_ns: monotonic_ns(),
            wall_ns: wall_ns(),
        };
        let Some(row) = self.reader.read(message, now) else {
            self.report.malformed += 1;
            return;
        };
        self.report.messages += 1;
        self.newest = self.newest.max(Some(row.sequence));
        if let Err(error) = self.writer.write(&row) {
            self.report.unwritten = Some(error.to_string());
        }
    }

    fn flush(&mut self) {
        if let Err(error) = self.writer.flush() {
            self.report.unwritten = Some(error.to_string());
        }
    }

    fn remember(&mut self, place: usize, from_mono_ns: u64, ended: String) {
        self.report.connected += 1;
        if self.report.connections.len() < MOST_CONNECTIONS {
            self.report.connections.push(FeedConnection {
                url: format!("ws://{}", self.places[place].0),
                from_mono_ns,
                to_mono_ns: monotonic_ns(),
                ended,
            });
        }
    }

    fn nonce(&self) -> [u8; 16] {
        let mut random = Random::for_slot(self.config.seed, self.dialled, Random::MASKS);
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&random.bits().to_le_bytes());
        nonce[8..].copy_from_slice(&random.bits().to_le_bytes());
        nonce
    }
}
