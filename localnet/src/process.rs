//! A child process that cannot outlive its owner.
//!
//! The kernel is asked to kill the child when its parent dies. To Linux "parent" means the *thread* that started it,
//! so each child has a thread of its own, which starts it and stays with it to the end.

use std::{
    process::{Child, Command, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::sync::{oneshot, watch};

use crate::Error;

/// Pause between two looks whether the child has ended.
const LOOK: Duration = Duration::from_millis(25);

/// A running child. Dropping it kills it.
#[derive(Debug)]
pub(crate) struct Process {
    pid: u32,
    child: Arc<Mutex<Child>>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    pub(crate) async fn spawn(what: &str, command: Command) -> Result<Self, Error> {
        let (started, start) = oneshot::channel();
        let (end, ended) = watch::channel(None);
        let keeper = thread::Builder::new().name(format!("keeper of {what}"));
        keeper
            .spawn(move || keep(command, started, end))
            .map_err(|source| Error::Start { what: what.to_owned(), source })?;
        let failed = |source| Error::Start { what: what.to_owned(), source };
        let gone = |_| failed(std::io::Error::other("its thread ended"));
        let child = start.await.map_err(gone)?.map_err(failed)?;
        let pid = lock(&child).id();
        Ok(Self { pid, child, ended })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    pub(crate) async fn wait(&mut self) -> Option<ExitStatus> {
        // An error means that the keeper is gone, and with it the child.
        self.ended.wait_for(Option::is_some).await.ok().and_then(|status| *status)
    }

    /// SIGTERM, and SIGKILL after the grace period.
    pub(crate) async fn stop(&mut self, grace: Duration) {
        self.signal(Signal::SIGTERM);
        if tokio::time::timeout(grace, self.wait()).await.is_err() {
            self.kill().await;
        }
    }

    pub(crate) async fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.wait().await;
    }

    fn signal(&self, signal: Signal) {
        // Under the lock the child is not reaped, so its pid is still its own.
        let mut child = lock(&self.child);
        if matches!(child.try_wait(), Ok(None))
            && let Ok(pid) = i32::try_from(self.pid)
            && let Err(error) = kill(Pid::from_raw(pid), signal)
        {
            tracing::warn!(pid, %signal, %error, "could not signal a validator");
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.signal(Signal::SIGKILL);
        // Milliseconds: its ports and files are free when this returns.
        if let Err(error) = lock(&self.child).wait() {
            tracing::warn!(pid = self.pid, %error, "lost sight of a validator");
        }
    }
}

fn keep(
    mut command: Command,
    started: oneshot::Sender<std::io::Result<Arc<Mutex<Child>>>>,
    end: watch::Sender<Option<ExitStatus>>,
) {
    die_with_this_thread(&mut command);
    let child = match command.spawn() {
        Ok(child) => Arc::new(Mutex::new(child)),
        Err(error) => {
            // Nobody listens any more: nothing was started, nothing to tell.
            let _ = started.send(Err(error));
            return;
        }
    };
    if started.send(Ok(child.clone())).is_err() {
        // The caller gave up meanwhile: the child must not stay.
        let _ = lock(&child).kill();
    }
    loop {
        let looked = lock(&child).try_wait();
        match looked {
            Ok(None) => thread::sleep(LOOK),
            Ok(status) => {
                // Fails when nobody asks any more.
                let _ = end.send(status);
                return;
            }
            Err(error) => return tracing::warn!(%error, "lost sight of a validator"),
        }
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "pre_exec is the only way to PR_SET_PDEATHSIG without another program")]
fn die_with_this_thread(command: &mut Command) {
    use std::os::unix::process::CommandExt;

    let owner = std::process::id();
    // SAFETY: between fork and exec the closure makes two system calls (prctl, getppid) and allocates nothing.
    unsafe {
        command.pre_exec(move || {
            nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
            // The owner may have died before the call above took effect.
            if std::os::unix::process::parent_id() == owner { Ok(()) } else { Err(nix::Error::ECHILD.into()) }
        });
    }
}

/// Elsewhere `Drop` and the pid files of the next run do what they can.
#[cfg(not(target_os = "linux"))]
fn die_with_this_thread(_: &mut Command) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Command {
        let mut command = Command::new("sleep");
        command.arg("600");
        command
    }

    #[tokio::test]
    async fn dropping_kills() {
        let process = Process::spawn("sleep", sleeper()).await.unwrap();
        let mut ended = process.ended.clone();
        assert_eq!(process.ended(), None);
        drop(process);
        let status = ended.wait_for(Option::is_some).await.unwrap().unwrap();
        assert!(!status.success());
    }

    #[tokio::test]
    async fn stop_asks_before_it_kills() {
        use std::os::unix::process::ExitStatusExt;
        let mut process = Process::spawn("sleep", sleeper()).await.unwrap();
        process.stop(Duration::from_secs(60)).await;
        assert_eq!(process.ended().unwrap().signal(), Some(Signal::SIGTERM as i32));
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let error = Process::spawn("wasmd", Command::new("/nonexistent/wasmd")).await.unwrap_err();
        assert!(error.to_string().starts_with("cannot start wasmd: "), "{error}");
    }
}
