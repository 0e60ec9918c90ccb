//! A page of a terminal: lines of a given width, with tones where colour is allowed.

use crate::document::Table;
use crate::look::Look;
use crate::screen::Line;
use crate::words::{Tone, inert, width_of, wrap};

/// Narrower terminals than this are treated as this wide.
const NARROWEST: usize = 40;

/// Lines, written from top to bottom.
#[derive(Debug)]
pub(crate) struct Page {
    look: Look,
    out: String,
}

impl Page {
    /// An empty page.
    pub(crate) fn new(look: Look) -> Page {
        Page {
            look: Look {
                width: look.width.max(NARROWEST),
                ..look
            },
            out: String::new(),
        }
    }

    /// Columns of the page.
    pub(crate) fn width(&self) -> usize {
        self.look.width
    }

    /// The text of the page, each line ended.
    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// An empty line.
    pub(crate) fn gap(&mut self) {
        self.out.push('\n');
    }

    /// A paragraph.
    pub(crate) fn plain(&mut self, text: &str) {
        self.toned(text, Tone::Plain);
    }

    /// A paragraph in a tone; lines after the first are indented.
    pub(crate) fn toned(&mut self, text: &str, tone: Tone) {
        self.paragraph("", text, 2, tone);
    }

    /// A label and a paragraph that hangs under it.
    pub(crate) fn hanging(&mut self, label: &str, text: &str, tone: Tone) {
        self.paragraph(label, text, width_of(label).min(8), tone);
    }

    /// A label and a paragraph that starts and stays beside it.
    pub(crate) fn under(&mut self, label: &str, text: &str, tone: Tone) {
        self.paragraph(label, text, width_of(label), tone);
    }

    fn paragraph(&mut self, label: &str, text: &str, indent: usize, tone: Tone) {
        let width = self.look.width;
        let first = width.saturating_sub(width_of(label));
        for (index, line) in wrap(&inert(text), first, width - indent).iter().enumerate() {
            let lead = match index {
                0 => label.to_owned(),
                _ => " ".repeat(indent),
            };
            self.line(&format!("{lead}{}", self.paint(line, tone)));
        }
    }

    /// Two short texts beside each other, or below each other where they do not fit.
    pub(crate) fn pair(&mut self, texts: [&str; 2], tones: [Tone; 2]) {
        const GAP: usize = 6;
        let [left, right] = texts.map(inert);
        if width_of(&left) + GAP + width_of(&right) > self.look.width {
            self.toned(&left, tones[0]);
            self.toned(&right, tones[1]);
            return;
        }
        let [left, right] = [self.paint(&left, tones[0]), self.paint(&right, tones[1])];
        self.line(&format!("{left}{}{right}", " ".repeat(GAP)));
    }

    /// A word, a text that hangs beside it, and a note at the right edge of the first line.
    pub(crate) fn between(
        &mut self,
        word: &str,
        tone: Tone,
        indent: usize,
        text: &str,
        right: &str,
    ) {
        let width = self.look.width;
        let gap = indent.saturating_sub(width_of(word));
        let indent = if indent > width / 2 { 2 } else { indent };
        let first = width.saturating_sub(width_of(word) + gap + 2 + width_of(right));
        let lines = wrap(&inert(text), first, width - indent);
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                self.line(&format!("{}{line}", " ".repeat(indent)));
                continue;
            }
            let taken = width_of(word) + gap + width_of(line) + width_of(right);
            let space = " ".repeat(width.saturating_sub(taken).max(2));
            let word = self.paint(word, tone);
            self.line(&format!("{word}{}{line}{space}{right}", " ".repeat(gap)));
        }
    }

    /// A word, columns that lead, and an observation that hangs at `indent`, with its command at the end.
    pub(crate) fn row(
        &mut self,
        word: &str,
        tone: Tone,
        lead: &str,
        indent: usize,
        observed: &Line,
    ) {
        let width = self.look.width;
        let lead = inert(lead);
        let taken = width_of(word) + 2 + width_of(&lead) + 2;
        let painted = self.paint(word, tone);
        let text = inert(&observed.text);
        let beside = taken <= indent;
        let mut lines = wrap(&text, width - indent, width - indent);
        let last = match lines.len() {
            1 if beside => indent + width_of(&lines[0]),
            _ => indent + lines.last().map_or(0, |line| width_of(line)),
        };
        match beside {
            true => {
                let fill = " ".repeat(indent - taken + 2);
                let head = lines.remove(0);
                self.push(&format!("{painted}  {lead}{fill}{head}"));
            }
            false => self.push(&format!("{painted}  {}", lead.trim_end())),
        }
        for line in lines {
            self.out.push('\n');
            self.push(&format!("{}{line}", " ".repeat(indent)));
        }
        self.row_end(last, indent, observed.command.as_deref());
    }

    fn row_end(&mut self, taken: usize, indent: usize, command: Option<&str>) {
        let Some(command) = command else {
            self.out.push('\n');
            return;
        };
        let hint = format!("> {}", inert(command));
        if taken + 4 + width_of(&hint) <= self.look.width {
            let space = " ".repeat(self.look.width - taken - width_of(&hint));
            let hint = self.paint(&hint, Tone::Quiet);
            self.line(&format!("{space}{hint}"));
        } else {
            self.out.push('\n');
            let fits = indent + width_of(&hint) <= self.look.width;
            self.command(if fits { indent } else { 2 }, command);
        }
    }

    /// A command on a line of its own, whole.
    pub(crate) fn command(&mut self, indent: usize, command: &str) {
        let hint = self.paint(&format!("> {}", inert(command)), Tone::Quiet);
        self.line(&format!("{}{hint}", " ".repeat(indent)));
    }

    /// A table, its columns wrapped to the width.
    pub(crate) fn table(&mut self, table: &Table) {
        self.out.push_str(&super::table::set(table, &self.look));
    }

    fn paint(&self, text: &str, tone: Tone) -> String {
        tone.paint(text, self.look.color)
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text.trim_end());
    }

    fn line(&mut self, text: &str) {
        self.push(text);
        self.out.push('\n');
    }
}
