//! Credentials of stacks: from the Secret, or the ClusterOpenStackCloud, that a stack names to a session with its cloud.
//!
//! | file | purpose |
//! |---|---|
//! | `source` | the place of a stack's credentials |
//! | `data` | contents of credentials |
//! | `clouds` | from a stack to its session |
//! | `session_cache` | open sessions, as long as they are used |
//! | `concurrency` | limits of concurrent reconciles for each Secret, namespace and shared cloud |
//! | `finalizer` | the finalizer of credentials that stacks use |
//! | `error` | reasons for which there is no session |

mod clouds;
mod concurrency;
mod data;
mod error;
mod finalizer;
mod session_cache;
mod source;

pub(super) use clouds::{Clouds, SecretFinalizer};
pub(super) use concurrency::ConcurrencyLimits;
pub(super) use error::CredentialsProblem;
pub(super) use finalizer::{add as add_finalizer, has_finalizer};
pub(super) use session_cache::SessionCache;
pub(super) use source::{CredentialsSource, secret_of};
