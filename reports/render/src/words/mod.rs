//! Words and numbers for people: one place, so that every document says the same thing the same way.

mod layout;
mod number;
mod tone;

pub(crate) use layout::{inert, pad, width_of, wrap};
pub(crate) use number::{
    amount, counted, duration_ns, fraction, grouped, rate, seconds, share, shell_word,
};
pub(crate) use tone::Tone;
