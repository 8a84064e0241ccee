//! The floating IP, an object of Neutron.
//!
//! Its owner is written on it ([`Ownership`](crate::model::Ownership)): a description and a tag on one that a stack
//! created, a tag on one that it borrows.
//!
//! Neutron moves none to another network, subnet or address: another one takes its place.
//!
//! A floating IP to be retained carries the tag [`RETAIN`] from its creation: once the stack no longer has the section,
//! that tag alone says that the floating IP is to be kept.

mod acquire;
mod calls;
mod release;
mod replace;
mod rivals;
mod update;
mod vip;

pub use calls::RETAIN;
pub(super) use release::{delete, give_back, orphan_borrowed, orphan_created, take_over, taken_over};
pub use rivals::floating_ip_in_use;
pub(super) use update::update;
