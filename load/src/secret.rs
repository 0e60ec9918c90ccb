//! Secrets as a type: they can be used, and they cannot be printed.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};
use shakedown_scenarios::plan::SecretSource;

/// What stands in place of a secret wherever it would appear.
pub const REDACTED: &str = "***";

/// Shortest secret that is accepted, in bytes: redacting a shorter one would punch holes into every document.
const SHORTEST: usize = 4;

/// A value that prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: String) -> Secret {
        Secret(value)
    }

    /// The value, for the wire only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Secrets on their way to a process that makes load with us. They print as `***`.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct HandedOver(BTreeMap<String, String>);

impl HandedOver {
    /// As they are used.
    pub fn take(self) -> Secrets {
        let values = self.0.into_iter();
        Secrets::of(values.map(|(name, value)| (name, Secret(value))).collect())
    }
}

impl fmt::Debug for HandedOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// Why a secret is not available. No message ever holds a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("secret '{name}': the environment variable {variable} is not set")]
    NoVariable { name: String, variable: String },
    #[error("secret '{name}': the environment variable {variable} is not text")]
    NotText { name: String, variable: String },
    #[error("secret '{name}': cannot read {path}: {source}")]
    File {
        name: String,
        path: PathBuf,
        source: io::Error,
    },
    #[error("secret '{name}': cannot run '{program}': {source}")]
    Command {
        name: String,
        program: String,
        source: io::Error,
    },
    #[error("secret '{name}': '{program}' ended with {status}")]
    CommandFailed {
        name: String,
        program: String,
        status: String,
    },
    #[error("secret '{name}' is empty")]
    Empty { name: String },
    #[error(
        "secret '{name}' is shorter than {SHORTEST} characters: it could not be kept out of the records; use a longer one"
    )]
    TooShort { name: String },
}

/// The resolved secrets of a profile.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    by_name: BTreeMap<String, Secret>,
    /// Every form in which a value could appear in a document, longest first.
    forms: Vec<Secret>,
}

impl Secrets {
    /// Fetches every secret from where its source says.
    ///
    /// # Errors
    /// When one is missing, empty or too short to be kept out of the records.
    pub fn resolve(sources: &BTreeMap<String, SecretSource>) -> Result<Secrets, SecretError> {
        let mut by_name = BTreeMap::new();
        for (name, source) in sources {
            let value = fetch(name, source)?;
            if value.is_empty() {
                return Err(SecretError::Empty { name: name.clone() });
            }
            if value.len() < SHORTEST {
                return Err(SecretError::TooShort { name: name.clone() });
            }
            by_name.insert(name.clone(), Secret(value));
        }
        Ok(Secrets::of(by_name))
    }

    /// Secrets by name.
    fn of(by_name: BTreeMap<String, Secret>) -> Secrets {
        let mut forms: Vec<String> = by_name
            .values()
            .flat_map(|secret| forms_of(secret.expose()))
            .collect();
        forms.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Secrets {
            by_name,
            forms: forms.into_iter().map(Secret).collect(),
        }
    }

    /// Their values, for a process that makes load with us; nobody else may see them.
    pub fn hand_over(&self) -> HandedOver {
        let values = self.by_name.iter();
        HandedOver(
            values
                .map(|(name, secret)| (name.clone(), secret.0.clone()))
                .collect(),
        )
    }

    /// The secret of this name.
    pub fn get(&self, name: &str) -> Option<&Secret> {
        self.by_name.get(name)
    }

    /// True when `text` holds a secret in any of its forms.
    pub fn appears_in(&self, text: &str) -> bool {
        self.forms.iter().any(|form| text.contains(form.expose()))
    }

    /// The text with `***` in place of every secret: as it is, and as base64, hex, percent-encoding, JSON or HTML
    /// would write it.
    pub fn redact(&self, text: &str) -> String {
        let mut clean = text.to_string();
        for form in &self.forms {
            if clean.contains(form.expose()) {
                clean = clean.replace(form.expose(), REDACTED);
            }
        }
        clean
    }
}

fn fetch(name: &str, source: &SecretSource) -> Result<String, SecretError> {
    let name = name.to_string();
    let text = match source {
        SecretSource::Env(variable) => std::env::var(variable).map_err(|error| {
            let variable = variable.clone();
            match error {
                std::env::VarError::NotPresent => SecretError::NoVariable { name, variable },
                std::env::VarError::NotUnicode(_) => SecretError::NotText { name, variable },
            }
        })?,
        SecretSource::File(path) => {
            std::fs::read_to_string(path).map_err(|source| SecretError::File {
                name,
                path: path.into(),
                source,
            })?
        }
        SecretSource::Command(words) => run(name, words)?,
    };
    Ok(text.trim_end_matches(['\r', '\n']).to_string())
}

fn run(name: String, words: &[String]) -> Result<String, SecretError> {
    let Some((program, arguments)) = words.split_first() else {
        return Err(SecretError::Empty { name });
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .map_err(|source| SecretError::Command {
            name: name.clone(),
            program: program.clone(),
            source,
        })?;
    if !output.status.success() {
        return Err(SecretError::CommandFailed {
            name,
            program: program.clone(),
            status: output.status.to_string(),
        });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Every form of a value that an engine or a report could write.
fn forms_of(value: &str) -> Vec<String> {
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json
        .get(1..json.len().saturating_sub(1))
        .unwrap_or("")
        .to_string();
    let html = value
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let mut forms = vec![
        value.to_string(),
        json.replace('/', "\\/"),
        json,
        html.replace('\'', "&#39;"),
        html.replace('\'', "&#x27;"),
        encode::percent(value),
        encode::percent(value).replace("%20", "+"),
        encode::percent(value).to_lowercase(),
        encode::hex(value.as_bytes()),
        encode::hex(value.as_bytes()).to_uppercase(),
    ];
    for alphabet in [encode::STANDARD, encode::URL_SAFE] {
        forms.extend((0..3).map(|shift| encode::base64_within(value.as_bytes(), shift, alphabet)));
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

pub(crate) mod encode {
    //! Text encodings that templates use and that redaction has to know.

    use std::fmt::Write;

    pub(crate) const STANDARD: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    pub(crate) const URL_SAFE: &[u8; 64] =
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// Base64 with padding (RFC 4648, section 4).
    pub(crate) fn base64(bytes: &[u8]) -> String {
        let mut text = base64_digits(bytes, STANDARD);
        while !text.len().is_multiple_of(4) {
            text.push('=');
        }
        text
    }

    fn base64_digits(bytes: &[u8], alphabet: &[u8; 64]) -> String {
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for group in bytes.chunks(3) {
            let word = group.iter().enumerate().fold(0u32, |word, (at, byte)| {
                word | u32::from(*byte) << (16 - 8 * at)
            });
            for digit in 0..=group.len() {
                text.push(char::from(
                    alphabet[(word >> (18 - 6 * digit)) as usize & 63],
                ));
            }
        }
        text
    }

    /// The digits that base64 gives to `bytes` wherever they stand within a longer text: `shift` is their position
    /// modulo 3. Digits that depend on the neighbours are left out.
    pub(crate) fn base64_within(bytes: &[u8], shift: usize, alphabet: &[u8; 64]) -> String {
        let mut padded = vec![0; shift];
        padded.extend_from_slice(bytes);
        let digits = base64_digits(&padded, alphabet);
        let first = (shift * 8).div_ceil(6);
        let last = padded.len() * 8 / 6;
        digits[first..last].to_string()
    }

    /// Lower-case hexadecimal.
    pub(crate) fn hex(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Percent-encoding of everything but unreserved characters (RFC 3986, section 2.3).
    pub(crate) fn percent(text: &str) -> String {
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            if is_unreserved(byte) {
                encoded.push(char::from(byte));
            } else {
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
        encoded
    }

    pub(crate) fn is_unreserved(byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "k4n+ary/\"tok en\"&9";

    fn secrets(value: &str) -> Secrets {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, format!("{value}\n")).unwrap();
        let source = SecretSource::File(path.to_str().unwrap().to_string());
        Secrets::resolve(&BTreeMap::from([("token".to_string(), source)])).unwrap()
    }

    #[test]
    fn a_secret_prints_as_stars() {
        let secrets = secrets(CANARY);
        assert_eq!(secrets.get("token").unwrap().expose(), CANARY);
        let printed = format!(
            "{secrets:?} {:?} {}",
            secrets.get("token"),
            secrets.get("token").unwrap()
        );
        assert!(!printed.contains("k4n"), "{printed}");
    }

    #[test]
    fn every_form_is_redacted() {
        let secrets = secrets(CANARY);
        let basic = encode::base64(format!("user:{CANARY}").as_bytes());
        let texts = [
            format!("token={CANARY}!"),
            serde_json::to_string(&format!("Bearer {CANARY}")).unwrap(),
            encode::percent(CANARY),
            encode::hex(CANARY.as_bytes()),
            encode::base64(CANARY.as_bytes()),
            basic.clone(),
            encode::base64(format!("u:{CANARY}").as_bytes()),
            encode::base64(format!("us:{CANARY}").as_bytes()),
            "<b>k4n+ary/&quot;tok en&quot;&amp;9</b>".to_string(),
        ];
        for text in texts {
            assert!(secrets.appears_in(&text), "{text}");
            let clean = secrets.redact(&text);
            assert!(
                clean.contains(REDACTED) && !secrets.appears_in(&clean),
                "{clean}"
            );
        }
        assert_eq!(secrets.redact("nothing here"), "nothing here");
    }

    #[test]
    fn what_cannot_be_resolved_is_named_without_its_value() {
        let resolve = |source| Secrets::resolve(&BTreeMap::from([("token".to_string(), source)]));
        let missing = resolve(SecretSource::Env("SHAKEDOWN_TEST_NO_SUCH_VARIABLE".into()));
        assert!(matches!(missing, Err(SecretError::NoVariable { .. })));
        let shell = |script: &str| {
            resolve(SecretSource::Command(vec![
                "sh".into(),
                "-c".into(),
                script.into(),
            ]))
        };
        assert_eq!(
            shell("echo s3cr3t").unwrap().get("token").unwrap().expose(),
            "s3cr3t"
        );
        assert!(matches!(shell("true"), Err(SecretError::Empty { .. })));
        assert!(matches!(
            shell("echo abc"),
            Err(SecretError::TooShort { .. })
        ));
        let failed = shell("echo s3cr3t; exit 3").unwrap_err();
        assert!(matches!(failed, SecretError::CommandFailed { .. }));
        assert!(!failed.to_string().contains("s3cr3t"));
    }

    #[test]
    fn base64_and_hex_are_the_usual_ones() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
        ] {
            assert_eq!(encode::base64(plain.as_bytes()), encoded);
        }
        assert_eq!(encode::hex(b"\x00\xff"), "00ff");
        assert_eq!(encode::percent("a b/c~"), "a%20b%2Fc~");
    }
}
