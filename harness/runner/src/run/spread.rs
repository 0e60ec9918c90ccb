//! A load that several processes make: who they are, and what they are told.

use std::path::PathBuf;

use shakedown_load::RunParts;
use shakedown_load::secret::Secrets;
use shakedown_load::workers::{Party, WorkerLink, WorkerOrder};
use shakedown_scenarios::guards::planned_longest_ns;
use shakedown_scenarios::plan::{EnvironmentPlan, Identity, KubernetesPlan};

use super::shell::Run;
use crate::environment::connect;
use crate::error::RunError;
use crate::journal::Journal;
use crate::workers::{WorkerJob, Workshop, start_local};

impl Run {
    /// What workers are told.
    pub(super) fn party(&self, parts: RunParts, secrets: &Secrets) -> Party {
        let (plan, compiled) = (self.plan(), &self.request.compiled);
        let recording = plan.load.arrival.recording();
        Party {
            order: WorkerOrder {
                worker: 0,
                workers: plan.load.workers,
                beside: !matches!(plan.environment, EnvironmentPlan::Kubernetes(_)),
                scenario_yaml: compiled.scenario_yaml.clone(),
                system_yaml: compiled.system_yaml.clone(),
                recording: recording.map(|it| it.text().to_string()),
                plan_digest: plan.digest.clone(),
                entry: parts.entry,
                reports: parts.reports,
                prefix: parts.prefix,
                ledger: PathBuf::new(),
                secrets: secrets.hand_over(),
            },
            ledger: parts.ledger,
            shards: self.run_dir().workers(),
            load: plan.load.clone(),
            seed: plan.seed,
            server_ids: plan.system.orders.identity == Identity::Server,
        }
    }

    /// The processes, which wait to be told: on this machine, or as pods where the system's pods are.
    pub(super) async fn workers(&self, workers: u32) -> Result<Vec<WorkerLink>, RunError> {
        let journal = self.standing.journal.get();
        let journal = journal.expect("the journal is begun before the load");
        match &self.plan().environment {
            EnvironmentPlan::Kubernetes(plan) => self.pods(plan, workers, journal).await,
            EnvironmentPlan::Local { .. }
            | EnvironmentPlan::External(_)
            | EnvironmentPlan::Docker(_) => {
                let workshop = Workshop {
                    exe: &self.request.exe,
                    run_dir: self.run_dir(),
                    journal,
                };
                start_local(&workshop, workers).await
            }
        }
    }

    async fn pods(
        &self,
        plan: &KubernetesPlan,
        workers: u32,
        journal: &Journal,
    ) -> Result<Vec<WorkerLink>, RunError> {
        // Values of secrets do not go from a machine of somebody's into a cluster.
        let is_inside = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        if !self.plan().system.secrets.is_empty() && !is_inside {
            let why = "the profile has secrets, whose values are not copied into a cluster from here: run it with \
                       --in-cluster"
                .to_string();
            return Err(RunError::Worker { worker: 1, why });
        }
        let cluster = connect(plan).await?;
        let job = WorkerJob::of(cluster, plan, &self.request.run_id, workers)?;
        let job = self.standing.workers.get_or_init(|| job);
        let longest_s = planned_longest_ns(self.plan()).div_ceil(1_000_000_000);
        job.start(plan, longest_s, self.run_dir(), journal).await
    }
}
