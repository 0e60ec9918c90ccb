//! A template of the profile as commands: whatever has no holes is bytes from the beginning.

use std::fmt;

use shakedown_scenarios::plan::{Request, Template, TemplatePart};

use crate::http::{CompiledText, Vars, append_number};
use crate::secret::Secrets;

/// The commands of a template, sent together.
#[derive(Clone)]
pub struct Commands {
    pieces: Vec<Piece>,
    count: usize,
    /// Replicas that the WAIT behind the command must tell; `None`: there is none.
    wanted: Option<u64>,
    is_script: bool,
}

#[derive(Clone)]
enum Piece {
    Bytes(Vec<u8>),
    /// A word with holes.
    Word(CompiledText),
}

impl fmt::Debug for Commands {
    /// The bytes may hold secrets and are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} commands", self.count)
    }
}

impl Commands {
    /// Compiles the body of a request whose method is [`Request::COMMAND`].
    ///
    /// # Panics
    /// When it names a secret that the profile does not define, which no compiled plan does.
    pub fn new(body: &Template, secrets: &Secrets) -> Commands {
        let mut commands = Commands {
            pieces: Vec::new(),
            count: 0,
            wanted: None,
            is_script: false,
        };
        let split = split(body, Request::NEXT_COMMAND);
        for command in &split {
            let words = self::split(command, Request::NEXT_WORD);
            commands.push_text(format!("*{}\r\n", words.len()).into_bytes());
            for word in &words {
                commands.push_word(word, secrets);
            }
            if commands.count == 0 {
                commands.is_script = words.first().and_then(literal).is_some_and(is_script);
            }
            commands.count += 1;
        }
        if let [_, wait] = &split[..] {
            let words = self::split(wait, Request::NEXT_WORD);
            let replicas = words.get(1).and_then(literal);
            commands.wanted = replicas.and_then(|text| text.parse().ok());
        }
        commands
    }

    /// How many replies there will be.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Replicas that the WAIT behind the command must tell; `None`: there is none.
    pub(super) fn wanted(&self) -> Option<u64> {
        self.wanted
    }

    /// True when the command is a script: it may have written something before it came to an error, whatever that is called.
    pub fn is_script(&self) -> bool {
        self.is_script
    }

    /// The bytes with these values, appended to `out`; `scratch` is used on the way.
    pub fn append(&self, vars: &Vars<'_>, scratch: &mut Vec<u8>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Bytes(bytes) => out.extend_from_slice(bytes),
                Piece::Word(word) => {
                    scratch.clear();
                    word.append(vars, scratch);
                    append_bulk(scratch, out);
                }
            }
        }
    }

    fn push_word(&mut self, word: &Template, secrets: &Secrets) {
        let compiled = CompiledText::new(word, secrets);
        match compiled.fixed() {
            Some(fixed) => {
                let mut bytes = Vec::new();
                append_bulk(fixed, &mut bytes);
                self.push_text(bytes);
            }
            None => self.pieces.push(Piece::Word(compiled)),
        }
    }

    fn push_text(&mut self, bytes: Vec<u8>) {
        match self.pieces.last_mut() {
            Some(Piece::Bytes(before)) => before.extend_from_slice(&bytes),
            Some(Piece::Word(_)) | None => self.pieces.push(Piece::Bytes(bytes)),
        }
    }
}

/// A command of our own, appended to `out`.
pub fn append_command(words: &[&str], out: &mut Vec<u8>) {
    out.push(b'*');
    append_digits(words.len(), out);
    for word in words {
        append_bulk(word.as_bytes(), out);
    }
}

fn append_bulk(word: &[u8], out: &mut Vec<u8>) {
    out.push(b'$');
    append_digits(word.len(), out);
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

fn append_digits(number: usize, out: &mut Vec<u8>) {
    let mut digits = String::new();
    append_number(number as u64, &mut digits);
    out.extend_from_slice(digits.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// A template cut at a sign that stands in its text, never in a value.
fn split(template: &Template, at: char) -> Vec<Template> {
    let mut pieces = vec![Template { parts: Vec::new() }];
    for part in &template.parts {
        match part {
            TemplatePart::Hole { .. } => add(&mut pieces, part.clone()),
            TemplatePart::Text(text) => {
                for (index, text) in text.split(at).enumerate() {
                    if index > 0 {
                        pieces.push(Template { parts: Vec::new() });
                    }
                    if !text.is_empty() {
                        add(&mut pieces, TemplatePart::Text(text.to_string()));
                    }
                }
            }
        }
    }
    pieces
}

fn add(pieces: &mut [Template], part: TemplatePart) {
    if let Some(last) = pieces.last_mut() {
        last.parts.push(part);
    }
}

fn is_script(name: &str) -> bool {
    let scripts = ["EVAL", "EVALSHA", "FCALL"];
    scripts.iter().any(|it| it.eq_ignore_ascii_case(name))
}

fn literal(word: &Template) -> Option<&str> {
    match &word.parts[..] {
        [TemplatePart::Text(text)] => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use shakedown_scenarios::plan::Variable;

    use super::*;

    fn template(parts: &[&str]) -> Template {
        let part = |text: &&str| match *text {
            "ID" => TemplatePart::Hole {
                variable: Variable::Id,
                filters: Vec::new(),
            },
            text => TemplatePart::Text(text.to_string()),
        };
        Template {
            parts: parts.iter().map(part).collect(),
        }
    }

    fn said(parts: &[&str], id: &str) -> (Commands, String) {
        let commands = Commands::new(&template(parts), &Secrets::default());
        let vars = Vars {
            id: Some(id),
            ..Vars::default()
        };
        let (mut scratch, mut out) = (Vec::new(), Vec::new());
        commands.append(&vars, &mut scratch, &mut out);
        (commands, String::from_utf8(out).unwrap())
    }

    #[test]
    fn no_value_breaks_out_of_its_word() {
        let (commands, out) = said(
            &["SET\u{1f}order:", "ID", "\u{1f}\u{1f}NX"],
            "1\r\n\u{1f}FLUSHALL",
        );
        assert_eq!(
            out,
            "*4\r\n$3\r\nSET\r\n$18\r\norder:1\r\n\u{1f}FLUSHALL\r\n$0\r\n\r\n$2\r\nNX\r\n"
        );
        assert_eq!((commands.count(), commands.wanted()), (1, None));
        assert!(!commands.is_script());
    }

    #[test]
    fn a_wait_goes_with_its_command() {
        let (commands, out) = said(
            &["SET\u{1f}", "ID", "\u{1f}x\u{1e}WAIT\u{1f}2\u{1f}500"],
            "a",
        );
        assert_eq!(
            out,
            "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nx\r\n*3\r\n$4\r\nWAIT\r\n$1\r\n2\r\n$3\r\n500\r\n"
        );
        assert_eq!((commands.count(), commands.wanted()), (2, Some(2)));
        assert_eq!(commands.pieces.len(), 3, "what has no holes is one piece");
    }

    #[test]
    fn a_script_is_known_by_its_first_word() {
        for (parts, wanted) in [
            (["eval\u{1f}return 1\u{1f}1\u{1f}", "ID"], true),
            (["FCALL\u{1f}f\u{1f}1\u{1f}", "ID"], true),
            (["SET\u{1f}EVAL\u{1f}", "ID"], false),
        ] {
            assert_eq!(said(&parts, "a").0.is_script(), wanted, "{parts:?}");
        }
    }

    #[test]
    fn a_command_of_ours_has_the_same_form() {
        let mut out = Vec::new();
        append_command(&["ROLE"], &mut out);
        assert_eq!(out, b"*1\r\n$4\r\nROLE\r\n");
    }
}
