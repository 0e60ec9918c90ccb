//! How a cluster is reached, and how it is known to be the same one later.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use kube::Config;
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde::{Deserialize, Serialize};

use super::error::ClusterError;

/// Where a pod finds its own account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";
/// What every pod is told of the API server.
const SERVICE_HOST: &str = "KUBERNETES_SERVICE_HOST";
const KUBECONFIG: &str = "KUBECONFIG";

/// What somebody says of the cluster that is meant; empty is what kubectl would use.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Access {
    /// A file, or several as `KUBECONFIG` lists them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kubeconfig: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Whom to act as, such as `system:serviceaccount:trading-stg:shakedown`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impersonate: Option<String>,
}

/// A cluster that was reached: enough to reach it again from another folder, and to know that it is the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reach {
    /// With absolute paths, and the context by its name.
    pub access: Access,
    /// Address of the API server.
    pub server: String,
    /// UID of the namespace `kube-system`; `None` when the account may not look at it.
    pub uid: Option<String>,
}

impl Reach {
    /// The first words of a kubectl command that reaches it.
    pub fn kubectl(&self) -> String {
        let mut words = "kubectl".to_string();
        if let Some(path) = &self.access.kubeconfig {
            let path = path.to_string_lossy();
            // kubectl takes one file by its flag, and several by the variable.
            match path.contains(':') {
                true => words = format!("KUBECONFIG={} {words}", quoted(&path)),
                false => words += &format!(" --kubeconfig {}", quoted(&path)),
            }
        }
        if let Some(context) = &self.access.context {
            words += &format!(" --context {}", quoted(context));
        }
        if let Some(whom) = &self.access.impersonate {
            words += &format!(" --as {}", quoted(whom));
        }
        words
    }

    /// Whether a cluster that answers now is this one.
    ///
    /// # Errors
    /// When it is another.
    pub(super) fn same(&self, found: &Reach) -> Result<(), ClusterError> {
        let other = |asked: &str, answers: &str| ClusterError::OtherCluster {
            asked: asked.to_string(),
            found: answers.to_string(),
            server: found.server.clone(),
        };
        match (&self.uid, &found.uid) {
            (Some(asked), Some(uid)) if asked == uid => Ok(()),
            (Some(asked), Some(uid)) => Err(other(asked, uid)),
            // Without a UID there is only the address.
            (None, _) | (_, None) if self.server == found.server => Ok(()),
            (None, _) | (_, None) => Err(other(&self.server, &found.server)),
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.access.context {
            Some(context) => write!(f, "{context} ({})", self.server),
            None => write!(f, "{}", self.server),
        }
    }
}

/// Where the way to the cluster is read from.
#[derive(Debug, PartialEq, Eq)]
enum Source {
    InCluster,
    Files(Vec<PathBuf>),
}

impl Source {
    /// What is said counts first, then `KUBECONFIG`, then the account of a pod, then the file in the home folder.
    fn choose(
        access: &Access,
        listed: Option<&OsStr>,
        in_cluster: bool,
        home: Option<&Path>,
    ) -> Option<Source> {
        let files = |list: &OsStr| {
            let all = std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty());
            Source::Files(all.collect())
        };
        let listed = listed.filter(|list| !list.is_empty());
        match (&access.kubeconfig, listed) {
            (Some(said), _) => Some(files(said.as_os_str())),
            (None, Some(list)) => Some(files(list)),
            // A context is one of a file.
            (None, None) if in_cluster && access.context.is_none() => Some(Source::InCluster),
            (None, None) => home.map(|home| Source::Files(vec![home.join(".kube/config")])),
        }
    }
}

/// Reads the way to a cluster; the second part is the access with everything named that was left open.
pub(super) async fn load(access: &Access) -> Result<(Config, Access), ClusterError> {
    let in_cluster = std::env::var_os(SERVICE_HOST).is_some_and(|host| !host.is_empty())
        && Path::new(SERVICE_ACCOUNT).exists();
    let home = std::env::home_dir();
    let listed = std::env::var_os(KUBECONFIG);
    let source = Source::choose(access, listed.as_deref(), in_cluster, home.as_deref());
    let source = source.ok_or_else(|| ClusterError::Access("there is no home folder".into()))?;
    let (mut config, pinned) = match source {
        Source::InCluster => {
            let config =
                Config::incluster().map_err(|why| ClusterError::Access(why.to_string()))?;
            (config, Access::default())
        }
        Source::Files(files) => of_files(&files, access).await?,
    };
    config.auth_info.impersonate = access
        .impersonate
        .clone()
        .or(config.auth_info.impersonate.take());
    let pinned = Access {
        impersonate: access.impersonate.clone(),
        ..pinned
    };
    Ok((config, pinned))
}

async fn of_files(files: &[PathBuf], access: &Access) -> Result<(Config, Access), ClusterError> {
    let names: Vec<String> = files.iter().map(|it| it.display().to_string()).collect();
    let names = names.join(", ");
    let bad = |why: String| ClusterError::Access(format!("{names}: {why}"));
    let mut all = Kubeconfig::default();
    let mut absolute = Vec::new();
    for file in files {
        let file = std::path::absolute(file).map_err(|why| bad(why.to_string()))?;
        // Of several, those that are missing are passed over, as kubectl does.
        if files.len() > 1 && !file.exists() {
            continue;
        }
        let one = Kubeconfig::read_from(&file).map_err(|why| bad(why.to_string()))?;
        all = all.merge(one).map_err(|why| bad(why.to_string()))?;
        absolute.push(file);
    }
    let context = access.context.clone().or(all.current_context.clone());
    let options = KubeConfigOptions {
        context: context.clone(),
        ..KubeConfigOptions::default()
    };
    let config = Config::from_custom_kubeconfig(all, &options).await;
    let config = config.map_err(|why| bad(why.to_string()))?;
    let joined = std::env::join_paths(&absolute).map_err(|why| bad(why.to_string()))?;
    let pinned = Access {
        kubeconfig: Some(PathBuf::from(joined)),
        context,
        impersonate: None,
    };
    Ok((config, pinned))
}

/// A word for a shell.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./:=@,+".contains(it);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_counts() {
        let home = Some(Path::new("/home/a"));
        let files = |all: &[&str]| Some(Source::Files(all.iter().map(PathBuf::from).collect()));
        let said = |path: &str| Access {
            kubeconfig: Some(PathBuf::from(path)),
            ..Access::default()
        };
        let list = Some(OsStr::new("/b:/c"));
        let none = Access::default();
        assert_eq!(
            Source::choose(&said("/a"), list, true, home),
            files(&["/a"])
        );
        assert_eq!(
            Source::choose(&none, list, true, home),
            files(&["/b", "/c"])
        );
        assert_eq!(
            Source::choose(&none, None, true, home),
            Some(Source::InCluster)
        );
        assert_eq!(
            Source::choose(&none, Some(OsStr::new("")), true, home),
            Some(Source::InCluster)
        );
        let usual = files(&["/home/a/.kube/config"]);
        assert_eq!(Source::choose(&none, None, false, home), usual);
        let context = Access {
            context: Some("stg".to_string()),
            ..Access::default()
        };
        assert_eq!(Source::choose(&context, None, true, home), usual);
        assert_eq!(Source::choose(&none, None, false, None), None);
    }

    fn reach(server: &str, uid: Option<&str>) -> Reach {
        Reach {
            access: Access {
                kubeconfig: Some(PathBuf::from("/k/it's")),
                context: Some("stg".to_string()),
                impersonate: None,
            },
            server: server.to_string(),
            uid: uid.map(ToString::to_string),
        }
    }

    #[test]
    fn a_cluster_is_known_by_its_uid_and_else_by_its_address() {
        let meant = reach("https://a", Some("1"));
        assert!(meant.same(&reach("https://10.96.0.1", Some("1"))).is_ok());
        assert!(meant.same(&reach("https://a", Some("2"))).is_err());
        assert!(meant.same(&reach("https://a", None)).is_ok());
        assert!(meant.same(&reach("https://b", None)).is_err());
        assert_eq!(
            meant.kubectl(),
            r"kubectl --kubeconfig '/k/it'\''s' --context stg"
        );
    }

    #[tokio::test]
    async fn what_was_left_open_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let text = "apiVersion: v1\nkind: Config\ncurrent-context: stg\n\
            clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}]\n\
            contexts: [{name: stg, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n";
        std::fs::write(&file, text).unwrap();
        let missing = folder.path().join("missing");
        let several = std::env::join_paths([&missing, &file]).unwrap();
        let access = Access {
            kubeconfig: Some(PathBuf::from(several)),
            context: None,
            impersonate: Some("system:serviceaccount:a:b".to_string()),
        };
        let (config, pinned) = load(&access).await.unwrap();
        assert_eq!(config.auth_info.impersonate, access.impersonate);
        assert_eq!(
            (pinned.kubeconfig, pinned.context.as_deref()),
            (Some(file), Some("stg"))
        );
        let nothing = Access {
            kubeconfig: Some(missing),
            ..Access::default()
        };
        let refused = load(&nothing).await.unwrap_err().to_string();
        assert!(refused.contains("missing"), "{refused}");
    }
}
