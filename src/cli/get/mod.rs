//! `evenkeel get`: the load balancers of stacks with their states and addresses, as a tree or a picture.
//!
//! | file | purpose |
//! |---|---|
//! | `args`, `run` | flags, and the command from its start to its exit status |
//! | `topology` | the objects of a load balancer as a value, which `-o json` and `-o yaml` print |
//! | `tree`, `dot`, `mermaid`, `svg` | forms of the output |

mod args;
mod dot;
mod mermaid;
mod run;
mod svg;
mod topology;
mod tree;

pub(super) use args::GetArgs;
pub(super) use run::run;
