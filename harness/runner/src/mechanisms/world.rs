//! In which world a process id means something: one boot of one kernel, one pid namespace.

use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

/// Process ids of two different worlds cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct World {
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: String,
    /// `/proc/self/ns/pid`, such as `pid:[4026531836]`.
    pub pid_namespace: String,
}

impl World {
    /// The world of this process.
    ///
    /// # Errors
    /// When `/proc` cannot be read.
    pub fn current() -> io::Result<World> {
        let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
        let pid_namespace = fs::read_link("/proc/self/ns/pid")?;
        Ok(World {
            boot_id: boot_id.trim().to_string(),
            pid_namespace: pid_namespace.display().to_string(),
        })
    }
}
