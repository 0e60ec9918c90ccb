//! The foreign engine's two ports.

use std::io::{self, BufReader};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use shakedown_record::monotonic_ns;

use super::{Book, Breakage, CancelOutcome, LatencyBuckets, NewOrder};
use crate::http_server::{HttpReply, HttpRequest, read_request};

/// How the engine is set up.
#[derive(Debug, Clone)]
pub struct ForeignConfig {
    /// Every request to the trading port must carry it.
    pub token: String,
    /// New orders in a second; more are answered by 429.
    pub orders_per_s: u64,
    pub breakage: Breakage,
}

/// A running engine.
#[derive(Debug)]
pub struct ForeignEngine {
    pub port: u16,
    pub metrics_port: u16,
}

#[derive(Debug)]
struct Shared {
    config: ForeignConfig,
    book: Mutex<Book>,
    /// Second of the clock, and new orders in it.
    window: Mutex<(u64, u64)>,
    latency: LatencyBuckets,
}

impl ForeignEngine {
    /// Listens on two free ports of loopback and serves until the process ends.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(config: ForeignConfig) -> io::Result<ForeignEngine> {
        let shared = Arc::new(Shared {
            config,
            book: Mutex::default(),
            window: Mutex::default(),
            latency: LatencyBuckets::default(),
        });
        let metrics = Arc::clone(&shared);
        Ok(ForeignEngine {
            metrics_port: listen(move |request| metrics.metrics(request))?,
            port: listen(move |request| shared.answer(request))?,
        })
    }
}

/// Answers requests on a free port, each connection in a thread of its own.
fn listen(answer: impl Fn(&HttpRequest) -> HttpReply + Send + Sync + 'static) -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = Arc::clone(&answer);
            // A broken connection ends its thread; the client sees the same.
            thread::spawn(move || converse(&stream, &*answer));
        }
    });
    Ok(port)
}

fn converse(stream: &TcpStream, answer: &impl Fn(&HttpRequest) -> HttpReply) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    while let Some(request) = read_request(&mut reader)? {
        answer(&request).write(stream)?;
    }
    Ok(())
}

impl Shared {
    fn metrics(&self, request: &HttpRequest) -> HttpReply {
        if request.path != "/prom" {
            return HttpReply::json(404, &json!({"error": "no such page"}));
        }
        HttpReply {
            status: 200,
            content_type: "text/plain; version=0.0.4",
            headers: Vec::new(),
            body: self
                .latency
                .page(self.config.breakage != Breakage::NoMetric),
        }
    }

    fn answer(&self, request: &HttpRequest) -> HttpReply {
        let credentials = request.header("authorization").unwrap_or_default();
        if credentials != format!("Bearer {}", self.config.token) {
            let error = format!("not authorised by {credentials}");
            return HttpReply::json(401, &json!({"error": error}));
        }
        let mut reply = match (request.method.as_str(), request.segments().as_slice()) {
            ("GET", ["status", "ready"]) => {
                let ready = self.config.breakage != Breakage::NeverReady;
                HttpReply::json(if ready { 200 } else { 503 }, &json!({"ready": ready}))
            }
            ("GET", ["status", "build"]) => {
                HttpReply::json(200, &json!({"build": "foreign 2.3.1"}))
            }
            ("GET", ["status", "env"]) => HttpReply::json(200, &json!({"env": "test"})),
            ("POST", ["api", "v2", "order"]) => self.new_order(request, credentials),
            ("POST", ["api", "v2", "order", reference, "cancel"]) => self.cancel(reference),
            ("GET", ["api", "v2", "order", reference]) => self.row(reference, credentials),
            _ => HttpReply::json(404, &json!({"error": "no such page"})),
        };
        reply.headers.push(("x-node", "foreign-a".to_string()));
        reply
    }

    fn new_order(&self, request: &HttpRequest, credentials: &str) -> HttpReply {
        if !self.admit() {
            return HttpReply::json(429, &json!({"error": "slow down"}));
        }
        let order = match NewOrder::parse(&request.body) {
            Ok(order) => order,
            Err(refusal) => return HttpReply::json(422, &json!({"error": refusal.reason})),
        };
        let mut book = self.book.lock().expect("no thread panics holding it");
        let (nth, breakage) = (book.acknowledged() + 1, self.config.breakage);
        let fiftieth = nth.is_multiple_of(50);
        if breakage == Breakage::NeverAcks {
            return HttpReply::json(202, &json!({"result": {"status": "QUEUED"}}));
        }
        let (reference, sequence) = book.accept(order, breakage == Breakage::Forgets && fiftieth);
        drop(book);
        if breakage == Breakage::Echoes && fiftieth {
            let error = format!("upstream failed for {credentials}");
            return HttpReply::json(500, &json!({"error": error, "ref": reference}));
        }
        self.latency
            .record(monotonic_ns().saturating_sub(request.received_ns));
        HttpReply::json(
            202,
            &json!({"result": {"ref": reference, "seq": sequence, "status": "WORKING"}}),
        )
    }

    fn cancel(&self, reference: &str) -> HttpReply {
        let Ok(reference) = reference.parse() else {
            return HttpReply::json(404, &json!({"error": "unknown order"}));
        };
        let mut book = self.book.lock().expect("no thread panics holding it");
        match book.cancel(reference) {
            CancelOutcome::Cancelled => HttpReply::json(200, &json!({"status": "CANCELLED"})),
            CancelOutcome::AlreadyDone => HttpReply::json(409, &json!({"error": "already done"})),
            CancelOutcome::Unknown => HttpReply::json(404, &json!({"error": "unknown order"})),
        }
    }

    fn row(&self, reference: &str, credentials: &str) -> HttpReply {
        if self.config.breakage == Breakage::Unreadable {
            let error = format!("storage failed for {credentials}");
            return HttpReply::json(500, &json!({"error": error}));
        }
        let book = self.book.lock().expect("no thread panics holding it");
        let row = reference.parse().ok().and_then(|found| book.row(found));
        match row {
            Some(row) if self.config.breakage != Breakage::Empty => {
                HttpReply::json(200, &json!({"order": row}))
            }
            _ => HttpReply::json(404, &json!({"error": "unknown order"})),
        }
    }

    /// Counts a new order against the rate; false when there are too many in this second.
    fn admit(&self) -> bool {
        let second = monotonic_ns() / 1_000_000_000;
        let mut window = self.window.lock().expect("no thread panics holding it");
        if window.0 != second {
            *window = (second, 0);
        }
        window.1 += 1;
        let most = match self.config.breakage {
            Breakage::Throttles => 80,
            _ => self.config.orders_per_s,
        };
        window.1 <= most
    }
}
