//! Credentials of stacks: from the Secret that a stack names to a session with its cloud.
//!
//! | file | purpose |
//! |---|---|
//! | `source` | the place of a stack's credentials |
//! | `data` | contents of credentials |
//! | `clouds` | from a stack to its session |
//! | `session_cache` | open sessions, as long as they are used |
//! | `concurrency` | limits of concurrent reconciles for each Secret and namespace |
//! | `finalizer` | the finalizer of a Secret that stacks use |
//! | `error` | reasons for which there is no session |

mod clouds;
mod concurrency;
mod data;
mod error;
mod finalizer;
mod session_cache;
mod source;

pub use clouds::{Clouds, SecretFinalizer};
pub use concurrency::ConcurrencyLimits;
pub use error::CredentialsProblem;
pub use finalizer::has_finalizer;
pub use session_cache::SessionCache;
pub use source::secret_of;
