//! What the benchmarks of whole functions share: Lambda's side and AWS's side of a function process, on loopback.
//!
//! ```text
//!   notice ──> event ──> lambda (Runtime API) ──> function process ──> aws (secrets, tables)
//!                              answered at <──────────────┘
//! ```
//!
//! They are the benchmark's own, and not the sandbox's host, because the time of an answer is taken where it arrives, and
//! because an embedded database would be most of what is measured.

pub(crate) mod aws;
pub(crate) mod event;
pub(crate) mod items;
pub(crate) mod lambda;
pub(crate) mod programs;

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
