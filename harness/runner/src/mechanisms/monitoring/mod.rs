//! The system's own alarms: which alerts fire, by Prometheus or Alertmanager, and a silence of ours in the latter.
//!
//! A silence has a mark that is written down before it is made: whoever knows the mark finds it again and ends it, also when
//! nobody lived to read the id that it was given. It ends by itself too.

mod client;
mod silence;

pub use client::{AlertFiring, Monitoring, MonitoringError};
pub use silence::{NewSilence, SilenceUndo};

#[cfg(test)]
mod tests;
