//! Following a run by its log, until it has ended.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use shakedown_record::ExitCode;
use tokio::sync::watch;

use super::error::SubmitError;
use super::fetch::Courier;
use super::lines::Once;
use super::parcel::{Kept, Stage};
use super::start::{Obstacle, Start, Wait, start_of};
use super::submission::{COURIER, REPORT_FOLLOWS, RUN, SUBMITTED, Submission};
use crate::mechanisms::kubernetes::act::LogLines;
use crate::mechanisms::kubernetes::{Cluster, ClusterError};

/// How often the pod is looked at while it starts, and how long between two attempts at its log.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between two lines of a run there are five seconds; a log without any for so long is opened anew.
const LOG_SILENT: Duration = Duration::from_secs(30);
/// A courier that runs and does not answer is given up.
const COURIER_SILENT: Duration = Duration::from_secs(60);

/// Becomes `Some(signal)` when a person asks to stop.
pub(super) type Stop = watch::Receiver<Option<String>>;

/// How the container of the run ended, as the courier or else its kubelet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RunEnded {
    Code {
        code: ExitCode,
        /// What the courier keeps; `None` when it cannot be asked.
        kept: Option<Kept>,
    },
    /// Without an exit code of its own: the kubelet's word for it.
    Killed { why: String, kept: Option<Kept> },
    /// There is no pod any more.
    Gone,
}

/// What one look has told.
#[derive(Debug)]
enum Seen {
    /// Or nobody tells.
    GoesOn,
    /// The run is over, and its courier runs and does not answer.
    CourierSilent,
    Ended(RunEnded),
}

/// What was read of the log.
#[derive(Debug, Default)]
pub(super) struct Heard {
    once: Once,
    /// Lines of the report, which are not shown as progress.
    report: Option<Vec<String>>,
}

impl Heard {
    /// The report as the log has it; `None` when it has not come.
    pub(super) fn report(&self) -> Option<String> {
        self.report.as_ref().map(|lines| lines.join("\n"))
    }

    fn hear(&mut self, line: &str, say: &mut dyn FnMut(&str)) {
        let Some(text) = self.once.take(line) else {
            return;
        };
        match &mut self.report {
            Some(report) => report.push(text.to_string()),
            None if text == REPORT_FOLLOWS => self.report = Some(Vec::new()),
            None => say(text),
        }
    }
}

/// The pod of the Job.
pub(super) async fn pod_of(
    cluster: &Cluster,
    of: &Submission,
) -> Result<Option<Pod>, ClusterError> {
    let selector = format!("{SUBMITTED}={}", of.name);
    let found = cluster.pods(&of.namespace, &selector).await?;
    let Some(look) = found.into_iter().next() else {
        return Ok(None);
    };
    match cluster.get::<Pod>(&of.namespace, &look.name).await {
        Ok(pod) => Ok(Some(pod)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Waits until the run has started; its pod's name.
///
/// # Errors
/// When something has been in its way for longer than that may last, or a person asks to stop.
pub(super) async fn started(
    cluster: &Cluster,
    of: &Submission,
    stop: &Stop,
    say: &mut dyn FnMut(&str),
) -> Result<String, SubmitError> {
    let mut since: Option<(Obstacle, Instant)> = None;
    let mut told: Option<Obstacle> = None;
    loop {
        if let Some(by) = &*stop.borrow() {
            return Err(SubmitError::Interrupted(format!(
                "{by} before the run had begun: it was taken away, and nothing was touched"
            )));
        }
        match pod_of(cluster, of).await {
            Ok(pod) => match (start_of(pod.as_ref()), pod.and_then(|it| it.metadata.name)) {
                (Start::Started, Some(name)) => return Ok(name),
                (Start::Started, None) => {}
                (Start::Waits(wait), _) => {
                    let known = since.filter(|(obstacle, _)| *obstacle == wait.obstacle);
                    let (_, first) =
                        *since.insert(known.unwrap_or((wait.obstacle, Instant::now())));
                    if first.elapsed() >= wait.obstacle.patience() {
                        return Err(SubmitError::Unavailable(gave_up(of, &wait)));
                    }
                    let is_news = told != Some(wait.obstacle) && first.elapsed() >= LOOK_EVERY * 4;
                    if is_news && wait.obstacle != Obstacle::Slow {
                        told = Some(wait.obstacle);
                        say(&format!("  {}: {}", wait.obstacle.words(), wait.why));
                    }
                }
            },
            // How long that may last is bounded by whatever was in the way before, or by the patience with a slow start.
            Err(error) if error.is_passing() => {
                let (obstacle, first) = *since.get_or_insert((Obstacle::Slow, Instant::now()));
                if first.elapsed() >= obstacle.patience() {
                    return Err(error.into());
                }
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn gave_up(of: &Submission, wait: &Wait) -> String {
    let after = match wait.obstacle {
        Obstacle::NoNode if of.must_be_apart => {
            "; the scenario breaks nodes, so the run keeps away from those of the system: another node is needed for it"
        }
        Obstacle::NoImage => "; name another by --in-cluster-image",
        _ => "",
    };
    format!(
        "the run could not start in the cluster: for {} s {} ({}){after}. It was taken away, and nothing was touched",
        wait.obstacle.patience().as_secs(),
        wait.obstacle.words(),
        wait.why
    )
}

/// Shows the log until the run has ended. When a person asks to stop, `ask` is called once; the run then heals, and is
/// followed on.
pub(super) async fn followed(
    courier: &Courier<'_>,
    heard: &mut Heard,
    stop: &mut Stop,
    until: Instant,
    say: &mut dyn FnMut(&str),
    mut ask: impl AsyncFnMut() -> Result<(), ClusterError>,
) -> Result<RunEnded, SubmitError> {
    let mut asked = false;
    let mut over: Option<Instant> = None;
    loop {
        heard.once.reread();
        let opened = courier
            .cluster
            .follow_log_since(courier.namespace, courier.pod, RUN, heard.once.since())
            .await;
        if let Ok(mut lines) = opened {
            loop {
                tokio::select! {
                    line = lines.next(LOG_SILENT) => match line {
                        Ok(Some(line)) => heard.hear(&line, say),
                        Ok(None) | Err(_) => break,
                    },
                    changed = stop.changed(), if !asked => {
                        asked = true;
                        if changed.is_ok() && let Err(error) = ask().await {
                            say(&format!("  the run could not be asked to end, and goes on: {error}"));
                        }
                    }
                }
            }
        }
        let patient = over.is_none_or(|since| since.elapsed() < COURIER_SILENT);
        match ended(courier, patient).await {
            Seen::Ended(ended) => {
                drain(courier, heard, say).await;
                return Ok(ended);
            }
            Seen::CourierSilent => {
                over.get_or_insert_with(Instant::now);
            }
            Seen::GoesOn => {}
        }
        if Instant::now() >= until {
            return Err(SubmitError::Unavailable(
                "nothing was heard of the run for longer than it may last".to_string(),
            ));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// What the log still has. It may have broken before its end.
async fn drain(courier: &Courier<'_>, heard: &mut Heard, say: &mut dyn FnMut(&str)) {
    heard.once.reread();
    let opened: Result<LogLines, _> = courier
        .cluster
        .follow_log_since(courier.namespace, courier.pod, RUN, heard.once.since())
        .await;
    if let Ok(mut lines) = opened {
        while let Ok(Some(line)) = lines.next(Duration::from_secs(5)).await {
            heard.hear(&line, say);
        }
    }
}

/// Whether the run has ended, and how. The courier knows it first, and also in a pod that is being ended, of whose
/// containers the API server hears nothing until all are gone.
async fn ended(courier: &Courier<'_>, patient: bool) -> Seen {
    let kept = courier.kept().await.ok();
    match kept.as_ref().map(|kept| kept.stage) {
        Some(Stage::NotBegun | Stage::Going) => return Seen::GoesOn,
        Some(Stage::Ended { code: Some(code) }) => {
            let code = ExitCode::from_code(code).unwrap_or(ExitCode::Bug);
            return Seen::Ended(RunEnded::Code { code, kept });
        }
        Some(Stage::Ended { code: None }) | None => {}
    }
    let pod = courier.cluster.get::<Pod>(courier.namespace, courier.pod);
    match pod.await {
        Ok(pod) => of_statuses(pod, kept, patient),
        Err(error) if error.is_gone() => Seen::Ended(RunEnded::Gone),
        Err(_) => Seen::GoesOn,
    }
}

/// As the kubelet says, where the courier does not know.
fn of_statuses(pod: Pod, kept: Option<Kept>, patient: bool) -> Seen {
    let statuses = pod.status.and_then(|it| it.container_statuses);
    let statuses = statuses.unwrap_or_default();
    let state = |name: &str| {
        let status = statuses.iter().find(|it| it.name == name)?;
        status.state.clone()
    };
    let courier_runs = state(COURIER).is_some_and(|it| it.running.is_some());
    let Some(over) = state(RUN).and_then(|it| it.terminated) else {
        return match kept {
            // The lock is free, and the kubelet has not said why.
            Some(kept) => Seen::Ended(RunEnded::Killed {
                why: "its process is gone".to_string(),
                kept: Some(kept),
            }),
            None => Seen::GoesOn,
        };
    };
    if kept.is_none() && courier_runs && patient {
        return Seen::CourierSilent;
    }
    let code = u8::try_from(over.exit_code).ok();
    Seen::Ended(match code.and_then(ExitCode::from_code) {
        Some(code) => RunEnded::Code { code, kept },
        None => {
            let reason = over.reason.unwrap_or_default();
            let why = format!("{reason} (exit {})", over.exit_code);
            RunEnded::Killed { why, kept }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(run: &str, courier: &str) -> Pod {
        let status = |name: &str, state: &str| {
            format!(
                r#"{{"name":"{name}","image":"","imageID":"","ready":false,"restartCount":0,"state":{state}}}"#
            )
        };
        let (run, courier) = (status("run", run), status("courier", courier));
        let text = format!(r#"{{"status":{{"containerStatuses":[{run},{courier}]}}}}"#);
        serde_json::from_str(&text).unwrap()
    }

    const RUNS: &str = r#"{"running":{}}"#;
    const FAILED: &str = r#"{"terminated":{"exitCode":1,"reason":"Error"}}"#;
    const KILLED: &str = r#"{"terminated":{"exitCode":137,"reason":"OOMKilled"}}"#;

    #[test]
    fn a_courier_that_is_silent_is_waited_for_and_given_up() {
        let over = pod(FAILED, RUNS);
        assert!(matches!(
            of_statuses(over.clone(), None, true),
            Seen::CourierSilent
        ));
        let given_up = of_statuses(over, None, false);
        let Seen::Ended(RunEnded::Code { code, kept: None }) = given_up else {
            panic!("{given_up:?}");
        };
        assert_eq!(code, ExitCode::Fail);
        assert!(matches!(
            of_statuses(pod(RUNS, RUNS), None, true),
            Seen::GoesOn
        ));
    }

    #[test]
    fn a_run_that_was_killed_has_no_exit_code_of_its_own() {
        let kept = Some(Kept {
            stage: Stage::Ended { code: None },
            bytes: Some(1),
        });
        let killed = of_statuses(pod(KILLED, RUNS), kept, true);
        let Seen::Ended(RunEnded::Killed { why, kept: Some(_) }) = killed else {
            panic!("{killed:?}");
        };
        assert_eq!(why, "OOMKilled (exit 137)");
    }

    #[test]
    fn progress_is_shown_and_the_report_is_kept() {
        let mut heard = Heard::default();
        let mut shown = Vec::new();
        let log = format!(
            "2026-01-01T00:00:01Z steady\n2026-01-01T00:00:02Z {REPORT_FOLLOWS}\n2026-01-01T00:00:03Z PASS\n2026-01-01T00:00:04Z  it is"
        );
        for line in log.lines() {
            heard.hear(line, &mut |text| shown.push(text.to_string()));
        }
        assert_eq!(shown, ["steady"]);
        assert_eq!(heard.report().as_deref(), Some("PASS\n it is"));
    }
}
