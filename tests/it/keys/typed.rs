//! A key that is typed at a terminal: one that is shown to nobody, and nothing is written over what came meanwhile.

use std::io::{Read as _, Write as _};
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use counterparty::TEST_MERCHANT;
use pty_process::blocking::{Command, Pty, open};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::json;

use super::desk::{Desk, THIRD, fine, refused, text};
use crate::harness::{DEADLINE, MCH_ID, PROGRAM};

/// `papay keys` in a terminal of its own.
struct Terminal {
    child: Child,
    pty: Pty,
    seen: Vec<u8>,
}

impl Terminal {
    fn open(desk: &Desk, args: &[&str]) -> Self {
        let (pty, pts) = open().unwrap();
        let command = Command::new(PROGRAM).arg("--data").arg(desk.dev.data()).arg("keys").args(args);
        Self { child: command.spawn(pts).unwrap(), pty, seen: Vec::new() }
    }

    /// Waits for the question, and until what is typed is not shown any more, as somebody who reads it does.
    fn is_asked(&mut self, question: &str) {
        while !self.seen.ends_with(question.as_bytes()) {
            let mut byte = [0];
            let read = self.pty.read(&mut byte);
            assert!(matches!(read, Ok(1)), "{read:?} after {}", String::from_utf8_lossy(&self.seen));
            self.seen.extend(byte);
        }
        let started = Instant::now();
        while tcgetattr(&self.pty).unwrap().local_modes.contains(LocalModes::ECHO) {
            assert!(started.elapsed() < DEADLINE, "what is typed would be shown");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn types(mut self, line: &str) -> Output {
        writeln!(self.pty, "{line}").unwrap();
        // On Linux it ends with an error, once nobody has the other end open.
        let mut rest = [0; 1024];
        while let Ok(read @ 1..) = self.pty.read(&mut rest) {
            self.seen.extend(&rest[..read]);
        }
        Output { status: self.child.wait().unwrap(), stdout: self.seen, stderr: Vec::new() }
    }
}

#[test]
fn a_typed_key_is_taken_and_never_shown() {
    let desk = Desk::open();
    let stage = ["stage", "api-v2", "--mch-id", MCH_ID];
    for (line, problem) in [
        (&THIRD[1..], "the APIv2 key has 31 bytes instead of 32"),
        (TEST_MERCHANT.api_v2_key, "this is the key in force already"),
        ("", "no key was given"),
    ] {
        let mut terminal = Terminal::open(&desk, &stage);
        terminal.is_asked("api-v2: ");
        let said = refused(&terminal.types(line));
        assert!(said.contains(problem) && (line.is_empty() || !said.contains(line)), "{said}");
    }
    let mut terminal = Terminal::open(&desk, &stage);
    terminal.is_asked("api-v2: ");
    let said = fine(&terminal.types(THIRD));
    assert!(said.contains("the next api-v2 key, beside the one in force"), "{said}");
    assert_eq!(desk.shown(MCH_ID)["api_v2_key"], json!({ "has_previous": true }));
}

#[test]
fn what_changed_while_a_key_was_typed_stands_and_is_told() {
    let desk = Desk::open();
    let mut terminal = Terminal::open(&desk, &["stage", "api-v2", "--mch-id", MCH_ID]);
    terminal.is_asked("api-v2: ");
    let v3 = desk.path("v3.txt");
    fine(&desk.keys(&["rotate", "api-v3", "--mch-id", MCH_ID, "--key-file", &v3]));
    let slower = terminal.types(THIRD);
    let said = text(&slower);
    assert!(!slower.status.success() && said.contains("somebody else has changed it"), "{said}");
    let shown = desk.shown(MCH_ID);
    assert_eq!(
        [&shown["api_v2_key"], &shown["api_v3_key"]],
        [&json!({ "has_previous": false }), &json!({ "has_previous": true })]
    );
}
