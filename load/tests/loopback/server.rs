//! A server of std threads that does to each request what the test says, and logs it on the generator's clock.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use shakedown_record::monotonic_ns;

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub body: String,
    /// How many requests of this run came before.
    pub number: u64,
    /// `CLOCK_MONOTONIC` when the request was complete.
    pub read_ns: u64,
    /// `CLOCK_MONOTONIC` just before the answer was written; 0 without an answer.
    pub replied_ns: u64,
}

impl Seen {
    /// The order id: from the body of a new order, else the last part of the path.
    pub fn id(&self) -> &str {
        let in_body = self
            .body
            .split("\"id\":\"")
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        in_body.unwrap_or_else(|| self.path.rsplit('/').next().unwrap_or(""))
    }

    /// The slot in the order id.
    pub fn slot(&self) -> u64 {
        self.id().rsplit('-').next().unwrap().parse().unwrap()
    }
}

/// What is done with a request.
#[derive(Debug, Clone)]
pub enum Act {
    /// These bytes, after a while.
    Reply { bytes: Vec<u8>, after: Duration },
    /// These pieces, each in a segment of its own.
    Pieces(Vec<Vec<u8>>),
    /// A reset without an answer.
    Reset,
    /// An orderly end without an answer.
    Close,
    /// An answer, then an orderly end that no header announced.
    ReplyAndClose(Vec<u8>),
    /// Nothing, for ever, on this connection.
    Silence,
}

/// A whole answer with a JSON body.
pub fn answer(status: u16, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The acknowledgement of an order: its sequence is its slot, so that an answer to another order is noticed.
pub fn accept(seen: &Seen) -> Vec<u8> {
    let status = if seen.method == "POST" { 201 } else { 200 };
    answer(
        status,
        &format!(
            "{{\"state\":\"ACCEPTED\",\"seq\":{},\"node\":\"n1\"}}",
            seen.slot()
        ),
    )
}

/// An acknowledgement at once.
pub fn accept_now(seen: &Seen) -> Act {
    accept_after(seen, Duration::ZERO)
}

/// An acknowledgement after a while.
pub fn accept_after(seen: &Seen, after: Duration) -> Act {
    Act::Reply {
        bytes: accept(seen),
        after,
    }
}

type Script = dyn Fn(&Seen) -> Act + Send + Sync;

struct Inner {
    script: Box<Script>,
    log: Mutex<Vec<Seen>>,
    open: Mutex<Vec<TcpStream>>,
    requests: AtomicU64,
    connections: AtomicU64,
    ends: AtomicBool,
}

/// The server. Dropping it ends it.
pub struct Server {
    pub address: SocketAddr,
    inner: Arc<Inner>,
    accepts: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = Arc::new(Inner {
            script: Box::new(script),
            log: Mutex::default(),
            open: Mutex::default(),
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            ends: AtomicBool::new(false),
        });
        let mut server = Server {
            address: listener.local_addr().unwrap(),
            inner,
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
                inner.connections.fetch_add(1, Ordering::SeqCst);
                stream.set_nonblocking(false).unwrap();
                stream.set_nodelay(true).unwrap();
                inner.open.lock().unwrap().push(stream.try_clone().unwrap());
                let inner = Arc::clone(&inner);
                thread::spawn(move || serve(&inner, stream));
            }
        }));
    }

    /// Closes the listener and every connection; returns when it is done.
    pub fn down(&mut self) -> u64 {
        self.inner.ends.store(true, Ordering::SeqCst);
        self.accepts.take().unwrap().join().unwrap();
        for stream in self.inner.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        monotonic_ns()
    }

    /// Listens on the same port again; returns when it does.
    pub fn up(&mut self) -> u64 {
        let listener = TcpListener::bind(self.address).expect("the port is free or can be shared");
        let now_ns = monotonic_ns();
        self.listen(listener);
        now_ns
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn log(&self) -> Vec<Seen> {
        self.inner.log.lock().unwrap().clone()
    }

    pub fn connections(&self) -> u64 {
        self.inner.connections.load(Ordering::SeqCst)
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
    let mut buffer = Vec::new();
    while let Some(mut seen) = read_request(&mut stream, &mut buffer) {
        seen.number = inner.requests.fetch_add(1, Ordering::SeqCst);
        let act = (inner.script)(&seen);
        if let Act::Reply { after, .. } = &act
            && !after.is_zero()
        {
            thread::sleep(*after);
        }
        let goes_on = perform(&act, &mut stream, || {
            if !matches!(act, Act::Silence | Act::Reset | Act::Close) {
                seen.replied_ns = monotonic_ns();
            }
            inner.log.lock().unwrap().push(seen);
        });
        if !goes_on {
            return;
        }
    }
}

fn perform(act: &Act, stream: &mut TcpStream, log: impl FnOnce()) -> bool {
    match act {
        Act::Reply { bytes, .. } => {
            log();
            stream.write_all(bytes).is_ok()
        }
        Act::Pieces(pieces) => {
            log();
            pieces.iter().all(|piece| {
                thread::sleep(Duration::from_millis(1));
                stream.write_all(piece).is_ok()
            })
        }
        Act::Reset => {
            log();
            rustix::net::sockopt::set_socket_linger(&*stream, Some(Duration::ZERO)).unwrap();
            reset(stream);
            false
        }
        Act::Close => {
            log();
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Act::ReplyAndClose(bytes) => {
            log();
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(Shutdown::Both);
            false
        }
        Act::Silence => {
            log();
            // Answers come in the order of requests: none can follow on this connection.
            while matches!(stream.read(&mut [0; 4096]), Ok(1..)) {}
            false
        }
    }
}

/// The list of open streams holds a second descriptor, so that closing ours would not reset: disconnect instead.
fn reset(stream: &TcpStream) {
    rustix::net::connect_unspec(stream).unwrap();
}

fn read_request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Seen> {
    loop {
        if let Some(seen) = parse(buffer) {
            return Some(seen);
        }
        let mut chunk = [0u8; 4096];
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(count) => buffer.extend_from_slice(&chunk[..count]),
        }
    }
}

fn parse(buffer: &mut Vec<u8>) -> Option<Seen> {
    let head_end = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(buffer[..head_end].to_vec()).unwrap();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |value| value.parse().unwrap());
    if buffer.len() < head_end + length {
        return None;
    }
    let body = String::from_utf8(buffer[head_end..head_end + length].to_vec()).unwrap();
    buffer.drain(..head_end + length);
    let mut words = head.split(' ');
    Some(Seen {
        method: words.next().unwrap().to_string(),
        path: words.next().unwrap().to_string(),
        body,
        number: 0,
        read_ns: monotonic_ns(),
        replied_ns: 0,
    })
}
