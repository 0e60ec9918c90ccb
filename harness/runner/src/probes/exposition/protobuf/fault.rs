//! What can be wrong with an answer.

use super::wire::WireFault;

/// Why an answer is not of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProtobufFault {
    #[error("in family {family}: {what}")]
    Family {
        family: String,
        what: Box<ProtobufFault>,
    },
    #[error("{0}")]
    Wire(String),
    #[error("{0} is no known type of metric")]
    Type(u64),
    #[error("this series is there twice: {0}")]
    Twice(String),
    #[error("a native histogram has the schema {0}; -4 to 8 are known")]
    Schema(i64),
    #[error("a native histogram has a bucket for zero that is {0} wide")]
    ZeroThreshold(String),
    #[error("a native histogram has spans of {spanned} buckets, and counts of {listed}")]
    Spans { spanned: u64, listed: u64 },
    #[error("the spans of a native histogram overlap, or leave what is known")]
    SpansOverlap,
    #[error("a native histogram has both differences and counts")]
    TwoKinds,
    #[error("a bucket of a native histogram holds less than nothing")]
    Negative,
    #[error(
        "the buckets of a native histogram hold {in_buckets} observations, and all are {count}"
    )]
    MoreInBuckets { in_buckets: String, count: String },
}

impl From<WireFault> for ProtobufFault {
    fn from(fault: WireFault) -> Self {
        ProtobufFault::Wire(fault.to_string())
    }
}
