//! Handling of an HTTP request, from routing to the response.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use super::convert;
use super::discovery;
use super::faults::{self, ClusterRequest, Effect};
use super::inner::Inner;
use super::kinds::Kind;
use super::list;
use super::openapi;
use super::protobuf;
use super::query::Query;
use super::representation::Representation;
use super::route::{Route, Target, route, verb};
use super::state::DeleteOptions;
use super::status::StatusError;
use super::store::{Key, key_of};
use super::watch;
use super::write::{Patch, Written};
use super::write_options::{UnknownFields, WriteOptions};

/// The connection breaks, and the client gets no response.
pub struct Broken;

impl From<Broken> for io::Error {
    fn from(_: Broken) -> Self {
        Self::new(io::ErrorKind::ConnectionReset, "the connection was reset (injected)")
    }
}

struct Call<'a> {
    inner: &'a Arc<Inner>,
    headers: &'a HeaderMap,
    query: Query,
    verb: &'static str,
    body: &'a Bytes,
}

/// Carries a request out, after the faults that strike it.
pub async fn handle(inner: &Arc<Inner>, request: Request<Bytes>) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let query = Query::parse(parts.uri.query().unwrap_or_default());
    let path = parts.uri.path();
    let route = route(&inner.lock().kinds, path);
    let named = matches!(&route, Route::Objects(Target { name: Some(_), .. }));
    let verb = verb(&parts.method, named, &query);
    let content_type = text_of(&parts.headers, header::CONTENT_TYPE).to_owned();
    let seen = ClusterRequest {
        verb,
        path: path.to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        content_type: if body.is_empty() { String::new() } else { content_type },
    };
    let (latency, effect) = inner.faults().strike(seen);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    match effect {
        Some(Effect::Status(code)) => return Ok(error_response(&faults::injected_error(code))),
        Some(Effect::Conflict) => {
            let Route::Objects(Target { kind, name, .. }) = &route else {
                return Ok(error_response(&faults::injected_error(409)));
            };
            return Ok(error_response(&StatusError::modified(kind, name.as_deref().unwrap_or_default())));
        }
        Some(Effect::Drop) => return Err(Broken),
        Some(Effect::Delay(time)) => tokio::time::sleep(time).await,
        Some(Effect::LoseResponse | Effect::SlowResponse(_)) | None => {}
    }
    let call = Call { inner, headers: &parts.headers, query, verb, body: &body };
    let response = call.dispatch(route).unwrap_or_else(|error| error_response(&error));
    match effect {
        Some(Effect::LoseResponse) => return Err(Broken),
        Some(Effect::SlowResponse(time)) => tokio::time::sleep(time).await,
        _ => {}
    }
    Ok(response)
}

fn text_of(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn error_response(error: &StatusError) -> Response<Body> {
    let code = StatusCode::from_u16(error.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json_response(code, &error.body())
}

fn json_response(code: StatusCode, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn ok(body: &Value) -> Response<Body> {
    json_response(StatusCode::OK, body)
}

impl Call<'_> {
    fn dispatch(&self, route: Route) -> Result<Response<Body>, StatusError> {
        let kinds = self.inner.lock().kinds.clone();
        let accept = text_of(self.headers, header::ACCEPT);
        match route {
            Route::Version => Ok(ok(&discovery::version())),
            Route::Health => Ok(Response::new(Body::from("ok"))),
            Route::CoreVersions => Ok(discovery_response(discovery::core(&kinds, accept))),
            Route::Groups => Ok(discovery_response(discovery::groups(&kinds, accept))),
            Route::Group(group) => Ok(ok(&discovery::group(&kinds, &group)?)),
            Route::Resources { group, version } => Ok(ok(&discovery::resources(&kinds, &group, &version)?)),
            Route::OpenApiIndex => Ok(ok(&openapi::index(&kinds))),
            Route::OpenApi { group, version } => Ok(ok(&openapi::document(&kinds, &group, &version)?)),
            Route::Objects(target) => self.objects(target),
            Route::Nothing => Err(StatusError::no_such_path()),
        }
    }

    fn objects(&self, target: Target) -> Result<Response<Body>, StatusError> {
        let status = match target.subresource.as_deref() {
            None => false,
            Some("status") if target.kind.has_status => true,
            Some(_) => return Err(StatusError::no_such_path()),
        };
        let representation = Representation::wanted(self.headers, &self.query);
        let now = self.inner.clock.now();
        let Target { kind, namespace, name, .. } = target;
        let key = (namespace.clone().unwrap_or_default(), name.unwrap_or_default());
        match self.verb {
            "list" => {
                let state = self.inner.lock();
                Ok(ok(&list::list(&state, &kind, namespace.as_deref(), &self.query, representation, now)?))
            }
            "watch" => {
                let events = watch::start(self.inner, kind, namespace, &self.query, representation)?;
                let mut response = Response::new(Body::from_stream(events));
                let json = header::HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                Ok(response)
            }
            "get" => {
                let object = self.inner.lock().get(&kind, &key)?;
                Ok(ok(&representation.object(&kind, &object, now)))
            }
            "delete" => {
                let options = self.delete_options()?;
                Ok(ok(&self.inner.write(|state| state.delete(&kind, &key, &options, now))?))
            }
            "deletecollection" => self.delete_collection(&kind, namespace.as_deref()),
            _ => self.written(&kind, &key, status, representation),
        }
    }

    fn written(
        &self,
        kind: &Kind,
        key: &Key,
        status: bool,
        representation: Representation,
    ) -> Result<Response<Body>, StatusError> {
        let written = match (self.verb, key.1.is_empty()) {
            ("create", true) => {
                let (body, options) = (self.decoded()?, self.write_options(status)?);
                self.inner.write(|state| state.create(kind, &key.0, body, &options))?
            }
            ("update", false) => {
                let (body, options) = (self.decoded()?, self.write_options(status)?);
                self.inner.write(|state| state.replace(kind, key, body, &options))?
            }
            ("patch", false) => {
                let (patch, options) = (self.patch(kind.is_custom())?, self.write_options(status)?);
                self.inner.write(|state| state.patch(kind, key, patch, &options))?
            }
            _ => return Err(StatusError::method_not_allowed()),
        };
        let Written { object, created, warnings } = written;
        let code = if created { StatusCode::CREATED } else { StatusCode::OK };
        let mut response = json_response(code, &representation.object(kind, &object, self.inner.clock.now()));
        for warning in warnings {
            let text = format!("299 - \"{}\"", warning.replace('"', "\\\""));
            if let Ok(value) = header::HeaderValue::from_str(&text) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        Ok(response)
    }

    fn delete_collection(
        &self,
        kind: &super::kinds::Kind,
        namespace: Option<&str>,
    ) -> Result<Response<Body>, StatusError> {
        let now = self.inner.clock.now();
        let options = self.delete_options()?;
        let body = self.inner.write(|state| {
            let objects = list::select(state, kind, namespace, &self.query)?;
            for object in &objects {
                state.delete(kind, &key_of(object), &options, now)?;
            }
            let metadata = json!({"resourceVersion": state.store.revision().to_string()});
            Ok(Representation::Whole.list(kind, &objects, metadata, now))
        })?;
        Ok(ok(&body))
    }

    fn decoded(&self) -> Result<Value, StatusError> {
        if text_of(self.headers, header::CONTENT_TYPE).contains("protobuf") {
            let accepted = ["application/json", "application/yaml"];
            return protobuf::decode(self.body).ok_or_else(|| StatusError::unsupported_patch(&accepted));
        }
        let text = std::str::from_utf8(self.body).map_err(|error| StatusError::bad_request(error.to_string()))?;
        serde_json::from_str(text)
            .or_else(|_| serde_saphyr::from_str(text))
            .map_err(|error| StatusError::bad_request(format!("the body is neither JSON nor YAML: {error}")))
    }

    fn patch(&self, custom: bool) -> Result<Patch, StatusError> {
        let content_type = text_of(self.headers, header::CONTENT_TYPE).split(';').next().unwrap_or_default();
        match content_type {
            "application/json-patch+json" => Ok(Patch::Json(self.decoded()?)),
            "application/merge-patch+json" => Ok(Patch::Merge(self.decoded()?)),
            "application/apply-patch+yaml" => Ok(Patch::Apply(self.decoded()?)),
            "application/strategic-merge-patch+json" if !custom => Ok(Patch::Strategic(self.decoded()?)),
            _ => {
                let mut accepted =
                    vec!["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];
                if !custom {
                    accepted.insert(2, "application/strategic-merge-patch+json");
                }
                Err(StatusError::unsupported_patch(&accepted))
            }
        }
    }

    fn write_options(&self, status: bool) -> Result<WriteOptions, StatusError> {
        let agent = text_of(self.headers, header::USER_AGENT).split('/').next().unwrap_or_default();
        let given = self.query.text("fieldManager");
        let apply = text_of(self.headers, header::CONTENT_TYPE).starts_with("application/apply-patch");
        if apply && given.is_empty() {
            let problem = super::status::FieldProblem::new(
                "fieldManager",
                "FieldValueRequired",
                "Required value: is required for apply patch",
            );
            return Err(StatusError::invalid(("PatchOptions", "meta.k8s.io"), "", &[problem]));
        }
        let unknown_fields = match self.query.text("fieldValidation") {
            "Strict" => UnknownFields::Reject,
            "Ignore" => UnknownFields::Ignore,
            _ => UnknownFields::Warn,
        };
        let manager = match (given, agent) {
            ("", "") => "unknown",
            ("", agent) => agent,
            (given, _) => given,
        };
        Ok(WriteOptions {
            manager: manager.to_owned(),
            status,
            unknown_fields,
            dry_run: !self.query.text("dryRun").is_empty(),
            force: self.query.is_true("force"),
            now: self.inner.clock.now(),
        })
    }

    fn delete_options(&self) -> Result<DeleteOptions, StatusError> {
        let body = if self.body.is_empty() { json!({}) } else { self.decoded()? };
        let text = |key: &str| body["preconditions"][key].as_str().map(str::to_owned);
        let dry_run =
            !self.query.text("dryRun").is_empty() || body["dryRun"].as_array().is_some_and(|stages| !stages.is_empty());
        Ok(DeleteOptions { uid: text("uid"), resource_version: text("resourceVersion"), dry_run })
    }
}

fn discovery_response((content_type, body): (&'static str, Value)) -> Response<Body> {
    let mut response = ok(&body);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

/// All objects of a kind, for tests that look behind the API.
pub fn objects(inner: &Inner, group: &str, plural: &str) -> Vec<Value> {
    let state = inner.lock();
    let Some(kind) = state.kinds.all().iter().find(|kind| kind.is(group, plural)).cloned() else {
        return Vec::new();
    };
    convert::shown_all(&kind, &state.store.list(&kind.group_resource, None))
}

/// The number of objects of a kind for which `holds`, which gets them as they are stored: without a copy of each.
pub fn count(inner: &Inner, group: &str, plural: &str, holds: impl Fn(&Value) -> bool) -> usize {
    let state = inner.lock();
    let Some(kind) = state.kinds.all().iter().find(|kind| kind.is(group, plural)) else { return 0 };
    state.store.list(&kind.group_resource, None).iter().filter(|object| holds(object)).count()
}

/// One object of a kind, likewise.
pub fn object(inner: &Inner, group: &str, plural: &str, key: &Key) -> Option<Value> {
    let state = inner.lock();
    let kind = state.kinds.all().iter().find(|kind| kind.is(group, plural))?;
    state.get(kind, key).ok()
}
