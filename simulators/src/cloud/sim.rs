//! The simulated cloud: the way of a request through time, faults and services.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};

use super::call::Call;
use super::config::CloudConfig;
use super::faults::Fault;
use super::reply::{Reply, fault};
use super::request_log::CloudRequest;
use super::world::World;

/// The simulated cloud. Clones share its state.
#[derive(Clone, Debug)]
pub struct CloudSim {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) world: Mutex<World>,
    /// The quota rows of projects. Octavia locks a row for the whole of a POST.
    pub(super) quota_rows: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// The end of a request, as the client sees it.
#[derive(Debug)]
pub(crate) enum Exchange {
    Response(Response<Bytes>),
    /// The connection was refused.
    Refused,
    /// The client did not accept the certificate.
    Untrusted,
    /// The connection broke before any response.
    Lost,
    /// The connection broke in the middle of this response.
    Half(Response<Bytes>),
}

impl CloudSim {
    /// Keystone's URL for a client that uses [`CloudSim::transport`].
    pub const AUTH_URL: &'static str = "http://cloud.test/identity/v3";

    pub fn new(config: CloudConfig) -> Self {
        let inner = Inner { world: Mutex::new(World::new(config)), quota_rows: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Carries a request out as the service would. A connection that breaks is shown as 502.
    ///
    /// Dropping the future does not stop the service: it finishes a request that it has begun.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        match self.exchange(request).await {
            Exchange::Response(response) => response,
            Exchange::Refused | Exchange::Untrusted | Exchange::Lost | Exchange::Half(_) => {
                finish(Reply::html(502, "The connection to the service broke."), None)
            }
        }
    }

    pub(crate) async fn exchange(&self, request: Request<Bytes>) -> Exchange {
        let sim = self.clone();
        tokio::spawn(async move { sim.carry_out(request).await }).await.unwrap_or(Exchange::Lost)
    }

    pub(super) async fn carry_out(&self, request: Request<Bytes>) -> Exchange {
        let prefixes = self.world().config.prefixes.clone();
        let Some(call) = Call::new(request, &prefixes) else {
            return Exchange::Response(finish(Reply::html(404, "The resource could not be found."), None));
        };
        let (entry, struck) = {
            let mut world = self.world();
            let struck = world.faults.strike(&call);
            let now = world.clock.now();
            let at = world.clock.since_start(now.at);
            (world.request_log.add(CloudRequest::new(&call, at)), struck)
        };
        match &struck {
            Some(Fault::Refused) => return Exchange::Refused,
            Some(Fault::Untrusted) => return Exchange::Untrusted,
            Some(Fault::LostBefore) => return Exchange::Lost,
            Some(Fault::ProxyResponse { status, body, retry_after }) => {
                return Exchange::Response(canned(*status, body, *retry_after));
            }
            Some(Fault::SlowStart(delay)) => tokio::time::sleep(*delay).await,
            _ => {}
        }
        let reply = self.serve_call(&call).await;
        let response = {
            let mut world = self.world();
            world.request_log.set_status(entry, reply.status);
            // The size limit is checked in front of the middleware that assigns request ids.
            let id = (reply.status != 413).then(|| world.ids.uuid());
            finish(reply, id)
        };
        match struck {
            Some(Fault::LostAfter) => Exchange::Lost,
            Some(Fault::HalfBody) => Exchange::Half(response),
            Some(Fault::SlowResponse(delay)) => {
                tokio::time::sleep(delay).await;
                Exchange::Response(response)
            }
            _ => Exchange::Response(response),
        }
    }

    /// Waits for the service's own time, then carries the request out at one moment.
    pub(super) async fn serve_call(&self, call: &Call) -> Reply {
        let (timing, takes_quota, project) = {
            let mut world = self.world();
            let now = world.clock.now();
            world.settle(&now);
            if let Err(error) = world.admit(call, &now) {
                return error;
            }
            let caller = world.keystone.authenticate(call.header("x-auth-token"), call.service, now.at);
            (world.config.timing.clone(), world.takes_quota(call), caller.map(|caller| caller.project))
        };
        if takes_quota {
            let row = self.quota_row(project.unwrap_or_default());
            let Ok(_held) = tokio::time::timeout(timing.quota_lock_timeout, row.lock()).await else {
                return fault(503, "Project busy.  Unable to lock the project.  Please try again.");
            };
            let commit = if World::is_new_load_balancer(call) { timing.commit_load_balancer } else { timing.commit };
            pause(commit).await;
            return self.respond(call);
        }
        pause(if call.is_write() { timing.write } else { timing.read }).await;
        self.respond(call)
    }

    pub(super) fn respond(&self, call: &Call) -> Reply {
        let mut world = self.world();
        let now = world.clock.now();
        world.respond(call, &now)
    }

    pub(super) fn quota_row(&self, project: String) -> Arc<tokio::sync::Mutex<()>> {
        let mut rows = self.inner.quota_rows.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(rows.entry(project).or_default())
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.inner.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn pause(duration: Duration) {
    if !duration.is_zero() {
        tokio::time::sleep(duration).await;
    }
}

fn finish(reply: Reply, id: Option<String>) -> Response<Bytes> {
    let mut response = Response::new(reply.body);
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let id = id.map(|id| ("x-openstack-request-id", format!("req-{id}")));
    for (name, value) in reply.headers.into_iter().chain(id) {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The response of a proxy in front of the service.
fn canned(status: u16, body: &str, retry_after: Option<u64>) -> Response<Bytes> {
    let kind = if body.starts_with('{') { "application/json" } else { "text/html" };
    let mut reply = Reply::empty(status).with("content-type", kind);
    reply.body = Bytes::from(body.to_owned());
    if let Some(seconds) = retry_after {
        reply = reply.with("retry-after", seconds.to_string());
    }
    finish(reply, None)
}
