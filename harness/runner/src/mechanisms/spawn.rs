//! Children that cannot outlive Shakedown, whatever becomes of it: the kernel kills them with their parent.
//!
//! `PR_SET_PDEATHSIG` is bound to the *thread* that forked. A child started from a pool's worker would die with
//! that worker, in the middle of a run. So one long-lived thread starts all of them, and the type of
//! [`SpawnThread`] keeps every other thread from doing it.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child as StartedChild, Command};
use std::sync::mpsc;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, getpid, getppid, set_parent_process_death_signal};
use rustix::thread::{UnshareFlags, move_into_link_name_space, unshare_unsafe};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&SpawnThread) + Send>;

/// Proof of being on the thread whose end is the children's end.
#[derive(Debug)]
pub struct SpawnThread {
    /// Neither `Send` nor `Sync`.
    stays_here: PhantomData<*const ()>,
}

/// The thread that starts children. When the last reference to it is dropped, the thread ends and the kernel kills
/// every child that is still there.
#[derive(Debug)]
pub struct Spawner {
    jobs: mpsc::Sender<Job>,
}

/// Why a job could not be done on the spawning thread.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error("cannot start the thread that starts children: {0}")]
    NoThread(io::Error),
    #[error("the thread that starts children has ended")]
    ThreadEnded,
}

impl Spawner {
    /// Starts the thread.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start() -> Result<Spawner, SpawnError> {
        let (jobs, inbox) = mpsc::channel::<Job>();
        std::thread::Builder::new()
            .name("spawner".to_string())
            .spawn(move || {
                let here = SpawnThread {
                    stays_here: PhantomData,
                };
                for job in inbox {
                    job(&here);
                }
            })
            .map_err(SpawnError::NoThread)?;
        Ok(Spawner { jobs })
    }

    /// Does something on the spawning thread. Once begun it is finished, even if the caller stops waiting.
    ///
    /// # Errors
    /// When the thread is gone.
    pub async fn run<R: Send + 'static>(
        &self,
        job: impl FnOnce(&SpawnThread) -> R + Send + 'static,
    ) -> Result<R, SpawnError> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |here| {
            // A caller that no longer waits does not need the answer.
            drop(reply.send(job(here)));
        });
        self.jobs.send(job).map_err(|_| SpawnError::ThreadEnded)?;
        answer.await.map_err(|_| SpawnError::ThreadEnded)
    }
}

impl SpawnThread {
    /// Starts a child that dies with this thread, in a process group of its own: Ctrl-C at the terminal reaches
    /// Shakedown, which ends its children in order, and not the children directly.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<StartedChild> {
        let parent = getpid();
        self.spawn_seeing(command, Some(parent))
    }

    /// The same as the first process of PID and IPC namespaces of its own: whatever it starts ends with it, at once, and
    /// leaves no shared memory behind. Takes root.
    ///
    /// # Errors
    /// When there are no such namespaces, or it cannot be started.
    pub fn spawn_apart(&self, command: &mut Command) -> io::Result<StartedChild> {
        let own = File::open("/proc/thread-self/ns/pid")?;
        // SAFETY: between fork and exec the closure makes one system call.
        unsafe {
            command.pre_exec(|| Ok(unshare_unsafe(UnshareFlags::NEWIPC)?));
        }
        // SAFETY: this flag changes nothing for this thread but where its next children are born.
        unsafe { unshare_unsafe(UnshareFlags::NEWPID)? };
        // From inside, the parent has no number.
        let started = self.spawn_seeing(command, None);
        move_into_link_name_space(own.as_fd(), None)?;
        started
    }

    fn spawn_seeing(&self, command: &mut Command, parent: Option<Pid>) -> io::Result<StartedChild> {
        command.process_group(0);
        // SAFETY: between fork and exec the closure makes two system calls and builds an error from a number:
        // no allocation, no lock, nothing that another thread could have left half done.
        unsafe {
            command.pre_exec(move || {
                set_parent_process_death_signal(Some(Signal::KILL))?;
                // The parent may have died before the line above took effect.
                if getppid() == parent {
                    Ok(())
                } else {
                    Err(Errno::SRCH.into())
                }
            });
        }
        command.spawn()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rustix::process::getpgid;

    use super::*;
    use crate::mechanisms::child::Child;

    async fn tied_sleep(spawner: &Spawner) -> Child {
        let started = spawner
            .run(|here| here.spawn(Command::new("/bin/sleep").arg("30")))
            .await
            .unwrap();
        Child::adopt(started.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_child_dies_with_the_spawning_thread_and_not_before() {
        let spawner = Spawner::start().unwrap();
        let child = tied_sleep(&spawner).await;
        assert!(child.wait(Duration::from_millis(100)).await.is_none());
        drop(spawner);
        let exit = child.wait(Duration::from_secs(5)).await.unwrap();
        assert!(exit.by_signal(Signal::KILL), "{exit}");
    }

    #[tokio::test]
    async fn a_child_has_a_process_group_of_its_own() {
        let spawner = Spawner::start().unwrap();
        let child = tied_sleep(&spawner).await;
        let pid = rustix::process::Pid::from_raw(child.handle().pid() as i32).unwrap();
        assert_eq!(getpgid(Some(pid)).unwrap(), pid);
        child.handle().signal(Signal::KILL).unwrap();
        assert!(child.wait(Duration::from_secs(5)).await.is_some());
    }

    #[tokio::test]
    async fn what_a_child_apart_has_started_ends_with_it() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let spawner = Spawner::start().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let beat = folder.path().join("beat");
        let script = format!(
            "(while :; do echo >>{}; sleep 0.01; done) & sleep 30",
            beat.display()
        );
        let started = spawner
            .run(move |here| here.spawn_apart(Command::new("/bin/sh").args(["-c", &script])))
            .await
            .unwrap();
        let child = Child::adopt(started.unwrap()).unwrap();
        let beats = || std::fs::metadata(&beat).map_or(0, |it| it.len());
        for _ in 0..500 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            if beats() > 3 {
                break;
            }
        }
        assert!(beats() > 3);
        child.handle().signal(Signal::KILL).unwrap();
        assert!(child.wait(Duration::from_secs(5)).await.is_some());
        let last = beats();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(beats(), last, "what it had started goes on");
        let after = spawner
            .run(|here| here.spawn(Command::new("/bin/sh").args(["-c", "[ $$ -gt 1 ]"])))
            .await
            .unwrap();
        let after = Child::adopt(after.unwrap()).unwrap();
        let exit = after.wait(Duration::from_secs(5)).await.unwrap();
        assert!(
            exit.status.success(),
            "the next child is one of this machine again"
        );
    }

    #[tokio::test]
    async fn a_program_that_does_not_exist_is_an_error() {
        let spawner = Spawner::start().unwrap();
        let started = spawner
            .run(|here| here.spawn(&mut Command::new("/nonexistent/engine")))
            .await
            .unwrap();
        assert_eq!(started.unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
