//! Texts that a plan is made of: files as given, and `--set` options.

use crate::diagnostics::{Diagnostic, Diagnostics};

/// Largest file that is read, in bytes. A scenario of a thousand lines has a twentieth of this.
pub const LARGEST_FILE_BYTES: usize = 1 << 20;

/// A scenario or profile as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The name shown in messages, as the user wrote it.
    pub name: String,
    pub text: String,
}

impl SourceFile {
    /// A source file from the bytes of a file.
    ///
    /// # Errors
    /// When the file is too large, empty, binary, or not UTF-8: each with what to do.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<SourceFile, Diagnostics> {
        let refuse = |message: String, hint: &str| {
            Err(Diagnostics(vec![
                Diagnostic::of_file(name, message).with_hint(hint),
            ]))
        };
        if bytes.len() > LARGEST_FILE_BYTES {
            return refuse(
                too_large(bytes.len()),
                "is this the file that you meant? Scenarios and profiles are small YAML texts",
            );
        }
        let readable = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if readable.contains(&0) {
            return refuse(
                "the file is binary, not text".to_string(),
                "scenarios and profiles are YAML in UTF-8",
            );
        }
        let text = match std::str::from_utf8(readable) {
            Ok(text) => text,
            Err(error) => {
                return refuse(
                    format!(
                        "the file is not UTF-8: byte {} cannot be read",
                        error.valid_up_to() + 1
                    ),
                    "save it as UTF-8",
                );
            }
        };
        if text.trim().is_empty() {
            return refuse(
                "the file is empty".to_string(),
                "`shakedown init` writes a scenario and a profile to start from",
            );
        }
        Ok(SourceFile {
            name: name.to_string(),
            text: text.to_string(),
        })
    }
}

/// A file with what it is made of.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    pub file: &'a SourceFile,
    /// Its `base`, that one's base and so on, nearest first; behind them, and without any, bases are those of the library.
    pub bases: &'a [SourceFile],
}

impl<'a> From<&'a SourceFile> for Written<'a> {
    fn from(file: &'a SourceFile) -> Self {
        Written { file, bases: &[] }
    }
}

/// Why a file of this size is not read.
pub(crate) fn too_large(bytes: usize) -> String {
    format!(
        "the file has {:.1} MB; at most {} MB are read",
        bytes as f64 / 1e6,
        LARGEST_FILE_BYTES >> 20
    )
}

/// One `--set KEY=VALUE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// Dotted path into the scenario, such as `sla.steady-p99.latency.at-most`; with `profile.` in front, into the
    /// profile. Keys that contain dots stand in double quotes.
    pub key: String,
    /// YAML: `2ms`, or `{ latency: { … } }`.
    pub value: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        SourceFile::from_bytes("x.yaml", bytes)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn what_is_no_small_text_is_refused_with_the_reason() {
        assert!(refusal(b"").contains("x.yaml: the file is empty"));
        assert!(refusal(b" \n\t\n").contains("empty"));
        assert!(refusal(b"\x7fELF\0\0").contains("binary"));
        assert!(refusal(b"abc\xff\xfe").contains("byte 4"));
        assert!(refusal(&vec![b'a'; 50_000_000]).contains("50.0 MB"));
    }

    #[test]
    fn a_byte_order_mark_is_left_out() {
        let file = SourceFile::from_bytes("x.yaml", b"\xef\xbb\xbfscenario: a").unwrap();
        assert_eq!(file.text, "scenario: a");
    }
}
