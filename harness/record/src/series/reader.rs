//! Reading the file back.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::sample::{Line, SeriesRecord};

/// Why the file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    #[error("cannot read {path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path}, line {line}: {what}")]
    Line {
        path: String,
        line: usize,
        what: String,
    },
}

/// Reads all of it; `None` when there is no such file: nobody looked. A torn last line (the run was killed while writing
/// it) is dropped.
///
/// # Errors
/// When the file cannot be read, or a line other than the last is not of this format.
pub fn read_series(path: &Path) -> Result<Option<SeriesRecord>, SeriesError> {
    let name = path.display().to_string();
    let failed = |source| SeriesError::Io {
        path: path.display().to_string(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut record = SeriesRecord::default();
    let mut damage: Option<SeriesError> = None;
    for (index, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line.map_err(failed)?;
        if let Some(damage) = damage {
            return Err(damage);
        }
        damage = take(&mut record, &line)
            .err()
            .map(|what| SeriesError::Line {
                path: name.clone(),
                line: index + 1,
                what,
            });
    }
    Ok(Some(record))
}

fn take(record: &mut SeriesRecord, line: &[u8]) -> Result<(), String> {
    let line: Line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    match line {
        Line::Series { id, .. } if id as usize != record.series.len() => {
            return Err(format!("series {id} is out of order"));
        }
        Line::Series { series, .. } => record.series.push(series),
        Line::Look(look) => {
            let known = record.series.len();
            let values = look.values.iter().map(|(id, _)| id);
            let mut ids = values.chain(look.histograms.iter().map(|(id, _)| id));
            if let Some(id) = ids.find(|id| **id as usize >= known) {
                return Err(format!("series {id} was not described before"));
            }
            record.looks.push(look);
        }
        Line::Gap(gap) => record.gaps.push(gap),
        Line::Full => record.full = true,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs::OpenOptions;
    use std::io::Write;

    use super::super::{
        Gap, NativeHistogram, NativeSample, Origin, Sample, SeriesKind, SeriesWriter,
    };
    use super::*;

    const WHO: (&str, Origin) = ("engine-1", Origin::Scrape);

    fn sample(result: &str, value: f64) -> Sample {
        Sample {
            name: "orders_total".into(),
            labels: BTreeMap::from([("result".to_string(), result.to_string())]),
            kind: SeriesKind::Counter,
            value,
        }
    }

    fn gap() -> Gap {
        Gap {
            target: "engine-1".into(),
            origin: Origin::Scrape,
            asked_ns: 30,
            answered_ns: 31,
            reason: "connection refused".into(),
            absent: false,
        }
    }

    #[test]
    fn looks_and_gaps_round_trip_and_a_torn_last_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.jsonl");
        let mut writer = SeriesWriter::create(&path, 1 << 20).unwrap();
        writer
            .look(WHO, (10, 11), Some(1.5), vec![sample("a", 3.0)])
            .unwrap();
        let odd = vec![sample("a", f64::INFINITY), sample("b", f64::NAN)];
        writer.look(WHO, (20, 22), None, odd).unwrap();
        writer.gap(gap()).unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"line\":\"look\",\"tar").unwrap();
        let record = read_series(&path).unwrap().unwrap();
        assert_eq!(record.series.len(), 2, "a series is described once");
        assert_eq!(record.looks.len(), 2);
        assert_eq!(record.looks[0].started_s, Some(1.5));
        assert_eq!(record.looks[1].values[0].1.0, f64::INFINITY);
        assert!(record.looks[1].values[1].1.0.is_nan());
        assert_eq!(record.gaps, [gap()]);
        assert!(!record.full);
    }

    #[test]
    fn native_histograms_round_trip_beside_values() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.jsonl");
        let mut writer = SeriesWriter::create(&path, 1 << 20).unwrap();
        let histogram = NativeHistogram {
            schema: -2,
            count: 3.5,
            positive: vec![(-7, 1.0), (4, 2.5)],
            created_s: Some(9.25),
            ..NativeHistogram::default()
        };
        let native = NativeSample {
            name: "h_seconds".into(),
            labels: BTreeMap::new(),
            histogram: histogram.clone(),
        };
        let samples = vec![sample("a", 3.0)];
        writer
            .look_with(WHO, (10, 11), None, (samples, vec![native.clone()]))
            .unwrap();
        writer
            .look_with(WHO, (20, 21), None, (Vec::new(), vec![native]))
            .unwrap();
        let record = read_series(&path).unwrap().unwrap();
        assert_eq!(record.series.len(), 2);
        assert_eq!(record.series[1].kind, SeriesKind::Histogram);
        assert_eq!(record.looks[0].values[0].1.0, 3.0);
        assert_eq!(record.looks[1].histograms, [(1, histogram)]);
        let text = std::fs::read_to_string(&path).unwrap();
        let wrong = text.replace("\"histograms\":[[1,", "\"histograms\":[[5,");
        std::fs::write(&path, wrong).unwrap();
        let error = read_series(&path).unwrap_err().to_string();
        assert!(error.contains("series 5 was not described"), "{error}");
    }

    #[test]
    fn nobody_looked_is_not_the_same_as_nothing_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.jsonl");
        assert!(read_series(&path).unwrap().is_none());
        SeriesWriter::create(&path, 10).unwrap();
        assert_eq!(read_series(&path).unwrap(), Some(SeriesRecord::default()));
    }

    #[test]
    fn damage_in_the_middle_is_an_error_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.jsonl");
        let look = r#"{"line":"look","target":"e","origin":"scrape","asked_ns":1,"answered_ns":2,"started_s":null,"values":[[4,1.0]]}"#;
        for (text, said) in [
            ("{}\n{\"line\":\"full\"}\n".to_string(), "line 1"),
            (format!("{look}\n{look}\n"), "series 4 was not described"),
            ("\u{fffd}\n\n".to_string(), "line 1"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = read_series(&path).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_full_file_says_so_and_grows_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.jsonl");
        let mut writer = SeriesWriter::create(&path, 300).unwrap();
        for _ in 0..100 {
            writer.gap(gap()).unwrap();
        }
        let record = read_series(&path).unwrap().unwrap();
        assert!(record.full && record.gaps.len() < 5, "{record:?}");
        assert!(std::fs::metadata(&path).unwrap().len() < 600);
    }
}
