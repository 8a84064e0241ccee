pub mod cloud {}
