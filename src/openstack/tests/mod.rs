//! The client against a scripted cloud, under paused time.

mod cloud;
mod lists;
mod paths;
mod ports;
mod references;
mod session;
mod sharing;
mod steps;
mod trees;
