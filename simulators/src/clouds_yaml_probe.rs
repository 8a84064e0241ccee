//! Evenkeel's interpretation of an entry of a `clouds.yaml`: the login that it sends, and the endpoints that it
//! chooses. Tests compare it with openstacksdk.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use evenkeel::clock::SystemClock;
use evenkeel::openstack::{
    Cloud, CloudSettings, ConnectError, Connector, Credentials, Request, Response, TlsOptions, Transport,
    TransportError,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// The recorded requests and TLS options.
#[derive(Default)]
struct Sent {
    login: Option<(String, Value)>,
    calls: Vec<String>,
    verify: bool,
}

#[derive(Clone, Default)]
struct Listener(Arc<Mutex<Sent>>);

impl Listener {
    fn sent(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connector for Listener {
    fn connect(&self, tls: &TlsOptions) -> Result<Arc<dyn Transport>, ConnectError> {
        self.sent().verify = !tls.insecure;
        Ok(Arc::new(self.clone()))
    }
}

impl Transport for Listener {
    fn send(&self, request: Request, _: Duration) -> BoxFuture<'_, Result<Response, TransportError>> {
        let url = request.uri().to_string();
        let mut response = Response::new(Bytes::new());
        if let Some(root) = url.strip_suffix("/v3/auth/tokens") {
            let body = serde_json::from_slice(request.body()).unwrap_or_default();
            self.sent().login = Some((root.to_owned(), body));
            *response.body_mut() = Bytes::from(token().to_string());
            *response.status_mut() = http::StatusCode::CREATED;
            response.headers_mut().insert("x-subject-token", http::HeaderValue::from_static("token"));
        } else {
            let endpoint = request.uri();
            let port = endpoint.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
            self.sent().calls.push(format!("https://{}{port}", endpoint.host().unwrap_or_default()));
            *response.body_mut() = Bytes::from(json!({"versions": [{"id": "v2.27"}], "floatingips": []}).to_string());
        }
        async { Ok(response) }.boxed()
    }
}

/// A token whose catalogue has a distinct endpoint for each interface and region.
fn token() -> Value {
    let endpoint = |kind: &str, interface: &str, region: &str| {
        let url = format!("https://{kind}.{interface}.{region}.example").to_lowercase();
        json!({"interface": interface, "region_id": region, "region": region, "url": url})
    };
    let service = |kind: &str| {
        let endpoints: Vec<Value> = ["RegionOne", "RegionTwo"]
            .iter()
            .flat_map(|region| ["public", "internal", "admin"].map(|interface| endpoint(kind, interface, region)))
            .collect();
        json!({"type": kind, "endpoints": endpoints})
    };
    json!({"token": {"project": {"id": "p", "name": "shop"}, "catalog": [service("load-balancer"), service("network")]}})
}

/// Reads an entry of a `clouds.yaml`, and records the requests of the client that uses it.
///
/// # Errors
/// The message in the status of a stack, for an entry that cannot be used.
pub async fn probe(clouds_yaml: &[u8], cloud: &str) -> Result<Value, String> {
    let listener = Listener::default();
    let credentials = Credentials::parse(clouds_yaml, None, cloud).map_err(|error| error.to_string())?;
    let cloud = Cloud::new(credentials, &listener, Arc::new(SystemClock), CloudSettings::default());
    let cloud = cloud.map_err(|error| error.to_string())?;
    cloud.api_version().await.map_err(|error| error.to_string())?;
    cloud.has_l3_extension().await.map_err(|error| error.to_string())?;
    let sent = listener.sent();
    let (identity, login) = sent.login.clone().unwrap_or_default();
    Ok(json!({
        "identity": identity, "login": login, "load-balancer": sent.calls.first(), "network": sent.calls.get(1),
        "verify": sent.verify,
    }))
}
