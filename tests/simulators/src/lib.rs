pub mod cloud {}
pub mod cluster;
