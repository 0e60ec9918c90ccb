//! The steps of an agent's life, each in its own words: what is done is the fault's own code, the same as everywhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use shakedown_record::monotonic_ns;

use super::life::of_ours;
use super::machine::Step;
use super::order::Order;
use super::report::Said;
use crate::environment::{Environment, NodeTarget};
use crate::faults::{Prepared, preflight};
use crate::journal::{Journal, RunAbout};
use crate::state_dir::StateDir;

/// A container that was killed is waited for until the kubelet has started it again, 60 s at most.
const HEALS_WITHIN: Duration = Duration::from_secs(90);

/// How a step ended, and what is to be said of it.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) step: Step,
    pub(super) ok: bool,
    pub(super) said: Vec<Said>,
}

/// The fault, as far as it has come.
#[derive(Debug)]
pub(super) struct Work {
    order: Arc<Order>,
    state: StateDir,
    exe: PathBuf,
    environment: Option<Environment>,
    prepared: Option<Prepared>,
    journal: Option<Journal>,
}

impl Work {
    pub(super) fn new(order: Order, state: StateDir, exe: PathBuf) -> Work {
        Work {
            order: Arc::new(order),
            state,
            exe,
            environment: None,
            prepared: None,
            journal: None,
        }
    }

    pub(super) fn order(&self) -> Arc<Order> {
        Arc::clone(&self.order)
    }

    pub(super) async fn step(&mut self, step: Step) -> Done {
        let result = match step {
            Step::Preflight => self.preflight().await,
            Step::Arm => self.arm().await,
            Step::Inject => self.inject().await,
            Step::Confirm => self.confirm().await,
            Step::Heal => self.heal().await,
            Step::Clean => {
                let said = self.confirm_clean().await;
                return Done {
                    step,
                    ok: said == Said::Clean,
                    said: vec![said],
                };
            }
        };
        let ok = result.is_ok();
        let said = match result {
            Ok(said) => said.into_iter().collect(),
            Err(why) => vec![Said::Failed { stage: step, why }],
        };
        Done { step, ok, said }
    }

    async fn preflight(&mut self) -> Result<Option<Said>, String> {
        let (order, exe) = (Arc::clone(&self.order), self.exe.clone());
        let found = tokio::task::spawn_blocking(move || NodeTarget::of_order(&order, exe)).await;
        let target = match found {
            Ok(found) => found.map_err(|error| error.to_string())?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let environment = Environment::OnNode(target);
        let order = &self.order;
        let (firing, kind, aim) = (&order.firing, &order.kind, &order.aim());
        let prepared = preflight(firing, kind, aim, &environment);
        let prepared = prepared.map_err(|error| error.to_string())?;
        self.prepared = Some(prepared.of_strength(order.strength));
        self.environment = Some(environment);
        Ok(None)
    }

    async fn arm(&mut self) -> Result<Option<Said>, String> {
        let about = RunAbout {
            run_id: self.order.run_id.clone(),
            run_dir: self.state.root().to_path_buf(),
            system: self.order.node.clone(),
            environment: "kubernetes".to_string(),
            started_at: jiff::Timestamp::now().to_string(),
        };
        let journal = Journal::create(&self.state, about).map_err(|error| error.to_string())?;
        let journal = self.journal.insert(journal);
        let (Some(prepared), Some(environment)) = (&mut self.prepared, &self.environment) else {
            return Err(NOT_PREPARED.to_string());
        };
        let armed = prepared.arm(environment, journal).await;
        armed.map_err(|error| error.to_string())?;
        Ok(Some(Said::Armed {
            mechanism: prepared.mechanism(),
            targets: prepared.targets(),
        }))
    }

    async fn inject(&mut self) -> Result<Option<Said>, String> {
        let (Some(prepared), Some(environment)) = (&mut self.prepared, &self.environment) else {
            return Err(NOT_PREPARED.to_string());
        };
        let (at_unix_ns, at_mono_ns) = (unix_now_ns(), monotonic_ns());
        let injected = prepared.inject(environment).await;
        injected.map_err(|error| error.to_string())?;
        Ok(Some(Said::Injected {
            at_unix_ns,
            took_ns: monotonic_ns().saturating_sub(at_mono_ns),
        }))
    }

    async fn confirm(&mut self) -> Result<Option<Said>, String> {
        let (Some(prepared), Some(environment)) = (&self.prepared, &self.environment) else {
            return Err(NOT_PREPARED.to_string());
        };
        let within = Duration::from_nanos(self.order.confirm_within_ns);
        let effect = prepared.confirm(environment, within).await;
        Ok(Some(Said::Effect(effect)))
    }

    async fn heal(&mut self) -> Result<Option<Said>, String> {
        let (Some(prepared), Some(environment), Some(journal)) =
            (&mut self.prepared, &self.environment, &self.journal)
        else {
            return Err(NOT_PREPARED.to_string());
        };
        let healed = tokio::time::timeout(HEALS_WITHIN, prepared.heal(environment, journal)).await;
        match healed {
            Ok(Ok(())) => Ok(Some(Said::Healed)),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("not done within {} s", HEALS_WITHIN.as_secs())),
        }
    }

    async fn confirm_clean(&mut self) -> Said {
        let (Some(prepared), Some(environment), Some(journal)) =
            (&self.prepared, &self.environment, &self.journal)
        else {
            return not_clean(NOT_PREPARED.to_string());
        };
        if let Err(why) = prepared.confirm_clean(environment, journal).await {
            return Said::NotClean {
                left: why.left,
                reason: why.reason,
            };
        }
        match journal.close_clean() {
            Ok(()) => Said::Clean,
            Err(error) => not_clean(error.to_string()),
        }
    }
}

const NOT_PREPARED: &str = "it was not prepared";

/// Something of ours is left, or nobody can say that it is not.
pub(super) fn not_clean(reason: String) -> Said {
    Said::NotClean {
        left: Some(of_ours(reason.clone())),
        reason,
    }
}

/// The clock of the node, in nanoseconds since 1970. Only for what leaves this machine: nothing is timed by it.
pub(super) fn unix_now_ns() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(0)
}
