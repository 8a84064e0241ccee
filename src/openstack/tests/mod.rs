//! Tests of the client against a fake cloud, under paused time.

mod cache;
mod execute;
mod fake_cloud;
mod pagination;
mod ports;
mod references;
mod secrets;
mod session;
mod trees;
mod untrusted_ids;
