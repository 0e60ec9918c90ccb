//! The networks of our nodes, as the steps of a fault use them: work that blocks, and rules that are taken away again.

use std::ops::Deref;
use std::sync::Arc;

use super::error::{FaultError, NotClean};
use crate::environment::{ClusterNetwork, LinkError};

/// Networks on which a fault has rules.
#[derive(Debug)]
pub(super) struct Nets {
    shared: Arc<ClusterNetwork>,
    /// Rules had let go before they were taken away.
    lapsed: bool,
}

impl Nets {
    pub(super) fn new(shared: Arc<ClusterNetwork>) -> Nets {
        let lapsed = false;
        Nets { shared, lapsed }
    }

    /// Work that blocks, where it may.
    pub(super) async fn on<T: Send + 'static>(
        &self,
        fault: &str,
        work: impl FnOnce(&ClusterNetwork) -> Result<T, LinkError> + Send + 'static,
    ) -> Result<T, FaultError> {
        let network = Arc::clone(&self.shared);
        match tokio::task::spawn_blocking(move || work(&network)).await {
            Ok(done) => done.map_err(|source| FaultError::Link {
                fault: fault.to_string(),
                source,
            }),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Takes a fault's rules away from these nodes. When they had let go before, because Shakedown was held up, that is
    /// told later.
    pub(super) async fn mend(&mut self, fault: &str, names: Vec<String>) -> Result<(), FaultError> {
        let label = fault.to_string();
        let mended = self.on(fault, move |network| {
            let mut lapsed = false;
            for name in &names {
                // What cannot be read is taken away all the same.
                let evidence = network.evidence(name).ok().flatten();
                lapsed |= evidence.is_some_and(|evidence| evidence.lapsed_at_mono_ns.is_some());
                network.mend(name, &label)?;
            }
            Ok(lapsed)
        });
        let lapsed = mended.await?;
        self.lapsed |= lapsed;
        Ok(())
    }

    /// Whether the rules held until they were taken away.
    pub(super) fn held(&self) -> Result<(), NotClean> {
        match self.lapsed {
            false => Ok(()),
            true => Err(NotClean {
                left: None,
                reason:
                    "its rules let go by themselves before it was healed: Shakedown was held up"
                        .to_string(),
            }),
        }
    }
}

impl Deref for Nets {
    type Target = ClusterNetwork;

    fn deref(&self) -> &ClusterNetwork {
        &self.shared
    }
}
