//! From a profile's `tls` to a configuration of rustls: files read, and everything wrong with them said.

use std::fmt;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use shakedown_scenarios::plan::TlsPlan;

use crate::error::LoadError;

/// The configuration that `plan` describes, which offers these protocols by ALPN.
///
/// # Errors
/// [`LoadError::Tls`] with the file that cannot be used, and why.
pub fn client_config(plan: &TlsPlan, protocols: &[&str]) -> Result<ClientConfig, LoadError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let refuse = |error: Error| wrong(error.to_string());
    let verifier = Trust::new(plan, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(refuse)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match (&plan.certificate, &plan.key) {
        (None, None) => builder.with_no_client_auth(),
        (Some(certificate), Some(key)) => {
            let chain = certificates("tls.certificate", certificate)?;
            let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
                wrong(format!("tls.key: {key}: no private key in PEM ({error})"))
            })?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| wrong(format!("tls.certificate and tls.key: {error}")))?
        }
        (Some(_), None) | (None, Some(_)) => {
            return Err(wrong(
                "`certificate` and `key` belong together: give both or none".to_string(),
            ));
        }
    };
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    Ok(config)
}

/// The name that a server at `host` (with or without a port) is asked for.
///
/// # Errors
/// [`LoadError::Tls`] when that can be the name of no server.
pub fn server_name(plan: &TlsPlan, host: &str) -> Result<ServerName<'static>, LoadError> {
    let name = plan
        .server_name
        .as_deref()
        .unwrap_or(match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => name,
            _ => host,
        });
    ServerName::try_from(name.trim_matches(['[', ']']).to_string())
        .map_err(|_| wrong(format!("`{name}` is the name of no server")))
}

fn wrong(what: String) -> LoadError {
    LoadError::Tls { what }
}

fn certificates(field: &str, path: &str) -> Result<Vec<CertificateDer<'static>>, LoadError> {
    let found =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match found {
        Ok(found) if found.is_empty() => {
            Err(wrong(format!("{field}: {path}: no certificate in PEM")))
        }
        Ok(found) => Ok(found),
        Err(error) => Err(wrong(format!("{field}: {path}: {error}"))),
    }
}

/// The roots of `plan`, or those of this machine.
fn roots(plan: &TlsPlan) -> Result<RootCertStore, LoadError> {
    let mut roots = RootCertStore::empty();
    match &plan.ca {
        Some(path) => {
            for certificate in certificates("tls.ca", path)? {
                roots
                    .add(certificate)
                    .map_err(|error| wrong(format!("tls.ca: {path}: {error}")))?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                return Err(wrong(
                    "this machine has no trusted certificates; name the file with tls.ca"
                        .to_string(),
                ));
            }
        }
    }
    Ok(roots)
}

/// Verifies servers as the roots say, under one name for all of them where the profile gives one.
struct Trust {
    roots: Arc<WebPkiServerVerifier>,
    name: Option<ServerName<'static>>,
}

impl Trust {
    fn new(plan: &TlsPlan, provider: &Arc<CryptoProvider>) -> Result<Trust, LoadError> {
        let roots = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots(plan)?),
            Arc::clone(provider),
        );
        let name = match &plan.server_name {
            None => None,
            Some(name) => Some(server_name(plan, name)?),
        };
        Ok(Trust {
            roots: roots.build().map_err(|error| wrong(error.to_string()))?,
            name,
        })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let name = self.name.as_ref().unwrap_or(server_name);
        self.roots
            .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots
            .verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.roots
            .verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.roots.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_the_hosts_or_the_profiles() {
        let plain = TlsPlan::default();
        for (host, name) in [
            ("engine.acme:8443", "engine.acme"),
            ("engine.acme", "engine.acme"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[::1]:8443", "::1"),
            ("[::1]", "::1"),
        ] {
            assert_eq!(server_name(&plain, host).unwrap().to_str(), name, "{host}");
        }
        let named = TlsPlan {
            server_name: Some("acme".to_string()),
            ..TlsPlan::default()
        };
        assert_eq!(server_name(&named, "10.0.0.7:1").unwrap().to_str(), "acme");
        assert!(server_name(&plain, "a b").is_err());
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "nothing").unwrap();
        let empty = empty.display().to_string();
        for (plan, told) in [
            (
                TlsPlan {
                    ca: Some("no/such.pem".to_string()),
                    ..TlsPlan::default()
                },
                "tls.ca: no/such.pem",
            ),
            (
                TlsPlan {
                    ca: Some(empty.clone()),
                    ..TlsPlan::default()
                },
                "no certificate in PEM",
            ),
            (
                TlsPlan {
                    certificate: Some(empty.clone()),
                    ..TlsPlan::default()
                },
                "belong together",
            ),
        ] {
            let config = client_config(&plan, &[]);
            let said = config.map(|_| ()).unwrap_err().to_string();
            assert!(said.contains(told), "{said}");
        }
    }
}
