//! What the reader's medium can do.

/// Colour and width of the console that a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// ANSI colours may be used; words say the same without.
    pub color: bool,
    /// Columns.
    pub width: usize,
}

impl Default for Look {
    /// No colour, 100 columns: a file or a log.
    fn default() -> Self {
        Look {
            color: false,
            width: 100,
        }
    }
}
