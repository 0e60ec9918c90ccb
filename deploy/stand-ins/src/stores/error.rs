//! How a question to a store can fail.

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It was not asked, or said before it did anything that it cannot: nothing was changed.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// It was asked and did not say what became of it.
    #[error("unknown: {0}")]
    Unknown(String),
    /// It said no: the code of the error (SQLSTATE, first word), and what it says.
    #[error("refused ({code}): {message}")]
    Refused {
        /// SQLSTATE, or the first word of an error of Redis.
        code: String,
        /// For people.
        message: String,
    },
}
