//! A server of std threads that does to each message what the test says, and logs it, whatever the gateway.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;

use crate::certificates::Shown;
use crate::fix::Wire;
use crate::reported::{self, Listeners};
use crate::stream::Stream;
use crate::way::{Asked, Said, Way};

/// A message, and how many of this run came before it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub asked: Asked,
    pub order: u64,
}

/// What is done with a message.
#[derive(Debug, Clone)]
pub enum Act {
    /// This answer.
    Say(Said),
    /// This answer after a while.
    Late(Said, Duration),
    /// This answer, twice in one write.
    Twice(Said),
    /// This answer in pieces of so many bytes, each in a segment of its own.
    Pieces(Said, usize),
    /// This answer, together with those that were kept back, the newest first.
    Release(Said),
    /// This answer, but not before one that is released.
    Keep(Said),
    /// These bytes, and nothing else.
    Raw(Vec<u8>),
    /// Bytes that are no answer of any gateway.
    Garbage,
    /// A reset without an answer.
    Reset,
    /// These bytes below TLS, where there is TLS.
    Below(Vec<u8>),
    /// The end of the stream below TLS, after these bytes, as if it had been cut off.
    CutOff(Vec<u8>),
    /// These bytes, and then the end in good order.
    RawAndHalfClose(Vec<u8>),
    /// The end of what the server writes, without an answer; it still reads.
    HalfClose,
    /// This answer, and then the end of what the server writes.
    SayAndHalfClose(Said),
    /// The first half of this answer, and then the end of what the server writes.
    Torn(Said),
    /// Nothing, for ever, on this connection.
    Silence,
    /// Only what is said on another connection.
    Report(Said),
    /// That it came, and a report about an order of somebody else.
    Foreign,
    /// That it came, and the end of all connections on which reports are said.
    CutListeners,
}

/// The acknowledgement of a message: its sequence number is the order's slot, so that the answer to another order is
/// noticed.
pub fn done(seen: &Seen) -> Said {
    Said::Done(seen.asked.slot())
}

type Script = dyn Fn(&Seen) -> Act + Send + Sync;

struct Inner {
    way: Way,
    script: Box<Script>,
    log: Mutex<Vec<Seen>>,
    open: Mutex<Vec<TcpStream>>,
    listeners: Listeners,
    messages: AtomicU64,
    ends: AtomicBool,
    tls: Option<Arc<ServerConfig>>,
    /// Before the server's side of the handshake of TLS, in milliseconds.
    stalls_ms: AtomicU64,
    /// Handshakes of TLS that took up an earlier connection.
    resumed: AtomicU64,
}

/// The server. Dropping it ends it.
pub struct Server {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    accepts: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(way: Way, script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Server {
        Server::showing(way, way.shown(), script)
    }

    /// With this certificate and these wishes, if it is to have TLS at all.
    pub fn showing(
        way: Way,
        shown: Option<Shown>,
        script: impl Fn(&Seen) -> Act + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Server {
            address: listener.local_addr().unwrap(),
            inner: Arc::new(Inner {
                way,
                script: Box::new(script),
                log: Mutex::default(),
                open: Mutex::default(),
                listeners: Listeners::default(),
                messages: AtomicU64::new(0),
                ends: AtomicBool::new(false),
                tls: shown.map(Shown::config),
                stalls_ms: AtomicU64::new(0),
                resumed: AtomicU64::new(0),
            }),
            accepts: None,
        };
        server.listen(listener);
        server
    }

    fn listen(&mut self, listener: TcpListener) {
        let inner = Arc::clone(&self.inner);
        inner.ends.store(false, Ordering::SeqCst);
        listener.set_nonblocking(true).unwrap();
        self.accepts = Some(thread::spawn(move || {
            while !inner.ends.load(Ordering::SeqCst) {
                let Ok((stream, _)) = listener.accept() else {
                    thread::sleep(Duration::from_micros(200));
                    continue;
                };
                stream.set_nonblocking(false).unwrap();
                stream.set_nodelay(true).unwrap();
                inner.open.lock().unwrap().push(stream.try_clone().unwrap());
                let inner = Arc::clone(&inner);
                thread::spawn(move || serve(&inner, stream));
            }
        }));
    }

    /// Closes the listener and every connection; returns when it is done.
    pub fn down(&mut self) {
        self.inner.ends.store(true, Ordering::SeqCst);
        self.accepts.take().unwrap().join().unwrap();
        self.inner.listeners.cut();
        for stream in self.inner.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens on the same port again.
    pub fn up(&mut self) {
        let listener = TcpListener::bind(self.address).expect("the port is free or can be shared");
        self.listen(listener);
    }

    /// From now on handshakes of TLS take so long.
    pub fn stall(&self, ms: u64) {
        self.inner.stalls_ms.store(ms, Ordering::SeqCst);
    }

    /// How many handshakes of TLS took up an earlier connection.
    pub fn resumed(&self) -> u64 {
        self.inner.resumed.load(Ordering::SeqCst)
    }

    pub fn log(&self) -> Vec<Seen> {
        self.inner.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.accepts.is_some() {
            self.down();
        }
    }
}

fn serve(inner: &Inner, stream: TcpStream) {
    let mut stream = match &inner.tls {
        None => Stream::Plain(stream),
        Some(config) => {
            thread::sleep(Duration::from_millis(
                inner.stalls_ms.load(Ordering::SeqCst),
            ));
            let Some(secure) = Stream::secure(stream, config) else {
                return;
            };
            let resumed = u64::from(secure.is_resumed());
            inner.resumed.fetch_add(resumed, Ordering::SeqCst);
            secure
        }
    };
    let mut received = Vec::new();
    let mut kept = Vec::new();
    let reports = inner.way == Way::Reported;
    if reports && !reported::greet(&inner.listeners, &mut stream, &mut received) {
        return;
    }
    let Some(mut wire) = inner.way.greet(&mut stream, &mut received) else {
        return;
    };
    loop {
        while let Some(asked) = inner.way.take(&mut received) {
            let order = inner.messages.fetch_add(1, Ordering::SeqCst);
            let seen = Seen { asked, order };
            let act = (inner.script)(&seen);
            inner.log.lock().unwrap().push(seen.clone());
            let performed = match reports {
                true => reported::perform(&inner.listeners, &seen, &act, &mut stream, &mut kept),
                false => None,
            };
            let goes_on = performed.unwrap_or_else(|| {
                perform(inner.way, &mut wire, &seen, &act, &mut stream, &mut kept)
            });
            if !goes_on {
                // What else comes is read and ignored, so that nothing is reset by bytes that nobody read.
                while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}
                return;
            }
        }
        let mut bytes = [0; 4096];
        match stream.read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(count) => received.extend_from_slice(&bytes[..count]),
        }
    }
}

/// False when nothing more is answered on the connection.
fn perform(
    way: Way,
    wire: &mut Wire,
    seen: &Seen,
    act: &Act,
    stream: &mut Stream,
    kept: &mut Vec<Vec<u8>>,
) -> bool {
    let bytes = |said: &Said| way.answer(&seen.asked, *said, "n1");
    let mut finished = |answers: Vec<u8>| way.finish(wire, answers);
    match act {
        Act::Say(said) => stream.write_all(&finished(bytes(said))).is_ok(),
        Act::Late(said, after) => {
            thread::sleep(*after);
            stream.write_all(&finished(bytes(said))).is_ok()
        }
        Act::Twice(said) => stream.write_all(&finished(bytes(said).repeat(2))).is_ok(),
        Act::Pieces(said, length) => finished(bytes(said)).chunks(*length).all(|piece| {
            thread::sleep(Duration::from_micros(200));
            stream.write_all(piece).is_ok()
        }),
        Act::Keep(said) => {
            kept.push(bytes(said));
            true
        }
        Act::Release(said) => {
            kept.push(bytes(said));
            let together: Vec<u8> = kept.drain(..).rev().flatten().collect();
            stream.write_all(&finished(together)).is_ok()
        }
        Act::Raw(bytes) => stream.write_all(bytes).is_ok(),
        Act::Below(bytes) => {
            let _ = stream.tcp().write_all(bytes);
            false
        }
        Act::CutOff(bytes) => {
            let _ = stream.write_all(bytes);
            let _ = stream.tcp().shutdown(Shutdown::Write);
            false
        }
        Act::RawAndHalfClose(bytes) => {
            let _ = stream.write_all(bytes);
            stream.end();
            false
        }
        Act::Garbage => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n");
            false
        }
        Act::Reset => {
            let tcp = stream.tcp();
            rustix::net::sockopt::set_socket_linger(tcp, Some(Duration::ZERO)).unwrap();
            // The list of open streams holds a second descriptor, so that closing ours would not reset.
            rustix::net::connect_unspec(tcp).unwrap();
            false
        }
        Act::HalfClose => {
            stream.end();
            false
        }
        Act::SayAndHalfClose(said) => {
            let _ = stream.write_all(&finished(bytes(said)));
            stream.end();
            false
        }
        Act::Torn(said) => {
            let whole = finished(bytes(said));
            let _ = stream.write_all(&whole[..whole.len() / 2]);
            stream.end();
            false
        }
        Act::Silence => false,
        Act::Report(_) | Act::Foreign | Act::CutListeners => {
            panic!("there are no reports over {way:?}")
        }
    }
}
