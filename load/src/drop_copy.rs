//! A drop copy session: a FIX connection beside the load that gets a copy of every execution report and writes it down.
//!
//! It has a thread of its own and no schedule, so it takes nothing from the load threads but its share of the CPU. Whoever
//! is lost is dialled again, and after that the next entry; what a node sends again is written again, for the ids tell. In the
//! end it says whether it was there to hear everything.

use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use shakedown_record::ledger::{CopiedReport, DROP_COPY_END_FILE, DROP_COPY_FILE, DropCopyEnd};
use shakedown_record::monotonic_ns;
use shakedown_scenarios::plan::{FixGateway, FixNumbers};

use crate::error::LoadError;
use crate::fix::{Event, Login, Message, Role, Session, Settings, tags, utc_offset_ns};
use crate::secret::Secrets;

/// Longest wait for a connection.
const DIAL: Duration = Duration::from_millis(250);

/// Pause before another dial.
const PAUSE: Duration = Duration::from_millis(50);

/// Longest wait for bytes before the clock is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Longest time for a Logon to be answered, in nanoseconds.
const LOGON_NS: u64 = 1_000_000_000;

/// At the end of the run: how long nothing must come before all has come, in nanoseconds.
const QUIET_NS: u64 = 1_000_000_000;

/// At the end of the run: longest time that is waited for it, in nanoseconds.
const AT_MOST_NS: u64 = 3_000_000_000;

/// What a drop copy is made of.
pub(crate) struct DropCopyParts {
    pub gateway: FixGateway,
    pub login: Option<(String, String)>,
    pub addresses: Vec<SocketAddr>,
    pub secrets: Secrets,
}

/// A drop copy under way. Dropping it ends it at once.
#[derive(Debug)]
pub(crate) struct DropCopy {
    path: PathBuf,
    ends: Arc<Ends>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

/// How it is told to end.
#[derive(Debug, Default)]
struct Ends {
    /// When all has come.
    soon: AtomicBool,
    at_once: AtomicBool,
}

impl DropCopy {
    /// Creates the file in the ledger's folder and begins; `None` where the profile has no drop copy.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn begin(
        parts: Option<DropCopyParts>,
        ledger: &Path,
    ) -> Result<Option<DropCopy>, LoadError> {
        let path = ledger.join(DROP_COPY_FILE);
        let begun = parts.map(|parts| DropCopy::start(parts, &path));
        match begun.transpose() {
            Ok(begun) => Ok(begun.flatten()),
            Err(source) => Err(LoadError::Ledger { path, source }),
        }
    }

    fn start(parts: DropCopyParts, path: &Path) -> io::Result<Option<DropCopy>> {
        let Some(names) = parts.gateway.drop_copy.clone() else {
            return Ok(None);
        };
        let settings = Settings {
            role: Role::Initiator,
            own: names.sender,
            other: names.target,
            own_sub: None,
            heartbeat_s: parts.gateway.heartbeat_s,
            kept: 0,
            login: parts.login.map(|(user, password)| Login { user, password }),
            utc_offset_ns: utc_offset_ns(),
        };
        let file = File::create_new(path)?;
        let ends = Arc::new(Ends::default());
        let acceptors = match parts.gateway.numbers {
            FixNumbers::AllEntries => 1,
            FixNumbers::EachEntry | FixNumbers::EachLogon => parts.addresses.len(),
        };
        let mut scribe = Scribe {
            with: (0..acceptors).map(|_| None).collect(),
            always_reset: parts.gateway.numbers == FixNumbers::EachLogon,
            addresses: parts.addresses,
            settings,
            secrets: parts.secrets,
            lines: BufWriter::new(file),
            end: path.with_file_name(DROP_COPY_END_FILE),
            ends: Arc::clone(&ends),
            ended_ns: None,
            heard_ns: 0,
        };
        let thread = thread::Builder::new()
            .name("drop-copy".to_string())
            .spawn(move || scribe.run())?;
        Ok(Some(DropCopy {
            path: path.to_path_buf(),
            ends,
            thread: Some(thread),
        }))
    }

    /// Waits until nothing more comes, 3 s at most.
    ///
    /// # Errors
    /// When the file could not be written.
    pub fn end(mut self) -> Result<(), LoadError> {
        self.ends.soon.store(true, Ordering::Release);
        self.join().map_err(|source| LoadError::Ledger {
            path: self.path.clone(),
            source,
        })
    }

    fn join(&mut self) -> io::Result<()> {
        let panicked = |_| Err(io::Error::other("the drop copy's thread panicked"));
        let joined = self.thread.take().map(JoinHandle::join);
        joined.map_or(Ok(()), |joined| joined.unwrap_or_else(panicked))
    }
}

impl Drop for DropCopy {
    fn drop(&mut self) {
        self.ends.soon.store(true, Ordering::Release);
        self.ends.at_once.store(true, Ordering::Release);
        if let Err(error) = self.join() {
            tracing::error!(%error, "the drop copy could not be kept");
        }
    }
}

/// Why a connection is left.
#[derive(Debug, PartialEq, Eq)]
enum Left {
    /// Everything has come.
    Done,
    /// It is gone.
    Lost,
}

/// How long there is still to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    /// The run goes on, or something came just now.
    Endless,
    /// The run is over and nothing came for a while: only who has no connection has to wait for one.
    ForMore,
    /// No longer.
    None,
}

/// Who reads and writes down.
struct Scribe {
    settings: Settings,
    addresses: Vec<SocketAddr>,
    /// One for each entry, or one for all; none where nobody was called yet.
    with: Vec<Option<Session>>,
    always_reset: bool,
    secrets: Secrets,
    lines: BufWriter<File>,
    /// Where it is written how it ended.
    end: PathBuf,
    ends: Arc<Ends>,
    /// When the end was noticed.
    ended_ns: Option<u64>,
    /// When a report or the answer to a Logon came last.
    heard_ns: u64,
}

impl Scribe {
    fn run(&mut self) -> io::Result<()> {
        let (mut at, mut complete) = (0, false);
        while self.patience() != Patience::None {
            let stream = TcpStream::connect_timeout(&self.addresses[at], DIAL);
            let was_on = match stream {
                Ok(stream) => match self.follow(at, stream)? {
                    (Left::Done, was_on) => {
                        complete = was_on && !self.ends.at_once.load(Ordering::Acquire);
                        break;
                    }
                    (Left::Lost, was_on) => was_on,
                },
                Err(_) => false,
            };
            if !was_on {
                at = (at + 1) % self.addresses.len();
                thread::sleep(PAUSE);
            }
        }
        self.lines.flush()?;
        let end = DropCopyEnd {
            mono_ns: monotonic_ns(),
            complete,
        };
        fs::write(&self.end, serde_json::to_vec(&end)?)
    }

    /// Reads a connection to its end; also whether its Logon was answered.
    fn follow(&mut self, at: usize, mut stream: TcpStream) -> io::Result<(Left, bool)> {
        let place = at % self.with.len();
        let known = self.with[place].take();
        let reset = known.is_none() || self.always_reset;
        let mut fix = known.unwrap_or_else(|| Session::new(self.settings.clone()));
        let mut out = Vec::new();
        let begun_ns = monotonic_ns();
        fix.connect(reset, begun_ns, &mut out);
        let (mut bytes, mut was_on) = (vec![0; 64 * 1024], false);
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LOOK))?;
        let left = loop {
            if stream.write_all(&out).is_err() {
                break Left::Lost;
            }
            out.clear();
            let read = stream.read(&mut bytes);
            let now_ns = monotonic_ns();
            let count = match read {
                Ok(0) => break Left::Lost,
                Ok(count) => count,
                Err(error) if is_pause(&error) => 0,
                Err(_) => break Left::Lost,
            };
            let goes_on = self.hear(&mut fix, &bytes[..count], now_ns, &mut out)?;
            if fix.is_on() && !was_on {
                was_on = true;
                self.heard_ns = now_ns;
            }
            if !goes_on || fix.tick(now_ns, &mut out).is_err() {
                let _gone = stream.write_all(&out);
                break Left::Lost;
            }
            if count == 0 {
                self.lines.flush()?;
            }
            let all_has_come = was_on && self.patience() == Patience::ForMore;
            if all_has_come || self.patience() == Patience::None {
                fix.log_out("", now_ns, &mut out);
                let _gone = stream.write_all(&out);
                break Left::Done;
            }
            if !was_on && now_ns - begun_ns > LOGON_NS {
                break Left::Lost;
            }
        };
        self.with[place] = Some(fix);
        Ok((left, was_on))
    }

    /// Writes down what these bytes say; false when the connection has to end.
    fn hear(
        &mut self,
        fix: &mut Session,
        bytes: &[u8],
        now_ns: u64,
        out: &mut Vec<u8>,
    ) -> io::Result<bool> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let heard = fix.hear(rest, now_ns, out);
            rest = &rest[heard.used..];
            match heard.event {
                Event::More => break,
                Event::Aside | Event::LoggedOn { .. } => {}
                Event::Said(message) if message.kind() == b"8" => {
                    self.heard_ns = now_ns;
                    let mut line = serde_json::to_string(&report(&message, now_ns))?;
                    if self.secrets.appears_in(&line) {
                        line = self.secrets.redact(&line);
                    }
                    writeln!(self.lines, "{line}")?;
                }
                Event::Said(_) => {}
                Event::End(end) => {
                    tracing::debug!(%end, "the drop copy loses its connection");
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// How long there is still to wait.
    fn patience(&mut self) -> Patience {
        if !self.ends.soon.load(Ordering::Acquire) {
            return Patience::Endless;
        }
        let now_ns = monotonic_ns();
        let ended_ns = *self.ended_ns.get_or_insert(now_ns);
        let at_once = self.ends.at_once.load(Ordering::Acquire);
        if at_once || now_ns - ended_ns >= AT_MOST_NS {
            Patience::None
        } else if now_ns.saturating_sub(self.heard_ns.max(ended_ns)) >= QUIET_NS {
            Patience::ForMore
        } else {
            Patience::Endless
        }
    }
}

fn is_pause(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}

fn report(message: &Message<'_>, now_ns: u64) -> CopiedReport {
    let text = |tag| message.text(tag).map(str::to_string);
    let needed = |tag| text(tag).unwrap_or_default();
    CopiedReport {
        mono_ns: now_ns,
        node: text(tags::SENDER_SUB_ID),
        number: message.number(tags::MSG_SEQ_NUM).unwrap_or(0),
        repeat: message.says_yes(tags::POSS_DUP_FLAG),
        exec_id: needed(tags::EXEC_ID),
        exec_type: needed(tags::EXEC_TYPE),
        status: needed(tags::ORD_STATUS),
        id: needed(tags::CL_ORD_ID),
        replaces: text(tags::ORIG_CL_ORD_ID),
        order_id: text(tags::ORDER_ID),
        account: text(tags::ACCOUNT),
        symbol: text(tags::SYMBOL),
        side: text(tags::SIDE),
        price: text(tags::PRICE),
        quantity: text(tags::ORDER_QTY),
        last_price: text(tags::LAST_PX),
        last_quantity: text(tags::LAST_QTY),
        done: text(tags::CUM_QTY),
        left: text(tags::LEAVES_QTY),
        text: text(tags::TEXT),
    }
}
