//! Texts as a stack spells them, from those that Octavia has.

use super::haproxy;
use super::provider::Provider;

/// A URL, path or regular expression of a load balancer as the stack spells it. `provider` is the name of its driver.
pub fn unspelled(provider: Option<&str>, text: &str) -> String {
    match Provider::named(provider) {
        Provider::Amphora => haproxy::unspelled(text),
        Provider::Ovn | Provider::Other => text.to_owned(),
    }
}
