//! Reading tables that a run appends to: a header, and a row in each line.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("cannot read {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}, line {line}: not {what}")]
    Line {
        path: String,
        line: usize,
        what: &'static str,
    },
}

/// Reads all rows in order; `None` when there is no such file. A torn last line (the run was killed while writing it) is
/// dropped. `what`: a row, in words.
///
/// # Errors
/// When the file cannot be read, its header is another, or a line other than the last is no row.
pub(crate) fn read_table<Row>(
    path: &Path,
    header: &str,
    what: &'static str,
    row: impl Fn(&str) -> Option<Row>,
) -> Result<Option<Vec<Row>>, TableError> {
    let failed = |source| TableError::Io {
        path: path.display().to_string(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut input = BufReader::new(file);
    let mut rows = Vec::new();
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        if input.read_line(&mut line).map_err(failed)? == 0 {
            break;
        }
        let Some(text) = line.strip_suffix('\n') else {
            break;
        };
        match (number, row(text)) {
            (1, _) if text == header => {}
            (2.., Some(row)) => rows.push(row),
            (_, _) => {
                let path = path.display().to_string();
                return Err(TableError::Line {
                    path,
                    line: number,
                    what,
                });
            }
        }
    }
    Ok(Some(rows))
}
