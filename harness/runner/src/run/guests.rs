//! The guests of a run: made once the system is there, before the first order.

use shakedown_scenarios::guards::planned_longest_ns;

use super::interrupt::Interrupt;
use super::shell::Run;
use crate::error::RunError;
use crate::isolation::Party;
use crate::journal::Journal;

impl Run {
    /// Makes the pods that knock at doors, where rules ask for any.
    ///
    /// # Errors
    /// When there is no such door, or a pod does not stand there in time.
    pub(super) async fn invite(
        &self,
        journal: &Journal,
        interrupt: &Interrupt,
    ) -> Result<(), RunError> {
        let plan = self.plan();
        let environment = self.standing.environment.get();
        let pods = environment.and_then(|environment| environment.pods());
        let (Some(environment), Some(pods)) = (environment, pods) else {
            return Ok(());
        };
        if plan.walls().next().is_none() {
            return Ok(());
        }
        let of = (plan, pods.plan());
        let party = Party::gather(pods.cluster(), of, environment, &self.request.run_id).await?;
        let party = self.standing.guests.get_or_init(|| party);
        let longest_s = planned_longest_ns(plan).div_ceil(1_000_000_000);
        let is_to_end = || interrupt.is_there();
        party
            .invite(pods.plan(), longest_s, journal, is_to_end)
            .await
    }
}
