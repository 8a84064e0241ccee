//! Datagram protocols, which the amphora serves with LVS instead of haproxy.

use crate::model::PoolProtocol;

pub(super) const fn is_datagram(protocol: PoolProtocol) -> bool {
    matches!(protocol, PoolProtocol::Udp | PoolProtocol::Sctp)
}
