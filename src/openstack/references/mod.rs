//! Resolution of references: from a name, id or URL in a stack to the object in the cloud.
//!
//! | file | content |
//! |---|---|
//! | `resolver` | the cache of resolved references |
//! | `lookup` | one look-up in Neutron or Octavia |
//! | `barbican` | one look-up of a certificate |
//! | `records` | the records of the services, reduced to the facts that validation needs |

mod barbican;
mod lookup;
mod records;
mod resolver;

pub(super) use resolver::Resolver;
