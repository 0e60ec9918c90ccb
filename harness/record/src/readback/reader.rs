//! Reading rows: one after the other out of the same memory, a file as a whole or in parts that end with a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use super::plain::{self, Spans};
use super::{ReadKind, Row, rows_path};

/// Bytes that are read at once.
const READ_BYTES: usize = 1 << 18;

/// A [`Row`] where it stands in the memory of a reader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowView<'a> {
    pub id: &'a str,
    pub found: bool,
    pub price: Option<&'a str>,
    pub quantity: Option<&'a str>,
    pub symbol: Option<&'a str>,
    pub side: Option<&'a str>,
    pub state: Option<&'a str>,
    pub filled: Option<&'a str>,
    pub remaining: Option<&'a str>,
    pub sequence: Option<&'a str>,
    pub replaced_sequence: Option<&'a str>,
    pub cancelled_sequence: Option<&'a str>,
}

impl<'a> From<&'a Row> for RowView<'a> {
    fn from(row: &'a Row) -> Self {
        Self {
            id: &row.id,
            found: row.found,
            price: row.price.as_deref(),
            quantity: row.quantity.as_deref(),
            symbol: row.symbol.as_deref(),
            side: row.side.as_deref(),
            state: row.state.as_deref(),
            filled: row.filled.as_deref(),
            remaining: row.remaining.as_deref(),
            sequence: row.sequence.as_deref(),
            replaced_sequence: row.replaced_sequence.as_deref(),
            cancelled_sequence: row.cancelled_sequence.as_deref(),
        }
    }
}

impl RowView<'_> {
    /// A row with memory of its own.
    pub fn to_row(&self) -> Row {
        let own = |text: Option<&str>| text.map(str::to_string);
        Row {
            id: self.id.to_string(),
            found: self.found,
            price: own(self.price),
            quantity: own(self.quantity),
            symbol: own(self.symbol),
            side: own(self.side),
            state: own(self.state),
            filled: own(self.filled),
            remaining: own(self.remaining),
            sequence: own(self.sequence),
            replaced_sequence: own(self.replaced_sequence),
            cancelled_sequence: own(self.cancelled_sequence),
        }
    }
}

/// Reads the rows of one read of one copy.
#[derive(Debug)]
pub struct RowReader {
    file: File,
    /// Bytes of the file that are still to be read.
    left: u64,
    /// What was read and not yet given out lies at `from..to`.
    buffer: Vec<u8>,
    from: usize,
    to: usize,
    /// The row of the last line that was not plain.
    row: Row,
}

/// The next line of what was read.
enum Line {
    Plain(Spans),
    /// So many bytes, for the parser.
    Other(usize),
}

impl RowReader {
    /// Opens the rows of one read of one copy.
    ///
    /// # Errors
    /// When the file is missing.
    pub fn open(run_dir: &Path, read: ReadKind, replica: &str) -> io::Result<Self> {
        Self::open_part(run_dir, read, replica, (0, 1))
    }

    /// Opens one of `parts` parts of them, counted from 0, which are about as long as each other: all parts one after the
    /// other are the file, line by line.
    ///
    /// # Errors
    /// When the file is missing, or cannot be read.
    pub fn open_part(
        run_dir: &Path,
        read: ReadKind,
        replica: &str,
        (part, parts): (u64, u64),
    ) -> io::Result<Self> {
        let mut file = File::open(rows_path(run_dir, read, replica))?;
        let length = file.metadata()?.len();
        let share = |part: u64| (u128::from(length) * u128::from(part) / u128::from(parts)) as u64;
        let from = line_from(&mut file, share(part))?;
        let to = match part + 1 < parts {
            true => line_from(&mut file, share(part + 1))?,
            false => u64::MAX,
        };
        file.seek(SeekFrom::Start(from))?;
        Ok(Self {
            file,
            left: to - from,
            buffer: vec![0; READ_BYTES],
            from: 0,
            to: 0,
            row: Row::default(),
        })
    }

    /// The next row; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is no row.
    #[inline]
    pub fn next_row(&mut self) -> io::Result<Option<RowView<'_>>> {
        let Some(line) = self.next_line()? else {
            return Ok(None);
        };
        let from = self.from;
        match line {
            Line::Plain(spans) => {
                self.from += spans.length();
                let text = std::str::from_utf8(&self.buffer[from..self.from]);
                Ok(Some(spans.view(text.map_err(io::Error::other)?)))
            }
            Line::Other(length) => {
                self.from += length;
                self.row = serde_json::from_slice(&self.buffer[from..self.from])?;
                Ok(Some(RowView::from(&self.row)))
            }
        }
    }

    #[inline]
    fn next_line(&mut self) -> io::Result<Option<Line>> {
        loop {
            let rest = &self.buffer[self.from..self.to];
            if let Some(spans) = plain::read(rest) {
                return Ok(Some(Line::Plain(spans)));
            }
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(Line::Other(end + 1)));
            }
            let length = rest.len();
            if !self.read_more()? {
                return Ok((length > 0).then_some(Line::Other(length)));
            }
        }
    }

    /// Reads behind what there is; false at the end.
    #[cold]
    fn read_more(&mut self) -> io::Result<bool> {
        self.buffer.copy_within(self.from..self.to, 0);
        (self.from, self.to) = (0, self.to - self.from);
        if self.to == self.buffer.len() {
            self.buffer.resize(2 * self.to, 0);
        }
        let read = (&mut self.file)
            .take(self.left)
            .read(&mut self.buffer[self.to..])?;
        self.to += read;
        self.left -= read as u64;
        Ok(read > 0)
    }
}

/// Where the first line begins that begins at `at` or behind it; the end of the file where none does.
fn line_from(file: &mut File, at: u64) -> io::Result<u64> {
    let Some(before) = at.checked_sub(1) else {
        return Ok(0);
    };
    file.seek(SeekFrom::Start(before))?;
    let skipped = BufReader::new(file).skip_until(b'\n')?;
    Ok(before + skipped as u64)
}

/// Reads the rows of one read of one copy.
///
/// # Errors
/// When the file is missing or a line is no row.
pub fn read_rows(
    run_dir: &Path,
    read: ReadKind,
    replica: &str,
) -> io::Result<impl Iterator<Item = io::Result<Row>>> {
    let mut reader = RowReader::open(run_dir, read, replica)?;
    Ok(std::iter::from_fn(move || {
        let row = reader.next_row();
        row.map(|row| row.map(|row| row.to_row())).transpose()
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::super::RowWriter;
    use super::*;

    fn rows(random: &mut SmallRng, count: usize) -> Vec<Row> {
        let row = |n: usize| Row {
            // Longer than what is read at once, and not plain, now and then.
            id: match random.random_range(0..400) {
                0 => "x".repeat(READ_BYTES + n),
                1..20 => format!("ümlaut \"{n}\""),
                _ => format!("ab-{n}"),
            },
            found: !n.is_multiple_of(3),
            price: (!n.is_multiple_of(2)).then(|| n.to_string()),
            ..Row::default()
        };
        (0..count).map(row).collect()
    }

    fn part(folder: &Path, part: (u64, u64)) -> Vec<Row> {
        let mut reader = RowReader::open_part(folder, ReadKind::Cold, "a", part).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = reader.next_row().unwrap() {
            rows.push(row.to_row());
        }
        rows
    }

    #[test]
    fn all_parts_are_the_file_line_by_line_also_without_its_last_line_feed() {
        let mut random = SmallRng::seed_from_u64(7);
        for count in [0, 1, 2, 7, 3_000] {
            let folder = tempfile::tempdir().unwrap();
            let wanted = rows(&mut random, count);
            let mut writer = RowWriter::create(folder.path(), ReadKind::Cold, "a").unwrap();
            wanted.iter().for_each(|row| writer.write(row).unwrap());
            writer.finish().unwrap();
            let path = rows_path(folder.path(), ReadKind::Cold, "a");
            for torn in [false, true] {
                if torn {
                    let text = fs::read(&path).unwrap();
                    fs::write(&path, text.strip_suffix(b"\n").unwrap_or_default()).unwrap();
                }
                for parts in [1, 2, 3, 50] {
                    let all = (0..parts).flat_map(|n| part(folder.path(), (n, parts)));
                    assert_eq!(all.collect::<Vec<Row>>(), wanted, "{count} in {parts}");
                }
                let read = read_rows(folder.path(), ReadKind::Cold, "a").unwrap();
                assert_eq!(read.map(Result::unwrap).collect::<Vec<Row>>(), wanted);
            }
        }
    }

    /// Bytes as a copy may hold them: rows in several spellings, and damage.
    fn spoilt(random: &mut SmallRng) -> Vec<u8> {
        let mut text = Vec::new();
        for row in rows(random, 60).iter().filter(|row| row.id.len() < 100) {
            let line = serde_json::to_string(row).unwrap();
            let line = match random.random_range(0..12) {
                0 => line.replace("\":", "\" : "),
                1 => line.replace('-', "\\u002d"),
                2 => line + "\r",
                _ => line,
            };
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        for _ in 0..random.random_range(0..3) {
            let at = random.random_range(0..text.len());
            text[at] = b"\"\\{}\n\x00\xff1"[random.random_range(0..8)];
        }
        if random.random_range(0..3) == 0 {
            text.truncate(random.random_range(0..text.len()));
        }
        text
    }

    /// Line by line with the parser: the rows before the first that is none, and what is wrong with that one.
    fn parsed(text: &[u8]) -> (Vec<Row>, Option<String>) {
        let mut rows = Vec::new();
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(row) => rows.push(row),
                Err(wrong) => return (rows, Some(io::Error::from(wrong).to_string())),
            }
        }
        (rows, None)
    }

    #[test]
    fn spoilt_files_are_read_as_the_parser_reads_them_also_in_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = rows_path(folder.path(), ReadKind::Cold, "a");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let (mut whole, mut broken) = (0, 0);
        for seed in 0..400 {
            let mut random = SmallRng::seed_from_u64(seed);
            let text = spoilt(&mut random);
            fs::write(&path, &text).unwrap();
            let wanted = parsed(&text);
            let count = if wanted.1.is_none() {
                &mut whole
            } else {
                &mut broken
            };
            *count += 1;
            for parts in [1, 2, 3, 7] {
                let mut found = (Vec::new(), None);
                for part in 0..parts {
                    let mut reader =
                        RowReader::open_part(folder.path(), ReadKind::Cold, "a", (part, parts))
                            .unwrap();
                    // So short that lines lie across its end.
                    reader.buffer.truncate(random.random_range(1..200));
                    while found.1.is_none() {
                        match reader.next_row() {
                            Ok(Some(row)) => found.0.push(row.to_row()),
                            Ok(None) => break,
                            Err(wrong) => found.1 = Some(wrong.to_string()),
                        }
                    }
                }
                assert_eq!(found, wanted, "seed {seed}, {parts} parts");
            }
        }
        assert!(whole > 50 && broken > 50, "{whole} {broken}");
    }

    #[test]
    fn a_line_that_is_no_row_is_an_error() {
        for text in [
            "{\n",
            "\n",
            "{\"id\":\"a\",\"found\":true",
            "\"\u{e4}",
            "{\"id\":\"\\xff\"}\n",
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = rows_path(folder.path(), ReadKind::Cold, "a");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            let mut reader = RowReader::open(folder.path(), ReadKind::Cold, "a").unwrap();
            assert!(reader.next_row().is_err(), "{text}");
        }
    }
}
