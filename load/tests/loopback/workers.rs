//! Four workers make one load: what they send is what one would send, and whatever becomes of one of them, its orders are
//! counted as what they are.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use shakedown_load::secret::Secrets;
use shakedown_load::{GeneratorConfig, LoadError, RunParts, start};
use shakedown_record::ledger::Entry;

use crate::party::{LOAD, compiled, entries, gather, gather_with, ledger, untouched};
use crate::server::{Server, accept_after, accept_now};

/// What a slot asked of the engine, when it was due, as bytes; how it went is left out.
fn asked(entries: &BTreeMap<u64, Entry>, below: u64) -> Vec<u8> {
    let asked = entries.range(..below).flat_map(|(slot, entry)| {
        let asked = Entry {
            sent_ns: None,
            done_ns: None,
            lag_ns: 0,
            sequence: None,
            served_by: 0,
            outcome: None,
            ..*entry
        };
        slot.to_le_bytes().into_iter().chain(asked.encode())
    });
    asked.collect()
}

/// New orders as they were on the wire, by slot.
fn wire(server: &Server, below: u64) -> BTreeMap<u64, (String, String)> {
    let log = server.log().into_iter();
    log.filter(|seen| seen.method == "POST" && seen.slot() < below)
        .map(|seen| (seen.slot(), (seen.path, seen.body)))
        .collect()
}

#[test]
fn four_workers_ask_what_one_would_ask_byte_by_byte() {
    let compiled = compiled(LOAD);
    let alone = Server::start(accept_now);
    let folder = tempfile::tempdir().unwrap();
    let parts = RunParts {
        entry: vec![alone.url()],
        reports: Vec::new(),
        ledger: folder.path().to_path_buf(),
        prefix: "t3st00".into(),
    };
    let config = GeneratorConfig::of(&compiled.plan, Secrets::default(), parts);
    let generator = start(config).unwrap();
    thread::sleep(Duration::from_millis(1_500));
    generator.finish().unwrap();
    let of_one = entries(folder.path());

    let server = Server::start(accept_now);
    let shared = gather(&server, &compiled, untouched);
    let (finished, lost, folder) = shared.end(Duration::from_millis(1_500));
    let finished = finished.unwrap();
    assert_eq!(lost, []);
    let of_four = entries(&ledger(&folder));
    assert_eq!(of_four.len() as u64, finished.scheduled);
    assert!(of_four.keys().copied().eq(0..finished.scheduled), "no gaps");
    let report = finished.report;
    assert_eq!(report.outcomes.acked, finished.scheduled);
    assert_eq!(report.workers.len(), 4);
    assert!(report.workers.iter().all(|worker| worker.scheduled > 100));
    // One machine, one clock: the truth is zero.
    for worker in &report.workers {
        assert!(worker.clock_offset_ns.unsigned_abs() <= worker.clock_error_ns);
    }

    let below = of_one.len().min(of_four.len()) as u64;
    assert!(below > 800, "{below}");
    assert_eq!(asked(&of_one, below), asked(&of_four, below));
    assert_eq!(wire(&alone, below), wire(&server, below));
    assert!(
        !folder.path().join("worker-0").exists(),
        "shards are merged"
    );
}

#[test]
fn slots_of_all_workers_come_in_order_and_hold_every_order() {
    let server = Server::start(accept_now);
    let mut shared = gather(&server, &compiled(LOAD), untouched);
    let mut slots = Vec::new();
    for _ in 0..60 {
        thread::sleep(Duration::from_millis(20));
        slots.extend(shared.workers.take_slots());
    }
    shared.workers.request_stop();
    while !shared.workers.is_finished() {
        thread::sleep(Duration::from_millis(20));
    }
    slots.extend(shared.workers.take_slots());
    let finished = shared.workers.finish().unwrap();
    let indices: Vec<usize> = slots.iter().map(|(index, _)| *index).collect();
    assert!(indices.iter().copied().eq(0..indices.len()), "{indices:?}");
    let orders: u64 = slots.iter().map(|(_, slot)| slot.outcomes.total()).sum();
    assert_eq!(orders, finished.scheduled);
}

#[test]
fn a_worker_that_is_gone_is_named_and_its_orders_are_what_they_are() {
    // Answers take long, so that orders are under way when it goes.
    let server = Server::start(|seen| accept_after(seen, Duration::from_millis(4)));
    let load = LOAD.replace("800/s", "400/s");
    let shared = gather(&server, &compiled(&load), untouched);
    let victim = shared.streams[2].try_clone().unwrap();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(900));
        victim.shutdown(Shutdown::Both).unwrap();
    });
    let (finished, lost, folder) = shared.end(Duration::from_secs(10));
    killer.join().unwrap();
    let finished = finished.unwrap();
    let names: Vec<_> = lost
        .iter()
        .map(|lost| (lost.worker, lost.workers))
        .collect();
    assert_eq!(names, [(3, 4)]);
    assert!(lost[0].why.contains("cut off"), "{}", lost[0].why);
    let of_all = entries(&ledger(&folder));
    for seen in server.log() {
        assert!(
            of_all.contains_key(&seen.slot()),
            "{seen:?} is in no ledger"
        );
    }
    let report = finished.report;
    assert_eq!(of_all.len() as u64, finished.scheduled);
    assert_eq!(report.outcomes.total(), finished.scheduled);
    let lost: Vec<bool> = report.workers.iter().map(|it| it.lost.is_some()).collect();
    assert_eq!(lost, [false, false, true, false]);
    assert!(report.workers[2].scheduled > 50, "{:?}", report.workers[2]);
}

#[test]
fn what_nobody_knows_of_a_worker_is_unresolved_and_not_guessed() {
    let server = Server::start(accept_now);
    let compiled = compiled(LOAD);
    let shared = gather_with(&server, &compiled, untouched, true).unwrap();
    let victim = shared.streams[0].try_clone().unwrap();
    let killer = thread::spawn(move || {
        thread::sleep(Duration::from_millis(900));
        victim.shutdown(Shutdown::Both).unwrap();
    });
    let (finished, lost, folder) = shared.end(Duration::from_secs(10));
    killer.join().unwrap();
    assert_eq!(lost.len(), 1, "{lost:?}");
    let report = finished.unwrap().report;
    let gone = &report.workers[0];
    assert!(
        gone.unknown > 0 && gone.unknown == gone.outcomes.unresolved,
        "{gone:?}"
    );
    assert!(
        gone.outcomes.acked > 50,
        "what it had sent before is known: {gone:?}"
    );
    let of_all = entries(&ledger(&folder));
    for seen in server.log() {
        assert!(
            of_all.contains_key(&seen.slot()),
            "{seen:?} is in no ledger"
        );
    }
    // Every new order that reached the server and of which nothing else is known stands there as it was sent.
    for seen in server.log().iter().filter(|seen| seen.method == "POST") {
        let price = seen.body.split("\"px\":\"").nth(1).unwrap();
        let price: f64 = price.split('"').next().unwrap().parse().unwrap();
        let ticks = of_all[&seen.slot()].price_ticks;
        assert_eq!((price * 100.0).round() as i64, ticks, "{seen:?}");
    }
}

/// Passes everything on for a while, and then nothing of what comes, until it is ended.
struct Standstill {
    stream: UnixStream,
    frames: u32,
    ended: Arc<AtomicBool>,
}

impl Read for Standstill {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.frames = self.frames.saturating_sub(1);
        if self.frames > 0 {
            return self.stream.read(bytes);
        }
        let patience = Duration::from_millis(10);
        self.stream.set_read_timeout(Some(patience))?;
        while !self.ended.load(Ordering::SeqCst) {
            // Whatever comes, or nothing within that time.
            let _ = self.stream.read(&mut [0; 4_096]);
        }
        Ok(0)
    }
}

#[test]
fn a_worker_that_stands_still_is_put_down() {
    let server = Server::start(accept_now);
    let shared = gather(
        &server,
        &compiled(LOAD),
        |number, stream, ended| match number {
            1 => Box::new(Standstill {
                stream,
                frames: 220,
                ended: Arc::clone(ended),
            }),
            _ => Box::new(stream),
        },
    );
    let (finished, lost, folder) = shared.end(Duration::from_secs(20));
    let finished = finished.unwrap();
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert_eq!(lost[0].worker, 2);
    assert!(
        lost[0].why.contains("answered nothing for 3 s"),
        "{}",
        lost[0].why
    );
    let of_all = entries(&ledger(&folder));
    assert_eq!(of_all.len() as u64, finished.scheduled);
    for seen in server.log() {
        assert!(
            of_all.contains_key(&seen.slot()),
            "{seen:?} is in no ledger"
        );
    }
}

/// Passes everything on, once 4 s late.
struct Late {
    stream: UnixStream,
    reads: u32,
}

impl Read for Late {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.reads += 1;
        if self.reads == 220 {
            thread::sleep(Duration::from_secs(4));
        }
        self.stream.read(bytes)
    }
}

#[test]
fn nobody_is_lost_whose_words_were_not_read_in_time() {
    let server = Server::start(accept_now);
    let shared = gather(&server, &compiled(LOAD), |number, stream, _| match number {
        1 => Box::new(Late { stream, reads: 0 }),
        _ => Box::new(stream),
    });
    let (finished, lost, folder) = shared.end(Duration::from_secs(6));
    assert_eq!(lost, []);
    let finished = finished.unwrap();
    assert_eq!(entries(&ledger(&folder)).len() as u64, finished.scheduled);
    assert_eq!(finished.report.outcomes.acked, finished.scheduled);
}

/// Changes the last byte of the third block of the ledger.
struct Damage {
    stream: UnixStream,
    frame: Vec<u8>,
    blocks: u32,
}

impl Read for Damage {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.frame.is_empty() {
            let mut head = [0u8; 5];
            self.stream.read_exact(&mut head)?;
            let length = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
            let mut body = vec![0; length];
            self.stream.read_exact(&mut body)?;
            if head[4] == 2 {
                self.blocks += 1;
                if self.blocks == 3 {
                    *body.last_mut().unwrap() ^= 1;
                }
            }
            self.frame = head.into_iter().chain(body).collect();
        }
        let count = bytes.len().min(self.frame.len());
        bytes[..count].copy_from_slice(&self.frame[..count]);
        self.frame.drain(..count);
        Ok(count)
    }
}

#[test]
fn a_ledger_with_a_wrong_digest_is_refused() {
    let server = Server::start(accept_now);
    let shared = gather(&server, &compiled(LOAD), |number, stream, _| match number {
        3 => Box::new(Damage {
            stream,
            frame: Vec::new(),
            blocks: 0,
        }),
        _ => Box::new(stream),
    });
    let (finished, lost, _folder) = shared.end(Duration::from_secs(10));
    assert!(lost[0].why.contains("not to be believed"), "{lost:?}");
    let refused = finished.unwrap_err();
    assert!(
        matches!(&refused, LoadError::Shard { worker: 4, what, .. } if what.contains("digest")),
        "{refused}"
    );
}

#[test]
fn a_worker_with_another_plan_does_not_begin() {
    let server = Server::start(accept_now);
    let mut other = compiled(LOAD);
    other.plan.digest = "0".repeat(64);
    let refused = gather_with(&server, &other, untouched, false);
    let words = refused.err().unwrap().to_string();
    assert!(words.contains("another plan"), "{words}");
    assert!(server.log().is_empty());
}
