use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::fake_cloud::FakeCloud;
use crate::model::{Body, Call, Impact, Kind, Step, StepReason};
use crate::openstack::*;

const REGION: &str = "    region_name: R1\n";

fn step(kind: Kind, call: Call) -> Step {
    Step {
        kind,
        name: "web".into(),
        call,
        changes: Vec::new(),
        impact: Impact::None,
        reason: StepReason::Wanted,
        depends_on: None,
    }
}

fn body() -> Body {
    json!({"name": "x", "description": null}).as_object().unwrap().clone()
}

pub(super) fn create_load_balancer() -> Step {
    step(Kind::LoadBalancer, Call::CreateLoadBalancer { body: body() })
}

/// A cloud that accepts every write.
fn accepting_cloud() -> std::sync::Arc<FakeCloud> {
    FakeCloud::new(|request| {
        let created = || json!({"loadbalancer": {"id": "new", "admin_state_up": true, "listeners": [], "pools": []}});
        (request.method != "GET" && request.token.is_some()).then(|| Ok((201, created())))
    })
}

fn create(kind: Kind, parent: Option<&str>) -> Step {
    step(kind, Call::Create { parent: parent.map(str::to_owned), body: body() })
}

fn update(kind: Kind, parent: Option<&str>) -> Step {
    step(kind, Call::Update { parent: parent.map(str::to_owned), id: "i".into(), body: body() })
}

fn delete(kind: Kind, parent: Option<&str>) -> Step {
    step(kind, Call::Delete { parent: parent.map(str::to_owned), id: "i".into() })
}

fn every_call() -> Vec<(Step, &'static str, Option<&'static str>)> {
    let id = || "i".to_owned();
    let lb = |call| step(Kind::LoadBalancer, call);
    let fip = |call| step(Kind::FloatingIp, call);
    let tag = |present| fip(Call::TagFloatingIp { id: id(), tag: "evenkeel:uid=u".into(), present });
    let batch = |additive| Call::ReplaceMembers { pool: "p".into(), additive, members: vec![body()], grows: true };
    vec![
        (create_load_balancer(), "POST /octavia/v2/lbaas/loadbalancers", Some("loadbalancer")),
        (
            lb(Call::UpdateLoadBalancer { id: id(), body: body() }),
            "PUT /octavia/v2/lbaas/loadbalancers/i",
            Some("loadbalancer"),
        ),
        (lb(Call::DeleteLoadBalancer { id: id() }), "DELETE /octavia/v2/lbaas/loadbalancers/i?cascade=true", None),
        (create(Kind::Listener, None), "POST /octavia/v2/lbaas/listeners", Some("listener")),
        (update(Kind::Listener, None), "PUT /octavia/v2/lbaas/listeners/i", Some("listener")),
        (delete(Kind::Listener, None), "DELETE /octavia/v2/lbaas/listeners/i", None),
        (create(Kind::Pool, None), "POST /octavia/v2/lbaas/pools", Some("pool")),
        (update(Kind::Pool, None), "PUT /octavia/v2/lbaas/pools/i", Some("pool")),
        (delete(Kind::Pool, None), "DELETE /octavia/v2/lbaas/pools/i", None),
        (create(Kind::HealthMonitor, None), "POST /octavia/v2/lbaas/healthmonitors", Some("healthmonitor")),
        (update(Kind::L7Policy, None), "PUT /octavia/v2/lbaas/l7policies/i", Some("l7policy")),
        (create(Kind::Member, Some("p")), "POST /octavia/v2/lbaas/pools/p/members", Some("member")),
        (delete(Kind::Member, Some("p")), "DELETE /octavia/v2/lbaas/pools/p/members/i", None),
        (create(Kind::L7Rule, Some("y")), "POST /octavia/v2/lbaas/l7policies/y/rules", Some("rule")),
        (update(Kind::L7Rule, Some("y")), "PUT /octavia/v2/lbaas/l7policies/y/rules/i", Some("rule")),
        (step(Kind::Member, batch(false)), "PUT /octavia/v2/lbaas/pools/p/members", Some("members")),
        (step(Kind::Member, batch(true)), "PUT /octavia/v2/lbaas/pools/p/members?additive_only=true", Some("members")),
        (fip(Call::CreateFloatingIp { body: body() }), "POST /v2.0/floatingips", Some("floatingip")),
        (
            fip(Call::UpdateFloatingIp { id: id(), body: body(), revision: None }),
            "PUT /v2.0/floatingips/i",
            Some("floatingip"),
        ),
        (fip(Call::DeleteFloatingIp { id: id(), revision: None }), "DELETE /v2.0/floatingips/i", None),
        (tag(true), "PUT /v2.0/floatingips/i/tags/evenkeel:uid=u", None),
        (tag(false), "DELETE /v2.0/floatingips/i/tags/evenkeel:uid=u", None),
        (step(Kind::Secret, Call::DeleteSecret { id: id() }), "DELETE /v1/secrets/i", None),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_step_sends_exactly_one_call() {
    let fake = accepting_cloud();
    let cloud = fake.cloud_with(REGION);
    for (step, line, root) in every_call() {
        cloud.execute(&step).await.unwrap();
        let calls = fake.calls();
        assert_eq!(calls.len(), 1, "{line}");
        let query: Vec<String> = calls[0].query.iter().map(|(key, value)| format!("?{key}={value}")).collect();
        assert_eq!(format!("{}{}", calls[0].line(), query.concat()), line);
        let object = Value::Object(body());
        let expected = match root {
            None => Value::Null,
            Some("members") => json!({"members": [object]}),
            Some(root) => json!({root: object}),
        };
        assert_eq!(calls[0].body, expected, "{line}");
        let seconds = if step.call.takes_quota() { 120 } else { 60 };
        assert_eq!(calls[0].timeout, Duration::from_secs(seconds), "{line}");
    }
}

/// Neutron rejects a write to a floating IP that another client has changed; the next plan observes it again.
#[tokio::test(start_paused = true)]
async fn floating_ip_writes_carry_the_revision() {
    let fake = FakeCloud::new(|request| {
        let changed =
            json!({"NeutronError": {"type": "RevisionNumberConstraintFailed", "message": "Constrained to 4"}});
        (request.method != "GET" && request.if_match.is_some()).then_some(Ok((412, changed)))
    });
    let cloud = fake.cloud_with(REGION);
    let update = |revision| step(Kind::FloatingIp, Call::UpdateFloatingIp { id: "i".into(), body: body(), revision });
    let delete = |revision| step(Kind::FloatingIp, Call::DeleteFloatingIp { id: "i".into(), revision });
    for (planned, later) in [(update(Some(4)), update(Some(5))), (delete(Some(4)), delete(Some(5)))] {
        let rejected = cloud.execute(&planned).await.unwrap_err();
        assert_eq!(rejected.class, ErrorClass::Conflict);
        assert_eq!(fake.calls()[0].if_match.as_deref(), Some("revision_number=4"));
        assert!(planned.repeats(&later) && planned != later);
    }
}

#[tokio::test(start_paused = true)]
async fn only_create_of_load_balancer_returns_a_tree() {
    let cloud = accepting_cloud().cloud_with(REGION);
    let Done::Created(tree) = cloud.execute(&create_load_balancer()).await.unwrap() else { panic!("no tree") };
    assert_eq!(tree.load_balancer.id, "new");
    assert_eq!(cloud.execute(&create(Kind::Pool, None)).await.unwrap(), Done::Accepted);
}

#[tokio::test(start_paused = true)]
async fn delete_of_missing_object_is_done_update_is_not() {
    let fake = FakeCloud::new(|request| {
        let octavia = json!({"faultcode": "Client", "faultstring": "It is not found."});
        let neutron =
            json!({"NeutronError": {"type": "FloatingIPNotFound", "message": "Floating IP i could not be found"}});
        request.token.is_some().then(|| Ok((404, if request.path.contains("lbaas") { octavia } else { neutron })))
    });
    let cloud = fake.cloud_with(REGION);
    for (step, line, _) in every_call() {
        let done = cloud.execute(&step).await;
        match line.starts_with("DELETE") {
            true => assert_eq!(done.unwrap(), Done::Accepted, "{line}"),
            false => assert_eq!(done.unwrap_err().class, ErrorClass::NotFound, "{line}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn unreadable_create_response_is_in_doubt() {
    let fake =
        FakeCloud::new(|request| (request.method == "POST" && request.token.is_some()).then(|| Ok((201, json!("?")))));
    let error = fake.cloud_with(REGION).execute(&create_load_balancer()).await.unwrap_err();
    assert!(error.in_doubt);
    assert_eq!(error.class, ErrorClass::Transient(None));
}

#[tokio::test(start_paused = true)]
async fn step_with_dependency_is_not_sent() {
    let fake = accepting_cloud();
    let waiting = Step { depends_on: Some("pool web".into()), ..create(Kind::Listener, None) };
    let error = fake.cloud_with(REGION).execute(&waiting).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::Rejected);
    assert!(fake.calls().is_empty());
}

/// Responds to a create after 20 seconds. Its Keystone may name any project.
struct SlowTransport;

fn slow_cloud(auth_url: &str, more: &str, settings: &CloudSettings) -> Cloud {
    let yaml = format!(
        "clouds: {{c: {{region_name: R1, {more} auth: {{auth_url: '{auth_url}', user_id: u, password: x, project_id: p}}}}}}"
    );
    let credentials = Credentials::parse(yaml.as_bytes(), None, "c").unwrap();
    Cloud::new(credentials, &SlowTransport, std::sync::Arc::new(crate::clock::SystemClock), settings.clone()).unwrap()
}

impl Transport for SlowTransport {
    fn send(&self, request: Request, _: Duration) -> futures::future::BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let (body, wait) = match path.as_str() {
                "/v3/auth/tokens" => (
                    json!({"token": {"project": {"id": "p", "name": "p"}, "catalog": [
                    {"type": "load-balancer", "endpoints": [{"interface": "public", "region_id": "R1", "url": "http://lb"}]}]}}),
                    0,
                ),
                _ => (json!({}), 20),
            };
            tokio::time::sleep(Duration::from_secs(wait)).await;
            let response = ::http::Response::builder().header("x-subject-token", "t");
            Ok(response.body(body.to_string().into()).unwrap())
        })
    }
}

impl Connector for SlowTransport {
    fn connect(&self, _: &TlsOptions) -> Result<std::sync::Arc<dyn Transport>, ConnectError> {
        Ok(std::sync::Arc::new(SlowTransport))
    }
}

#[tokio::test(start_paused = true)]
async fn third_concurrent_create_is_locked_and_not_sent() {
    let cloud = slow_cloud("http://k", "", &CloudSettings::default());
    let creates = [create(Kind::Pool, None), create(Kind::Pool, None), create(Kind::Pool, None)];
    let results = join_all(creates.iter().map(|step| cloud.execute(step))).await;
    let rejected: Vec<&CloudError> = results.iter().filter_map(|result| result.as_ref().err()).collect();
    assert_eq!(rejected.len(), 1);
    assert_eq!((&rejected[0].class, rejected[0].in_doubt), (&ErrorClass::Locked, false));
    cloud.execute(&update(Kind::Pool, None)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn sessions_of_one_project_share_create_slots() {
    let settings = CloudSettings::default();
    let clouds = [slow_cloud("http://k/v3", "", &settings), slow_cloud("http://K:80", "", &settings)];
    let creates = [create(Kind::Pool, None), create(Kind::Pool, None)];
    let all = clouds.iter().flat_map(|cloud| creates.iter().map(|step| cloud.execute(step)));
    assert_eq!(join_all(all).await.into_iter().filter(Result::is_err).count(), 2);
}

/// A tenant's own Keystone may name any project, and a tenant's own endpoint may hang. Neither occupies the slots of the project.
#[tokio::test(start_paused = true)]
async fn forged_project_id_takes_no_create_slot() {
    let settings = CloudSettings::default();
    let genuine = slow_cloud("http://k", "", &settings);
    let forged = [
        slow_cloud("http://forged", "", &settings),
        slow_cloud("http://k", "load_balancer_endpoint_override: 'http://forged',", &settings),
    ];
    let creates = [create(Kind::Pool, None), create(Kind::Pool, None)];
    let all = forged.iter().chain([&genuine]).flat_map(|cloud| creates.iter().map(|step| cloud.execute(step)));
    assert!(join_all(all).await.iter().all(Result::is_ok));
}
