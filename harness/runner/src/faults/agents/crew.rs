//! The agents of one firing, as they are heard.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::event::Leftover;
use shakedown_record::fault::{Effect, FaultTarget};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::agent::{BOARD_KEY, EndedBy, Report, Said};
use crate::mechanisms::kubernetes::Cluster;
use crate::mechanisms::kubernetes::look::ContainerState;

const PAUSE: Duration = Duration::from_millis(100);
const ONE_LINE_WITHIN: Duration = Duration::from_secs(5);

/// All of them.
#[derive(Debug)]
pub(super) struct Crew {
    members: Arc<Mutex<Vec<Member>>>,
    news: watch::Receiver<u64>,
    _hearing: JoinSet<()>,
}

/// One of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Member {
    pod: String,
    node: String,
    /// Where it reports besides its log; then its log is not read.
    board: Option<String>,
    said: Vec<Said>,
    /// Why it is not heard, or what hinders its start.
    silent: Option<String>,
}

impl Member {
    pub(super) fn new(pod: &str, node: &str, board: Option<String>) -> Member {
        Member {
            pod: pod.to_string(),
            node: node.to_string(),
            board,
            ..Member::default()
        }
    }

    pub(super) fn heard(&self, is_it: impl Fn(&Said) -> bool) -> bool {
        self.said.iter().any(is_it)
    }

    /// It has taken everything back.
    pub(super) fn is_healed(&self) -> bool {
        self.heard(|said| matches!(said, Said::Healed | Said::Recovered { .. } | Said::Clean))
            || self.never_began()
    }

    /// It has said its last word.
    pub(super) fn is_over(&self) -> bool {
        self.heard(|said| matches!(said, Said::Clean | Said::NotClean { .. })) || self.never_began()
    }

    /// It failed before it touched anything.
    fn never_began(&self) -> bool {
        use crate::agent::Step;
        let early = |said: &Said| {
            matches!(
                said,
                Said::Failed {
                    stage: Step::Preflight | Step::Arm,
                    ..
                }
            )
        };
        self.heard(early) && !self.heard(|said| matches!(said, Said::Injected { .. }))
    }

    /// Why it did not do what was wanted.
    fn trouble(&self) -> String {
        let failed = self.said.iter().find_map(|said| match said {
            Said::Failed { stage, why } => Some(format!("{stage}: {why}")),
            _ => None,
        });
        let ended = self.said.iter().find_map(|said| match said {
            Said::Ended { why } => Some(format!("it ended: {why}")),
            _ => None,
        });
        let why = failed.or(ended).or_else(|| self.silent.clone());
        let why = why.unwrap_or_else(|| "nothing was heard of it in time".to_string());
        format!("the agent on {} (pod {}): {why}", self.node, self.pod)
    }

    /// Why it has taken the fault back, once it has begun to.
    fn ended(&self) -> Option<EndedBy> {
        self.said.iter().find_map(|said| match said {
            Said::Ended { why } => Some(*why),
            _ => None,
        })
    }

    /// It has begun to take the fault back for such a reason: in words.
    fn ended_for(&self, is_it: impl Fn(EndedBy) -> bool) -> Option<String> {
        let why = self.ended().filter(|why| is_it(*why))?;
        let how = match why {
            EndedBy::Restarted => "its process was killed".to_string(),
            EndedBy::Signal => "its pod was asked to end".to_string(),
            EndedBy::LeaseLost => "it did not see its lease renewed".to_string(),
            EndedBy::Asked | EndedBy::HoldOver | EndedBy::Deadline | EndedBy::Failed => {
                why.to_string()
            }
        };
        Some(format!(
            "the agent on {} (pod {}): {how}",
            self.node, self.pod
        ))
    }

    /// Waiting any longer is in vain.
    fn has_failed(&self) -> bool {
        self.heard(|said| matches!(said, Said::Failed { .. }))
    }
}

impl Crew {
    /// Begins to hear them.
    pub(super) fn hear(cluster: &Cluster, namespace: &str, members: Vec<Member>) -> Crew {
        let (tell, news) = watch::channel(0);
        let tell = Arc::new(tell);
        let mut hearing = JoinSet::new();
        let all = Arc::new(Mutex::new(members.clone()));
        for (index, member) in members.into_iter().enumerate() {
            let ear = Ear {
                cluster: cluster.clone(),
                namespace: namespace.to_string(),
                pod: member.pod,
                index,
                members: Arc::clone(&all),
                tell: Arc::clone(&tell),
            };
            match member.board {
                Some(board) => hearing.spawn(ear.read(board)),
                None => hearing.spawn(ear.listen()),
            };
        }
        Crew {
            members: all,
            news,
            _hearing: hearing,
        }
    }

    /// Waits until it is true of all of them.
    ///
    /// # Errors
    /// In words, what hinders the first of which it is not.
    pub(super) async fn wait(
        &self,
        within: Duration,
        is_so: impl Fn(&Member) -> bool,
    ) -> Result<(), String> {
        let until = Instant::now() + within;
        let mut news = self.news.clone();
        loop {
            news.borrow_and_update();
            {
                let members = lock(&self.members);
                let missing = members.iter().find(|member| !is_so(member));
                match missing {
                    None => return Ok(()),
                    Some(missing) if missing.has_failed() || Instant::now() >= until => {
                        return Err(missing.trouble());
                    }
                    Some(_) => {}
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            // No news by then is looked at above; a sender that is gone is one that says nothing any more.
            let _ = tokio::time::timeout(left, news.changed()).await;
        }
    }

    /// What the first of them, so many, say they act on.
    pub(super) fn targets(&self, first: usize) -> Vec<FaultTarget> {
        let members = lock(&self.members);
        let mut all = Vec::new();
        for member in members.iter().take(first) {
            for said in &member.said {
                if let Said::Armed { targets, .. } = said {
                    all.extend(targets.iter().map(|target| FaultTarget {
                        handle: format!("{} on {}", target.handle, member.node),
                        ..target.clone()
                    }));
                }
            }
        }
        all
    }

    /// How they say they do it.
    pub(super) fn mechanism(&self) -> Option<String> {
        let members = lock(&self.members);
        members.iter().find_map(|member| {
            member.said.iter().find_map(|said| match said {
                Said::Armed { mechanism, .. } => Some(mechanism.clone()),
                _ => None,
            })
        })
    }

    /// What they have seen, together.
    pub(super) fn effect(&self) -> Effect {
        let members = lock(&self.members);
        let mut all = Effect {
            confirmed: !members.is_empty(),
            text: String::new(),
            figures: Vec::new(),
        };
        let mut texts = Vec::new();
        for member in members.iter() {
            let seen = member.said.iter().rev().find_map(|said| match said {
                Said::Effect(effect) => Some(effect),
                _ => None,
            });
            match seen {
                Some(effect) => {
                    all.confirmed &= effect.confirmed;
                    all.figures.extend(effect.figures.iter().cloned());
                    texts.push(format!("{}: {}", member.node, effect.text));
                }
                None => all.confirmed = false,
            }
        }
        all.text = texts.join("; ");
        all
    }

    /// The first that has begun to take the fault back for such a reason: in words.
    pub(super) fn ended_for(&self, is_it: impl Fn(EndedBy) -> bool + Copy) -> Option<String> {
        let members = lock(&self.members);
        members.iter().find_map(|member| member.ended_for(is_it))
    }

    /// What one of them could not take back.
    pub(super) fn not_clean(&self) -> Option<(Option<Leftover>, String)> {
        let members = lock(&self.members);
        members.iter().find_map(|member| {
            member.said.iter().rev().find_map(|said| match said {
                Said::NotClean { left, reason } => {
                    Some((left.clone(), format!("{}: {reason}", member.node)))
                }
                _ => None,
            })
        })
    }
}

/// Listens to one agent.
struct Ear {
    cluster: Cluster,
    namespace: String,
    pod: String,
    index: usize,
    members: Arc<Mutex<Vec<Member>>>,
    tell: Arc<watch::Sender<u64>>,
}

impl Ear {
    /// Follows the log, from its beginning whenever it breaks, until nobody wants to hear it any more. A container that was
    /// started again has a log of its own: what was said before stays known.
    async fn listen(self) {
        let mut before: Vec<Said> = Vec::new();
        loop {
            let opened = self
                .cluster
                .follow_log(&self.namespace, &self.pod, None)
                .await;
            match opened {
                Ok(mut lines) => {
                    let mut said = Vec::new();
                    loop {
                        match lines.next(ONE_LINE_WITHIN).await {
                            Ok(Some(line)) => {
                                if let Some(report) = Report::parse(&line) {
                                    said.push(report.said);
                                    self.take(&before, &said);
                                }
                            }
                            Ok(None) => break,
                            Err(error) if error.is_late() => {}
                            Err(error) => {
                                self.silent(error.to_string());
                                break;
                            }
                        }
                    }
                    if said.first().is_some_and(|_| !is_again(&before, &said)) {
                        before.extend(said);
                    }
                }
                Err(error) => {
                    let why = self.hindrance().await;
                    self.silent(why.unwrap_or_else(|| error.to_string()));
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads a board again and again. It holds everything that was said.
    async fn read(self, board: String) {
        loop {
            match self.cluster.config_map(&self.namespace, &board).await {
                Ok(found) => {
                    let text = found.data.get(BOARD_KEY).map(String::as_str);
                    let reports = Report::all(text.unwrap_or_default());
                    let said: Vec<Said> = reports.into_iter().map(|report| report.said).collect();
                    match said.is_empty() {
                        true => {
                            if let Some(why) = self.hindrance().await {
                                self.silent(why);
                            }
                        }
                        false => self.take(&[], &said),
                    }
                }
                Err(error) => self.silent(error.to_string()),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// What hinders its container from starting.
    async fn hindrance(&self) -> Option<String> {
        let pod = self.cluster.pod(&self.namespace, &self.pod).await.ok()?;
        let waits = pod.containers.iter().find_map(|it| match &it.state {
            ContainerState::Waiting { reason } if !reason.is_empty() => Some(reason.clone()),
            ContainerState::Waiting { .. }
            | ContainerState::Running { .. }
            | ContainerState::Terminated(_) => None,
        });
        let reason = pod.reason.clone();
        waits
            .map(|reason| format!("its container waits: {reason}"))
            .or(reason)
    }

    fn take(&self, before: &[Said], said: &[Said]) {
        let all = match is_again(before, said) {
            true => before.to_vec(),
            false => [before, said].concat(),
        };
        if let Some(member) = lock(&self.members).get_mut(self.index) {
            member.said = all;
            member.silent = None;
        }
        self.tell.send_modify(|news| *news += 1);
    }

    fn silent(&self, why: String) {
        if let Some(member) = lock(&self.members).get_mut(self.index) {
            member.silent = Some(why);
        }
        self.tell.send_modify(|news| *news += 1);
    }
}

/// The same log once more, from its beginning.
fn is_again(before: &[Said], said: &[Said]) -> bool {
    !said.is_empty() && before.ends_with(said)
        || (said.len() < before.len() && before.starts_with(said))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_was_killed_is_told_from_one_that_was_asked() {
        let member = |why| Member {
            said: vec![Said::Ended { why }, Said::Clean],
            ..Member::new("agent-0", "node-1", None)
        };
        let was_killed = |why| why == EndedBy::Restarted;
        let killed = member(EndedBy::Restarted).ended_for(was_killed);
        let killed = killed.unwrap_or_default();
        assert!(
            killed.contains("node-1") && killed.contains("was killed"),
            "{killed}"
        );
        assert_eq!(member(EndedBy::Asked).ended_for(was_killed), None);
        assert_eq!(Member::default().ended_for(|_| true), None);
        let lost = member(EndedBy::LeaseLost).ended_for(|_| true);
        assert!(lost.is_some_and(|why| why.contains("lease")));
    }
}
