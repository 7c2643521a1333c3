//! Every notification, right or wrong, against the running functions: what WeChat sees, what is on record, what the
//! consumers receive.

mod edges;
mod every_fixture;
mod judged;
