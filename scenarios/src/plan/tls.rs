//! TLS towards the engine.

use serde::Serialize;

/// What a client trusts, and who it is, wherever a URL says `https`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TlsPlan {
    /// File with the certificates that are trusted, in PEM; `None`: those that this machine trusts.
    pub ca: Option<String>,
    /// The name that every server's certificate must be for; `None`: the host of each URL.
    pub server_name: Option<String>,
    /// File with our certificate and what leads to its root, in PEM; with `key`.
    pub certificate: Option<String>,
    /// File with its private key, in PEM.
    pub key: Option<String>,
}
