//! The crash model: the real code on ports that a scheduler serves one effect at a time, an exhaustive search through the
//! histories of two notices, random histories of many, and an oracle that looks at each at its end.
//!
//! ```text
//!   plan (a delivery, a relay, a sweep) ──> run of the real code ──asks──> Op ──> world: tables, queues, clock
//!                                               ^                           │
//!                                               └──────── answer ───────────┘   or a crash, or a fault
//! ```

mod actor;
mod design;
mod explore;
mod history;
mod mutants;
mod oracle;
mod plot;
mod refunds;
mod rest;
mod scenario;
mod script;
mod stories;
mod task;
mod wire;
mod world;

pub use actor::{Actor, Live, Memo, Plan, Run};
pub use design::{Deliver, Design, Relay, Sweep};
pub use explore::{Explored, Failure, explore};
pub use history::{Broken, Told, live};
pub use mutants::{Mutant, mutants};
pub use oracle::{Violation, Violations, at_rest, is_recorded, projection};
pub use rest::rest;
pub use scenario::{Budgets, Pair, Scenario};
pub use task::{Notice, Task};
pub use wire::{Answer, Op, Ticket, Wire};
pub use world::{Fault, World};
