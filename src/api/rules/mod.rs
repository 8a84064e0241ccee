//! CEL rules of the schema. Each rule is a function with a name, and a line on the condition that it requires.

pub(super) mod adoption;
pub(super) mod amphora;
pub(super) mod ciphers;
pub(super) mod cluster_cloud;
pub(super) mod credentials;
pub(super) mod immutable;
pub(super) mod l7;
pub(super) mod listener;
pub(super) mod load_balancer;
pub(super) mod member_source;
pub(super) mod pool;
mod protocols;
pub(super) mod stack;
pub(super) mod tls;
pub(super) mod values;
