//! The rest of a line that is being read.

/// A position in a line.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(rest: &'a str) -> Self {
        Self { rest }
    }

    pub(super) fn rest(&self) -> &'a str {
        self.rest
    }

    pub(super) fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    /// Takes a sign if it is next.
    pub(super) fn take(&mut self, sign: char) -> bool {
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The next sign.
    pub(super) fn next(&mut self) -> Option<char> {
        let mut signs = self.rest.chars();
        let next = signs.next()?;
        self.rest = signs.as_str();
        Some(next)
    }

    /// As many signs as fit, perhaps none.
    pub(super) fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|sign| !fits(sign));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// Up to the next blank or the end; blanks before it are skipped.
    pub(super) fn word(&mut self) -> &'a str {
        self.skip_blanks();
        self.take_while(|sign| sign != ' ' && sign != '\t')
    }
}
