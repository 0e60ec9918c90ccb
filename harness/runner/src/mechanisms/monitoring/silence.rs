//! One silence, found by its mark.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::client::{Monitoring, MonitoringError};

const AUTHOR: &str = "shakedown";

/// A silence to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSilence {
    /// Labels that an alert must have, with these values.
    pub labels: BTreeMap<String, String>,
    /// By which it is found again.
    pub mark: String,
    /// RFC 3339: when it ends by itself.
    pub ends_at: String,
    /// RFC 3339.
    pub starts_at: String,
}

/// How a silence is ended by somebody who knows nothing but this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SilenceUndo {
    /// Base URL of the Alertmanager.
    pub alertmanager: String,
    pub mark: String,
}

#[derive(Deserialize)]
struct Made {
    #[serde(rename = "silenceID")]
    id: String,
}

#[derive(Deserialize)]
struct Known {
    id: String,
    comment: String,
    #[serde(rename = "createdBy")]
    author: String,
    status: State,
}

#[derive(Deserialize)]
struct State {
    state: String,
}

fn comment(mark: &str) -> String {
    format!("a drill of Shakedown is going on: {mark}")
}

impl Monitoring {
    /// Makes a silence and returns its id.
    ///
    /// # Errors
    /// When the Alertmanager does not make it.
    pub async fn silence(&self, new: &NewSilence) -> Result<String, MonitoringError> {
        let labels = new.labels.iter();
        let matchers: Vec<_> = labels
            .map(|(name, value)| {
                json!({ "name": name, "value": value, "isRegex": false, "isEqual": true })
            })
            .collect();
        let body = json!({
            "matchers": matchers,
            "startsAt": new.starts_at,
            "endsAt": new.ends_at,
            "createdBy": AUTHOR,
            "comment": comment(&new.mark),
        });
        let made: Made = self.post("/api/v2/silences", &body).await?;
        Ok(made.id)
    }

    /// Asks for silences, and leaves the answer.
    ///
    /// # Errors
    /// When it is no Alertmanager that answers.
    pub async fn knows_silences(&self) -> Result<(), MonitoringError> {
        let _any: Vec<Known> = self.get("/api/v2/silences").await?;
        Ok(())
    }

    /// Ids of silences with a mark that have not ended.
    async fn marked(&self, mark: &str) -> Result<Vec<String>, MonitoringError> {
        let known: Vec<Known> = self.get("/api/v2/silences").await?;
        let comment = comment(mark);
        let ours = known.into_iter().filter(|known| {
            known.author == AUTHOR && known.comment == comment && known.status.state != "expired"
        });
        Ok(ours.map(|known| known.id).collect())
    }
}

impl SilenceUndo {
    /// Ends what was made, and looks again; false when there was nothing to end.
    ///
    /// # Errors
    /// When the Alertmanager does not answer, or the silence is still there.
    pub async fn replay(&self) -> Result<bool, MonitoringError> {
        let monitoring = Monitoring::at(&self.alertmanager)?;
        let ids = monitoring.marked(&self.mark).await?;
        for id in &ids {
            monitoring.delete(&format!("/api/v2/silence/{id}")).await?;
        }
        let left = match ids.is_empty() {
            true => Vec::new(),
            false => monitoring.marked(&self.mark).await?,
        };
        match left.first() {
            None => Ok(!ids.is_empty()),
            Some(id) => Err(MonitoringError::Confused {
                url: self.alertmanager.clone(),
                why: format!("silence {id} was ended and is still there"),
            }),
        }
    }

    /// As [`SilenceUndo::replay`], for threads without a runtime.
    ///
    /// # Errors
    /// As [`SilenceUndo::replay`].
    pub fn replay_blocking(&self) -> Result<bool, MonitoringError> {
        let no_answer = |why: String| MonitoringError::NoAnswer {
            url: self.alertmanager.clone(),
            why,
        };
        let own = self.clone();
        // A thread of its own: this one may be within a runtime already.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.map(|runtime| runtime.block_on(own.replay()))
        });
        match thread.join() {
            Ok(Ok(replayed)) => replayed,
            Ok(Err(error)) => Err(no_answer(format!("no runtime can be made: {error}"))),
            Err(_) => Err(no_answer("asking it has panicked".to_string())),
        }
    }

    /// The command that does it by hand.
    pub fn by_hand(&self) -> String {
        format!(
            "amtool --alertmanager.url={} silence expire $(amtool --alertmanager.url={} silence query -q --created-by={AUTHOR})",
            self.alertmanager, self.alertmanager
        )
    }
}

impl fmt::Display for SilenceUndo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the silence of {} at {}", self.mark, self.alertmanager)
    }
}
