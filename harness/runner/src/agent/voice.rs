//! Where an agent's reports go: to its standard output, and, where its order says so, to a board in the cluster.
//!
//! A log is read through the kubelet and written by the container runtime. An agent that makes one of them stand still
//! would be heard only afterwards, so it writes on a board besides, which takes neither.

use std::future::Future;
use std::io::Write;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::leash::LeashError;
use super::report::{Report, Said};
use super::work::unix_now_ns;

const ONE_POST_WITHIN: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(250);
/// What could not be posted so long after the last word is in the log only.
const LAST_POST_WITHIN: Duration = Duration::from_secs(2);

/// A place in the cluster that others read.
pub trait Board: Send + 'static {
    /// Puts all reports up, in place of those that were there. Is given up after a second, and tried again.
    fn post(&mut self, reports: &str) -> impl Future<Output = Result<(), LeashError>> + Send;
}

/// A report that cannot be written is lost: the fault has to be healed all the same.
pub(super) struct Voice {
    out: Box<dyn Write + Send>,
    board: Option<Posting>,
}

/// A board that is being written.
struct Posting {
    reports: watch::Sender<String>,
    /// So many bytes of them are up.
    up: watch::Receiver<usize>,
    task: JoinHandle<()>,
}

impl Voice {
    pub(super) fn new<B: Board>(out: Box<dyn Write + Send>, board: Option<B>) -> Voice {
        let begin = |board: B| {
            let (reports, written) = watch::channel(String::new());
            let (tell, up) = watch::channel(0);
            let task = tokio::spawn(keep_up(board, written, tell));
            Posting { reports, up, task }
        };
        Voice {
            out,
            board: board.map(begin),
        }
    }

    pub(super) fn say(&mut self, said: Said) {
        let line = Report::new(unix_now_ns(), said).line();
        let written = self.out.write_all(line.as_bytes());
        if let Err(error) = written.and_then(|()| self.out.flush()) {
            tracing::error!("a report cannot be written: {error}: {line}");
        }
        if let Some(board) = &self.board {
            board.reports.send_modify(|reports| reports.push_str(&line));
        }
    }

    /// Waits until everything is up, for a moment.
    pub(super) async fn finish(self) {
        let Some(mut board) = self.board else {
            return;
        };
        let all = board.reports.borrow().len();
        let up = board.up.wait_for(|up| *up >= all);
        if !matches!(tokio::time::timeout(LAST_POST_WITHIN, up).await, Ok(Ok(_))) {
            tracing::warn!("the last reports are not on the board");
        }
        board.task.abort();
    }
}

/// Puts up what is new, until there is nobody to say anything any more.
async fn keep_up<B: Board>(
    mut board: B,
    mut reports: watch::Receiver<String>,
    up: watch::Sender<usize>,
) {
    loop {
        let now = reports.borrow_and_update().clone();
        if now.len() == *up.borrow() {
            match reports.changed().await {
                Ok(()) => continue,
                Err(_) => return,
            }
        }
        match tokio::time::timeout(ONE_POST_WITHIN, board.post(&now)).await {
            Ok(Ok(())) => {
                up.send_replace(now.len());
            }
            Ok(Err(error)) => {
                tracing::warn!("the board cannot be written: {error}");
                tokio::time::sleep(PAUSE).await;
            }
            Err(_) => tracing::warn!("the board took too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Refuses the first time.
    struct Stubborn(Arc<Mutex<Vec<String>>>, bool);

    impl Board for Stubborn {
        async fn post(&mut self, reports: &str) -> Result<(), LeashError> {
            if !std::mem::replace(&mut self.1, true) {
                return Err(LeashError("not now".into()));
            }
            self.0.lock().unwrap().push(reports.to_string());
            Ok(())
        }
    }

    #[tokio::test]
    async fn everything_said_is_on_the_board_in_the_end() {
        let posts = Arc::new(Mutex::new(Vec::new()));
        let board = Stubborn(Arc::clone(&posts), false);
        let mut voice = Voice::new(Box::new(std::io::sink()), Some(board));
        voice.say(Said::Healed);
        voice.say(Said::Clean);
        voice.finish().await;
        let last = posts.lock().unwrap().last().cloned().unwrap();
        let said: Vec<Said> = Report::all(&last).into_iter().map(|it| it.said).collect();
        assert_eq!(said, [Said::Healed, Said::Clean]);
    }

    struct Gone;

    impl Board for Gone {
        async fn post(&mut self, _: &str) -> Result<(), LeashError> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn a_board_that_is_out_of_reach_holds_nobody_up() {
        let begun = tokio::time::Instant::now();
        let mut voice = Voice::new(Box::new(std::io::sink()), Some(Gone));
        voice.say(Said::Clean);
        voice.finish().await;
        assert!(begun.elapsed() < LAST_POST_WITHIN + ONE_POST_WITHIN);
    }
}
