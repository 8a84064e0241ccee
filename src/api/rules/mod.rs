//! CEL rules of the schema. Each rule is a function with a name, and a line on the condition that it requires.

pub mod amphora;
pub mod ciphers;
pub mod immutable;
pub mod l7;
pub mod listener;
pub mod load_balancer;
pub mod pool;
mod protocols;
pub mod stack;
pub mod tls;
pub mod values;
