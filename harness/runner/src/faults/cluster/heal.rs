//! Taking it back, also from an API server that is only just coming up again.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::inject::run;
use super::{ClusterFault, refused};
use crate::faults::error::FaultError;
use crate::faults::kill::left;
use crate::mechanisms::kubernetes::{ClusterError, Replayed};

/// Healing as a whole is given 60 s.
const PATIENT_FOR: Duration = Duration::from_secs(50);
const PAUSE: Duration = Duration::from_millis(500);

impl ClusterFault {
    /// Ends what goes on, and takes back what is to be taken back. Twice does no harm.
    pub(in crate::faults) async fn heal(&mut self, fault: &str) -> Result<(), FaultError> {
        self.drains.shutdown().await;
        let Some(armed) = &self.armed else {
            return Ok(());
        };
        if self.begun_at_mono_ns == 0 {
            return Ok(());
        }
        // Power first: without it there may be no API server to talk to.
        let starts = armed.commands.iter().filter_map(|it| it.start.as_ref());
        let started = join_all(starts.map(|start| run(fault, start))).await;
        let until = Instant::now() + PATIENT_FOR;
        let undos = armed
            .changes
            .iter()
            .filter_map(|planned| planned.back.as_ref());
        let cluster = &self.cluster;
        let replayed = join_all(undos.map(|undo| async move {
            let again = || undo.replay(cluster);
            (undo, patiently(until, PAUSE, again).await)
        }))
        .await;
        let mut foreign = Vec::new();
        let mut failed = None;
        for (undo, replayed) in replayed {
            match replayed {
                Ok(Replayed::Done | Replayed::NothingToDo) => {}
                Ok(Replayed::Foreign(why)) => foreign.push(format!("{undo}: {why}")),
                Err(error) => failed = Some(error),
            }
        }
        self.foreign = foreign;
        started.into_iter().collect::<Result<(), FaultError>>()?;
        match failed {
            Some(error) => Err(refused(fault)(error)),
            None => Ok(()),
        }
    }
}

/// Asks again as long as asking again may help. An API server that has only just started knows nobody's rights yet.
async fn patiently<T, F>(
    until: Instant,
    pause: Duration,
    mut ask: impl FnMut() -> F,
) -> Result<T, ClusterError>
where
    F: Future<Output = Result<T, ClusterError>>,
{
    loop {
        match ask().await {
            Err(error) if may_pass(&error) && !left(until).is_zero() => {
                tokio::time::sleep(pause.min(left(until))).await;
            }
            done => return done,
        }
    }
}

fn may_pass(error: &ClusterError) -> bool {
    let young = matches!(
        error,
        ClusterError::Forbidden { .. } | ClusterError::Unauthorized { .. }
    );
    error.is_passing() || young
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::mechanisms::kubernetes::Ask;

    fn ask() -> Ask {
        Ask::of("patch", "services", "stg", "orders")
    }

    fn silence() -> ClusterError {
        ClusterError::Timeout {
            server: "https://c:6443".into(),
            ask: ask(),
            within_ms: 5,
        }
    }

    fn young() -> ClusterError {
        ClusterError::Forbidden {
            verb: "patch".into(),
            resource: "services".into(),
            namespace: None,
            why: "RBAC is not loaded".into(),
        }
    }

    async fn after(
        errors: Vec<ClusterError>,
        within: Duration,
    ) -> (usize, Result<(), ClusterError>) {
        let (asked, errors) = (Cell::new(0), Cell::new(errors.into_iter()));
        let answer = || {
            asked.set(asked.get() + 1);
            let mut rest = errors.replace(Vec::new().into_iter());
            let next = rest.next();
            errors.set(rest);
            async move { next.map_or(Ok(()), Err) }
        };
        let until = Instant::now() + within;
        let done = patiently(until, Duration::from_millis(1), answer).await;
        (asked.get(), done)
    }

    #[tokio::test]
    async fn a_cluster_that_comes_up_is_waited_for() {
        let long = Duration::from_secs(5);
        let (asked, done) = after(vec![silence(), young(), silence()], long).await;
        assert!(asked == 4 && done.is_ok(), "{asked}: {done:?}");
        let (asked, done) = after(vec![ClusterError::NotFound(ask())], long).await;
        assert!(asked == 1 && done.unwrap_err().is_gone());
    }

    #[tokio::test]
    async fn patience_ends() {
        let (asked, done) = after(vec![silence(), silence()], Duration::ZERO).await;
        assert!(asked == 1 && done.unwrap_err().is_silence());
    }
}
