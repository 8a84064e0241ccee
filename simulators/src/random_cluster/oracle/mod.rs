//! An oracle for what Services, Nodes, Secrets and ConfigMaps lead to, by the documented rules. It reads specs and objects
//! as JSON, and shares no code with Evenkeel.

mod certificates;
mod cluster_objects;
mod endpoints;
mod floor;
mod members;
mod weights;

pub use certificates::{ExpectedContent, ExpectedTls, expected_content, listener_tls, pool_tls, stored_content};
pub use cluster_objects::ClusterObjects;
pub use floor::{Floor, HeldBack};
pub use members::{ExpectedMember, ExpectedMembers, expected_members, has_ipv6, member_addresses, member_differences};
