//! `papay dev` and the other commands as a user starts them: processes.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use papay::stack::Running;

use super::{DEADLINE, Dump};

/// A `papay dev` on a folder and free ports; it is killed when this is dropped.
pub(crate) struct Dev {
    child: Child,
    program: PathBuf,
    data: PathBuf,
}

/// This release's own `papay`.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_papay");

impl Dev {
    /// Starts it and waits until it runs.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_program(Path::new(PROGRAM), data)
    }

    /// The same with some release's `papay`.
    pub(crate) fn start_program(program: &Path, data: &Path) -> Self {
        let mut command = command(program, data);
        let child = command.args(["dev", "--ports", "0"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut dev = Self { child: child.unwrap(), program: program.to_owned(), data: data.to_owned() };
        dev.wait_until("it runs", |dev| Running::on(&dev.data).is_ok());
        dev
    }

    /// Where its parts are.
    pub(crate) fn running(&self) -> Running {
        Running::on(&self.data).unwrap()
    }

    /// Runs another command on the same folder to its end.
    pub(crate) fn papay(&self, args: &[&str]) -> Output {
        command(&self.program, &self.data).args(args).output().unwrap()
    }

    /// The folder.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Everything in its tables.
    pub(crate) async fn dump(&self) -> Dump {
        let clients = self.running().clients().unwrap();
        Dump::of(&clients.dynamodb, &papay::stack::tables::names()).await
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// What a terminal sends at Ctrl-C; answers how the process ended.
    pub(crate) fn interrupt(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        self.wait_until("it ends", |dev| dev.child.try_wait().unwrap().is_some());
        self.child.wait().unwrap()
    }

    fn wait_until(&mut self, what: &str, is_so: impl Fn(&mut Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(started.elapsed() < DEADLINE, "papay dev: waited until {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command to its end.
pub(crate) fn papay(data: &Path, args: &[&str]) -> Output {
    command(Path::new(PROGRAM), data).args(args).output().unwrap()
}

fn command(program: &Path, data: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("--data").arg(data).stdin(Stdio::null());
    command
}
