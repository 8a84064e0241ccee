//! Translators: they turn the spec of a resource and the resolved references into a [`Desired`](crate::model::Desired).
//!
//! Each kind of resource has a folder; today that is `stack`, for the `LoadBalancerStack`. The other modules hold what
//! any translator needs: a collector of problems, kinds of text, and the languages of the data plane (haproxy, OpenSSL,
//! Python's `re`). Everything here is pure.
//!
//! Validation here is the authority, and the rules of the API server are a courtesy: an object may have been stored before
//! a rule existed, and some facts are known only to the cloud. So everything harmful is rejected again before anything
//! is written: a rejected create leaks a VIP port, and an accepted one may never work. Limits on the number of
//! listeners, members and tags are the exception: they come from the cost budget of the API server's rules, and Octavia
//! does not have them.

mod api_features;
mod ciphers;
mod haproxy;
mod ip_family;
mod provider;
mod python_re;
mod selectors;
mod spelling;
mod stack;
mod text;
mod validator;

pub use api_features::{API_FEATURES, ApiFeature};
pub use spelling::unspelled;
pub use stack::{Permissions, desired, permitted, permitted_references, references};
