//! A histogram of the protobuf exposition: its classic buckets, its native ones, or both.

use shakedown_record::series::{NATIVE_SCHEMAS, NativeHistogram};

use super::fault::ProtobufFault;
use super::wire::{Field, Fields, WireFault};

/// How much more than all observations the buckets may hold before it is a mistake: fractions are rounded.
const ROUNDING: f64 = 1e-9;

/// A histogram as it is on the wire. A count that is a fraction overrides the whole one where it is above 0.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    count: u64,
    count_fraction: f64,
    pub(super) sum: f64,
    /// Upper bound, and how many are below it.
    pub(super) buckets: Vec<(f64, f64)>,
    schema: i64,
    zero_threshold: f64,
    zero_count: u64,
    zero_fraction: f64,
    negative: Side,
    positive: Side,
    created_s: Option<f64>,
}

/// Buckets on one side of zero: runs of them, and how many observations each has, as differences or as such.
#[derive(Debug, Default)]
struct Side {
    spans: Vec<(i64, u64)>,
    deltas: Vec<i64>,
    counts: Vec<f64>,
}

impl Histogram {
    pub(super) fn read(message: &[u8]) -> Result<Self, WireFault> {
        let mut own = Self::default();
        for field in Fields::of(message) {
            own.take(field?)?;
        }
        Ok(own)
    }

    fn take(&mut self, field: Field) -> Result<(), WireFault> {
        match field.number {
            1 => self.count = field.number_u64()?,
            2 => self.sum = field.double()?,
            3 => self.buckets.push(bucket(field.bytes()?)?),
            4 => self.count_fraction = field.double()?,
            5 => self.schema = field.zigzag()?,
            6 => self.zero_threshold = field.double()?,
            7 => self.zero_count = field.number_u64()?,
            8 => self.zero_fraction = field.double()?,
            9 => self.negative.spans.push(span(field.bytes()?)?),
            10 => field.zigzags(&mut self.negative.deltas)?,
            11 => field.doubles(&mut self.negative.counts)?,
            12 => self.positive.spans.push(span(field.bytes()?)?),
            13 => field.zigzags(&mut self.positive.deltas)?,
            14 => field.doubles(&mut self.positive.counts)?,
            15 => self.created_s = Some(moment_s(field.bytes()?)?),
            // Exemplars, and what comes later.
            _ => {}
        }
        Ok(())
    }

    pub(super) fn count(&self) -> f64 {
        either(self.count, self.count_fraction)
    }

    /// Its native buckets; `None` when it has only classic ones.
    pub(super) fn native(&self) -> Result<Option<NativeHistogram>, ProtobufFault> {
        let zero_count = either(self.zero_count, self.zero_fraction);
        let is_native = !self.negative.spans.is_empty()
            || !self.positive.spans.is_empty()
            || self.zero_threshold > 0.0
            || zero_count > 0.0;
        if !is_native {
            return Ok(None);
        }
        let schema = i32::try_from(self.schema).ok();
        let schema = schema.filter(|schema| NATIVE_SCHEMAS.contains(schema));
        let own = NativeHistogram {
            schema: schema.ok_or(ProtobufFault::Schema(self.schema))?,
            zero_threshold: self.zero_threshold,
            zero_count,
            count: self.count(),
            positive: self.positive.by_index()?,
            negative: self.negative.by_index()?,
            created_s: self.created_s,
        };
        if !own.zero_threshold.is_finite() || own.zero_threshold < 0.0 {
            return Err(ProtobufFault::ZeroThreshold(own.zero_threshold.to_string()));
        }
        let in_buckets = own.positive.iter().chain(&own.negative);
        let in_buckets = in_buckets.map(|(_, count)| count).sum::<f64>() + own.zero_count;
        if !in_buckets.is_finite() || in_buckets > own.count * (1.0 + ROUNDING) {
            return Err(ProtobufFault::MoreInBuckets {
                in_buckets: in_buckets.to_string(),
                count: own.count.to_string(),
            });
        }
        Ok(Some(own))
    }
}

impl Side {
    /// Counts by index of their bucket.
    fn by_index(&self) -> Result<Vec<(i32, f64)>, ProtobufFault> {
        let counts = self.counts()?;
        let listed = counts.len() as u64;
        let spanned = self.spans.iter().map(|(_, length)| length);
        let spanned = spanned.fold(0u64, |sum, length| sum.saturating_add(*length));
        if spanned != listed {
            return Err(ProtobufFault::Spans { spanned, listed });
        }
        let mut counts = counts.into_iter();
        let mut all = Vec::with_capacity(counts.len());
        let mut index = 0i64;
        for (place, (offset, length)) in self.spans.iter().enumerate() {
            if place > 0 && *offset < 0 {
                return Err(ProtobufFault::SpansOverlap);
            }
            index = index.saturating_add(*offset);
            for count in counts.by_ref().take(*length as usize) {
                let at = i32::try_from(index).map_err(|_| ProtobufFault::SpansOverlap)?;
                all.push((at, count));
                index += 1;
            }
        }
        Ok(all)
    }

    fn counts(&self) -> Result<Vec<f64>, ProtobufFault> {
        let good = |count: &f64| count.is_finite() && *count >= 0.0;
        if self.deltas.is_empty() {
            return match self.counts.iter().all(good) {
                true => Ok(self.counts.clone()),
                false => Err(ProtobufFault::Negative),
            };
        }
        if !self.counts.is_empty() {
            return Err(ProtobufFault::TwoKinds);
        }
        let mut count = 0i64;
        let absolute = self.deltas.iter().map(|delta| {
            count = count.checked_add(*delta).unwrap_or(-1);
            match count {
                0.. => Ok(count as f64),
                _ => Err(ProtobufFault::Negative),
            }
        });
        absolute.collect()
    }
}

fn either(whole: u64, fraction: f64) -> f64 {
    match fraction > 0.0 {
        true => fraction,
        false => whole as f64,
    }
}

fn bucket(message: &[u8]) -> Result<(f64, f64), WireFault> {
    let (mut upper, mut count, mut fraction) = (0.0, 0, 0.0);
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => count = field.number_u64()?,
            2 => upper = field.double()?,
            4 => fraction = field.double()?,
            _ => {}
        }
    }
    Ok((upper, either(count, fraction)))
}

fn span(message: &[u8]) -> Result<(i64, u64), WireFault> {
    let (mut offset, mut length) = (0, 0);
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => offset = field.zigzag()?,
            2 => length = field.number_u64()?,
            _ => {}
        }
    }
    Ok((offset, length))
}

/// `google.protobuf.Timestamp`.
fn moment_s(message: &[u8]) -> Result<f64, WireFault> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => seconds = field.number_u64()? as i64,
            2 => nanos = field.number_u64()?,
            _ => {}
        }
    }
    Ok(seconds as f64 + nanos as f64 / 1e9)
}
