//! Identity of a member.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

/// Octavia's key of a member, with the address in canonical form. The cloud may spell it otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MemberKey {
    pub address: IpAddr,
    pub port: u16,
}

impl fmt::Display for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.address, self.port).fmt(f)
    }
}
