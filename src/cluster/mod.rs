//! Objects of a cluster that stacks refer to, as they are read: Services and Nodes for member sources, Secrets and
//! ConfigMaps for certificates. No watch and no cache.
//!
//! The controller reads them before each reconcile, the command line for each plan, there also from manifests.
//!
//! | file | purpose |
//! |---|---|
//! | `source_objects` | the objects behind a member source, and its endpoints |
//! | `certificate_fields` | the TLS fields of a spec, with the objects behind them |
//! | `object_data` | contents of a Secret or ConfigMap |
//! | `certificate_checks` | checks of these contents, field by field |
//! | `names`, `kube_message` | names of objects, and errors of the Kubernetes API |

mod certificate_checks;
mod certificate_fields;
mod kube_message;
mod names;
mod object_data;
mod source_objects;

pub use certificate_checks::{CertificateChecks, CertificateObjects, CertificateObstacle};
pub use certificate_fields::{CertificateField, CertificateObject, FieldContent, certificate_fields};
pub use kube_message::kube_message;
pub use names::NamespacedName;
pub use object_data::{ObjectData, read_object};
pub use source_objects::SourceObjects;
