//! Who keeps an object as a repository says, by the marks that it leaves on it, and whether it would undo a change now.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

/// Somebody who puts objects back to what a repository says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    ArgoCd,
    FluxKustomize,
    FluxHelm,
    Fleet,
    ConfigSync,
}

/// The one who keeps an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keeper {
    pub operator: Operator,
    /// The label or annotation that says so.
    pub mark: &'static str,
    /// Of the object in which it was told to: an Application, a Kustomization, a HelmRelease.
    pub name: String,
    /// Where that is; `None`: the mark does not say.
    pub namespace: Option<String>,
    /// False for a mark that others leave too.
    pub sure: bool,
}

/// Whether a keeper undoes what somebody else changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keeping {
    Undoes,
    /// It is suspended, or does not look at changes of others.
    Idle,
    /// For people: why that cannot be seen.
    Unknown(String),
}

impl Operator {
    pub fn name(self) -> &'static str {
        match self {
            Operator::ArgoCd => "Argo CD",
            Operator::FluxKustomize | Operator::FluxHelm => "Flux",
            Operator::Fleet => "Fleet",
            Operator::ConfigSync => "Config Sync",
        }
    }

    /// Group, version, kind and plural of the objects that tell it what to keep, where they are asked.
    pub fn told_by(self) -> Option<[&'static str; 4]> {
        match self {
            Operator::ArgoCd => Some(["argoproj.io", "v1alpha1", "Application", "applications"]),
            Operator::FluxKustomize => Some([
                "kustomize.toolkit.fluxcd.io",
                "v1",
                "Kustomization",
                "kustomizations",
            ]),
            Operator::FluxHelm => Some([
                "helm.toolkit.fluxcd.io",
                "v2",
                "HelmRelease",
                "helmreleases",
            ]),
            Operator::Fleet | Operator::ConfigSync => None,
        }
    }

    /// What an object of its kind says: `spec` as the API gives it.
    pub fn keeping(self, spec: &Value) -> Keeping {
        let is = |pointer: &str, wanted: &Value| spec.pointer(pointer) == Some(wanted);
        let yes = Value::Bool(true);
        let undoes = match self {
            Operator::ArgoCd => {
                let off = Value::Bool(false);
                is("/syncPolicy/automated/selfHeal", &yes)
                    && !is("/syncPolicy/automated/enabled", &off)
            }
            Operator::FluxKustomize => !is("/suspend", &yes),
            // A release is not looked at between its upgrades, unless it is told to.
            Operator::FluxHelm => {
                !is("/suspend", &yes) && is("/driftDetection/mode", &Value::from("enabled"))
            }
            Operator::Fleet | Operator::ConfigSync => true,
        };
        match undoes {
            true => Keeping::Undoes,
            false => Keeping::Idle,
        }
    }
}

impl Keeper {
    /// Who keeps an object with these labels and annotations.
    pub fn of(
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
    ) -> Option<Keeper> {
        let said = |key: &str| labels.get(key).or(annotations.get(key)).cloned();
        let keeper = |operator, mark, name: String, namespace, sure| {
            Some(Keeper {
                operator,
                mark,
                name,
                namespace,
                sure,
            })
        };
        // Whoever marks an object so is left alone by Flux.
        let left_alone = said("kustomize.toolkit.fluxcd.io/reconcile").as_deref()
            == Some("disabled")
            || said("kustomize.toolkit.fluxcd.io/ssa").is_some_and(|it| it == "Ignore");
        let mark = "argocd.argoproj.io/tracking-id";
        if let Some(id) = said(mark) {
            // `trading:apps/StatefulSet:stg/engine`, or with the Application's namespace `argocd_trading:…`.
            let app = id.split(':').next().unwrap_or_default();
            let (namespace, app) = match app.split_once('_') {
                Some((namespace, app)) => (Some(namespace.to_string()), app),
                None => (None, app),
            };
            return keeper(Operator::ArgoCd, mark, app.to_string(), namespace, true);
        }
        let mark = "argocd.argoproj.io/instance";
        if let Some(app) = said(mark) {
            return keeper(Operator::ArgoCd, mark, app, None, true);
        }
        let mark = "kustomize.toolkit.fluxcd.io/name";
        if let (Some(name), false) = (said(mark), left_alone) {
            let namespace = said("kustomize.toolkit.fluxcd.io/namespace");
            return keeper(Operator::FluxKustomize, mark, name, namespace, true);
        }
        let mark = "helm.toolkit.fluxcd.io/name";
        if let Some(name) = said(mark) {
            let namespace = said("helm.toolkit.fluxcd.io/namespace");
            return keeper(Operator::FluxHelm, mark, name, namespace, true);
        }
        let mark = "fleet.cattle.io/bundle-id";
        if let Some(name) = said(mark) {
            return keeper(Operator::Fleet, mark, name, None, true);
        }
        let mark = "configmanagement.gke.io/managed";
        if said(mark).is_some_and(|it| it == "enabled") {
            let name = said("configsync.gke.io/manager").unwrap_or_default();
            return keeper(Operator::ConfigSync, mark, name, None, true);
        }
        // Argo CD's own default, and of charts that nobody keeps.
        let mark = "app.kubernetes.io/instance";
        keeper(Operator::ArgoCd, mark, said(mark)?, None, false)
    }

    /// Why a change of `what` would be undone; `None` when it would stay.
    pub fn objection(&self, what: &str, keeping: &Keeping) -> Option<String> {
        match keeping {
            Keeping::Undoes => Some(format!(
                "{self} keeps {what}, and would undo it; {}",
                self.mend()
            )),
            Keeping::Unknown(why) if self.sure => Some(format!(
                "{self} keeps {what}, and would undo it unless it is suspended, which cannot be seen here ({why}); {}",
                self.mend()
            )),
            Keeping::Unknown(_) | Keeping::Idle => None,
        }
    }

    fn mend(&self) -> String {
        let name = &self.name;
        let place = self.namespace.as_ref();
        let place = place.map_or(String::new(), |it| format!(" -n {it}"));
        match self.operator {
            Operator::ArgoCd => {
                format!("for the time of the run: argocd app set {name} --self-heal=false")
            }
            Operator::FluxKustomize => {
                format!("for the time of the run: flux suspend kustomization {name}{place}")
            }
            Operator::FluxHelm => {
                format!("for the time of the run: flux suspend helmrelease {name}{place}")
            }
            Operator::Fleet => {
                format!("pause the GitRepo of bundle {name} for the time of the run")
            }
            Operator::ConfigSync => {
                "let it leave the object alone for the time of the run: kubectl annotate it with \
                 configmanagement.gke.io/managed=disabled"
                    .to_string()
            }
        }
    }
}

impl fmt::Display for Keeper {
    /// `Argo CD (argocd.argoproj.io/tracking-id: trading)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}: {})", self.operator.name(), self.mark, self.name)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn marked(marks: &[(&str, &str)]) -> Option<Keeper> {
        let pair = |(key, value): &(&str, &str)| (key.to_string(), value.to_string());
        let marks: BTreeMap<String, String> = marks.iter().map(pair).collect();
        let by_label = Keeper::of(&marks, &BTreeMap::new());
        assert_eq!(by_label, Keeper::of(&BTreeMap::new(), &marks));
        by_label
    }

    #[test]
    fn a_keeper_is_known_by_its_marks() {
        let argo = marked(&[(
            "argocd.argoproj.io/tracking-id",
            "ops_trading:apps/StatefulSet:stg/engine",
        )])
        .unwrap();
        assert_eq!((argo.name.as_str(), argo.sure), ("trading", true));
        assert_eq!(argo.namespace.as_deref(), Some("ops"));
        let flux = [
            ("kustomize.toolkit.fluxcd.io/name", "trading"),
            ("kustomize.toolkit.fluxcd.io/namespace", "flux-system"),
        ];
        let found = marked(&flux).unwrap();
        assert_eq!(found.operator, Operator::FluxKustomize);
        assert_eq!(found.namespace.as_deref(), Some("flux-system"));
        let left_alone = ("kustomize.toolkit.fluxcd.io/reconcile", "disabled");
        assert_eq!(marked(&[flux[0], flux[1], left_alone]), None);
        let helm = marked(&[("helm.toolkit.fluxcd.io/name", "engine")]).unwrap();
        assert_eq!(helm.operator, Operator::FluxHelm);
        assert_eq!(
            marked(&[("configmanagement.gke.io/managed", "disabled")]),
            None
        );
        assert!(marked(&[("configmanagement.gke.io/managed", "enabled")]).is_some());
        assert_eq!(marked(&[("app", "engine")]), None);
        // A chart that nobody keeps has this label too.
        let label = marked(&[("app.kubernetes.io/instance", "trading")]).unwrap();
        assert_eq!((label.operator, label.sure), (Operator::ArgoCd, false));
    }

    #[test]
    fn one_that_is_suspended_or_does_not_look_undoes_nothing() {
        use Operator::{ArgoCd, FluxHelm, FluxKustomize};
        let undoes = |of: Operator, spec: Value| of.keeping(&spec) == Keeping::Undoes;
        let heals = json!({"syncPolicy": {"automated": {"selfHeal": true}}});
        assert!(undoes(ArgoCd, heals));
        for spec in [
            json!({}),
            json!({"syncPolicy": {"automated": {"prune": true}}}),
            json!({"syncPolicy": {"automated": {"selfHeal": false}}}),
            json!({"syncPolicy": {"automated": {"selfHeal": true, "enabled": false}}}),
        ] {
            assert!(!undoes(ArgoCd, spec.clone()), "{spec}");
        }
        assert!(undoes(FluxKustomize, json!({"suspend": false})));
        assert!(!undoes(FluxKustomize, json!({"suspend": true})));
        let drift = json!({"driftDetection": {"mode": "enabled"}});
        assert!(undoes(FluxHelm, drift));
        assert!(!undoes(
            FluxHelm,
            json!({"driftDetection": {"mode": "warn"}})
        ));
        assert!(!undoes(FluxHelm, json!({})));
        let off = json!({"suspend": true, "driftDetection": {"mode": "enabled"}});
        assert!(!undoes(FluxHelm, off));
    }

    #[test]
    fn an_objection_says_who_and_how_to_pause_it() {
        let keeper = marked(&[("argocd.argoproj.io/instance", "trading")]).unwrap();
        let said = keeper.objection("statefulset/engine in stg", &Keeping::Undoes);
        assert_eq!(
            said.unwrap(),
            "Argo CD (argocd.argoproj.io/instance: trading) keeps statefulset/engine in stg, and would undo it; for the \
             time of the run: argocd app set trading --self-heal=false"
        );
        assert_eq!(keeper.objection("it", &Keeping::Idle), None);
        let unknown = Keeping::Unknown("no right".to_string());
        let said = keeper.objection("it", &unknown).unwrap();
        assert!(said.contains("cannot be seen here (no right)"), "{said}");
        // A mark that others leave too is no proof.
        let label = marked(&[("app.kubernetes.io/instance", "trading")]).unwrap();
        assert_eq!(label.objection("it", &unknown), None);
        assert!(label.objection("it", &Keeping::Undoes).is_some());
    }
}
