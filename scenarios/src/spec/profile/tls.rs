//! TLS towards the engine, as written.

use schemars::JsonSchema;
use serde::Deserialize;

/// What is trusted, and who we are, wherever a URL of the profile says `https`. Files are in PEM and found from the folder
/// in which Shakedown is started.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TlsSpec {
    /// The certificates that are trusted. Default: those that this machine trusts.
    pub(crate) ca: Option<String>,
    /// The name that every server's certificate must be for. Default: the host of each URL.
    pub(crate) server_name: Option<String>,
    /// Our certificate and what leads to its root, for engines that ask for one; with `key`.
    pub(crate) certificate: Option<String>,
    /// Its private key.
    pub(crate) key: Option<String>,
}
