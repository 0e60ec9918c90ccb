//! From text to tree, within budgets.

use serde_saphyr::granit_parser::{
    Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StrInput,
};

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::{LARGEST_FILE_BYTES, SourceFile, too_large};

use super::node::{Content, Entry, Node, Scalar, Spot, shortened};

/// Deepest nesting that is read; a profile needs eight.
const DEEPEST: usize = 64;

/// Reads the one document of a text.
pub(crate) fn tree(file: &SourceFile, source: usize) -> Result<Node, Diagnostics> {
    if file.text.len() > LARGEST_FILE_BYTES {
        return Err(Diagnostics(vec![Diagnostic::of_file(
            &file.name,
            too_large(file.text.len()),
        )]));
    }
    let mut reader = Reader::new(file, source);
    match reader.document() {
        Ok(root) => Ok(root),
        Err(refusal) => Err(Diagnostics(vec![reader.diagnostic(refusal)])),
    }
}

/// Reads a text of our own.
pub(super) fn fragment(yaml: &str) -> Result<Node, Diagnostics> {
    let file = SourceFile {
        name: String::new(),
        text: yaml.to_string(),
    };
    tree(&file, 0)
}

/// Why a text is no tree.
struct Refusal {
    at: Marker,
    message: String,
    hint: Option<String>,
}

impl From<ScanError> for Refusal {
    fn from(error: ScanError) -> Self {
        Refusal {
            at: *error.marker(),
            message: format!("this is not valid YAML: {}", error.info()),
            hint: Some(
                "look for a missing colon, quote or bracket, or a wrong indentation, here or just above"
                    .to_string(),
            ),
        }
    }
}

fn refusal(span: Span, message: impl Into<String>, hint: &str) -> Refusal {
    Refusal {
        at: span.start,
        message: message.into(),
        hint: Some(hint.to_string()),
    }
}

struct Reader<'f> {
    file: &'f SourceFile,
    source: usize,
    parser: Parser<'f, StrInput<'f>>,
}

impl<'f> Reader<'f> {
    fn new(file: &'f SourceFile, source: usize) -> Self {
        let mut options = Options::default();
        options.set_emit_comments(false);
        Self {
            file,
            source,
            parser: Parser::new_from_str_with_options(&file.text, options),
        }
    }

    fn diagnostic(&self, refusal: Refusal) -> Diagnostic {
        let spot = self.spot(refusal.at);
        Diagnostic {
            line: Some(spot.line),
            column: Some(spot.column),
            text: self
                .file
                .text
                .lines()
                .nth(spot.line - 1)
                .map(|line| line.trim_end().to_string()),
            hint: refusal.hint,
            ..Diagnostic::of_file(&self.file.name, refusal.message)
        }
    }

    fn spot(&self, marker: Marker) -> Spot {
        Spot {
            source: self.source,
            line: marker.line().max(1),
            column: marker.col() + 1,
        }
    }

    fn next(&mut self) -> Result<(Event<'f>, Span), Refusal> {
        match self.parser.next_event() {
            Some(event) => Ok(event?),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Node, Refusal> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => {
                    return Err(refusal(
                        span,
                        "the file holds no values",
                        "`shakedown init` writes a scenario and a profile to start from",
                    ));
                }
                first => {
                    let root = self.node(first, span, 0)?;
                    self.end()?;
                    return Ok(root);
                }
            }
        }
    }

    fn end(&mut self) -> Result<(), Refusal> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentStart(..) => {
                    return Err(refusal(
                        span,
                        "a second document begins here (`---`)",
                        "one file holds one scenario or one profile",
                    ));
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, event: Event<'f>, span: Span, depth: usize) -> Result<Node, Refusal> {
        if depth > DEEPEST {
            return Err(refusal(
                span,
                format!("nested deeper than {DEEPEST} levels"),
                "no scenario or profile needs this",
            ));
        }
        let at = self.spot(span.start);
        let content = match event {
            Event::Scalar(text, style, anchor, tag) => {
                refuse_extras(span, anchor, tag.is_some())?;
                Content::Scalar(Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                })
            }
            Event::SequenceStart(_, anchor, tag) => {
                refuse_extras(span, anchor, tag.is_some())?;
                self.list(depth)?
            }
            Event::MappingStart(_, anchor, tag) => {
                refuse_extras(span, anchor, tag.is_some())?;
                self.map(depth)?
            }
            _ => return Err(refuse_alias(span)),
        };
        Ok(Node { content, at })
    }

    fn list(&mut self, depth: usize) -> Result<Content, Refusal> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Content::List(items));
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, depth: usize) -> Result<Content, Refusal> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut lines = std::collections::HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Content::Map(entries));
            }
            let key = self.key(event, span)?;
            let key_at = self.spot(span.start);
            if let Some(first) = lines.insert(key.clone(), key_at.line) {
                return Err(refusal(
                    span,
                    format!(
                        "`{}` is there twice; the first one is in line {first}",
                        shortened(&key)
                    ),
                    "keep one of them",
                ));
            }
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            entries.push(Entry { key, key_at, value });
        }
    }

    fn key(&mut self, event: Event<'f>, span: Span) -> Result<String, Refusal> {
        match event {
            Event::Scalar(text, _, anchor, tag) => {
                refuse_extras(span, anchor, tag.is_some())?;
                Ok(text.into_owned())
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => Err(refuse_alias(span)),
            _ => Err(refusal(
                span,
                "a key must be a single word",
                "if a value was meant, put it into quotes: a bare { or [ begins a map or a list",
            )),
        }
    }
}

fn refuse_extras(span: Span, anchor: usize, tagged: bool) -> Result<(), Refusal> {
    if anchor != 0 {
        return Err(refusal(
            span,
            "anchors (&name) are not supported",
            "write the value out where it is needed, or put a text that begins with & into quotes",
        ));
    }
    if tagged {
        return Err(refusal(
            span,
            "tags (!name) are not supported",
            "leave the tag out, or put a text that begins with ! into quotes",
        ));
    }
    Ok(())
}

fn refuse_alias(span: Span) -> Refusal {
    refusal(
        span,
        "aliases (*name) are not supported",
        "write the value out, or put a text that begins with * into quotes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Node, String> {
        let file = SourceFile {
            name: "t.yaml".to_string(),
            text: text.to_string(),
        };
        tree(&file, 0).map_err(|diagnostics| diagnostics.to_string())
    }

    #[test]
    fn keys_and_values_know_their_places() {
        let root = read("a: 1\nb:\n  - x\n  - { c: 'd' }\n").unwrap();
        let d = root.find(&["b", "1", "c"]).unwrap();
        assert_eq!((d.at.line, d.at.column, d.text()), (4, 10, Some("d")));
        let Content::Map(entries) = &root.content else {
            panic!("a map");
        };
        assert_eq!((entries[1].key_at.line, entries[1].key_at.column), (2, 1));
    }

    #[test]
    fn what_a_scenario_never_needs_is_refused_where_it_stands() {
        for (text, said) in [
            ("a: &x 1\nb: *x\n", "t.yaml:1:"),
            ("a: &x 1\n", "anchors"),
            ("a: *x\n", "YAML"),
            ("a: !!int 1\n", "tags"),
            ("a: 1\n---\nb: 2\n", "t.yaml:2:1: a second document"),
            (
                "a: 1\nb: 2\na: 3\n",
                "t.yaml:3:1: `a` is there twice; the first one is in line 1",
            ),
            ("{a: 1}: 2\n", "a key must be"),
            ("a: [1, 2\nb: 3\n", "not valid YAML"),
            ("# nothing\n", "holds no values"),
        ] {
            let message = read(text).unwrap_err();
            assert!(message.contains(said), "{text:?} gave {message}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read(&deep).is_err());
        assert!(read(&format!("{}{}", "[".repeat(60), "]".repeat(60))).is_ok());
        let message = read(&format!("{}{}", "[".repeat(70), "]".repeat(70))).unwrap_err();
        assert!(message.contains("deeper than 64"), "{message}");
    }
}
