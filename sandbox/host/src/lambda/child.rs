//! The other end: what a function's process may do for the host.

use std::io::Read;

/// Ends this process as soon as the host that started it is gone, even in the middle of an invocation.
///
/// A process that waits for its next event ends by itself then, since the Runtime API closes its connection. One that
/// is busy would go on until it has to answer. For the local stack alone: in AWS standard input is no pipe of ours.
pub fn end_with_host() {
    std::thread::spawn(|| {
        let mut nothing = [0; 64];
        // The host never writes; it closes the pipe by its end.
        while std::io::stdin().read(&mut nothing).is_ok_and(|read| read > 0) {}
        std::process::exit(1);
    });
}
