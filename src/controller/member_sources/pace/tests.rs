use super::*;

const WINDOW: Pace = Pace { window: Duration::from_secs(2), drain: Duration::ZERO };
const DRAIN: Pace = Pace { window: Duration::ZERO, drain: Duration::from_secs(30) };

fn key(last: u8) -> MemberKey {
    MemberKey { address: [10, 0, 0, last].into(), port: 80 }
}

fn known(members: &[u8]) -> PoolEndpoints {
    let endpoints = members.iter().map(|last| (key(*last), Endpoint::default())).collect();
    [("pods".to_owned(), SourceEndpoints::Known(endpoints))].into()
}

fn unknown() -> PoolEndpoints {
    [("pods".to_owned(), SourceEndpoints::Unknown(None))].into()
}

/// Endpoints as the engine gets them: the last byte of each address, negative for one that drains. `None`: unknown.
fn passed_on(paced: &PacedSources) -> Option<Vec<i16>> {
    match paced.sourced().remove(&SourceKey::new("web", "pods"))? {
        SourceEndpoints::Unknown(_) => None,
        SourceEndpoints::Known(endpoints) => {
            let last = |key: &MemberKey| key.address.to_string().rsplit('.').next().unwrap().parse::<i16>().unwrap();
            Some(
                endpoints
                    .iter()
                    .map(|(key, e)| if e.phase == EndpointPhase::Draining { -last(key) } else { last(key) })
                    .collect(),
            )
        }
    }
}

async fn sleep(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn first_change_is_passed_on_at_once_and_next_after_window() {
    let mut paced = PacedSources::default();
    assert!(paced.update("web", known(&[1]), WINDOW));
    sleep(60).await;
    assert!(paced.update("web", known(&[1, 2]), WINDOW), "the last change is long ago");
    assert!(!paced.update("web", known(&[2]), WINDOW));
    assert!(!paced.update("web", known(&[2, 3]), WINDOW));
    assert_eq!(passed_on(&paced), Some(vec![1, 2]));
    assert_eq!(paced.wake_at(), Some(Instant::now() + WINDOW.window));
    sleep(2).await;
    assert!(paced.update("web", known(&[2, 3]), WINDOW), "the window is over");
    assert_eq!((passed_on(&paced), paced.wake_at()), (Some(vec![2, 3]), None));
    assert!(!paced.update("web", known(&[2, 3]), WINDOW), "nothing has changed");
}

#[tokio::test(start_paused = true)]
async fn change_that_is_taken_back_within_window_is_never_passed_on() {
    let mut paced = PacedSources::default();
    paced.update("web", known(&[1, 2]), WINDOW);
    assert!(!paced.update("web", known(&[1]), WINDOW));
    assert!(!paced.update("web", known(&[1, 2]), WINDOW));
    assert_eq!(paced.wake_at(), None);
}

#[tokio::test(start_paused = true)]
async fn forgotten_time_asks_for_no_reconcile() {
    let mut paced = PacedSources::default();
    paced.update("web", known(&[1, 2]), WINDOW);
    paced.update("web", known(&[1]), WINDOW);
    assert_eq!(paced.wake_at(), Some(Instant::now() + WINDOW.window));
    sleep(5).await;
    paced.forget_wake();
    assert_eq!(paced.wake_at(), None);
}

#[tokio::test(start_paused = true)]
async fn change_of_spec_does_not_wait_for_window() {
    let mut paced = PacedSources::default();
    paced.follow(Some(1));
    paced.update("web", known(&[1, 2]), WINDOW);
    paced.follow(Some(2));
    assert!(paced.update("web", known(&[3]), WINDOW));
    assert_eq!(passed_on(&paced), Some(vec![3]));
    paced.follow(Some(2));
    assert!(!paced.update("web", known(&[4]), WINDOW), "the window counts again");
}

#[tokio::test(start_paused = true)]
async fn zero_is_unknown_until_two_reads_confirm_it() {
    let mut paced = PacedSources::default();
    paced.update("web", known(&[1]), WINDOW);
    sleep(60).await;
    assert!(paced.needs_confirmation("web"));
    paced.confirm_zero("web");
    assert!(paced.update("web", known(&[]), WINDOW));
    assert_eq!(passed_on(&paced), None, "one read is not enough");
    assert!(!paced.needs_confirmation("web"), "the second read comes later");
    assert_eq!(paced.wake_at(), Some(Instant::now() + ZERO_INTERVAL));
    sleep(2).await;
    assert!(paced.needs_confirmation("web"));
    paced.confirm_zero("web");
    assert!(paced.update("web", known(&[]), WINDOW));
    assert_eq!(passed_on(&paced), Some(vec![]));
}

#[tokio::test(start_paused = true)]
async fn endpoint_after_unconfirmed_zero_is_passed_on_at_once() {
    let mut paced = PacedSources::default();
    paced.update("web", known(&[1]), WINDOW);
    sleep(60).await;
    paced.confirm_zero("web");
    paced.update("web", known(&[]), WINDOW);
    assert!(paced.update("web", known(&[2]), WINDOW));
    assert_eq!(passed_on(&paced), Some(vec![2]));
}

#[tokio::test(start_paused = true)]
async fn endpoint_between_two_zeros_starts_confirmation_again() {
    let mut paced = PacedSources::default();
    paced.confirm_zero("web");
    paced.update("web", known(&[]), WINDOW);
    sleep(2).await;
    paced.update("web", known(&[1]), WINDOW);
    sleep(2).await;
    assert!(paced.needs_confirmation("web"));
    paced.confirm_zero("web");
    paced.update("web", known(&[]), WINDOW);
    assert_eq!(passed_on(&paced), None);
}

#[tokio::test(start_paused = true)]
async fn endpoint_that_left_drains_and_goes_or_comes_back() {
    let mut paced = PacedSources::default();
    paced.update("web", known(&[1, 2, 3]), DRAIN);
    assert!(paced.update("web", known(&[1]), DRAIN));
    assert_eq!(passed_on(&paced), Some(vec![1, -2, -3]));
    assert_eq!(paced.wake_at(), Some(Instant::now() + DRAIN.drain));
    sleep(29).await;
    assert!(paced.update("web", known(&[1, 3]), DRAIN), "one is back");
    assert_eq!(passed_on(&paced), Some(vec![1, -2, 3]));
    sleep(1).await;
    assert!(paced.update("web", known(&[1, 3]), DRAIN));
    assert_eq!((passed_on(&paced), paced.wake_at()), (Some(vec![1, 3]), None));
}

#[tokio::test(start_paused = true)]
async fn source_that_becomes_unknown_keeps_nothing_of_its_endpoints() {
    let mut paced = PacedSources::default();
    paced.update("web", known(&[1]), WINDOW);
    sleep(60).await;
    assert!(paced.update("web", unknown(), WINDOW));
    assert_eq!(passed_on(&paced), None);
    assert!(paced.retain(|_| false), "the pool has no sources any more");
    assert_eq!(paced.sourced(), SourcedEndpoints::new());
}
