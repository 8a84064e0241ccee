//! Secrets of stacks in Barbican.

use std::sync::Arc;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::fake_cloud::*;
use crate::model::*;
use crate::openstack::*;

const REGION: &str = "    region_name: R1\n";

fn record(id: usize, name: &str) -> Value {
    json!({"name": name, "secret_ref": format!("https://keys.example/v1/secrets/s{id}"), "status": "ACTIVE",
           "created": "2026-11-30T12:00:00", "content_types": {"default": "text/plain"}})
}

/// A cloud whose Barbican has these secrets and finds all of them by any name.
fn with_secrets(secrets: Vec<Value>) -> Arc<FakeCloud> {
    FakeCloud::new(move |request| {
        if request.line() != "GET /v1/secrets" {
            return None;
        }
        let number = |key: &str| request.query(key).unwrap().parse::<usize>().unwrap();
        let (offset, limit) = (number("offset"), number("limit").min(100));
        let page: Vec<&Value> = secrets.iter().skip(offset).take(limit).collect();
        let mut body = json!({"secrets": page, "total": secrets.len()});
        if offset + limit < secrets.len() {
            body["next"] = json!("http://wrong/");
        }
        Some(Ok((200, body)))
    })
}

fn ids(secrets: &[ObservedSecret]) -> Vec<&str> {
    secrets.iter().map(|secret| secret.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn secrets_are_read_to_the_end_and_compared_exactly() {
    let prefix = StoredSecret::prefix(&owner("u1"));
    let mut secrets: Vec<Value> = (0..200).map(|n| record(n, &format!("{prefix}{n:032x}"))).collect();
    secrets.push(record(200, &prefix.to_uppercase()));
    secrets.push(record(201, &format!("x{prefix}0")));
    secrets.push(json!({"name": format!("{prefix}0"), "secret_ref": "https://keys.example/v1/secrets/..%2F", "status": "ACTIVE"}));
    secrets.push(record(204, &format!("{prefix}f")));
    let fake = with_secrets(secrets);
    let found = fake.cloud_with(REGION).leftover_secrets(&owner("u1")).await.unwrap();
    assert_eq!(found.len(), 201);
    assert_eq!((found[0].id.as_str(), found[200].id.as_str()), ("s0", "s204"));
    let lists: Vec<_> = fake.calls().into_iter().filter(|call| call.path == "/v1/secrets").collect();
    assert_eq!(lists.len(), 3);
    assert_eq!(lists[0].query("name"), Some(format!("{prefix}%").as_str()));
}

#[tokio::test(start_paused = true)]
async fn tree_without_tag_asks_no_key_manager() {
    let fake = with_secrets(Vec::new());
    let owner = add_plain_stack(&fake, 1);
    let cloud = fake.cloud_with(REGION);
    let load_balancer = cloud.load_balancer("lb-1").await.unwrap().unwrap();
    let tree = cloud.tree(load_balancer.clone(), &owner).await.unwrap();
    assert_eq!(tree.secrets, ObservedSecrets::default());
    assert!(fake.lines().iter().all(|line| !line.contains("/v1/secrets")));
    let query = TreeQuery { stores_secrets: true, ..TreeQuery::from(&owner) };
    cloud.tree(load_balancer, query).await.unwrap();
    assert_eq!(fake.lines().iter().filter(|line| line.contains("/v1/secrets")).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn secret_named_by_another_load_balancer_is_marked() {
    let prefix = StoredSecret::prefix(&owner("u1"));
    let names = |n: usize| format!("{prefix}{n:032x}");
    let fake = with_secrets((1..=3).map(|n| record(n, &names(n))).collect());
    for n in 1..=2 {
        add_plain_stack(&fake, n);
        fake.change("/v2/lbaas/loadbalancers", &format!("lb-{n}"), |record| {
            record["tags"].as_array_mut().unwrap().push(json!(SECRETS_TAG));
        });
        fake.change("/v2/lbaas/listeners", &format!("listener-{n}"), |record| {
            record["default_tls_container_ref"] = json!(format!("http://10.0.0.5:9311/v1/secrets/s{n}"));
        });
    }
    let cloud = fake.cloud_with(REGION);
    let read = cloud.tree(cloud.load_balancer("lb-1").await.unwrap().unwrap(), &owner("uid-1")).await.unwrap();
    let cached = cloud.cached_tree("lb-1", &owner("uid-1"), std::time::Duration::ZERO).await.unwrap().unwrap();
    for tree in [read, cached] {
        let secrets = tree.secrets.known();
        assert_eq!(ids(secrets), ["s1", "s2", "s3"]);
        let elsewhere: Vec<bool> = secrets.iter().map(|secret| secret.named_elsewhere).collect();
        assert_eq!(elsewhere, [false, true, false]);
    }
}

#[tokio::test(start_paused = true)]
async fn failing_key_manager_leaves_secrets_unknown() {
    let fake = FakeCloud::new(|request| {
        (request.path == "/v1/secrets").then(|| Ok((503, json!({"code": 503, "title": "x", "description": "down"}))))
    });
    let owner = add_plain_stack(&fake, 1);
    let cloud = fake.cloud_with(REGION);
    let query = TreeQuery { stores_secrets: true, ..TreeQuery::from(&owner) };
    let tree = cloud.tree(cloud.load_balancer("lb-1").await.unwrap().unwrap(), query).await.unwrap();
    assert!(matches!(tree.secrets, ObservedSecrets::Unknown(cause) if cause.contains("down")));
}

fn secret(format: SecretFormat) -> StoredSecret {
    let payload = Zeroizing::new(b"-----BEGIN CERTIFICATE-----\nMIIBkzCCATmgAwIBAgIUBdFf\n".to_vec());
    StoredSecret::new(&owner("u1"), SecretContent::new(payload, format, "0b".repeat(16)))
}

fn store(format: SecretFormat) -> Step {
    let secret = secret(format);
    Step::new(Kind::Secret, secret.name.clone(), Call::CreateSecret { secret })
}

#[tokio::test(start_paused = true)]
async fn secret_is_stored_as_text_or_base64_without_expiry() {
    let fake = FakeCloud::new(|request| {
        (request.method == "POST" && request.path == "/v1/secrets").then(|| Ok((201, json!({"secret_ref": "x"}))))
    });
    let cloud = fake.cloud_with(REGION);
    for (format, kind, encoding) in [
        (SecretFormat::Pem, "text/plain", Value::Null),
        (SecretFormat::Pkcs12, "application/octet-stream", json!("base64")),
    ] {
        cloud.execute(&store(format)).await.unwrap();
        let calls = fake.calls();
        assert_eq!(calls.len(), 1);
        let body = &calls[0].body;
        assert_eq!((&body["payload_content_type"], &body["payload_content_encoding"]), (&json!(kind), &encoding));
        assert_eq!((&body["name"], &body["secret_type"]), (&json!(secret(format).name), &json!("opaque")));
        let starts = if encoding.is_null() { "-----BEGIN" } else { "LS0tLS1CRUdJTi" };
        assert!(body["payload"].as_str().unwrap().starts_with(starts));
        assert_eq!(body.get("expiration"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn rejection_of_secret_does_not_repeat_it() {
    let fake = FakeCloud::new(|request| {
        let payload = request.body["payload"].as_str()?;
        let description = format!("Provided object does not match schema 'Secret': '{payload}' is too long.");
        Some(Ok((400, json!({"code": 400, "title": "Bad Request", "description": description}))))
    });
    for format in [SecretFormat::Pem, SecretFormat::Pkcs12] {
        let error = fake.cloud_with(REGION).execute(&store(format)).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Rejected);
        for text in [error.to_string(), format!("{error:?}")] {
            assert!(!text.contains("MIIB") && !text.contains("LS0t"), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn deleted_secret_may_be_gone_already() {
    let fake = FakeCloud::new(|request| {
        let gone = json!({"code": 404, "title": "Not Found", "description": "Secret not found."});
        (request.line() == "DELETE /v1/secrets/s1").then_some(Ok((404, gone)))
    });
    let step = Step::new(Kind::Secret, "evenkeel-0-0", Call::DeleteSecret { id: "s1".into() });
    assert_eq!(fake.cloud_with(REGION).execute(&step).await.unwrap(), Done::Accepted);
    assert_eq!(fake.lines(), ["DELETE /v1/secrets/s1"]);
}
