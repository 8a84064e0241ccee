//! `evenkeel plan`: the changes that the cloud needs for stacks in manifests.
//!
//! The engine makes each plan with the goal Observe, so that it is the one that the controller would carry out.
//!
//! | file | purpose |
//! |---|---|
//! | `args`, `run` | flags, and the command from its start to its exit status |
//! | `planner` | the plan of one stack |
//! | `report` | all plans as a value, which `-o json` and `-o yaml` print |
//! | `text`, `markdown` | the report for people at a terminal, and for the comment of a pull request |
//! | `created` | the objects in the body of a create |

mod args;
mod created;
mod markdown;
mod planner;
mod report;
mod run;
mod text;

pub(super) use args::PlanArgs;
pub(super) use run::run;
