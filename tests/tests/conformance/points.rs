//! The publisher of market data against ingests that take everything, stand still, hang up and refuse: whatever they do, the
//! ways in which points end add up to what was offered, and no point is called taken in that was not.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use shakedown_load::points::{PointsConfig, Publisher};
use shakedown_load::secret::Secrets;
use shakedown_record::monotonic_ns;
use shakedown_record::points::{PointCounts, PointsReport, read_points};
use shakedown_scenarios::plan::{
    Auth, BinaryPublish, HttpPublish, Instrument, PointPart, PublishPlan, SymbolShare,
};

/// What an ingest does.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    TakesEverything,
    /// Reads nothing for so long once it has taken so many points.
    StandsStill {
        after: u64,
        for_ms: u64,
    },
    /// Hangs up, once, when it has taken so many points, without a receipt for the last of them.
    HangsUp {
        after: u64,
    },
}

/// What an ingest took in: number and price of each point, in order.
type Taken = Arc<Mutex<Vec<(u64, i64)>>>;

fn ingest(manner: Manner) -> (String, Taken) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    let taken: Taken = Arc::default();
    let shared = Arc::clone(&taken);
    thread::spawn(move || {
        let mut manner = manner;
        for stream in listener.incoming() {
            // What it did once it does not do again; how a connection ends is the publisher's to say.
            let _ended = serve(stream.unwrap(), &mut manner, &shared);
        }
    });
    (url, taken)
}

fn serve(mut stream: TcpStream, manner: &mut Manner, taken: &Taken) -> std::io::Result<()> {
    let mut frame = [0; 1024];
    loop {
        stream.read_exact(&mut frame[..4])?;
        let length = u32::from_le_bytes(frame[..4].try_into().unwrap()) as usize;
        stream.read_exact(&mut frame[4..length])?;
        if frame[5] != 33 {
            continue;
        }
        take(&frame[..length], &mut taken.lock().unwrap());
        let count = taken.lock().unwrap().len() as u64;
        match *manner {
            Manner::StandsStill { after, for_ms } if count >= after => {
                *manner = Manner::TakesEverything;
                thread::sleep(Duration::from_millis(for_ms));
            }
            Manner::HangsUp { after } if count >= after => {
                *manner = Manner::TakesEverything;
                return Ok(());
            }
            Manner::TakesEverything | Manner::StandsStill { .. } | Manner::HangsUp { .. } => {}
        }
        let mut receipt = [0; 40];
        receipt[0] = 40;
        receipt[4..6].copy_from_slice(&[1, 160]);
        receipt[8..16].copy_from_slice(&frame[8..16]);
        stream.write_all(&receipt)?;
    }
}

fn take(frame: &[u8], taken: &mut Vec<(u64, i64)>) {
    let eight = |at: usize| <[u8; 8]>::try_from(&frame[at..at + 8]).unwrap();
    let first = u64::from_le_bytes(eight(16));
    let count = u64::from(u16::from_le_bytes([frame[32], frame[33]]));
    for number in 0..count {
        let price = i64::from_le_bytes(eight(40 + number as usize * 16));
        taken.push((first + number, price));
    }
}

fn config(url: &str, plan: PublishPlan, rate_per_s: f64, file: std::path::PathBuf) -> PointsConfig {
    PointsConfig {
        plan,
        rate_per_s,
        symbols: vec![SymbolShare {
            name: "AAA".into(),
            share: 1.0,
            instrument: Instrument {
                tick: "0.01".parse().unwrap(),
                lot: "1".parse().unwrap(),
                around_ticks: 5_000,
                band_ticks: 20,
                largest_lots: 1,
                oversized_lots: None,
            },
        }],
        seed: 7,
        auth: Auth::None,
        secrets: Secrets::default(),
        entry: vec![url.to_string()],
        timeout_ns: 300_000_000,
        file,
    }
}

fn published(url: &str, plan: PublishPlan, rate_per_s: f64, for_ms: u64) -> PointsReport {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("points.csv");
    let config = config(url, plan, rate_per_s, file.clone());
    let publisher = Publisher::start(&config, monotonic_ns() + 5_000_000).unwrap();
    thread::sleep(Duration::from_millis(for_ms));
    let report = publisher.end().unwrap();
    let mut sum = PointCounts::default();
    let rows = read_points(&file).unwrap().unwrap();
    rows.iter().for_each(|row| sum.add(&row.counts));
    assert_eq!(sum, report.counts, "the rows add up to the report");
    assert_eq!(sum.ended(), sum.offered);
    report
}

fn frames() -> PublishPlan {
    PublishPlan::Binary(BinaryPublish { port: 1 })
}

#[test]
fn every_point_is_taken_in_once_and_in_order() {
    let (url, taken) = ingest(Manner::TakesEverything);
    let report = published(&url, frames(), 200_000.0, 500);
    let counts = report.counts;
    let taken = taken.lock().unwrap();
    assert_eq!(counts.lost(), 0, "{report:?}");
    assert_eq!(counts.acknowledged, taken.len() as u64);
    assert!(counts.offered > 50_000, "{report:?}");
    assert!(
        (1..)
            .zip(taken.iter())
            .all(|(number, (found, _))| *found == number)
    );
    assert!(
        taken
            .iter()
            .all(|(_, price)| (4_980..=5_020).contains(price))
    );
    assert!(report.write_lag_p99_ns.is_some());
}

#[test]
fn an_ingest_that_stands_still_costs_the_points_of_that_time() {
    let (url, taken) = ingest(Manner::StandsStill {
        after: 100_000,
        for_ms: 1_500,
    });
    // Far more than the buffers of a socket hold.
    let report = published(&url, frames(), 1_000_000.0, 2_000);
    let counts = report.counts;
    assert!(counts.unsent > 100_000, "{report:?}");
    assert!(taken.lock().unwrap().len() as u64 >= counts.acknowledged);
}

#[test]
fn what_was_written_before_a_cut_may_have_been_taken_in() {
    let (url, taken) = ingest(Manner::HangsUp { after: 5_000 });
    let report = published(&url, frames(), 50_000.0, 600);
    let counts = report.counts;
    let taken = taken.lock().unwrap().len() as u64;
    assert_eq!(report.connected, 2, "{report:?}");
    assert!(counts.unacknowledged > 0, "{report:?}");
    assert!(counts.acknowledged < taken, "the last frame had no receipt");
    assert!(
        taken <= counts.acknowledged + counts.unacknowledged,
        "{report:?}"
    );
}

#[test]
fn nobody_there_means_nothing_sent() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", gone.local_addr().unwrap());
    drop(gone);
    let report = published(&url, frames(), 10_000.0, 300);
    assert!(report.counts.offered > 1_000, "{report:?}");
    assert_eq!(report.counts.unsent, report.counts.offered);
    assert!(report.trouble.unwrap().contains("refused"));
}

#[test]
fn batches_over_http_are_acknowledged_or_refused_as_a_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&requests);
    thread::spawn(move || answer(&listener, &shared));
    let text = |text: &str| PointPart::Text(text.into());
    let plan = PublishPlan::Http(HttpPublish {
        method: "POST".into(),
        path: "/points".into(),
        before: "[".into(),
        after: "]".into(),
        point: vec![text("{\"n\":"), PointPart::Sequence, text("}")],
        batch: 50,
        acked: vec![202],
    });
    let report = published(&url, plan, 20_000.0, 400);
    let requests = requests.lock().unwrap();
    let of = |wanted: u16| {
        let found = requests.iter().filter(|(status, _)| *status == wanted);
        found.map(|(_, points)| points).sum::<u64>()
    };
    assert_eq!(report.counts.acknowledged, of(202), "{report:?}");
    assert_eq!(report.counts.refused, of(503), "{report:?}");
    assert!(of(202) > 0 && of(503) > 0);
}

/// Every fifth request is refused; each is kept with its status and how many points it had.
fn answer(listener: &TcpListener, requests: &Mutex<Vec<(u16, u64)>>) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut input = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let Some(head) = input.windows(4).position(|four| four == b"\r\n\r\n") else {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => return,
                Ok(read) => input.extend_from_slice(&buffer[..read]),
            }
            continue;
        };
        let text = String::from_utf8_lossy(&input[..head]).into_owned();
        let length = text.rsplit_once("content-length: ").unwrap().1;
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if input.len() < head + 4 + length {
            let read = stream.read(&mut buffer).unwrap();
            input.extend_from_slice(&buffer[..read]);
            continue;
        }
        let body: Vec<serde_json::Value> =
            serde_json::from_slice(&input[head + 4..head + 4 + length]).unwrap();
        input.drain(..head + 4 + length);
        let mut requests = requests.lock().unwrap();
        let status = if requests.len() % 5 == 4 { 503 } else { 202 };
        requests.push((status, body.len() as u64));
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(answer.as_bytes()).unwrap();
    }
}
