//! The context of a request to Octavia, and the checks of the caller's roles. A failed check returns the 403.

use super::super::call::{Call, Caller};
use super::super::clock::Moment;
use super::super::reply::{Reply, policy_forbidden};

/// A request with its caller and the time at which it arrives.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub call: &'a Call,
    pub caller: &'a Caller,
    pub now: &'a Moment,
}

impl Context<'_> {
    /// Checks that the caller may change objects of the project.
    pub fn check_may_write(&self, project: &str) -> Result<(), Reply> {
        if self.caller.writes(project) { Ok(()) } else { Err(policy_forbidden()) }
    }

    /// Checks that the caller may see objects of the project.
    pub fn check_may_read(&self, project: &str) -> Result<(), Reply> {
        if self.caller.reads(project) { Ok(()) } else { Err(policy_forbidden()) }
    }

    /// Checks that the caller is an administrator of the cloud.
    pub fn check_admin(&self) -> Result<(), Reply> {
        if self.caller.is_admin() { Ok(()) } else { Err(policy_forbidden()) }
    }
}
