//! Appending to the file: a look is one write, so that a dead run keeps whole looks.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::native::NativeSample;
use super::sample::{Gap, Line, Look, Origin, Sample, SampleValue, Series, SeriesKind};

/// Appends looks and gaps.
#[derive(Debug)]
pub struct SeriesWriter {
    file: File,
    numbers: HashMap<Series, u32>,
    written: u64,
    largest: u64,
    full: bool,
}

impl SeriesWriter {
    /// Creates the file, which will not grow beyond `largest` bytes by more than its last line.
    ///
    /// # Errors
    /// When it cannot be created, or exists.
    pub fn create(path: &Path, largest: u64) -> io::Result<Self> {
        Ok(Self {
            file: File::create_new(path)?,
            numbers: HashMap::new(),
            written: 0,
            largest,
            full: false,
        })
    }

    /// Appends what was read of one target. `asked_ns` and `answered_ns` are readings of `CLOCK_MONOTONIC`.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn look(
        &mut self,
        of: (&str, Origin),
        at_ns: (u64, u64),
        started_s: Option<f64>,
        samples: Vec<Sample>,
    ) -> io::Result<()> {
        self.look_with(of, at_ns, started_s, (samples, Vec::new()))
    }

    /// The same with native histograms beside the values.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn look_with(
        &mut self,
        (target, origin): (&str, Origin),
        (asked_ns, answered_ns): (u64, u64),
        started_s: Option<f64>,
        (samples, natives): (Vec<Sample>, Vec<NativeSample>),
    ) -> io::Result<()> {
        let mut text = Vec::new();
        let mut values = Vec::with_capacity(samples.len());
        let series = |name, labels, kind| Series {
            target: target.to_string(),
            origin,
            name,
            labels,
            kind,
        };
        for sample in samples {
            let series = series(sample.name, sample.labels, sample.kind);
            let id = self.number_of(series, &mut text)?;
            values.push((id, SampleValue(sample.value)));
        }
        let mut histograms = Vec::with_capacity(natives.len());
        for native in natives {
            let series = series(native.name, native.labels, SeriesKind::Histogram);
            let id = self.number_of(series, &mut text)?;
            histograms.push((id, native.histogram));
        }
        let look = Line::Look(Look {
            target: target.to_string(),
            origin,
            asked_ns,
            answered_ns,
            started_s,
            values,
            histograms,
        });
        push(&mut text, &look)?;
        self.append(&text)
    }

    /// Appends a look that failed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn gap(&mut self, gap: Gap) -> io::Result<()> {
        let mut text = Vec::new();
        push(&mut text, &Line::Gap(gap))?;
        self.append(&text)
    }

    /// Syncs the file to disk.
    ///
    /// # Errors
    /// When it cannot be synced.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn number_of(&mut self, series: Series, text: &mut Vec<u8>) -> io::Result<u32> {
        if let Some(known) = self.numbers.get(&series) {
            return Ok(*known);
        }
        let id = u32::try_from(self.numbers.len()).map_err(io::Error::other)?;
        let line = Line::Series {
            id,
            series: series.clone(),
        };
        push(text, &line)?;
        self.numbers.insert(series, id);
        Ok(id)
    }

    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        if self.full {
            return Ok(());
        }
        if self.written >= self.largest {
            self.full = true;
            let mut last = Vec::new();
            push(&mut last, &Line::Full)?;
            return self.file.write_all(&last);
        }
        self.written += text.len() as u64;
        self.file.write_all(text)
    }
}

fn push(text: &mut Vec<u8>, line: &Line) -> io::Result<()> {
    serde_json::to_writer(&mut *text, line)?;
    text.push(b'\n');
    Ok(())
}
