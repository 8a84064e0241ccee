use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use serde_json::json;

use super::fake_cloud::{FakeCloud, FakeTransport, PASSWORD, owner};
use crate::clock::SystemClock;
use crate::openstack::*;

#[tokio::test(start_paused = true)]
async fn concurrent_callers_share_one_login() {
    let fake = FakeCloud::empty();
    let cloud = fake.cloud();
    let owner = owner("u");
    let found = join_all((0..32).map(|_| cloud.find(&owner))).await;
    assert!(found.into_iter().all(|found| found.is_ok_and(|found| found.is_empty())));
    assert_eq!(fake.logins.load(Ordering::SeqCst), 1);
    assert_eq!(fake.calls().len(), 32);
}

#[tokio::test(start_paused = true)]
async fn failed_login_is_shared_by_waiting_callers() {
    let fake = FakeCloud::new(|request| {
        (request.path == "/v3/auth/tokens").then(|| Ok((401, json!({"error": {"code": 401, "message": "no"}}))))
    });
    let cloud = fake.cloud();
    let failed = join_all((0..32).map(|_| cloud.project())).await;
    assert!(failed.iter().all(|failed| failed.as_ref().is_err_and(|error| error.class == ErrorClass::Credentials)));
    let logins = fake.requests.lock().unwrap().len();
    assert!(logins <= 2, "{logins} log-ins");
}

#[tokio::test(start_paused = true)]
async fn token_is_renewed_two_minutes_before_it_expires() {
    let fake = FakeCloud::empty();
    let cloud = fake.cloud();
    for (minutes, logins) in [(0, 1), (57, 1), (58, 2)] {
        tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
        cloud.find(&owner("u")).await.unwrap();
        assert_eq!(fake.logins.load(Ordering::SeqCst), logins, "after {minutes} more minutes");
    }
    assert_eq!(fake.calls().last().unwrap().token.as_deref(), Some("token-2"));
}

#[tokio::test(start_paused = true)]
async fn short_token_is_used_for_half_its_life() {
    let fake = FakeCloud::empty();
    fake.token_life.store(60, Ordering::SeqCst);
    let cloud = fake.cloud();
    for (seconds, logins) in [(0, 1), (28, 1), (4, 2)] {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        cloud.find(&owner("u")).await.unwrap();
        assert_eq!(fake.logins.load(Ordering::SeqCst), logins, "after {seconds} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn token_serves_to_its_end_while_keystone_is_away() {
    let away = Arc::new(Mutex::new(false));
    let is_away = Arc::clone(&away);
    let fake = FakeCloud::new(move |request| {
        (request.path == "/v3/auth/tokens" && *is_away.lock().unwrap()).then_some(Ok((503, json!(null))))
    });
    let cloud = fake.cloud();
    cloud.find(&owner("u")).await.unwrap();
    *away.lock().unwrap() = true;
    tokio::time::sleep(Duration::from_secs(3500)).await;
    cloud.find(&owner("u")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!(cloud.find(&owner("u")).await.unwrap_err().class, ErrorClass::Transient(None));
}

#[tokio::test(start_paused = true)]
async fn rejected_token_is_renewed_once_for_all_callers() {
    let unauthorized = || Ok((401, json!({"error": {"code": 401, "title": "Unauthorized", "message": "no"}})));
    let fake = FakeCloud::new(move |request| (request.token.as_deref() == Some("token-1")).then(unauthorized));
    let cloud = fake.cloud();
    let owner = owner("u");
    let found = join_all((0..8).map(|_| cloud.find(&owner))).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(fake.logins.load(Ordering::SeqCst), 2);
    assert_eq!(fake.calls().len(), 16);
}

#[tokio::test(start_paused = true)]
async fn token_rejected_twice_means_wrong_credentials() {
    let fake = FakeCloud::new(|request| {
        request
            .token
            .is_some()
            .then(|| Ok((401, json!({"error": {"code": 401, "title": "Unauthorized", "message": "no"}}))))
    });
    let error = fake.cloud().find(&owner("u")).await.unwrap_err();
    assert_eq!((error.class, error.status), (ErrorClass::Credentials, Some(401)));
    assert_eq!((fake.logins.load(Ordering::SeqCst), fake.calls().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn endpoint_is_chosen_by_interface_and_region() {
    for (more, host) in [
        ("    region_name: R1\n", "public.r1:13876"),
        ("    region_name: R2\n", "public.r2:13876"),
        ("    interface: internal\n", "internal.r1:13876"),
    ] {
        let fake = FakeCloud::empty();
        let cloud = fake.cloud_with(more);
        cloud.find(&owner("u")).await.unwrap();
        cloud.floating_ips(&owner("u"), None).await.unwrap();
        cloud.api_version().await.unwrap();
        let calls = fake.calls();
        assert_eq!((calls[0].host.as_str(), calls[0].path.as_str()), (host, "/octavia/v2/lbaas/loadbalancers"));
        assert_eq!(calls[1].path, "/v2.0/floatingips");
        assert_eq!(calls[2].path, "/octavia/");
    }
}

#[tokio::test(start_paused = true)]
async fn override_replaces_catalogue_endpoint() {
    let fake = FakeCloud::empty();
    let more = "    region_name: R1\n    load_balancer_endpoint_override: https://own.example/v2.0\n";
    fake.cloud_with(more).find(&owner("u")).await.unwrap();
    let calls = fake.calls();
    assert_eq!((calls[0].host.as_str(), calls[0].path.as_str()), ("own.example:443", "/v2/lbaas/loadbalancers"));
}

#[tokio::test(start_paused = true)]
async fn ambiguous_and_unknown_regions_are_explained() {
    let error = FakeCloud::empty().cloud_with("").project().await;
    let message = error.unwrap_err().message;
    assert!(message.contains("R1, R2") && message.contains("region_name"), "{message}");
    let error = FakeCloud::empty().cloud_with("    region_name: R9\n").find(&owner("u")).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Credentials);
    assert!(error.message.contains("no public endpoint of type load-balancer in region \"R9\""), "{}", error.message);
}

#[tokio::test(start_paused = true)]
async fn project_and_api_version_are_read() {
    let fake = FakeCloud::empty();
    let cloud = fake.cloud_with("    region_name: R1\n");
    let project = cloud.project().await.unwrap();
    assert_eq!(project, Project { id: "p1".into(), region: "R1".into() });
    assert_eq!(cloud.api_version().await.unwrap().minor, 27);
    assert_eq!(cloud.api_version().await.unwrap().to_string(), "2.27");
    assert_eq!(fake.lines(), ["GET /octavia/"]);
}

#[tokio::test(start_paused = true)]
async fn lost_response_leaves_write_in_doubt_unsent_request_does_not() {
    let endpoint = "lb:9876".to_owned();
    for (failure, in_doubt) in [
        (TransportError::NotSent { endpoint: endpoint.clone(), cause: "connection refused".into() }, false),
        (TransportError::NoAnswer { endpoint: endpoint.clone(), cause: "no answer in time".into() }, true),
    ] {
        let text = failure.to_string();
        let fake = FakeCloud::new(move |request| request.token.is_some().then(|| Err(failure.clone())));
        let cloud = fake.cloud_with("    region_name: R1\n");
        let error = cloud.execute(&super::execute::create_load_balancer()).await.unwrap_err();
        assert_eq!((error.class, error.in_doubt, error.status), (ErrorClass::Transient(None), in_doubt, None));
        assert_eq!(error.message, text);
        assert!(!cloud.find(&owner("u")).await.unwrap_err().in_doubt);
    }
}

#[tokio::test(start_paused = true)]
async fn session_debug_and_errors_show_no_secret() {
    let fake = FakeCloud::new(|request| {
        let text = format!("bad request: {}", request.body);
        (request.path == "/v3/auth/tokens").then(|| Ok((401, json!({"error": {"code": 401, "message": text}}))))
    });
    let cloud = fake.cloud();
    let error = cloud.project().await.unwrap_err();
    for shown in [format!("{cloud:?}"), error.to_string(), format!("{error:?}")] {
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
    assert!(error.message.contains("cloud \"c\""), "{}", error.message);
}

/// A user's credentials choose the endpoint: messages must not reveal its responses.
#[tokio::test(start_paused = true)]
async fn malformed_response_is_not_quoted() {
    let bodies = [
        json!("hunter2"),
        json!({"loadbalancers": "hunter2"}),
        json!({"loadbalancers": [{"id": "lb", "provisioning_status": ["hunter2"]}]}),
        json!({"loadbalancers": [{"id": "lb", "tags": "hunter2"}]}),
        json!({"loadbalancer": "hunter2"}),
        json!({"versions": [{"id": "hunter2 "}]}),
        json!({"versions": "hunter2"}),
    ];
    for body in bodies {
        let answer = body.clone();
        let fake =
            FakeCloud::new(move |request| request.path.starts_with("/octavia").then(|| Ok((200, answer.clone()))));
        let cloud = fake.cloud();
        let errors = [
            cloud.find(&owner("u")).await.err(),
            cloud.load_balancer("lb").await.err(),
            cloud.api_version().await.err(),
            cloud.execute(&super::execute::create_load_balancer()).await.err(),
        ];
        for error in errors.into_iter().flatten() {
            assert!(!error.to_string().contains("hunter2"), "{body}: {error}");
        }
    }
}

/// Debug shows all fields that are kept.
#[test]
fn session_keeps_no_ca_text() {
    let yaml = b"clouds: {c: {auth: {auth_url: 'http://k', user_id: u, password: p, project_id: p}}}";
    let credentials = Credentials::parse(yaml, Some(b"PEM"), "c").unwrap();
    assert!(format!("{credentials:?}").contains("ca: Some"));
    let cloud =
        Cloud::new(credentials, &FakeTransport(FakeCloud::empty()), Arc::new(SystemClock), CloudSettings::default());
    assert!(format!("{:?}", cloud.unwrap()).contains("ca: None"));
}

#[tokio::test(start_paused = true)]
async fn amplified_catalogue_is_not_read() {
    let fake = FakeCloud::new(|request| {
        let catalogue = json!([{"type": "load-balancer", "endpoints": vec![json!({}); 100_000]}]);
        let token = json!({"project": {"id": "p"}, "catalog": catalogue});
        (request.path == "/v3/auth/tokens").then(|| Ok((201, json!({"token": token}))))
    });
    let error = fake.cloud().project().await.unwrap_err();
    assert_eq!((error.class, error.in_doubt), (ErrorClass::Transient(None), false));
    assert_eq!(
        error.message,
        "the response of the identity service has more JSON structure than text and was not read"
    );
}

/// A catalogue may have many endpoints, and service types of a megabyte.
#[tokio::test(start_paused = true)]
async fn large_catalogue_yields_short_error_messages() {
    let endpoints = |kind: &str| {
        let regions =
            (0..500).map(|n| json!({"interface": "public", "region_id": format!("r{n}"), "url": "http://lb"}));
        json!({"type": kind, "endpoints": regions.collect::<Vec<_>>()})
    };
    let catalogue = json!([endpoints("load-balancer"), endpoints(&"compute".repeat(1000))]);
    let fake = FakeCloud::new(move |request| {
        let token = json!({"project": {"id": "p"}, "catalog": catalogue});
        (request.path == "/v3/auth/tokens").then(|| Ok((201, json!({"token": token}))))
    });
    let errors = [fake.cloud_with("").project().await.err(), fake.cloud().find(&owner("u")).await.err()];
    for error in errors.into_iter().flatten() {
        assert!(error.message.contains("and 490 more") && error.message.len() < 1000, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_catalogue_endpoint_is_not_called() {
    for url in ["http://lb/?x=", "http://lb/#x", "http://u:hunter2@lb", "file:///lb", "lb"] {
        let fake = FakeCloud::new(move |request| {
            let endpoint = json!({"interface": "public", "region_id": "R1", "url": url});
            let token =
                json!({"project": {"id": "p"}, "catalog": [{"type": "load-balancer", "endpoints": [endpoint]}]});
            (request.path == "/v3/auth/tokens").then(|| Ok((201, json!({"token": token}))))
        });
        let error = fake.cloud().find(&owner("u")).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Credentials, "{url}");
        assert!(error.message.contains("public endpoint of type load-balancer"), "{error}");
        assert!(!error.message.contains("hunter2"), "{error}");
        assert!(fake.calls().is_empty(), "{url}");
    }
}
