//! Journals that runs on other machines left in a cluster: taken over once nobody can still be writing them.
//!
//! A copy is taken over by taking the Lease of its run, which is free only when that is dead; then it becomes a
//! journal on this machine, and is recovered as any other. Of a copy only that is taken over which can be done from
//! anywhere: changes to the cluster, by our own way to it, and commands.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use shakedown_record::event::{Leftover, LeftoverKind};

use super::report::{RecoveredRun, RunState};
use super::{RecoverError, lease};
use crate::drill::{
    Adopted, COPY_LABEL, DrillError, DrillMark, RUN_LABEL, acquire, entries_of, recoverer,
};
use crate::journal::{Entry, JournalView, Owner, Undo, append_to, begin_with, read_journal};
use crate::mechanisms::kubernetes::act::{Acquired, ConfigMapLook};
use crate::mechanisms::kubernetes::{Access, Cluster, ClusterError, Reach, quoted};
use crate::state_dir::StateDir;

/// Long enough to take everything back; then the system is free, whatever became of us.
pub(super) const RECOVERS_WITHIN_S: u32 = 120;

/// Where journals may lie in a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Afar {
    /// The way to the cluster.
    pub access: Access,
    /// Empty: that in which they lie when no profile says otherwise.
    pub namespaces: BTreeSet<String>,
    /// Their commands may be run on this machine.
    pub commands: bool,
}

/// Where drills are kept when no profile says otherwise.
const USUAL: &str = "shakedown";

impl Afar {
    /// The cluster.
    ///
    /// # Errors
    /// When it is not reached.
    pub async fn connect(&self) -> Result<Cluster, ClusterError> {
        Cluster::connect(&self.access).await
    }

    /// Looks into every namespace.
    ///
    /// # Errors
    /// When one may not be looked into.
    pub async fn all<T>(
        &self,
        look: impl AsyncFn(&str) -> Result<Vec<T>, ClusterError>,
    ) -> Result<Vec<T>, ClusterError> {
        let mut found = Vec::new();
        for namespace in &self.namespaces {
            found.extend(look(namespace).await?);
        }
        if self.namespaces.is_empty() {
            found.extend(look(USUAL).await?);
        }
        Ok(found)
    }
}

/// Takes over the journals of dead runs, all or that of one id, so that [`super::recover`] finds them on this machine. Gives the
/// runs that it left alone, and why.
///
/// # Errors
/// When the cluster does not say which there are, or a journal cannot be written here.
pub async fn adopt(
    state: &StateDir,
    afar: &Afar,
    only: Option<&str>,
) -> Result<Vec<RecoveredRun>, RecoverError> {
    let cluster = afar.connect().await?;
    let (key, value) = COPY_LABEL;
    let selector = format!("{key}={value}");
    let copies = afar.all(async |namespace| cluster.config_maps(namespace, &selector).await);
    let holder = recoverer();
    let mut left_alone = Vec::new();
    for copy in copies.await? {
        let taking = Taking {
            cluster: &cluster,
            copy: &copy,
            holder: &holder,
            commands: afar.commands,
        };
        left_alone.extend(taking.over(state, only).await?);
    }
    Ok(left_alone)
}

/// Takes over the journal of a run in another container, which lies on this machine: our mark in it, or who has the Lease.
/// `None` when the cluster does not say.
pub(super) fn take_over(mark: &DrillMark) -> Option<Result<DrillMark, RunState>> {
    let ours = DrillMark {
        holder: recoverer(),
        // It was written here, by whoever may write on this machine.
        adopted: Some(Adopted { commands: true }),
        ..mark.clone()
    };
    match lease::ask(&ours) {
        Ok(Acquired::Held(_)) => Some(Ok(ours)),
        Ok(Acquired::Taken { by, until, .. }) => Some(Err(RunState::Held {
            by,
            until: until.to_string(),
        })),
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    }
}

/// One copy that is about to be taken over.
struct Taking<'a> {
    cluster: &'a Cluster,
    copy: &'a ConfigMapLook,
    holder: &'a str,
    commands: bool,
}

impl Taking<'_> {
    async fn over(
        &self,
        state: &StateDir,
        only: Option<&str>,
    ) -> Result<Option<RecoveredRun>, RecoverError> {
        let (view, damage) = view_of(self.copy);
        let (Some(owner), Some(mark), []) = (view.owner(), view.drill(), damage.as_slice()) else {
            let all = only.is_none();
            return Ok(all.then(|| self.unreadable(&damage.join("; "))));
        };
        if only.is_some_and(|only| only != owner.run_id) {
            return Ok(None);
        }
        let Ok(folder) = state.journal(&owner.run_id) else {
            return Ok(Some(self.unreadable("its run has no fitting id")));
        };
        let known = read_journal(&folder).ok();
        let own = |known: &JournalView| known.drill().is_none_or(|it| it.adopted.is_none());
        if known.as_ref().is_some_and(own) {
            // It died on this machine, where more is known of it.
            return Ok(None);
        }
        let died = mark.holder.clone();
        let mark = self.our_mark(mark);
        match acquire(self.cluster, &mark.claim(RECOVERS_WITHIN_S)).await {
            Ok(Acquired::Held(_)) => {}
            Ok(Acquired::Taken { by, until, .. }) => {
                let mut run = told(&owner.run_id, Some(owner.run_dir.clone()));
                if by != died {
                    run.left.push(self.left("it waits until that run is over"));
                }
                run.state = RunState::Held {
                    by,
                    until: until.to_string(),
                };
                return Ok(Some(run));
            }
            Err(DrillError::Cluster(error)) => return Err(error.into()),
            Err(error) => return Ok(Some(self.unreadable(&error.to_string()))),
        }
        let written = match known {
            Some(_) => append_to(&folder, &Entry::Drill(mark)),
            None => begin_with(state, &folder, &from_here(&view, owner, &mark)),
        };
        match written {
            Ok(()) => Ok(None),
            Err(source) => Err(RecoverError::Io {
                path: folder,
                source,
            }),
        }
    }

    /// The same, by our way to the cluster and under our name.
    fn our_mark(&self, found: &DrillMark) -> DrillMark {
        let run = self.copy.labels.get(RUN_LABEL);
        DrillMark {
            reach: self.cluster.reach().clone(),
            namespace: self.copy.namespace.clone(),
            lease: found.lease.clone(),
            holder: self.holder.to_string(),
            copy: self.copy.name.clone(),
            run: run.cloned().unwrap_or_default(),
            adopted: Some(Adopted {
                commands: self.commands,
            }),
        }
    }

    fn unreadable(&self, why: &str) -> RecoveredRun {
        let mut run = told(&self.copy.name, None);
        run.left.push(self.left(match why {
            "" => "it does not say whose it is",
            why => why,
        }));
        run
    }

    fn left(&self, why: &str) -> Leftover {
        let ConfigMapLook {
            name, namespace, ..
        } = self.copy;
        let kubectl = self.cluster.reach().kubectl();
        let (namespace, name) = (quoted(namespace), quoted(name));
        Leftover {
            kind: LeftoverKind::Object,
            what: format!("the journal in config map {name} in {namespace}: {why}"),
            remove_with: format!(
                "look at it, then: {kubectl} -n {namespace} delete configmap {name}"
            ),
        }
    }
}

fn told(run_id: &str, run_dir: Option<PathBuf>) -> RecoveredRun {
    RecoveredRun {
        run_id: run_id.to_string(),
        run_dir,
        state: RunState::Unreadable,
        done: Vec::new(),
        left: Vec::new(),
        open_orders: Vec::new(),
    }
}

fn view_of(copy: &ConfigMapLook) -> (JournalView, Vec<String>) {
    let (entries, damage) = entries_of(&copy.data);
    let view = JournalView {
        path: Path::new(&copy.name).to_path_buf(),
        entries,
        damage: Vec::new(),
    };
    (view, damage)
}

/// What of a copy can be done on this machine.
fn from_here(view: &JournalView, owner: &Owner, mark: &DrillMark) -> Vec<Entry> {
    let mut all = vec![Entry::Owner(owner.clone()), Entry::Drill(mark.clone())];
    let rest = view.entries.iter().filter_map(|entry| match entry {
        Entry::FaultIntent {
            fault,
            kind,
            targets,
            undo,
        } => Some(Entry::FaultIntent {
            fault: fault.clone(),
            kind: kind.clone(),
            targets: targets.clone(),
            undo: undo.iter().filter_map(|it| by_us(it, mark)).collect(),
        }),
        Entry::OrdersMayBeOpen(_) => Some(entry.clone()),
        _ => None,
    });
    all.extend(rest);
    all
}

fn by_us(undo: &Undo, mark: &DrillMark) -> Option<Undo> {
    match undo {
        Undo::Cluster { name, back } => {
            let mut back = back.clone();
            // Which cluster was meant stays: another one is refused.
            back.reach = Reach {
                uid: back.reach.uid.clone(),
                ..mark.reach.clone()
            };
            let name = name.clone();
            Some(Undo::Cluster { name, back })
        }
        // It is found by its mark, from wherever the Alertmanager can be reached.
        Undo::Silence { .. } => Some(undo.clone()),
        Undo::Command { heal } => {
            let mut heal = heal.clone();
            heal.folder = PathBuf::from(".");
            Some(Undo::Command { heal })
        }
        // Of processes and groups on the machine of that run, which are not ours.
        Undo::Thaw { .. } | Undo::Group { .. } | Undo::Container { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journal::OpenOrders;
    use crate::mechanisms::kubernetes::act::{ObjectKind, OwnObject};
    use crate::mechanisms::kubernetes::{Restore, Undo as Back};
    use crate::mechanisms::{Invocation, ProcessId, World};

    fn reach(kubeconfig: &str) -> Reach {
        Reach {
            access: Access {
                kubeconfig: Some(PathBuf::from(kubeconfig)),
                ..Access::default()
            },
            server: "https://a".to_string(),
            uid: Some("5b1e".to_string()),
        }
    }

    fn mark(kubeconfig: &str) -> DrillMark {
        DrillMark {
            reach: reach(kubeconfig),
            namespace: "drills".to_string(),
            lease: "lease".to_string(),
            holder: "somebody".to_string(),
            copy: "copy".to_string(),
            run: "run-1".to_string(),
            adopted: None,
        }
    }

    fn intent(kubeconfig: &str, folder: &str) -> Entry {
        let own = OwnObject {
            kind: ObjectKind::Pod,
            namespace: "agents".to_string(),
            name: "a".to_string(),
            label: ("run".to_string(), "1".to_string()),
        };
        let process = ProcessId {
            pid: 1,
            start_time_ticks: 1,
        };
        let mut undo = vec![
            Undo::Cluster {
                name: "a".to_string(),
                back: Box::new(Back {
                    reach: reach(kubeconfig),
                    what: Restore::Delete(own),
                }),
            },
            Undo::Command {
                heal: Invocation {
                    words: vec!["start".to_string()],
                    folder: PathBuf::from(folder),
                    variables: Vec::new(),
                    deadline: Duration::from_secs(1),
                },
            },
        ];
        if folder != "." {
            undo.push(Undo::Thaw {
                name: "init".to_string(),
                process,
            });
        }
        Entry::FaultIntent {
            fault: "one".to_string(),
            kind: "x".to_string(),
            targets: Vec::new(),
            undo,
        }
    }

    #[test]
    fn only_what_can_be_done_from_anywhere_is_taken_over_and_by_our_own_way() {
        let owner = Owner {
            run_id: "run-1".to_string(),
            process: ProcessId {
                pid: 1,
                start_time_ticks: 1,
            },
            world: World::current().unwrap(),
            run_dir: PathBuf::from("/results/run-1"),
            system: "acme".to_string(),
            environment: "kubernetes".to_string(),
            started_at: "2026-01-01T00:00:00Z".to_string(),
        };
        let orders = Entry::OrdersMayBeOpen(OpenOrders {
            prefix: "abc".to_string(),
            entry: Vec::new(),
        });
        let folder = Entry::DataFolder {
            path: PathBuf::from("/"),
        };
        let view = JournalView {
            path: PathBuf::new(),
            entries: vec![
                Entry::Owner(owner.clone()),
                Entry::Drill(mark("/theirs")),
                orders.clone(),
                folder,
                intent("/theirs", "/there"),
            ],
            damage: Vec::new(),
        };
        let ours = mark("/ours");
        assert_eq!(
            from_here(&view, &owner, &ours),
            [
                Entry::Owner(owner.clone()),
                Entry::Drill(ours.clone()),
                orders,
                intent("/ours", ".")
            ]
        );
    }

    #[tokio::test]
    async fn it_is_looked_where_somebody_says_and_else_at_the_usual_place() {
        let name = async |namespace: &str| Ok(vec![namespace.to_string()]);
        let usual = Afar::default();
        assert_eq!(usual.all(&name).await.unwrap(), ["shakedown"]);
        let named = Afar {
            namespaces: BTreeSet::from(["mine".to_string(), "ours".to_string()]),
            ..Afar::default()
        };
        assert_eq!(named.all(&name).await.unwrap(), ["mine", "ours"]);
        let none = async |_: &str| Err::<Vec<u8>, _>(ClusterError::Access("no".to_string()));
        assert!(named.all(&none).await.is_err());
    }
}
