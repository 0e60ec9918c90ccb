//! What went wrong with TLS, in words for people.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// One sentence without a full stop: what is wrong and, where that helps, what to do.
pub(super) fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the server's certificate is from an issuer that is not trusted; name the right one with tls.ca".to_string()
        }
        Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => {
            "the server's certificate is for another name; if that is right, give it with tls.server-name".to_string()
        }
        Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the server's certificate has expired".to_string(),
        Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the server's certificate is not valid yet".to_string(),
        Error::InvalidCertificate(other) => format!("the server's certificate is not accepted: {other}"),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "the server does not speak TLS at this port".to_string()
        }
        Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "the server wants a client certificate; give one with tls.certificate and tls.key".to_string()
        }
        Error::AlertReceived(alert) if concerns_certificates(*alert) => {
            format!("the server does not accept our certificate ({alert:?})")
        }
        Error::AlertReceived(AlertDescription::NoApplicationProtocol) | Error::NoApplicationProtocol => {
            "the server does not speak this protocol over TLS (ALPN)".to_string()
        }
        Error::AlertReceived(alert) => format!("the server ended the handshake ({alert:?})"),
        other => other.to_string(),
    }
}

/// The alerts by which a server says that it lets this client in no further.
pub(super) fn concerns_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
    )
}
