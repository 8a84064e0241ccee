//! Faults that tests inject: of single requests, and of Octavia's worker.

use std::time::Duration;

use http::Method;

use super::call::{Call, Service};
use super::octavia::Kind;

/// The requests that a fault strikes. A condition that is `None` matches every request.
#[derive(Debug, Clone, Default)]
pub struct Match {
    pub service: Option<Service>,
    pub method: Option<Method>,
    /// A part of the path below the service (`/loadbalancers`, an id).
    pub path_contains: Option<String>,
    /// Number of matching requests that pass before the fault strikes.
    pub skip: usize,
}

impl Match {
    pub fn all() -> Self {
        Self::default()
    }

    pub fn service(service: Service) -> Self {
        Self { service: Some(service), ..Self::default() }
    }

    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    pub fn path(mut self, part: &str) -> Self {
        self.path_contains = Some(part.to_owned());
        self
    }

    pub fn skip(mut self, requests: usize) -> Self {
        self.skip = requests;
        self
    }

    fn fits(&self, call: &Call) -> bool {
        self.service.is_none_or(|service| service == call.service)
            && self.method.as_ref().is_none_or(|method| *method == call.method)
            && self.path_contains.as_ref().is_none_or(|part| call.path.contains(part.as_str()))
    }
}

/// The effect of a fault on a request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// A proxy in front of the service responds. The service never sees the request.
    ProxyResponse { status: u16, body: String, retry_after: Option<u64> },
    /// The connection is refused: the request was not sent.
    Refused,
    /// The client does not accept the certificate of the service: the request was not sent.
    Untrusted,
    /// The connection breaks before the service reads the request.
    LostBefore,
    /// The service carries the request out, and the response is lost.
    LostAfter,
    /// The service carries the request out, and half of the response arrives.
    HalfBody,
    /// The response is delayed. The request is carried out at its normal time.
    SlowResponse(Duration),
    /// The request itself is delayed: the service starts later.
    SlowStart(Duration),
}

#[derive(Debug)]
struct Rule {
    which: Match,
    fault: Fault,
    /// Strikes that are left. `None`: unlimited.
    left: Option<usize>,
}

/// A fault of Octavia's worker, for the next changes that match.
#[derive(Debug, Clone)]
pub struct ProviderFault {
    /// Kind of the changed object. `None`: any.
    pub kind: Option<Kind>,
    pub verb: Option<Verb>,
    /// A part of the name of the load balancer. `None`: any.
    pub load_balancer: Option<String>,
    pub effect: WorkerEffect,
    /// Number of changes that it strikes. `None`: unlimited.
    pub times: Option<usize>,
}

impl ProviderFault {
    /// A fault that fails every change of this kind until it is removed.
    pub const fn fails(kind: Kind, verb: Verb) -> Self {
        Self { kind: Some(kind), verb: Some(verb), load_balancer: None, effect: WorkerEffect::Fails, times: None }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Create,
    Update,
    Delete,
    Failover,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkerEffect {
    /// The change fails after its time, and leaves the states that Octavia leaves.
    Fails,
    /// The worker never finishes: the objects stay PENDING.
    Hangs,
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    provider: Vec<ProviderFault>,
}

impl Faults {
    pub fn add(&mut self, which: Match, fault: Fault, times: Option<usize>) {
        self.rules.push(Rule { which, fault, left: times });
    }

    pub fn add_provider(&mut self, fault: ProviderFault) {
        self.provider.push(fault);
    }

    pub fn clear(&mut self) {
        self.rules.clear();
        self.provider.clear();
    }

    /// The fault that strikes this request, if any. Counts the strike.
    pub fn strike(&mut self, call: &Call) -> Option<Fault> {
        let mut struck = None;
        for rule in self.rules.iter_mut().filter(|rule| rule.which.fits(call)) {
            if rule.which.skip > 0 {
                rule.which.skip -= 1;
            } else if struck.is_none() && rule.left != Some(0) {
                rule.left = rule.left.map(|left| left - 1);
                struck = Some(rule.fault.clone());
            }
        }
        self.rules.retain(|rule| rule.left != Some(0));
        struck
    }

    /// The effect of worker faults on a change, if any. Counts the strike.
    pub fn provider(&mut self, kind: Kind, verb: Verb, load_balancer: &str) -> Option<WorkerEffect> {
        let at = self.provider.iter().position(|fault| {
            fault.kind.is_none_or(|wanted| wanted == kind)
                && fault.verb.is_none_or(|wanted| wanted == verb)
                && fault.load_balancer.as_ref().is_none_or(|part| load_balancer.contains(part.as_str()))
        })?;
        let fault = self.provider.get_mut(at)?;
        let effect = fault.effect;
        fault.times = fault.times.map(|times| times.saturating_sub(1));
        if fault.times == Some(0) {
            self.provider.remove(at);
        }
        Some(effect)
    }
}
