//! Inside the network namespace of a process, as an administrator of the machine would be.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use shakedown_record::monotonic_ns;

const TRY_WITHIN: Duration = Duration::from_millis(40);
const PAUSE: Duration = Duration::from_millis(5);

/// Runs a program of the machine in the namespace of a process, or in ours, and returns what it printed.
///
/// # Panics
/// When it fails.
pub fn output(pid: Option<u32>, program: &[&str]) -> String {
    let mut command = match pid {
        Some(pid) => {
            let mut command = Command::new("nsenter");
            command
                .args(["-t", &pid.to_string(), "-n", "--"])
                .args(program);
            command
        }
        None => {
            let mut command = Command::new(program[0]);
            command.args(&program[1..]);
            command
        }
    };
    let output = command.output().expect("the machine has this program");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The IPv4 address of a node of a local cluster, from inside.
///
/// # Panics
/// When it has none.
pub fn address_of(pid: u32) -> String {
    let text = output(Some(pid), &["ip", "-o", "-4", "addr", "show", "shk0"]);
    let after = text.split("inet ").nth(1);
    let address = after.and_then(|rest| rest.split('/').next());
    address.expect("a node has an address").to_string()
}

/// Tries connections from inside a namespace, one after the other, and notes how they went.
#[derive(Debug)]
pub struct Knocking {
    /// When each try ended (`CLOCK_MONOTONIC`, ns), and whether it came about.
    tries: Arc<Mutex<Vec<(u64, bool)>>>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Knocking {
    /// Begins in the namespace of a process.
    ///
    /// # Panics
    /// Without root, or when the process has ended.
    pub fn from(pid: u32, to: SocketAddr) -> Knocking {
        let netns = File::open(format!("/proc/{pid}/ns/net")).expect("the process is there");
        let (tries, end) = (
            Arc::<Mutex<Vec<_>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (noted, told) = (Arc::clone(&tries), Arc::clone(&end));
        let thread = thread::spawn(move || {
            let kind = Some(LinkNameSpaceType::Network);
            // It moves this thread alone, which does nothing else.
            move_into_link_name_space(netns.as_fd(), kind).expect("it takes root");
            while !told.load(Ordering::Relaxed) {
                let done = TcpStream::connect_timeout(&to, TRY_WITHIN).is_ok();
                let tried = (monotonic_ns(), done);
                noted
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(tried);
                thread::sleep(PAUSE);
            }
        });
        let thread = Some(thread);
        Knocking { tries, end, thread }
    }

    /// The tries that ended from this time on, in order.
    pub fn since(&self, from_ns: u64) -> Vec<(u64, bool)> {
        let tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let later = tries.iter().filter(|(at_ns, _)| *at_ns >= from_ns);
        later.copied().collect()
    }
}

impl Drop for Knocking {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let knocked = thread.join();
            assert!(knocked.is_ok() || thread::panicking(), "knocking panicked");
        }
    }
}
