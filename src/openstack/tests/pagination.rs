use std::time::Duration;

use serde_json::json;

use super::fake_cloud::{FakeCloud, owner};
use crate::openstack::*;

const LIST: &str = "/octavia/v2/lbaas/loadbalancers";

/// Responds with endless pages, each of one new load balancer.
fn endless(size: usize) -> std::sync::Arc<FakeCloud> {
    let filler = "x".repeat(size);
    FakeCloud::new(move |request| {
        let fresh = request.query("marker").map_or(0, |marker| marker[3..].parse::<u64>().unwrap() + 1);
        let page = json!({"loadbalancers": [{"id": format!("lb-{fresh}")}], "filler": filler,
                          "loadbalancers_links": [{"rel": "next", "href": "http://wrong/"}]});
        (request.path == LIST).then_some(Ok((200, page)))
    })
}

#[tokio::test(start_paused = true)]
async fn endless_list_is_abandoned() {
    for (size, most) in [(10, 401), (4 << 20, 17)] {
        let fake = endless(size);
        let error = fake.cloud().find(&owner("u")).await.unwrap_err();
        assert_eq!(error.class, ErrorClass::Transient(None));
        assert!(error.message.ends_with("the list has no end"), "{error}");
        let calls = fake.calls().len();
        assert!(calls <= most, "{calls} calls");
    }
}

/// Each of the six lists of a snapshot stays within its own limit.
#[tokio::test(start_paused = true)]
async fn lists_held_together_share_a_budget() {
    let filler = "x".repeat(4 << 20);
    let fake = FakeCloud::new(move |request| {
        let key = request.path.rsplit('/').next().unwrap().to_owned();
        let pages_before = request.query("marker").map_or(0, |marker| marker[5..].parse::<u64>().unwrap());
        let is_last = key == "loadbalancers" || pages_before == 11;
        let links = if is_last { json!([]) } else { json!([{"rel": "next", "href": "http://wrong/"}]) };
        let page = json!({key.clone(): [{"id": format!("page-{}", pages_before + 1)}], format!("{key}_links"): links, "filler": filler});
        request.path.starts_with("/octavia/v2/").then_some(Ok((200, page)))
    });
    let error = fake.cloud().cached_tree("lb", &owner("u"), Duration::ZERO).await.unwrap_err();
    assert_eq!(error.message, "after 128 MiB the list has no end");
    let calls = fake.calls().len();
    assert!(calls <= 36, "{calls} calls");
}

/// Two bytes of `{}` become a whole record.
#[tokio::test(start_paused = true)]
async fn response_with_more_structure_than_text_is_not_read() {
    for item in [json!({}), json!(0), json!({"id": ""})] {
        let items = vec![item; 100_000];
        let fake =
            FakeCloud::new(move |request| (request.path == LIST).then(|| Ok((200, json!({"loadbalancers": items})))));
        let error = fake.cloud().find(&owner("u")).await.unwrap_err();
        assert_eq!((&error.class, error.is_too_large(), error.in_doubt), (&ErrorClass::Transient(None), true, false));
        assert_eq!(
            error.message,
            "the response of the load-balancer service has more JSON structure than text and was not read"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn write_with_amplified_response_is_in_doubt() {
    let body = json!({"loadbalancer": {"id": "lb", "pools": vec![json!({}); 100_000]}});
    let fake = FakeCloud::new(move |request| {
        (request.method == "POST" && request.path == LIST).then(|| Ok((201, body.clone())))
    });
    let error = fake.cloud().execute(&super::execute::create_load_balancer()).await.unwrap_err();
    assert_eq!((error.class, error.in_doubt, error.status), (ErrorClass::Transient(None), true, Some(201)));
}

/// A record names its children, so 500 large records exceed the response limit.
#[tokio::test(start_paused = true)]
async fn page_too_large_is_requested_again_in_smaller_pages() {
    let too_large = || TransportError::TooLarge { endpoint: "octavia:9876".into(), limit_mib: 8 };
    let fake = FakeCloud::new(move |request| {
        let limit = request.query("limit").and_then(|limit| limit.parse::<u64>().ok());
        limit.is_some_and(|limit| limit > 100).then(|| Err(too_large()))
    });
    let owner = owner("u");
    for n in 0..250 {
        let record = json!({"id": format!("lb-{n}"), "project_id": "p1", "tags": owner.tags()});
        fake.add("/v2/lbaas/loadbalancers", record);
    }
    assert_eq!(fake.cloud().find(&owner).await.unwrap().len(), 250);
    let limits: Vec<String> = fake.calls().iter().map(|request| request.query("limit").unwrap().to_owned()).collect();
    assert_eq!(limits, ["500", "100", "100", "100"]);
}

#[tokio::test(start_paused = true)]
async fn smallest_page_still_too_large_is_an_error() {
    let too_large = || TransportError::TooLarge { endpoint: "octavia:9876".into(), limit_mib: 8 };
    let fake = FakeCloud::new(move |request| request.query("limit").map(|_| Err(too_large())));
    let error = fake.cloud().find(&owner("u")).await.unwrap_err();
    assert_eq!((&error.class, error.in_doubt), (&ErrorClass::Transient(None), false));
    assert!(error.message.contains("octavia:9876 is larger than 8 MiB"), "{error}");
    assert_eq!(fake.calls().len(), 3);
}
