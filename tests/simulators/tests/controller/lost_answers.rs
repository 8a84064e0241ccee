//! A lost answer never makes a second load balancer.

use std::time::Duration;

use evenkeel_simulators::cloud::{Fault, Match, Service};
use evenkeel_simulators::rig::{Rig, small};
use http::Method;

const SOON: Duration = Duration::from_secs(60);

fn create() -> Match {
    Match::service(Service::LoadBalancer).method(Method::POST).path("/loadbalancers")
}

#[tokio::test(start_paused = true)]
async fn a_create_whose_answer_is_lost_is_found_and_not_repeated() {
    let mut rig = Rig::new().await;
    rig.cloud.fail(create(), Fault::LostAfter, 1);
    rig.start();
    rig.create("web", small()).await;
    rig.until("web is Ready", SOON, |rig| rig.is_ready("web")).await;
    assert_eq!((rig.creates().len(), rig.load_balancers().len()), (1, 1));
}
