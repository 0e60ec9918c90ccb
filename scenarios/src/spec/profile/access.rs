//! Secrets and authentication as written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::spec::Later;
use crate::spec::scalar::HeaderName;

/// Where the value of a secret comes from.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SecretSpec {
    /// Name of an environment variable of Shakedown.
    Env(String),
    /// Path of a file; a newline at its end is left out.
    File(String),
    /// A command and its arguments; its output is the value.
    Command(Vec<String>),
    #[schemars(skip)]
    Kubernetes(Later),
}

/// How requests are authenticated.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AuthSpec {
    /// Not at all.
    None,
    /// A header on every request.
    Header(HeaderSpec),
    /// User and password.
    Basic(BasicSpec),
    #[schemars(skip)]
    Mtls(Later),
    #[schemars(skip)]
    Hmac(Later),
}

/// A header on every request.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct HeaderSpec {
    pub(crate) name: HeaderName,
    /// With the secret as `${name}`.
    pub(crate) value: String,
}

/// User and password.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BasicSpec {
    pub(crate) user: String,
    /// With the secret as `${name}`.
    pub(crate) password: String,
}
