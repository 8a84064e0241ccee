//! Services with very many endpoints, and endpoints that flap.

use std::collections::BTreeSet;

use evenkeel_simulators::rig::{ready, terminating};
use tokio::time::sleep;

use super::sourced::*;
use super::*;

fn address(n: usize) -> String {
    format!("10.20.{}.{}", n / 250 + 1, n % 250 + 1)
}

/// Tells whether an endpoint is ready in this turn. Seven of ten are, and most change from one turn to the next.
fn is_ready(endpoint: usize, turn: usize) -> bool {
    (endpoint * 7 + turn * 13) % 10 >= 3
}

#[tokio::test(start_paused = true)]
async fn flapping_endpoints_cost_one_write_a_window_and_never_empty() {
    const SLICES: usize = 4;
    const EACH: usize = 50;
    const TURNS: usize = 200;
    let apply = async |rig: &Rig, slice: usize, turn: usize| {
        let endpoints = (slice * EACH..(slice + 1) * EACH).filter(|n| is_ready(*n, turn)).map(|n| ready(&address(n)));
        rig.apply_slice(&format!("web-{slice}"), "web", endpoints.collect()).await;
    };
    let mut rig = Rig::new().await;
    rig.apply_service("web", json!({})).await;
    for slice in 0..SLICES {
        apply(&rig, slice, 0).await;
    }
    rig.start();
    rig.create("web", sourced(json!([pods_of("web")]))).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    sleep(MINUTE).await;
    let writes = member_writes(&rig);
    // Each slice changes every 400 ms, for 20 s.
    for turn in 1..=TURNS {
        apply(&rig, turn % SLICES, turn).await;
        sleep(Duration::from_millis(100)).await;
        let left = members(&rig).len();
        assert!(left >= SLICES * EACH / 2, "{left} members in turn {turn}");
    }
    let written = member_writes(&rig) - writes;
    assert!((8..=11).contains(&written), "{written} writes in 20 s with a window of 2 s");
    let last = |slice: usize| (0..SLICES).map(|n| TURNS - n).find(|turn| turn % SLICES == slice).unwrap();
    let expected: BTreeSet<String> = (0..SLICES * EACH).filter(|n| is_ready(*n, last(n / EACH))).map(address).collect();
    rig.until("the members are right", SOON, |rig| addresses_of(rig).into_iter().collect::<BTreeSet<_>>() == expected)
        .await;
}

#[tokio::test(start_paused = true)]
async fn hundred_full_slices_give_each_address_once() {
    const SLICES: usize = 100;
    const EACH: usize = 1000;
    const DISTINCT: usize = 500;
    let mut rig = Rig::new().await;
    rig.apply_service("web", json!({})).await;
    for slice in 0..SLICES {
        // Every address is in several slices, where it terminates, and is ready in the first.
        let endpoint = |n: usize| if slice == 0 { ready(&address(n % DISTINCT)) } else { terminating(&address(n)) };
        rig.apply_slice(&format!("web-{slice}"), "web", (0..EACH).map(endpoint).collect()).await;
    }
    rig.start();
    rig.create("web", sourced(json!([pods_of("web")]))).await;
    rig.until("web is Ready", MINUTE, |rig| rig.is_ready("web")).await;
    assert_eq!(members(&rig).len(), DISTINCT);
    let writes = member_writes(&rig);
    rig.apply_slice("web-99", "web", vec![]).await;
    sleep(MINUTE).await;
    assert_eq!(member_writes(&rig), writes, "endpoints that terminate are no members");
    rig.apply_slice("web-0", "web", vec![ready(&address(7))]).await;
    rig.until("the members are right", SOON, |rig| addresses_of(rig) == [address(7)]).await;
    assert_eq!(member_writes(&rig), writes + 1);
}

/// The same two writes come again and again, and each takes effect. The endpoints change again while Octavia is at work, so
/// that the load balancer is never seen in sync.
#[tokio::test(start_paused = true)]
async fn member_that_comes_and_goes_is_never_delayed() {
    let rig = with_service().await;
    for turn in 0..12 {
        let last = 4 - turn % 2;
        rig.apply_slice("web-a", "web", addresses(1, last)).await;
        let written = |rig: &Rig| members(rig).len() == usize::from(last);
        rig.until("the change is written", Duration::from_secs(10), written).await;
        assert_ne!(rig.reason("web"), "ProvisioningFailed", "turn {turn}: {}", rig.message("web"));
    }
}
