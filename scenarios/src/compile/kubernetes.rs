//! The environment `kubernetes`: which pods are meant, where orders go, and what can be done to nodes.

use std::collections::BTreeMap;

use crate::plan::{
    AgentPlan, KubernetesEntry, KubernetesPart, KubernetesPlan, NODE_PLACEHOLDER, NodeCommands,
    OnOff, System,
};
use crate::spec::profile::{
    AgentSpec, KubernetesEntrySpec, KubernetesPartSpec, KubernetesSpec, NodesSpec, OnOffSpec,
    ProfileSpec,
};
use crate::spec::scalar::Symbol;

use super::cluster::{is_label_text, refuse_no_image};
use super::environment::{proofs, urls};
use super::references::instead;
use super::sheet::{At, Sheet};

const AGENT_NAMESPACE: &str = "shakedown-agents";
const AGENT_ACCOUNT: &str = "shakedown-agent";
/// Not with the agents: who keeps a journal need not be master of the nodes.
const DRILLS_NAMESPACE: &str = "shakedown";

/// The cluster; `None` when it cannot be told what is meant.
pub(super) fn cluster(
    spec: &KubernetesSpec,
    profile: &ProfileSpec,
    system: &System,
    sheet: &Sheet,
) -> Option<KubernetesPlan> {
    let at = At::of(&["environments", "kubernetes"]);
    let entry = entry(&at.to("entry"), &spec.entry, sheet);
    let parts = parts(&at, spec, entry.as_ref(), system, sheet);
    let uids = profile.not_production.iter();
    let cluster_uids: Vec<String> = uids.filter_map(|proof| proof.cluster_uid.clone()).collect();
    let not_production = proofs(&profile.not_production, sheet);
    if not_production.is_empty() && cluster_uids.is_empty() {
        sheet.refuse_entry(
            &at,
            "nothing proves that this is not production",
            "not-production: [ { cluster-uid: … } ] (kubectl get namespace kube-system -o jsonpath={.metadata.uid}), or \
             what only a test system answers: { get: /info, where: { /env: staging } }",
        );
    }
    let drills = spec.drills.as_ref();
    Some(KubernetesPlan {
        drills: drills.map_or(DRILLS_NAMESPACE.to_string(), |name| name.0.clone()),
        context: spec.context.as_ref().map(|name| name.0.clone()),
        namespace: spec.namespace.0.clone(),
        parts,
        entry: entry?,
        nodes: nodes(&at.to("nodes"), spec.nodes.as_ref(), sheet),
        api_server: on_off(&at.to("api-server"), spec.api_server.as_ref(), sheet),
        agent: (spec.agent.as_ref()).map(|agent| agent_plan(&at.to("agent"), agent, sheet)),
        cluster_uids,
        not_production,
    })
}

fn parts(
    at: &At,
    spec: &KubernetesSpec,
    entry: Option<&KubernetesEntry>,
    system: &System,
    sheet: &Sheet,
) -> BTreeMap<String, KubernetesPart> {
    let known: Vec<String> = system.parts.iter().map(|part| part.name.clone()).collect();
    let mut parts = BTreeMap::new();
    for (name, of_part) in spec.parts.iter() {
        let at = at.to("parts").to(&name.0);
        if !known.contains(&name.0) {
            sheet.refuse_entry(
                &at,
                format!("there is no part `{}`", name.0),
                instead(&name.0, &known, "the parts are"),
            );
            continue;
        }
        let found = one_part(&at, of_part, entry, sheet);
        parts.extend(found.map(|found| (name.0.clone(), found)));
    }
    if let Some(first) = known.first()
        && !sheet.has(&at.to("parts").to(first))
    {
        sheet.refuse_entry(
            at,
            format!("nothing says which pods are `{first}`, where orders enter"),
            format!("such as parts: {{ {first}: {{ selector: app={first} }} }}"),
        );
    }
    parts
}

fn one_part(
    at: &At,
    spec: &KubernetesPartSpec,
    entry: Option<&KubernetesEntry>,
    sheet: &Sheet,
) -> Option<KubernetesPart> {
    let labels = match labels_of(&spec.selector) {
        Ok(labels) => Some(labels),
        Err(why) => {
            sheet.refuse_with(&at.to("selector"), why, "such as app=engine,tier=core");
            None
        }
    };
    let port = match (&spec.port, entry) {
        (Some(0), _) => {
            sheet.refuse_with(&at.to("port"), "0 is no port", "from 1 to 65535");
            None
        }
        (Some(port), _) | (None, Some(KubernetesEntry::Service { port, .. })) => Some(*port),
        // What is wrong with the entry is told there.
        (None, None) => None,
        (None, Some(KubernetesEntry::Urls(_))) => {
            sheet.refuse_entry(
                at,
                "`port` is missing: orders go to URLs, and nothing says where each pod serves",
                "such as port: 8080",
            );
            None
        }
    };
    Some(KubernetesPart {
        labels: labels?,
        container: spec.container.as_ref().map(|name| name.0.clone()),
        port: port?,
    })
}

/// `app=engine,tier=core`, every one of which a pod must carry.
fn labels_of(selector: &str) -> Result<BTreeMap<String, String>, String> {
    let mut labels = BTreeMap::new();
    for pair in selector.split(',') {
        let pair = pair.trim();
        let named = pair
            .split_once('=')
            .filter(|(key, value)| !key.is_empty() && is_label_text(key) && is_label_text(value));
        let Some((key, value)) = named else {
            return Err(format!(
                "`{}` is no label with its value",
                crate::yaml::shortened(pair)
            ));
        };
        labels.insert(key.to_string(), value.to_string());
    }
    Ok(labels)
}

fn entry(at: &At, spec: &KubernetesEntrySpec, sheet: &Sheet) -> Option<KubernetesEntry> {
    match (&spec.service, spec.port, spec.urls.as_slice()) {
        (Some(_), Some(0), []) => {
            sheet.refuse_with(&at.to("port"), "0 is no port", "from 1 to 65535");
            None
        }
        (Some(service), Some(port), []) => Some(KubernetesEntry::Service {
            name: service.0.clone(),
            port,
        }),
        (None, None, [_, ..]) => urls(&at.to("urls"), &spec.urls, sheet).map(KubernetesEntry::Urls),
        (_, _, _) => {
            sheet.refuse_with(
                at,
                "orders go either to a service and its port, or to URLs",
                "such as entry: { service: engine-orders, port: 8080 }",
            );
            None
        }
    }
}

fn nodes(at: &At, spec: Option<&NodesSpec>, sheet: &Sheet) -> NodeCommands {
    let Some(spec) = spec else {
        return NodeCommands::default();
    };
    let power = match (&spec.stop, &spec.start) {
        (Some(stop), Some(start)) => Some(OnOff {
            stop: command(&at.to("stop"), stop, true, sheet),
            start: command(&at.to("start"), start, true, sheet),
        }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => {
            sheet.refuse_with(
                at,
                "`stop` and `start` belong together: what is stopped has to be started again",
                "such as stop: [cloud, stop, \"{{node}}\"] and start: [cloud, start, \"{{node}}\"]",
            );
            None
        }
    };
    NodeCommands {
        power,
        reboot: (spec.reboot.as_ref()).map(|words| command(&at.to("reboot"), words, true, sheet)),
    }
}

fn on_off(at: &At, spec: Option<&OnOffSpec>, sheet: &Sheet) -> Option<OnOff> {
    spec.map(|spec| OnOff {
        stop: command(&at.to("stop"), &spec.stop, false, sheet),
        start: command(&at.to("start"), &spec.start, false, sheet),
    })
}

fn command(at: &At, words: &[String], names_a_node: bool, sheet: &Sheet) -> Vec<String> {
    if words.first().is_none_or(String::is_empty) {
        sheet.refuse_with(
            at,
            "there is no program",
            "such as [cloud, instances, stop, \"{{node}}\"]",
        );
    } else if names_a_node && !words.iter().any(|word| word.contains(NODE_PLACEHOLDER)) {
        sheet.refuse_with(
            at,
            "nothing in this command says which node is meant",
            "write {{node}} where its name belongs",
        );
    }
    words.to_vec()
}

fn agent_plan(at: &At, spec: &AgentSpec, sheet: &Sheet) -> AgentPlan {
    refuse_no_image(&at.to("image"), &spec.image, sheet);
    let or = |name: &Option<Symbol>, other: &str| {
        name.as_ref()
            .map_or(other.to_string(), |name| name.0.clone())
    };
    AgentPlan {
        image: spec.image.clone(),
        namespace: or(&spec.namespace, AGENT_NAMESPACE),
        service_account: or(&spec.service_account, AGENT_ACCOUNT),
    }
}

#[cfg(test)]
mod tests {
    use super::labels_of;

    #[test]
    fn labels_are_read_as_kubectl_takes_them() {
        let labels = labels_of("app=engine, app.kubernetes.io/name=x").unwrap();
        assert_eq!(labels.len(), 2);
        assert_eq!(labels["app.kubernetes.io/name"], "x");
        for wrong in ["", "app", "=x", "app=a b", "app in (a)", "app!=x", "a=b,,"] {
            assert!(labels_of(wrong).is_err(), "{wrong}");
        }
    }
}
