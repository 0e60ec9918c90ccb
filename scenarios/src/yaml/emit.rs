//! From tree to text. Comments and layout are lost; order, values and the kind of every value are kept.

use std::fmt::Write;

use super::node::{Content, Node, Scalar};

/// The tree as block YAML.
pub(super) fn to_yaml(root: &Node) -> String {
    let mut out = String::new();
    write_node(&mut out, root, 0, false);
    out
}

/// Writes a value that follows `key:` or `-` (then `inline`), or stands at the beginning of a line.
fn write_node(out: &mut String, node: &Node, indent: usize, inline: bool) {
    match &node.content {
        Content::Scalar(scalar) => {
            let space = if inline { " " } else { "" };
            let _ = writeln!(out, "{space}{}", scalar_text(scalar));
        }
        Content::List(items) if items.is_empty() => out.push_str(" []\n"),
        Content::Map(entries) if entries.is_empty() => out.push_str(" {}\n"),
        Content::List(items) => {
            if inline {
                out.push('\n');
            }
            for item in items {
                let _ = write!(out, "{:indent$}-", "");
                write_node(out, item, indent + 2, true);
            }
        }
        Content::Map(entries) => {
            if inline {
                out.push('\n');
            }
            for entry in entries {
                let _ = write!(out, "{:indent$}{}:", "", key_text(&entry.key));
                write_node(out, &entry.value, indent + 2, true);
            }
        }
    }
}

fn scalar_text(scalar: &Scalar) -> String {
    if scalar.is_null() {
        return "null".to_string();
    }
    if scalar.plain && !scalar.text.contains(char::is_control) {
        return scalar.text.clone();
    }
    quoted(&scalar.text)
}

fn key_text(key: &str) -> String {
    let safe = |character: char| character.is_ascii_alphanumeric() || "-_./".contains(character);
    let begins_well = key.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '/');
    if begins_well && key.chars().all(safe) {
        return key.to_string();
    }
    quoted(key)
}

/// In double quotes, with JSON's escapes, which YAML shares.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other
                if other.is_control() || matches!(other, '\u{2028}' | '\u{2029}' | '\u{feff}') =>
            {
                let _ = write!(out, "\\u{:04x}", u32::from(other));
            }
            other => out.push(other),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use crate::source::SourceFile;
    use crate::yaml::{Document, Node};

    fn read(text: &str) -> Node {
        let file = SourceFile {
            name: "t.yaml".to_string(),
            text: text.to_string(),
        };
        Document::parse(&file).unwrap().root
    }

    /// The tree without its places.
    fn shape(node: &Node) -> String {
        let mut bare = node.clone();
        bare.stand_at(Default::default());
        format!("{bare:?}")
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let text = r#"
a: { b: [1, '1', "x: y", [], {}], /p: ~, "needs: quotes": true }
body: '{"id":"{{id}}","px":"{{price}}"}'
long: |
  two
  lines
folded: a plain
  text

  of lines
list:
  - - 1
    - 2
  - k: v
    l: "\t\u0001#"
empty:
percent: 99.99%
url: http://127.0.0.1:8080
"#;
        let first = read(text);
        let file = SourceFile {
            name: "again.yaml".to_string(),
            text: super::to_yaml(&first),
        };
        let again = Document::parse(&file)
            .unwrap_or_else(|error| panic!("{error}\n{}", file.text))
            .root;
        let normal = |shape: String| shape.replace("text: \"~\"", "text: \"null\"");
        let expected = normal(shape(&first))
            .replace("text: \"\", plain: true", "text: \"null\", plain: true")
            .replace(
                r#"text: "a plain text\nof lines", plain: true"#,
                r#"text: "a plain text\nof lines", plain: false"#,
            );
        assert_eq!(expected, normal(shape(&again)));
    }
}
