//! The thread that listens, and the handle by which it is ended.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::feed::{FeedConnection, FeedReport, FeedWriter};
use shakedown_record::feed_book::BookWriter;
use shakedown_record::{monotonic_ns, wall_ns};

use super::book::BookReader;
use super::config::{FeedConfig, FeedFiles};
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
    /// The time of who comes late has come.
    join: AtomicBool,
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
    /// Of who listens from the start.
    messages: Option<FeedWriter>,
    books: Option<Books>,
    report: FeedReport,
    /// The highest number that was heard.
    newest: Option<u64>,
    dialled: u64,
    flags: Arc<Flags>,
}

/// What is told of the books.
struct Books {
    reader: BookReader,
    writer: BookWriter,
    /// The path by which who comes late is told what rests.
    late: Option<String>,
}

/// Tells a subscriber that comes late when.
#[derive(Debug, Clone)]
pub struct Joiner(Arc<Flags>);

impl Joiner {
    /// Now; later calls change nothing.
    pub fn join(&self) {
        self.0.join.store(true, Ordering::Relaxed);
    }
}

impl FeedListener {
    /// Starts to listen; one that comes late, to wait until it may.
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

    /// By which it is told that its time has come.
    pub fn joiner(&self) -> Joiner {
        Joiner(Arc::clone(&self.flags))
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
        let messages = match &config.files {
            FeedFiles::Whole { messages, .. } => Some(created(messages, FeedWriter::create)?),
            FeedFiles::Late { .. } => None,
        };
        // Not where everybody begins: what one replica tells wrongly is to be seen by somebody.
        let dialled = match &config.files {
            FeedFiles::Whole { .. } => 0,
            FeedFiles::Late { .. } => places.len() as u64 - 1,
        };
        Ok(Ear {
            headers: lines.collect(),
            places,
            reader: Reader::new(config.plan.clone(), config.prefix.clone()),
            messages,
            books: Books::of(&config)?,
            report: FeedReport::default(),
            newest: None,
            dialled,
            flags,
            config,
        })
    }

    fn listen(mut self) -> FeedReport {
        let is_late = matches!(self.config.files, FeedFiles::Late { .. });
        while is_late && !self.is_over() && !self.flags.join.load(Ordering::Relaxed) {
            thread::sleep(DIAL_EVERY);
        }
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
        if let Some(books) = &mut self.books {
            books.reader.begin();
        }
        let path = self.path();
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

    fn path(&self) -> String {
        let books = self.books.as_ref();
        let first = books.filter(|books| !books.reader.is_whole());
        if let Some(path) = first.and_then(|books| books.late.as_ref()) {
            return path.clone();
        }
        let after = self.newest.map_or_else(String::new, |it| it.to_string());
        self.config.plan.path.replace("{{after}}", &after)
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
        let mut written = self.messages.as_mut().map_or(Ok(()), |it| it.write(&row));
        if let Some(books) = &mut self.books {
            let rows = books.reader.read(message, row.received_ns, row.sequence);
            for row in rows {
                written = written.and_then(|()| books.writer.write(&row));
            }
        }
        if let Err(error) = written {
            self.report.unwritten = Some(error.to_string());
        }
    }

    fn flush(&mut self) {
        let messages = self.messages.as_mut().map_or(Ok(()), FeedWriter::flush);
        let books = self.books.as_mut().map_or(Ok(()), |it| it.writer.flush());
        if let Err(error) = messages.and(books) {
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

impl Books {
    /// What is asked for of the books.
    fn of(config: &FeedConfig) -> Result<Option<Books>, LoadError> {
        let (Some(plan), Some((file, is_late))) = (&config.plan.book, book_file(&config.files))
        else {
            return Ok(None);
        };
        let (order, sides) = (config.plan.order.clone(), config.sides.clone());
        let snapshot = plan.snapshot.as_ref().filter(|_| is_late);
        Ok(Some(Books {
            reader: BookReader::new(plan.clone(), order, config.prefix.clone(), sides),
            writer: created(file, BookWriter::create)?,
            late: snapshot.map(|snapshot| snapshot.path.clone()),
        }))
    }
}

/// Where what is told of the books goes, and whether that is for who comes late.
fn book_file(files: &FeedFiles) -> Option<(&PathBuf, bool)> {
    match files {
        FeedFiles::Whole { book, .. } => book.as_ref().map(|book| (book, false)),
        FeedFiles::Late { book } => Some((book, true)),
    }
}

fn created<Writer>(
    path: &Path,
    create: impl Fn(&Path) -> io::Result<Writer>,
) -> Result<Writer, LoadError> {
    create(path).map_err(|source| LoadError::Ledger {
        path: path.to_path_buf(),
        source,
    })
}
