//! What the operators of a system do to its data, as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::scalar::Duration;

/// What the operators of a system do to its data: a program and its arguments each, run without a shell in the folder where
/// Shakedown was started, with SHAKEDOWN_RUN, SHAKEDOWN_FAULT and SHAKEDOWN_ENTRY (where orders go) in the environment.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct OperationsSpec {
    /// How a backup is made. It is not removed afterwards.
    pub(crate) backup: Option<BackupCommandsSpec>,
    /// How the data is brought back as it was at a moment.
    pub(crate) restore: Option<RestoreCommandsSpec>,
    /// How the database is migrated, and how that is taken back.
    pub(crate) migrate: Option<MigrateCommandsSpec>,
}

/// How a backup is made.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BackupCommandsSpec {
    /// Makes it. Exit 0: done.
    pub(crate) run: Vec<String>,
    /// Looks whether there is one that can be restored. Exit 0: there is; asked again until then.
    pub(crate) confirm: Vec<String>,
    /// How long each command may take. Default: 30s.
    pub(crate) deadline: Option<Duration>,
}

/// How the data is brought back.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RestoreCommandsSpec {
    /// Brings it back as it was at {{to}}, a moment such as 2024-05-01T12:00:00.123456Z. Exit 0: done.
    pub(crate) run: Vec<String>,
    /// Looks whether it is in use again. Exit 0: it is; asked again until then.
    pub(crate) confirm: Vec<String>,
    /// How long each command may take. Default: 30s.
    pub(crate) deadline: Option<Duration>,
    /// How far the clock of the data may be from the one here. What was acknowledged so shortly before the moment need not be
    /// there. Default: 1s.
    pub(crate) clock_error: Option<Duration>,
}

/// How the database is migrated.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MigrateCommandsSpec {
    /// To the new version. Exit 0: done.
    pub(crate) up: Vec<String>,
    /// Looks whether it is the new version. Exit 0: it is; after `down` it must not be.
    pub(crate) confirm: Vec<String>,
    /// Back to the old version. Runs also when `up` failed, and again by `recover`: it must do no harm twice.
    pub(crate) down: Vec<String>,
    /// How long each command may take. Default: 30s.
    pub(crate) deadline: Option<Duration>,
}
