//! A key that is typed at a terminal: one that is shown to nobody, and nothing is written over what came meanwhile.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use counterparty::TEST_MERCHANT;
use serde_json::json;

use super::desk::{Desk, THIRD, fine, refused, text};
use crate::harness::{MCH_ID, PROGRAM};

/// `papay keys` in a terminal of its own, which util-linux's `script` makes.
struct Terminal {
    child: Child,
    keyboard: ChildStdin,
    screen: ChildStdout,
    seen: Vec<u8>,
}

impl Terminal {
    fn open(desk: &Desk, args: &[&str]) -> Self {
        let command = format!("{PROGRAM} --data {} keys {}", desk.dev.data().display(), args.join(" "));
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--flush", "--command", &command, "/dev/null"]).env("SHELL", "/bin/sh");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (keyboard, screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, keyboard, screen, seen: Vec::new() }
    }

    /// Waits for the question, and until what is typed is not shown any more, as somebody who reads it does.
    fn is_asked(&mut self, question: &str) {
        while !self.seen.ends_with(question.as_bytes()) {
            let mut byte = [0];
            assert_eq!(self.screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&self.seen));
            self.seen.extend(byte);
        }
        std::thread::sleep(Duration::from_millis(500));
    }

    fn types(mut self, line: &str) -> Output {
        writeln!(self.keyboard, "{line}").unwrap();
        self.screen.read_to_end(&mut self.seen).unwrap();
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
