//! Certificates of the tests, made when they run: of an authority that the clients trust, and of one that they do not.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, version};
use shakedown_scenarios::plan::TlsPlan;
use tempfile::TempDir;

/// Files in PEM: `ca`, `other-ca`, and with `-key` each of `server`, `renamed`, `expired`, `foreign`, `client`.
pub static FILES: LazyLock<Files> = LazyLock::new(Files::make);

pub struct Files {
    folder: TempDir,
}

/// What a server asks of its clients, and shows them.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Which certificate.
    pub certificate: &'static str,
    pub wants_certificate: bool,
    pub only_tls12: bool,
    pub protocols: &'static [&'static str],
}

impl Shown {
    /// What a server shows against which nothing can be said.
    pub const GOOD: Shown = Shown {
        certificate: "server",
        wants_certificate: false,
        only_tls12: false,
        protocols: &[],
    };

    /// As rustls takes it.
    pub fn config(self) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions: &[_] = match self.only_tls12 {
            true => &[&version::TLS12],
            false => &[&version::TLS13],
        };
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(versions)
            .unwrap();
        let builder = match self.wants_certificate {
            false => builder.with_no_client_auth(),
            true => {
                let mut roots = RootCertStore::empty();
                roots.add(FILES.certificate("ca")).unwrap();
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = FILES.path(&format!("{}-key", self.certificate));
        let mut config = builder
            .with_single_cert(
                vec![FILES.certificate(self.certificate)],
                PrivateKeyDer::from_pem_file(key).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = self
            .protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Arc::new(config)
    }
}

impl Files {
    fn make() -> Files {
        let files = Files {
            folder: tempfile::tempdir().unwrap(),
        };
        let ours = files.authority("ca");
        let other = files.authority("other-ca");
        files.signed("server", &["127.0.0.1", "localhost"], &ours, |_| {});
        files.signed("renamed", &["engine.acme"], &ours, |_| {});
        files.signed("expired", &["127.0.0.1"], &ours, |params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        });
        files.signed("foreign", &["127.0.0.1"], &other, |_| {});
        files.signed("client", &["client"], &ours, |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        });
        files
    }

    fn authority(&self, name: &str) -> Issuer<'static, KeyPair> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        self.write(name, &params.self_signed(&key).unwrap().pem());
        Issuer::new(params, key)
    }

    fn signed(
        &self,
        name: &str,
        names: &[&str],
        issuer: &Issuer<'static, KeyPair>,
        alter: impl FnOnce(&mut CertificateParams),
    ) {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        alter(&mut params);
        let key = KeyPair::generate().unwrap();
        self.write(name, &params.signed_by(&key, issuer).unwrap().pem());
        self.write(&format!("{name}-key"), &key.serialize_pem());
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("{name}.pem"))
    }

    fn certificate(&self, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path(name)).unwrap()
    }

    /// A client that trusts our authority.
    pub fn trust(&self) -> TlsPlan {
        TlsPlan {
            ca: Some(self.path("ca").display().to_string()),
            ..TlsPlan::default()
        }
    }

    /// The same with a certificate of its own.
    pub fn trust_and_show(&self, name: &str) -> TlsPlan {
        TlsPlan {
            certificate: Some(self.path(name).display().to_string()),
            key: Some(self.path(&format!("{name}-key")).display().to_string()),
            ..self.trust()
        }
    }
}
