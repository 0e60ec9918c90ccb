//! Telling what became of commands to those who listen.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use futures_util::{SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use crate::secure::Stream;

/// Where those who listen connect to, with their name behind it.
const PATH: &str = "/reports/";

/// Reports that one who listens may be behind; whoever is further behind is cut off.
const KEPT: usize = 4096;

/// Who listens, by the names that commands give.
#[derive(Debug, Default)]
pub struct Reports(Mutex<HashMap<String, Vec<mpsc::Sender<String>>>>);

impl Reports {
    /// Who connects to this path hears from now on; `None` when it is no path for those who listen.
    pub(super) fn listen(&self, path: &str) -> Option<mpsc::Receiver<String>> {
        let name = path.strip_prefix(PATH).filter(|name| !name.is_empty())?;
        let (sender, receiver) = mpsc::channel(KEPT);
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.entry(name.to_owned()).or_default().push(sender);
        Some(receiver)
    }

    /// Tells everybody of this name. Whoever has gone, or is too far behind, is told nothing any more.
    pub fn tell(&self, name: &str, report: &str) {
        let mut listeners = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(named) = listeners.get_mut(name) else {
            return;
        };
        named.retain(|listener| listener.try_send(report.to_owned()).is_ok());
        if named.is_empty() {
            listeners.remove(name);
        }
    }
}

/// Writes every report until the listener leaves, is cut off, or nobody is to be served any more.
pub(super) async fn tell(
    socket: WebSocketStream<Stream>,
    mut reports: mpsc::Receiver<String>,
    mut stopped: watch::Receiver<bool>,
) -> Result<(), Error> {
    let (mut output, mut input) = socket.split();
    loop {
        let report = tokio::select! {
            _gone = stopped.wait_for(|stop| *stop) => break,
            report = reports.recv() => report,
            said = input.next() => match said.transpose()? {
                None | Some(Frame::Close(_)) => break,
                Some(_) => continue,
            },
        };
        let Some(report) = report else {
            break;
        };
        output.feed(Frame::text(report)).await?;
        while let Ok(report) = reports.try_recv() {
            output.feed(Frame::text(report)).await?;
        }
        output.flush().await?;
    }
    output.close().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_goes_to_those_of_its_name() {
        let reports = Reports::default();
        assert!(reports.listen("/").is_none() && reports.listen("/reports/").is_none());
        let mut first = reports.listen("/reports/7").unwrap();
        let mut second = reports.listen("/reports/7").unwrap();
        let mut other = reports.listen("/reports/8").unwrap();
        reports.tell("7", "a");
        reports.tell("9", "b");
        assert_eq!(first.try_recv().as_deref(), Ok("a"));
        assert_eq!(second.try_recv().as_deref(), Ok("a"));
        assert!(other.try_recv().is_err());
    }

    #[test]
    fn whoever_does_not_keep_up_is_cut_off() {
        let reports = Reports::default();
        let mut slow = reports.listen("/reports/7").unwrap();
        (0..=KEPT).for_each(|_| reports.tell("7", "a"));
        reports.tell("7", "never told");
        let mut told = 0;
        while let Some("a") = slow.blocking_recv().as_deref() {
            told += 1;
        }
        assert_eq!(told, KEPT, "and then the end");
        assert!(reports.0.lock().unwrap().is_empty());
    }
}
