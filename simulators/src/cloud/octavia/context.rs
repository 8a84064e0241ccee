//! The context of a request to Octavia, with its checks of roles.

use super::super::call::{Call, Caller};
use super::super::clock::Moment;
use super::super::reply::{Reply, policy_forbidden};

/// A request with its caller and its time.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub call: &'a Call,
    pub caller: &'a Caller,
    pub now: &'a Moment,
}

impl Context<'_> {
    pub fn must_write(&self, project: &str) -> Result<(), Reply> {
        if self.caller.writes(project) { Ok(()) } else { Err(policy_forbidden()) }
    }

    pub fn must_read(&self, project: &str) -> Result<(), Reply> {
        if self.caller.reads(project) { Ok(()) } else { Err(policy_forbidden()) }
    }

    pub fn must_be_admin(&self) -> Result<(), Reply> {
        if self.caller.is_admin() { Ok(()) } else { Err(policy_forbidden()) }
    }
}
