use serde_json::json;

use super::cloud::{FakeCloud, owner};
use crate::openstack::*;

const LIST: &str = "/octavia/v2/lbaas/loadbalancers";

/// Gives pages for ever, each of one load balancer that was never seen before.
fn endless(size: usize) -> std::sync::Arc<FakeCloud> {
    let filler = "x".repeat(size);
    FakeCloud::new(move |seen| {
        let fresh = seen.query("marker").map_or(0, |marker| marker[3..].parse::<u64>().unwrap() + 1);
        let page = json!({"loadbalancers": [{"id": format!("lb-{fresh}")}], "filler": filler,
                          "loadbalancers_links": [{"rel": "next", "href": "http://wrong/"}]});
        (seen.path == LIST).then_some(Ok((200, page)))
    })
}

#[tokio::test(start_paused = true)]
async fn a_list_without_an_end_is_given_up() {
    for (size, most) in [(10, 401), (4 << 20, 17)] {
        let fake = endless(size);
        let error = fake.cloud().find(&owner("u")).await.unwrap_err();
        assert_eq!(error.class, Class::Later(None));
        assert!(error.message.ends_with("the list has no end"), "{error}");
        let calls = fake.calls().len();
        assert!(calls <= most, "{calls} calls");
    }
}

/// A pool names each of its members: 500 large ones are more than is read at once.
#[tokio::test(start_paused = true)]
async fn where_a_page_is_too_large_smaller_ones_are_asked_for() {
    let too_large = || TransportError::TooLarge { endpoint: "octavia:9876".into(), limit_mib: 8 };
    let fake = FakeCloud::new(move |seen| {
        let limit = seen.query("limit").and_then(|limit| limit.parse::<u64>().ok());
        limit.is_some_and(|limit| limit > 100).then(|| Err(too_large()))
    });
    let owner = owner("u");
    for n in 0..250 {
        let record = json!({"id": format!("lb-{n}"), "project_id": "p1", "tags": owner.tags()});
        fake.lay("/v2/lbaas/loadbalancers", record);
    }
    assert_eq!(fake.cloud().find(&owner).await.unwrap().len(), 250);
    let limits: Vec<String> = fake.calls().iter().map(|seen| seen.query("limit").unwrap().to_owned()).collect();
    assert_eq!(limits, ["500", "100", "100", "100"]);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_be_small_enough_is_an_error_that_says_so() {
    let too_large = || TransportError::TooLarge { endpoint: "octavia:9876".into(), limit_mib: 8 };
    let fake = FakeCloud::new(move |seen| seen.query("limit").map(|_| Err(too_large())));
    let error = fake.cloud().find(&owner("u")).await.unwrap_err();
    assert_eq!((&error.class, error.in_doubt), (&Class::Later(None), false));
    assert!(error.message.contains("octavia:9876 is larger than 8 MiB"), "{error}");
    assert_eq!(fake.calls().len(), 3);
}
