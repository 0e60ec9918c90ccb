//! Arguments of `shakedown load` for https.

use clap::Args;
use shakedown_scenarios::plan::TlsPlan;

/// What is trusted, and who we are, where the URL says https. Files are in PEM.
#[derive(Debug, Clone, Default, Args)]
pub struct TlsArgs {
    /// https: trust the certificates in this file only, not those of this machine.
    #[arg(long, value_name = "FILE")]
    pub ca: Option<String>,
    /// https: the name that the server's certificate must be for, if that is not the host of the URL.
    #[arg(long, value_name = "NAME")]
    pub server_name: Option<String>,
    /// https: our certificate, for servers that ask for one.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub certificate: Option<String>,
    /// https: its private key.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<String>,
}

impl TlsArgs {
    /// As the generator takes it.
    pub fn plan(&self) -> TlsPlan {
        TlsPlan {
            ca: self.ca.clone(),
            server_name: self.server_name.clone(),
            certificate: self.certificate.clone(),
            key: self.key.clone(),
        }
    }
}
