//! InfluxDB: a point of each symbol for each second, by its line protocol over HTTP.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::market::{LISTED, Market};
use super::model::baseline_bps;
use super::stats::Stats;
use crate::endpoint::Endpoint;

const POINT_EVERY: Duration = Duration::from_secs(1);

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The longest answer that is read, in bytes.
const MOST_BYTES: u64 = 64 * 1024;

/// What writes points.
pub(super) struct Points {
    pub(super) name: String,
    pub(super) server: Endpoint,
    pub(super) database: String,
    pub(super) market: Market,
    pub(super) stats: Arc<Stats>,
}

impl Points {
    /// Writes until it is dropped.
    pub(super) async fn run(self) {
        let mut is_made = false;
        loop {
            sleep(POINT_EVERY).await;
            let written = self.write(is_made).await;
            is_made = written.is_ok();
            self.stats.influx.store(is_made, Ordering::Relaxed);
            match written {
                Ok(points) => {
                    self.stats.points.fetch_add(points, Ordering::Relaxed);
                }
                Err(error) => tracing::debug!(%error, "InfluxDB does not take the points"),
            }
        }
    }

    /// Writes a point of each symbol: how many. The database is made before the first.
    async fn write(&self, is_made: bool) -> io::Result<u64> {
        let database = &self.database;
        if !is_made {
            let query = format!("/query?q=CREATE%20DATABASE%20%22{database}%22");
            post(&self.server, &query, "").await?;
        }
        let lines = self.lines(unix_ns());
        post(&self.server, &format!("/write?db={database}"), &lines).await?;
        Ok(lines.lines().count() as u64)
    }

    fn lines(&self, at_ns: u128) -> String {
        let fill_rate = self.stats.quality().fill_rate().unwrap_or(0.0);
        let mut lines = String::new();
        for listed in LISTED {
            let symbol = listed.symbol;
            let Some(view) = self.market.view(symbol) else {
                continue;
            };
            let held = self.stats.quality().inventory(symbol);
            lines.push_str(&format!(
                "quotes,maker={},symbol={symbol} mid={:.4},baseline_bps={:.4},inventory={held:.4},fill_rate={fill_rate:.4} {at_ns}\n",
                tag(&self.name),
                view.mid,
                baseline_bps(&view),
            ));
        }
        lines
    }
}

/// The value of a tag: what would end it is escaped.
fn tag(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(character, ' ' | ',' | '=') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// # Errors
/// Those of the network, and every answer other than a 2xx.
async fn post(server: &Endpoint, path: &str, body: &str) -> io::Result<()> {
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let asked = async {
        let mut stream = server.connect().await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MOST_BYTES).read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let first = answer.lines().next().unwrap_or_default();
        match first
            .split(' ')
            .nth(1)
            .is_some_and(|code| code.starts_with('2'))
        {
            true => Ok(()),
            false => Err(io::Error::other(format!("it answers `{first}`"))),
        }
    };
    timeout(PATIENCE, asked).await?
}

#[expect(clippy::disallowed_methods, reason = "points are dated")]
fn unix_ns() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_line_whatever_the_name() {
        let points = Points {
            name: "maker 1,a=b".to_owned(),
            server: "127.0.0.1:1".parse().unwrap(),
            database: "d".to_owned(),
            market: Market::new(),
            stats: Arc::default(),
        };
        let lines = points.lines(17);
        let expected = "quotes,maker=maker\\ 1\\,a\\=b,symbol=BTCUSD mid=50000.0000,baseline_bps=8.0000,\
                        inventory=0.0000,fill_rate=0.0000 17";
        assert_eq!(lines.lines().next(), Some(expected));
        assert_eq!(lines.lines().count(), LISTED.len());
    }
}
