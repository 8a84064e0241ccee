//! Watches, and the reflectors and controllers that run on them.

use std::sync::Arc;
use std::time::Duration;

use evenkeel_simulators::cluster::{ClusterSim, Effect, Fault, TokioClock};
use futures::{StreamExt, TryStreamExt};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::events::{Event as News, EventType, Recorder, Reporter};
use kube::runtime::finalizer::{Event, finalizer};
use kube::runtime::{Controller, WatchStreamExt, reflector, watcher};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;

use crate::support::{Widget, cluster, define_widgets, status_code, widget, widgets};

/// Waits until `holds`, at most ten seconds of tokio's time.
async fn eventually(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..1000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within ten seconds: {what}");
}

fn reflect(client: &Client, config: watcher::Config) -> reflector::Store<Widget> {
    let (store, writer) = reflector::store();
    let stream = watcher(widgets(client), config).default_backoff().reflect(writer);
    tokio::spawn(stream.for_each(|_| async {}));
    store
}

#[tokio::test]
async fn reflector_follows_list_watch_and_streaming_list() {
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let (_, client) = cluster().await;
        let api = widgets(&client);
        api.create(&PostParams::default(), &widget("early", 1)).await.unwrap();
        let store = reflect(&client, config);
        store.wait_until_ready().await.unwrap();
        assert_eq!(store.state().len(), 1);
        api.create(&PostParams::default(), &widget("late", 1)).await.unwrap();
        eventually("the new one is seen", async || store.state().len() == 2).await;
        api.patch("late", &PatchParams::default(), &Patch::Merge(json!({"spec": {"size": 7}}))).await.unwrap();
        eventually("the change is seen", async || store.state().iter().any(|w| w.spec.size == 7)).await;
        api.delete("early", &DeleteParams::default()).await.unwrap();
        eventually("the deletion is seen", async || store.state().len() == 1).await;
    }
}

#[tokio::test]
async fn cut_watch_resumes_without_new_list() {
    let (sim, client) = cluster().await;
    let store = reflect(&client, watcher::Config::default());
    store.wait_until_ready().await.unwrap();
    sim.forget_requests();
    sim.cut_watches();
    widgets(&client).create(&PostParams::default(), &widget("a", 1)).await.unwrap();
    eventually("the new one is seen", async || store.state().len() == 1).await;
    assert!(sim.requests().iter().all(|request| request.verb != "list"));
}

#[tokio::test]
async fn expired_history_makes_watch_list_again() {
    let (sim, client) = cluster().await;
    let store = reflect(&client, watcher::Config::default());
    store.wait_until_ready().await.unwrap();
    eventually("it watches", async || sim.requests().iter().any(|request| request.verb == "watch")).await;
    sim.inject(Fault::next("watch", "/widgets", Effect::Status(503)));
    sim.cut_watches();
    sim.limit_history(1);
    for name in ["a", "b", "c"] {
        widgets(&client).create(&PostParams::default(), &widget(name, 1)).await.unwrap();
    }
    eventually("all are seen", async || store.state().len() == 3).await;
    assert_eq!(sim.requests().iter().filter(|request| request.verb == "list").count(), 2);
}

#[tokio::test]
async fn selector_watch_sees_objects_enter_and_leave() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    let events = watcher(api.clone(), watcher::Config::default().labels("on=yes")).applied_objects();
    let mut touched = std::pin::pin!(events);
    api.create(&PostParams::default(), &widget("a", 1)).await.unwrap();
    let label = Patch::Merge(json!({"metadata": {"labels": {"on": "yes"}}}));
    let (seen, labelled) = tokio::join!(touched.try_next(), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        api.patch("a", &PatchParams::default(), &label).await
    });
    assert_eq!(seen.unwrap().unwrap().resource_version(), labelled.unwrap().resource_version());
}

#[tokio::test]
async fn fault_strikes_only_named_requests() {
    let (sim, client) = cluster().await;
    let api = widgets(&client);
    sim.inject(Fault::next("create", "/widgets", Effect::Status(503)));
    assert_eq!(status_code(api.create(&PostParams::default(), &widget("a", 1)).await), 503);
    sim.inject(Fault::next("create", "/widgets", Effect::Drop));
    assert!(api.create(&PostParams::default(), &widget("a", 1)).await.is_err());
    assert_eq!(status_code(api.get("a").await), 404, "nothing was done");
    sim.inject(Fault::next("create", "/widgets", Effect::LoseResponse));
    assert!(api.create(&PostParams::default(), &widget("a", 1)).await.is_err());
    assert_eq!(status_code(api.get("a").await), 200, "only the response was lost");
    sim.inject(Fault::next("patch", "/widgets/a", Effect::Conflict).times(2));
    for code in [409, 409, 200] {
        let patch = Patch::Merge(json!({"spec": {"size": 2}}));
        assert_eq!(status_code(api.patch("a", &PatchParams::default(), &patch).await), code);
    }
}

/// Runs a controller that adds a finalizer to each widget, sets its status by server-side apply, and writes an Event.
async fn run_controller(client: Client) {
    let api = widgets(&client);
    let reconcile = async |widget: Arc<Widget>, client: Arc<Client>| {
        let api = widgets(&client);
        finalizer(&api.clone(), "sim.dev/hold", widget, |event| async move {
            if let Event::Apply(widget) = event {
                let status = json!({"apiVersion": "sim.dev/v1", "kind": "Widget", "status": {"id": widget.name_any()}});
                let how = PatchParams::apply("test").force();
                api.patch_status(&widget.name_any(), &how, &Patch::Apply(status)).await?;
                let news = News {
                    type_: EventType::Normal,
                    reason: "Done".into(),
                    note: None,
                    action: "Apply".into(),
                    secondary: None,
                };
                let recorder = Recorder::new((*client).clone(), Reporter::from("test"));
                recorder.publish(&news, &widget.object_ref(&())).await?;
            }
            Ok::<_, kube::Error>(Action::await_change())
        })
        .await
    };
    let controller = Controller::new(api, watcher::Config::default());
    let policy = |_: Arc<Widget>, _: &_, _: Arc<Client>| Action::requeue(Duration::from_secs(1));
    controller.run(reconcile, policy, Arc::new(client)).for_each(|_| async {}).await;
}

#[tokio::test]
async fn controller_readies_and_finalizes_objects() {
    let (sim, client) = cluster().await;
    tokio::spawn(run_controller(client.clone()));
    let api = widgets(&client);
    for name in ["a", "b", "c"] {
        api.create(&PostParams::default(), &widget(name, 1)).await.unwrap();
    }
    let ready = async || sim.objects("sim.dev", "widgets").iter().all(|w| w["status"]["id"] == w["metadata"]["name"]);
    eventually("all have a status", ready).await;
    eventually("all have Events", async || sim.objects("", "events").len() >= 3).await;
    api.delete_collection(&DeleteParams::default(), &Default::default()).await.unwrap();
    eventually("all are gone", async || sim.objects("sim.dev", "widgets").is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn paused_time_drives_controller_and_clock() {
    let base = "2026-11-23T09:00:00Z".parse().unwrap();
    let sim = ClusterSim::new(Arc::new(TokioClock::starting_at(base)));
    let client = sim.client();
    define_widgets(&client).await;
    tokio::spawn(run_controller(client.clone()));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let made = widgets(&client).create(&PostParams::default(), &widget("a", 1)).await.unwrap();
    assert!(made.creation_timestamp().unwrap().0.to_string().starts_with("2026-11-23T10:00:"));
    eventually("it has a status", async || sim.objects("sim.dev", "widgets")[0]["status"]["id"] == "a").await;
}

#[tokio::test]
async fn served_api_responds_like_in_process_api() {
    let (sim, client) = cluster().await;
    widgets(&client).create(&PostParams::default(), &widget("a", 1)).await.unwrap();
    let served = sim.serve().await.unwrap();
    let config = kube::Config::new(served.url().parse().unwrap());
    rustls::crypto::ring::default_provider().install_default().ok();
    let remote = Client::try_from(config).unwrap();
    let api: Api<Widget> = Api::namespaced(remote.clone(), "default");
    let store = reflect(&remote, watcher::Config::default().streaming_lists());
    store.wait_until_ready().await.unwrap();
    assert_eq!(store.state().len(), 1);
    api.create(&PostParams::default(), &widget("b", 1)).await.unwrap();
    eventually("the new one is seen", async || store.state().len() == 2).await;
}
