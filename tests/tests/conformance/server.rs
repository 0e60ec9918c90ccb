//! A server of std threads that does to each message what the test says, and logs it, whatever the gateway.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

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
    /// The end of what the server writes, without an answer; it still reads.
    HalfClose,
    /// This answer, and then the end of what the server writes.
    SayAndHalfClose(Said),
    /// The first half of this answer, and then the end of what the server writes.
    Torn(Said),
    /// Nothing, for ever, on this connection.
    Silence,
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
    messages: AtomicU64,
    ends: AtomicBool,
}

/// The server. Dropping it ends it.
pub struct Server {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    accepts: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(way: Way, script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut server = Server {
            address: listener.local_addr().unwrap(),
            inner: Arc::new(Inner {
                way,
                script: Box::new(script),
                log: Mutex::default(),
                open: Mutex::default(),
                messages: AtomicU64::new(0),
                ends: AtomicBool::new(false),
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
        for stream in self.inner.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Listens on the same port again.
    pub fn up(&mut self) {
        let listener = TcpListener::bind(self.address).expect("the port is free or can be shared");
        self.listen(listener);
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

fn serve(inner: &Inner, mut stream: TcpStream) {
    let mut received = Vec::new();
    let mut kept = Vec::new();
    if inner.way.greet(&mut stream, &mut received).is_none() {
        return;
    }
    loop {
        while let Some(asked) = inner.way.take(&mut received) {
            let order = inner.messages.fetch_add(1, Ordering::SeqCst);
            let seen = Seen { asked, order };
            let act = (inner.script)(&seen);
            inner.log.lock().unwrap().push(seen.clone());
            if !perform(inner.way, &seen, &act, &mut stream, &mut kept) {
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
    seen: &Seen,
    act: &Act,
    stream: &mut TcpStream,
    kept: &mut Vec<Vec<u8>>,
) -> bool {
    let bytes = |said: &Said| way.answer(&seen.asked, *said, "n1");
    match act {
        Act::Say(said) => stream.write_all(&bytes(said)).is_ok(),
        Act::Late(said, after) => {
            thread::sleep(*after);
            stream.write_all(&bytes(said)).is_ok()
        }
        Act::Twice(said) => stream.write_all(&bytes(said).repeat(2)).is_ok(),
        Act::Pieces(said, length) => bytes(said).chunks(*length).all(|piece| {
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
            stream.write_all(&together).is_ok()
        }
        Act::Raw(bytes) => stream.write_all(bytes).is_ok(),
        Act::Garbage => {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n\r\n");
            false
        }
        Act::Reset => {
            rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO)).unwrap();
            // The list of open streams holds a second descriptor, so that closing ours would not reset.
            rustix::net::connect_unspec(&*stream).unwrap();
            false
        }
        Act::HalfClose => {
            let _ = stream.shutdown(Shutdown::Write);
            false
        }
        Act::SayAndHalfClose(said) => {
            let _ = stream.write_all(&bytes(said));
            let _ = stream.shutdown(Shutdown::Write);
            false
        }
        Act::Torn(said) => {
            let whole = bytes(said);
            let _ = stream.write_all(&whole[..whole.len() / 2]);
            let _ = stream.shutdown(Shutdown::Write);
            false
        }
        Act::Silence => false,
    }
}
