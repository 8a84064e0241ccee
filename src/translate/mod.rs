//! From the spec of a stack and the answers of the cloud to a [`Desired`], or to all problems at once. Pure.
//!
//! The rules of the API server are a courtesy: an object may have been stored before a rule was there, and some things
//! no rule can know. So everything that would harm is judged here again, before anything is written to the cloud: a
//! refused create leaks a VIP port, and an accepted one may never work. How many listeners, members or tags there may
//! be is not: those bounds come from the budget of the API server's rules, and Octavia does not know them.

mod amphora;
mod ciphers;
mod haproxy;
mod health_monitor;
mod l7;
mod listener;
mod load_balancer;
mod ovn;
mod pool;
mod provider;
mod python_re;
mod references;
#[cfg(test)]
mod tests;
mod text;
mod validator;
mod vip;

use std::collections::BTreeSet;

use thiserror::Error;

pub use references::references;

use crate::api::LoadBalancerStackSpec;
use crate::model::{ApiVersion, CreateBlocker, Desired, Owner, Resolutions};

use provider::Provider;
use validator::Validator;

/// Why a stack cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct Problem {
    /// Where, by the names that the stack gives: `spec.listeners[https].tls.certificate`.
    pub field: String,
    pub reason: ProblemReason,
    /// What is wrong and what to do, for people.
    pub message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemReason {
    /// The stack contradicts itself or Octavia's rules, whatever the cloud.
    InvalidSpec,
    /// This Octavia is too old, or the provider does not do it.
    UnsupportedByCloud,
    /// The cloud has no such object, or the project does not see it.
    ReferenceNotFound,
    /// Several objects have the name.
    ReferenceAmbiguous,
    /// The object is there, but must not be used, or does not fit.
    ReferenceUnusable,
}

impl ProblemReason {
    /// The reason of a condition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSpec => "InvalidSpec",
            Self::UnsupportedByCloud => "UnsupportedByCloud",
            Self::ReferenceNotFound => "ReferenceNotFound",
            Self::ReferenceAmbiguous => "ReferenceAmbiguous",
            Self::ReferenceUnusable => "ReferenceUnusable",
        }
    }

    /// Is it about what the stack points at, rather than about the stack?
    pub const fn is_reference(self) -> bool {
        matches!(self, Self::ReferenceNotFound | Self::ReferenceAmbiguous | Self::ReferenceUnusable)
    }
}

impl std::fmt::Display for ProblemReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the stack wants, with references resolved and defaults filled as Octavia would fill them.
///
/// `answers` are those to [`references`] of the same spec; `version` is the server's.
///
/// # Errors
/// All problems, in the order of the spec. Nothing may be written to the cloud then.
pub fn desired(
    spec: &LoadBalancerStackSpec,
    owner: Owner,
    answers: &Resolutions,
    version: ApiVersion,
) -> Result<Desired, Vec<Problem>> {
    let mut intake = Validator::new(answers, version, Provider::of(spec));
    match &spec.cloud_credentials_ref {
        None => intake.invalid("spec.cloudCredentialsRef", "is required: the Secret that says which cloud to use"),
        Some(reference) if reference.secret().is_none() => {
            intake.invalid("spec.cloudCredentialsRef.secretName", "is no name that a Secret can have");
        }
        Some(_) => {}
    }
    let default_name = format!("{}/{}", owner.namespace, owner.name);
    let (load_balancer, families) = load_balancer::load_balancer(&mut intake, spec, default_name);
    let floating_ip = load_balancer::floating_ip(&mut intake, spec, &families);
    let listeners = listener::listeners(&mut intake, spec, &families);
    let pools = pool::pools(&mut intake, spec, &families);
    pool::provider_knows_algorithms(&mut intake, spec);
    amphora::check(&mut intake, spec, &families);
    ovn::check(&mut intake, spec);
    if !intake.problems.is_empty() {
        return Err(intake.problems);
    }
    let allow_interruption = spec.allows_interruption();
    let hindrance = hindrance(&intake.problems_of_create);
    Ok(Desired { owner, load_balancer, listeners, pools, floating_ip, allow_interruption, hindrance })
}

fn hindrance(problems: &[Problem]) -> Option<CreateBlocker> {
    let kind = if problems.first()?.reason.is_reference() { CreateBlocker::Reference } else { CreateBlocker::Spec };
    Some(kind(in_one_text(problems)))
}

/// All problems, each with its field, for people.
pub fn in_one_text(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The IP versions that the load balancer listens on.
enum Families {
    Known(BTreeSet<Family>),
    /// Octavia chooses the subnet when it makes the load balancer. One that is there may have come from another: the
    /// network may have got more subnets since.
    Foreseen(BTreeSet<Family>),
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

impl Family {
    const fn of(address: std::net::IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl std::fmt::Display for Family {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}
