//! The core on which something runs.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Keeps this thread, and what it starts, to one core.
///
/// # Errors
/// When this machine has no such core for us.
pub fn keep_to(core: usize) -> io::Result<()> {
    let mut cores = CpuSet::new();
    cores.set(core);
    Ok(sched_setaffinity(None, &cores)?)
}

/// The cores that this thread may run on.
///
/// # Errors
/// When the kernel does not say.
pub fn cores() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CpuSet::MAX_CPU)
        .filter(|core| set.is_set(*core))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_to_its_core() {
        let kept = std::thread::spawn(|| {
            let all = cores().unwrap();
            keep_to(all[0]).unwrap();
            (all[0], cores().unwrap())
        });
        let (first, now) = kept.join().unwrap();
        assert_eq!(now, [first]);
    }
}
