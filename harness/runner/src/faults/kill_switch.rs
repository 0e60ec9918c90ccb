//! The kill switch of accounts: asked of the engine, through one entry after the other, until it is acknowledged. What acknowledges
//! is all the proof that there is of its effect; what becomes of orders after it is for the checks to say. It is not taken
//! back, so that nothing has to be undone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shakedown_record::fault::{Effect, EffectFigure, FaultTarget};
use shakedown_scenarios::plan::KillSwitch as Planned;
use tokio::time::Instant;

use super::error::FaultError;
use super::kill::left;
use super::strength::Strength;
use crate::probes::Target;

/// Between two tries.
const POLL: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct KillSwitch {
    target: Arc<Target>,
    how: Planned,
    accounts: Vec<String>,
    /// False: nothing is asked.
    pulls: bool,
    asked: Mutex<Asked>,
}

/// What came of asking.
#[derive(Debug, Default)]
struct Asked {
    /// How often, over all accounts.
    times: usize,
    /// By account the sequence number that was told with the acknowledgement.
    acked: BTreeMap<String, Option<u64>>,
    /// What was said last that is no acknowledgement.
    said: String,
}

impl KillSwitch {
    /// # Errors
    /// When the profile does not say how.
    pub(super) fn new(
        label: &str,
        accounts: &[String],
        target: &Arc<Target>,
    ) -> Result<KillSwitch, FaultError> {
        let how = target.plan.system.kill_switch.as_deref();
        let how = how.ok_or_else(|| FaultError::NotPossible {
            fault: label.to_string(),
            reason: "the profile does not say how a kill switch is pulled".to_string(),
        })?;
        Ok(KillSwitch {
            target: Arc::clone(target),
            how: how.clone(),
            accounts: accounts.to_vec(),
            pulls: false,
            asked: Mutex::default(),
        })
    }

    pub(super) fn mechanism(&self) -> String {
        format!("the profile's request, {}", self.how.send.method)
    }

    pub(super) fn targets(&self) -> Vec<FaultTarget> {
        let target = |account: &String| FaultTarget {
            name: account.clone(),
            role: None,
            handle: "by request".to_string(),
        };
        self.accounts.iter().map(target).collect()
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.accounts.clone()
    }

    /// Asks once for each account; whoever does not acknowledge is asked again by [`KillSwitch::confirm`].
    pub(super) async fn inject(&mut self, strength: Strength) {
        self.pulls = strength == Strength::Full;
        if self.pulls {
            self.ask().await;
        }
    }

    /// Asks until all are acknowledged.
    pub(super) async fn confirm(&self, until: Instant) -> Effect {
        while self.pulls && !self.is_done() && !left(until).is_zero() {
            tokio::time::sleep(POLL.min(left(until))).await;
            self.ask().await;
        }
        let asked = self.asked();
        let told = |(account, sequence): (&String, &Option<u64>)| match sequence {
            Some(sequence) => format!("{account}: acknowledged at {sequence}"),
            None => format!("{account}: acknowledged"),
        };
        let mut words: Vec<String> = asked.acked.iter().map(told).collect();
        let missing = self
            .accounts
            .iter()
            .filter(|it| !asked.acked.contains_key(*it));
        words.extend(missing.map(|account| format!("{account}: not acknowledged: {}", asked.said)));
        let figure = |(account, sequence): (&String, &Option<u64>)| {
            Some(EffectFigure {
                name: account.clone(),
                measured: Some((*sequence)? as f64),
                unit: EffectFigure::SEQUENCE.to_string(),
                ..EffectFigure::default()
            })
        };
        Effect {
            confirmed: asked.acked.len() == self.accounts.len(),
            text: words.join("; "),
            figures: asked.acked.iter().filter_map(figure).collect(),
        }
    }

    fn is_done(&self) -> bool {
        self.asked().acked.len() == self.accounts.len()
    }

    async fn ask(&self) {
        for account in &self.accounts {
            let number = {
                let mut asked = self.asked();
                if asked.acked.contains_key(account) {
                    continue;
                }
                asked.times += 1;
                asked.times - 1
            };
            let answered = self.target.kill(&self.how, account, number).await;
            let mut asked = self.asked();
            match answered {
                Ok(sequence) => {
                    asked.acked.insert(account.clone(), sequence);
                }
                Err(said) => asked.said = said,
            }
        }
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
