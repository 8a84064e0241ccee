//! The engine's view of a stack, whatever it was read from.

use std::collections::BTreeSet;

use super::{ApiVersion, Desired, Problem, Reference, Resolutions};

/// Validation of a stack against the resolutions of its references and the API version of Octavia: its desired state, or
/// all of its problems.
pub type Validate<'a> = dyn Fn(&Resolutions, ApiVersion) -> Result<Desired, Vec<Problem>> + Send + Sync + 'a;

/// A stack before its references are resolved. The engine resolves them and calls `validate` with the results; neither
/// step writes anything.
#[derive(Clone)]
pub struct Source<'a> {
    pub references: BTreeSet<Reference>,
    pub validate: &'a Validate<'a>,
}
