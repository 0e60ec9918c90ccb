//! The file of series as several tasks write it, free of secrets whatever a label said.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use shakedown_load::secret::Secrets;
use shakedown_record::series::{Gap, NativeSample, Origin, Sample, SeriesWriter};

/// Largest file of series, in bytes: an hour of a thousand series a second.
const LARGEST_FILE_BYTES: u64 = 256 << 20;

/// Appends to `series.jsonl` from any task.
#[derive(Debug)]
pub struct SeriesLog {
    writer: Mutex<SeriesWriter>,
    secrets: Arc<Secrets>,
    failure: OnceLock<String>,
}

impl SeriesLog {
    /// Creates the file.
    ///
    /// # Errors
    /// When it cannot be created, or exists.
    pub fn create(path: &Path, secrets: &Arc<Secrets>) -> io::Result<Self> {
        Ok(Self {
            writer: Mutex::new(SeriesWriter::create(path, LARGEST_FILE_BYTES)?),
            secrets: Arc::clone(secrets),
            failure: OnceLock::new(),
        })
    }

    /// Appends what was read of a target; times are readings of `CLOCK_MONOTONIC` before the question and after the answer.
    pub fn look(
        &self,
        of: (&str, Origin),
        asked_and_answered_ns: (u64, u64),
        started_s: Option<f64>,
        samples: Vec<Sample>,
    ) {
        let shown = (samples, Vec::new());
        self.look_with(of, asked_and_answered_ns, started_s, shown);
    }

    /// The same with native histograms beside the values.
    pub fn look_with(
        &self,
        of: (&str, Origin),
        asked_and_answered_ns: (u64, u64),
        started_s: Option<f64>,
        (mut samples, mut natives): (Vec<Sample>, Vec<NativeSample>),
    ) {
        let of_samples = samples.iter_mut().map(|sample| &mut sample.labels);
        let of_natives = natives.iter_mut().map(|native| &mut native.labels);
        for value in of_samples
            .chain(of_natives)
            .flat_map(|labels| labels.values_mut())
        {
            *value = self.secrets.redact(value);
        }
        let shown = (samples, natives);
        self.write(|writer| writer.look_with(of, asked_and_answered_ns, started_s, shown));
    }

    /// Appends a look that failed.
    pub fn gap(&self, gap: Gap) {
        let reason = self.secrets.redact(&gap.reason);
        self.write(|writer| writer.gap(Gap { reason, ..gap }));
    }

    /// Why not everything was written; `None` while it was. A run goes on without: what is missing leaves rules open.
    pub fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Syncs the file to disk.
    pub fn sync(&self) {
        self.write(|writer| writer.sync());
    }

    fn write(&self, write: impl FnOnce(&mut SeriesWriter) -> io::Result<()>) {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = write(&mut writer) {
            tracing::warn!("the series cannot be written: {error}");
            let _ = self.failure.set(error.to_string());
        }
    }
}
