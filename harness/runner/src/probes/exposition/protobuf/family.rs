//! Families of metrics: from messages to samples, as the text would say them.

use std::collections::{BTreeMap, HashSet};

use shakedown_record::series::{NativeSample, SeriesKind};

use super::fault::ProtobufFault;
use super::native::Histogram;
use super::wire::{Fields, WireFault, delimited};
use crate::probes::exposition::{Exposed, Exposition};

type Labels = BTreeMap<String, String>;

/// True when an answer of this `content-type` is in this format.
pub fn is_protobuf(content_type: Option<&str>) -> bool {
    let media = content_type.and_then(|value| value.split(';').next());
    media.is_some_and(|media| {
        media
            .trim()
            .eq_ignore_ascii_case("application/vnd.google.protobuf")
    })
}

/// Takes an answer apart.
///
/// # Errors
/// When any of it is not of the format: what comes behind cannot be trusted then.
pub fn parse_protobuf(body: &[u8]) -> Result<Exposition, ProtobufFault> {
    let mut told = Exposition::default();
    let mut seen = HashSet::new();
    let mut rest = body;
    while !rest.is_empty() {
        let family = Family::read(delimited(&mut rest)?)?;
        for metric in &family.metrics {
            let taken = family.take(metric, &mut told);
            taken.map_err(|what| ProtobufFault::Family {
                family: family.name.clone(),
                what: Box::new(what),
            })?;
        }
    }
    for sample in &told.samples {
        if !seen.insert((sample.name.as_str(), &sample.labels)) {
            return Err(ProtobufFault::Twice(sample.name.clone()));
        }
    }
    Ok(told)
}

/// A family: its metrics are still messages.
struct Family<'a> {
    name: String,
    kind: SeriesKind,
    /// Of a histogram that can fall: nothing here counts with it.
    is_gauge_histogram: bool,
    metrics: Vec<&'a [u8]>,
}

impl<'a> Family<'a> {
    fn read(message: &'a [u8]) -> Result<Self, ProtobufFault> {
        let (mut name, mut kind, mut metrics) = (String::new(), 0, Vec::new());
        for field in Fields::of(message) {
            let field = field?;
            match field.number {
                1 => name = field.text()?.to_string(),
                3 => kind = field.number_u64()?,
                4 => metrics.push(field.bytes()?),
                _ => {}
            }
        }
        Ok(Self {
            name,
            kind: match kind {
                0 => SeriesKind::Counter,
                1 => SeriesKind::Gauge,
                2 => SeriesKind::Summary,
                3 | 5 => SeriesKind::Untyped,
                4 => SeriesKind::Histogram,
                other => return Err(ProtobufFault::Type(other)),
            },
            is_gauge_histogram: kind == 5,
            metrics,
        })
    }

    fn take(&self, metric: &[u8], told: &mut Exposition) -> Result<(), ProtobufFault> {
        let mut labels = Labels::new();
        for field in Fields::of(metric) {
            let field = field?;
            if field.number == 1 {
                let (name, value) = label(field.bytes()?)?;
                labels.insert(name, value);
            }
        }
        for field in Fields::of(metric) {
            let field = field?;
            match field.number {
                // Gauges, counters and what has no type all have their value first.
                2 | 3 | 5 => {
                    let value = first_double(field.bytes()?)?;
                    told.samples.push(self.sample("", labels.clone(), value));
                }
                4 => self.summary(field.bytes()?, &labels, told)?,
                7 if !self.is_gauge_histogram => {
                    self.histogram(field.bytes()?, &labels, told)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn sample(&self, suffix: &str, labels: Labels, value: f64) -> Exposed {
        Exposed {
            name: format!("{}{suffix}", self.name),
            labels,
            value,
            kind: self.kind,
        }
    }

    fn histogram(
        &self,
        message: &[u8],
        labels: &Labels,
        told: &mut Exposition,
    ) -> Result<(), ProtobufFault> {
        let histogram = Histogram::read(message)?;
        let count = histogram.count();
        let mut buckets = histogram.buckets.clone();
        // The last one may be left out, and a native histogram has none.
        if buckets.last().is_some_and(|(upper, _)| upper.is_finite()) {
            buckets.push((f64::INFINITY, count));
        }
        for (upper, below) in buckets {
            let mut labels = labels.clone();
            let le = match upper.is_finite() {
                true => upper.to_string(),
                false => "+Inf".to_string(),
            };
            labels.insert("le".to_string(), le);
            told.samples.push(self.sample("_bucket", labels, below));
        }
        let samples = [("_count", count), ("_sum", histogram.sum)];
        let samples = samples.map(|(suffix, value)| self.sample(suffix, labels.clone(), value));
        told.samples.extend(samples);
        let native = histogram.native()?;
        told.natives.extend(native.map(|histogram| NativeSample {
            name: self.name.clone(),
            labels: labels.clone(),
            histogram,
        }));
        Ok(())
    }

    fn summary(
        &self,
        message: &[u8],
        labels: &Labels,
        told: &mut Exposition,
    ) -> Result<(), WireFault> {
        for field in Fields::of(message) {
            let field = field?;
            let sample = match field.number {
                1 => self.sample("_count", labels.clone(), field.number_u64()? as f64),
                2 => self.sample("_sum", labels.clone(), field.double()?),
                3 => {
                    let (quantile, value) = two_doubles(field.bytes()?)?;
                    let mut labels = labels.clone();
                    labels.insert("quantile".to_string(), quantile.to_string());
                    self.sample("", labels, value)
                }
                _ => continue,
            };
            told.samples.push(sample);
        }
        Ok(())
    }
}

fn label(message: &[u8]) -> Result<(String, String), WireFault> {
    let mut pair = (String::new(), String::new());
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => pair.0 = field.text()?.to_string(),
            2 => pair.1 = field.text()?.to_string(),
            _ => {}
        }
    }
    Ok(pair)
}

fn first_double(message: &[u8]) -> Result<f64, WireFault> {
    two_doubles(message).map(|(first, _)| first)
}

/// The fields 1 and 2; what is not written is 0.
fn two_doubles(message: &[u8]) -> Result<(f64, f64), WireFault> {
    let mut two = (0.0, 0.0);
    for field in Fields::of(message) {
        let field = field?;
        match (field.number, field.value) {
            (1, _) => two.0 = field.double()?,
            // An exemplar stands here beside the value of a counter.
            (2, super::wire::Value::Eight(_)) => two.1 = field.double()?,
            _ => {}
        }
    }
    Ok(two)
}
