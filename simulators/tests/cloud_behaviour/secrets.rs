//! Barbican's expiry, quota, roles and access lists.

use std::time::Duration;

use evenkeel::clock::{Clock, SystemClock};
use evenkeel_simulators::cloud::Service;
use http::Method;
use serde_json::{Value, json};

use super::tenant::Tenant;

const SECRETS: &str = "/key-manager/v1/secrets";

fn secret(more: Value) -> Value {
    let mut body = json!({"name": "s", "payload": "x", "payload_content_type": "text/plain"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

/// The path of a new secret.
async fn stored(tenant: &Tenant, more: Value) -> String {
    let (code, body) = tenant.post(SECRETS, secret(more)).await;
    assert_eq!(code, 201, "{body}");
    format!("{SECRETS}/{}", body["secret_ref"].as_str().unwrap().rsplit('/').next().unwrap())
}

#[tokio::test(start_paused = true)]
async fn expired_secret_is_not_found() {
    let tenant = Tenant::quick().await;
    let expires = SystemClock.now() + jiff::SignedDuration::from_secs(60);
    let path = stored(&tenant, json!({"expiration": expires.to_string()})).await;
    assert_eq!(tenant.get(&path).await["name"], "s");
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(tenant.call(Method::GET, &path, None).await.0, 404);
    assert_eq!(tenant.get(&format!("{SECRETS}?name=s")).await["total"], 0);
    assert_eq!(tenant.delete(&path).await, 404);
}

#[tokio::test(start_paused = true)]
async fn secret_above_quota_is_forbidden() {
    let tenant = Tenant::quick().await;
    let stored = tenant.get(SECRETS).await["total"].as_u64().unwrap();
    tenant.sim.limit_secrets(Some(usize::try_from(stored).unwrap() + 1));
    assert_eq!(tenant.post(SECRETS, secret(json!({}))).await.0, 201);
    let (code, body) = tenant.post(SECRETS, secret(json!({}))).await;
    let text = "Secret creation issue seen - Creation not allowed because a quota has been reached.";
    assert_eq!((code, &body["description"]), (403, &json!(text)));
}

#[tokio::test(start_paused = true)]
async fn creator_or_member_stores_and_deletes() {
    let tenant = Tenant::quick().await;
    for (user, role, stores) in [("a", "creator", true), ("b", "member", true), ("c", "observer", false)] {
        tenant.sim.add_user(user, "demo", &[role, "load-balancer_member"]);
        let path = stored(&tenant, json!({})).await;
        let path = path.trim_start_matches("/key-manager");
        let (post, delete) = if stores { (201, 204) } else { (403, 403) };
        let as_user = |method, path: &str, body| {
            let path = path.to_owned();
            let sim = tenant.sim.clone();
            async move { sim.request_as(user, method, Service::KeyManager, &path, body).await.0 }
        };
        assert_eq!(as_user(Method::POST, "/v1/secrets", Some(secret(json!({})))).await, post, "{role}");
        assert_eq!(as_user(Method::DELETE, path, None).await, delete, "{role}");
        assert_eq!(as_user(Method::GET, "/v1/secrets", None).await, 200, "{role}");
    }
}

#[tokio::test(start_paused = true)]
async fn private_secret_is_for_its_creator_and_named_users() {
    let tenant = Tenant::quick().await;
    tenant.sim.add_user("other", "demo", &["member"]);
    let path = stored(&tenant, json!({})).await;
    let below = path.trim_start_matches("/key-manager").to_owned();
    let as_other = |method| tenant.sim.request_as("other", method, Service::KeyManager, &below, None);
    assert_eq!(as_other(Method::GET).await.0, 200);
    let (code, _) = tenant.put(&format!("{path}/acl"), json!({"read": {"project-access": false}})).await;
    assert_eq!(code, 200);
    assert_eq!(as_other(Method::GET).await.0, 403);
    assert_eq!(as_other(Method::DELETE).await.0, 403);
    assert_eq!(tenant.call(Method::GET, &path, None).await.0, 200);
    assert_eq!(tenant.delete(&path).await, 204);
}
