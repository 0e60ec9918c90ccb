//! Epoll or io_uring: what was asked for, what the kernel allows, and what measures better.

use std::io;
use std::thread::available_parallelism;

use shakedown_record::io::{IoReport, IoWay};

use super::probe::{Costs, measure};
use super::wires::Wires;
use crate::config::{Io, Mode};

/// How much cheaper a request over io_uring has to be: measured for 100 ms on a shared machine, less is chance.
const MARGIN: f64 = 1.10;

/// How the load threads reach their sockets. `mode`: what they do.
pub(crate) fn choose(asked: Io, mode: Mode) -> IoReport {
    let cores = available_parallelism().map_or(1, usize::from);
    choose_on(cores, asked, mode)
}

fn choose_on(cores: usize, asked: Io, mode: Mode) -> IoReport {
    match (asked, mode) {
        (Io::Epoll, _) => told(IoWay::Epoll, "asked for"),
        (Io::IoUring, _) => match is_allowed() {
            Ok(()) => told(IoWay::IoUring, "asked for"),
            Err(error) => refused(&error),
        },
        (Io::Auto, Mode::Open) => told(
            IoWay::Epoll,
            "an open loop sends each request by itself at its time, and io_uring does not say when an answer came",
        ),
        (Io::Auto, Mode::Closed) => match is_allowed() {
            Err(error) => refused(&error),
            Ok(()) if cores < 2 => told(
                IoWay::Epoll,
                "this process has one core, which who asks and who answers would share: that compares nothing",
            ),
            Ok(()) => judge(measure()),
        },
    }
}

/// The kernel has what a ring needs, and lets us.
fn is_allowed() -> io::Result<()> {
    let mut wires = Wires::open(Some(1))?;
    wires.begin()?;
    wires.wait(0).map(|_| ())
}

fn told(way: IoWay, why: impl Into<String>) -> IoReport {
    IoReport {
        way,
        why: why.into(),
        epoll_ns: None,
        io_uring_ns: None,
    }
}

fn refused(error: &io::Error) -> IoReport {
    told(
        IoWay::Epoll,
        format!(
            "no io_uring here ({error}): it needs Linux 6.1 and a seccomp profile that lets it through"
        ),
    )
}

/// io_uring only when it is cheaper by the margin, and cheaper in three of four pairs of turns.
fn judge(measured: io::Result<Costs>) -> IoReport {
    let costs = match measured {
        Ok(costs) => costs,
        Err(error) => return told(IoWay::Epoll, format!("nothing was measured: {error}")),
    };
    let pairs = costs.epoll_ns.iter().zip(&costs.ring_ns);
    let ratios: Vec<f64> = pairs
        .map(|(epoll_ns, ring_ns)| epoll_ns / ring_ns)
        .collect();
    let cheaper = ratios.iter().filter(|ratio| **ratio > 1.0).count();
    let gain = median(&ratios);
    let wins = gain >= MARGIN && cheaper * 4 >= ratios.len() * 3;
    let (epoll_ns, ring_ns) = (median(&costs.epoll_ns), median(&costs.ring_ns));
    let figures = format!(
        "a request takes {epoll_ns:.0} ns of processor time over epoll and {ring_ns:.0} ns over io_uring, which was \
         cheaper in {cheaper} of {} turns",
        ratios.len(),
    );
    IoReport {
        way: match wins {
            true => IoWay::IoUring,
            false => IoWay::Epoll,
        },
        why: match wins {
            true => figures,
            false => format!("{figures}: not by {:.0} %", (MARGIN - 1.0) * 100.0),
        },
        epoll_ns: Some(epoll_ns),
        io_uring_ns: Some(ring_ns),
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(epoll_ns: [f64; 4], ring_ns: [f64; 4]) -> IoReport {
        judge(Ok(Costs {
            epoll_ns: epoll_ns.to_vec(),
            ring_ns: ring_ns.to_vec(),
        }))
    }

    #[test]
    fn io_uring_is_kept_only_where_it_is_clearly_cheaper() {
        let even = [5000.0; 4];
        assert_eq!(costs(even, [4000.0; 4]).way, IoWay::IoUring);
        let little = costs(even, [4800.0; 4]);
        assert_eq!(little.way, IoWay::Epoll);
        assert!(
            little.why.contains("5000 ns") && little.why.contains("4800 ns"),
            "{}",
            little.why
        );
        let chance = costs(even, [3000.0, 6000.0, 3000.0, 6000.0]);
        assert_eq!(chance.way, IoWay::Epoll);
        assert_eq!(costs(even, [9000.0; 4]).way, IoWay::Epoll);
    }

    #[test]
    fn a_kernel_that_refuses_is_named() {
        for code in [libc::EPERM, libc::ENOSYS, libc::EINVAL] {
            let refused = refused(&io::Error::from_raw_os_error(code));
            assert_eq!(refused.way, IoWay::Epoll);
            assert!(
                refused.why.starts_with("no io_uring here ("),
                "{}",
                refused.why
            );
        }
    }

    #[test]
    fn on_one_core_nothing_is_compared() {
        let chosen = choose_on(1, Io::Auto, Mode::Closed);
        assert_eq!((chosen.way, chosen.epoll_ns), (IoWay::Epoll, None));
        let compared = choose_on(2, Io::Auto, Mode::Closed);
        // On a busy machine the comparison may run out of time: it was made all the same.
        assert_ne!(compared.why, chosen.why);
    }

    #[test]
    fn a_comparison_that_fails_leaves_epoll() {
        let judged = judge(Err(io::ErrorKind::TimedOut.into()));
        assert_eq!(judged.way, IoWay::Epoll);
        assert_eq!(judged.why, "nothing was measured: timed out");
    }

    #[test]
    fn a_seccomp_filter_that_refuses_leaves_epoll() {
        let chosen = std::thread::spawn(|| {
            without_io_uring();
            [Io::IoUring, Io::Auto].map(|asked| choose(asked, Mode::Closed))
        });
        for chosen in chosen.join().unwrap() {
            assert_eq!(chosen.way, IoWay::Epoll);
            assert!(chosen.why.contains("not permitted"), "{}", chosen.why);
        }
    }

    /// The calling thread gets EPERM from `io_uring_setup`, as in a container with a usual profile.
    #[allow(unsafe_code)]
    fn without_io_uring() {
        const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
        const EQUALS: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
        let step = |code, jt, jf, k| libc::sock_filter { code, jt, jf, k };
        let mut steps = [
            step(LOAD, 0, 0, 0),
            step(EQUALS, 0, 1, libc::SYS_io_uring_setup as u32),
            step(RETURN, 0, 0, libc::SECCOMP_RET_ERRNO | libc::EPERM as u32),
            step(RETURN, 0, 0, libc::SECCOMP_RET_ALLOW),
        ];
        let program = libc::sock_fprog {
            len: steps.len() as u16,
            filter: steps.as_mut_ptr(),
        };
        // SAFETY: the kernel copies the program, which lives until the calls return, and restricts this thread only.
        let filtered = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            let mode = libc::SECCOMP_MODE_FILTER;
            libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program)
        };
        assert_eq!(filtered, 0, "{}", io::Error::last_os_error());
    }
}
