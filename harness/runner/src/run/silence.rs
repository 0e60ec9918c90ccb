//! The silence of a drill: in the journal before it is made, ended when the faults are over, and by `recover` if nobody is left.

use std::time::Duration;

use shakedown_record::event::{Leftover, LeftoverKind};
use shakedown_scenarios::guards::planned_longest_ns;

use super::shell::Run;
use super::teardown::locked;
use crate::error::RunError;
use crate::journal::{Entry, Journal, Undo};
use crate::mechanisms::monitoring::{Monitoring, NewSilence, SilenceUndo};

/// Its name in the journal.
const SILENCE: &str = "silence";

/// How long after the planned end of the run a silence ends by itself.
const BEYOND: Duration = Duration::from_secs(600);

impl Run {
    /// Silences what the profile names, where there are faults to be silenced.
    ///
    /// # Errors
    /// When it cannot be written down, or not be made: then there is nothing that would not end by itself.
    pub(super) async fn silence(&self, journal: &Journal) -> Result<(), RunError> {
        let plan = self.plan();
        let alerts = plan.system.alerts.as_ref();
        let silence = alerts.and_then(|alerts| alerts.silence.as_ref());
        let Some(silence) = silence.filter(|_| !plan.faults.is_empty()) else {
            return Ok(());
        };
        let undo = SilenceUndo {
            alertmanager: silence.alertmanager.clone(),
            mark: self.request.run_id.clone(),
        };
        let monitoring = Monitoring::at(&undo.alertmanager)?;
        // One that does not answer now is told before anything has to be taken back.
        monitoring.knows_silences().await?;
        let now = jiff::Timestamp::now();
        let lasts = Duration::from_nanos(planned_longest_ns(plan)) + BEYOND;
        let ends_at = now.checked_add(lasts).unwrap_or(jiff::Timestamp::MAX);
        let new = NewSilence {
            labels: silence.labels.clone(),
            mark: undo.mark.clone(),
            starts_at: now.to_string(),
            ends_at: ends_at.to_string(),
        };
        journal.record(&Entry::FaultIntent {
            fault: SILENCE.to_string(),
            kind: SILENCE.to_string(),
            targets: vec![undo.alertmanager.clone()],
            undo: vec![Undo::Silence { back: undo.clone() }],
        })?;
        *locked(&self.standing.silence) = Some(undo.clone());
        let id = monitoring.silence(&new).await?;
        tracing::debug!("silence {id} until {ends_at}");
        Ok(())
    }

    /// Ends the silence if there is one; what is left when it cannot be.
    pub(super) async fn end_silence(&self) -> Option<Leftover> {
        let undo = locked(&self.standing.silence).take()?;
        if let Err(error) = undo.replay().await {
            return Some(Leftover {
                kind: LeftoverKind::Object,
                what: format!("{undo}: {error}"),
                remove_with: undo.by_hand(),
            });
        }
        let journal = self.standing.journal.get()?;
        let healed = Entry::FaultHealed {
            fault: SILENCE.to_string(),
        };
        if let Err(error) = journal.record(&healed) {
            tracing::warn!("{error}");
        }
        None
    }
}
