//! Contents of the cluster that stacks refer to: members from Services and nodes, certificates from Secrets and
//! ConfigMaps.
//!
//! They come from a cluster when one is named, else from manifests beside the stack. All others are unknown: a plan
//! leaves their members and certificates as they are, and says so.
//!
//! | file | purpose |
//! |---|---|
//! | `args` | the flags `--kubeconfig` and `--context` |
//! | `kube` | connections to clusters |
//! | `contents` | all contents of one stack |
//! | `endpoints`, `certificates` | those of member sources and of TLS fields |
//! | `cloud` | permissions of a cloud that namespaces share |
//! | `unknown` | references whose contents are unknown |

mod args;
mod certificates;
mod cloud;
mod contents;
mod endpoints;
mod kube;
mod unknown;

pub(super) use args::KubeArgs;
pub(super) use contents::{ReferenceReader, StackContents};
pub use kube::{KubeConnector, KubeTarget, KubeconfigConnector};
pub(super) use unknown::Unknown;
