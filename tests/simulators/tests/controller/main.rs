//! The laws of the design, one by one, as the whole controller keeps them between a simulated cloud and a simulated
//! cluster. Without sockets, in a time of its own that passes as fast as nobody works.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

mod lost_answers;
