//! Valid items and facts out of a seed: the same seed gives the same values, so a failure is repeated by its number.

mod facts;
mod items;
mod values;

pub use values::Generator;
