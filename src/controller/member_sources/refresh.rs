//! Endpoints of one stack, before a reconcile.

use kube::ResourceExt;

use super::cache::CachedEndpoints;
use super::hold_back::hold_back;
use super::pace::{Pace, PacedSources, PoolEndpoints, is_zero};
use crate::api::{LoadBalancerStack, MemberSourceSpec, PoolSpec};
use crate::cluster::{SourceObjects, kube_message};
use crate::controller::context::Context;
use crate::endpoints::{Endpoints, SourceProblem};
use crate::model::{Problem, ProblemReason, SourceEndpoints, SourceKey};

/// Result of a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refreshed {
    Unchanged,
    Changed,
    /// The watches have not listed everything yet: a reconcile now would not know the members.
    NotListed,
}

/// Brings the endpoints of a stack up to date.
pub(crate) async fn refresh(stack: &LoadBalancerStack, context: &Context, paced: &mut PacedSources) -> Refreshed {
    // Each pool that is looked at below sets its time anew. Of one that is not, a time that has passed would ask for
    // reconciles without a pause.
    paced.forget_wake();
    paced.follow(stack.metadata.generation);
    if stack.metadata.deletion_timestamp.is_some() {
        return Refreshed::Unchanged;
    }
    let namespace = stack.namespace().unwrap_or_default();
    let with_sources =
        |name: &str| stack.spec.pools.iter().any(|pool| pool.name == name && !pool.member_sources.is_empty());
    let mut changed = paced.retain(with_sources);
    for pool in stack.spec.pools.iter().filter(|pool| !pool.member_sources.is_empty()) {
        let Some(mut endpoints) = cached(context, &namespace, pool) else { return Refreshed::NotListed };
        if pool.min_members() > 0 {
            hold_back(context, &namespace, pool, paced.floor(&pool.name), &mut endpoints).await;
        }
        if is_zero(&endpoints) && paced.needs_confirmation(&pool.name) {
            match live(context, &namespace, pool).await {
                Ok(live) if is_zero(&live) => paced.confirm_zero(&pool.name),
                // The cache is behind.
                Ok(live) => endpoints = live,
                Err(problems) => paced.fail_read(&pool.name, problems),
            }
        }
        changed |= paced.update(&pool.name, endpoints, Pace { window: pool.member_window(), drain: pool.drain() });
        if pool.min_members() > 0 {
            paced.remember_members(&pool.name);
        }
    }
    if changed { Refreshed::Changed } else { Refreshed::Unchanged }
}

/// Endpoints of a pool by the cache; `None` while a watch has not listed its objects and no error says why.
fn cached(context: &Context, namespace: &str, pool: &PoolSpec) -> Option<PoolEndpoints> {
    let mut endpoints = PoolEndpoints::new();
    for source in &pool.member_sources {
        let found = match context.sources.endpoints(namespace, pool, source) {
            CachedEndpoints::Read(result) => read(pool, source, result),
            CachedEndpoints::NotListed(None) => return None,
            CachedEndpoints::NotListed(Some(error)) => unreadable(pool, source, &error),
        };
        endpoints.insert(source.name.clone(), found);
    }
    Some(endpoints)
}

/// Endpoints of a pool by the API server itself, past the cache, or the problems of its sources. A pool is emptied only
/// for a zero that the API server confirms: a cache may be behind, and a watch that is lost says nothing.
async fn live(context: &Context, namespace: &str, pool: &PoolSpec) -> Result<PoolEndpoints, PoolEndpoints> {
    let mut endpoints = PoolEndpoints::new();
    let mut problems = PoolEndpoints::new();
    for source in &pool.member_sources {
        match SourceObjects::read(&context.client, namespace, source).await {
            Ok(objects) => endpoints.insert(source.name.clone(), read(pool, source, objects.endpoints(pool, source))),
            Err(error) => problems.insert(source.name.clone(), unreadable(pool, source, &kube_message(&error))),
        };
    }
    if problems.is_empty() { Ok(endpoints) } else { Err(problems) }
}

fn read(pool: &PoolSpec, source: &MemberSourceSpec, result: Result<Endpoints, SourceProblem>) -> SourceEndpoints {
    match result {
        Ok(endpoints) => SourceEndpoints::Known(endpoints),
        Err(problem) => {
            let path = SourceKey::new(&pool.name, &source.name).path();
            SourceEndpoints::Unknown(Some(Problem::new(path, problem.reason(), problem.to_string())))
        }
    }
}

fn unreadable(pool: &PoolSpec, source: &MemberSourceSpec, error: &str) -> SourceEndpoints {
    let path = SourceKey::new(&pool.name, &source.name).path();
    let message = format!(
        "the Kubernetes API does not show its objects ({error}); the members of the pool stay as they are: let the \
         controller get, list and watch services, endpointslices and nodes"
    );
    SourceEndpoints::Unknown(Some(Problem::new(path, ProblemReason::ReferenceUnusable, message)))
}
