//! TLS towards the engine.

use crate::plan::TlsPlan;
use crate::spec::profile::ProfileSpec;

use crate::compile::sheet::{At, Sheet};

/// What is trusted and who we are; `None` where nothing is written.
pub(in crate::compile) fn tls(spec: &ProfileSpec, sheet: &Sheet) -> Option<TlsPlan> {
    let written = spec.tls.as_ref()?;
    let at = At::of(&["tls"]);
    let fields = [
        ("ca", &written.ca),
        ("server-name", &written.server_name),
        ("certificate", &written.certificate),
        ("key", &written.key),
    ];
    for (name, text) in fields {
        if text.as_ref().is_some_and(|text| text.trim().is_empty()) {
            sheet.refuse_with(&at.to(name), "nothing is named", "leave it out, or name it");
        }
    }
    if written.certificate.is_some() != written.key.is_some() {
        sheet.refuse_entry(
            &at,
            "`certificate` and `key` belong together".to_string(),
            "write both, or none".to_string(),
        );
    }
    Some(TlsPlan {
        ca: written.ca.clone(),
        server_name: written.server_name.clone(),
        certificate: written.certificate.clone(),
        key: written.key.clone(),
    })
}
