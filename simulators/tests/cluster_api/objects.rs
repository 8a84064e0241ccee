//! The life cycle of objects, by the rules of a genuine API server.

use std::sync::Arc;

use k8s_openapi::api::core::v1::{Event as CoreEvent, Namespace, Secret};
use k8s_openapi::api::events::v1::Event as NewEvent;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::controller::Action;
use kube::runtime::finalizer::{Event, finalizer};
use kube::{Resource, ResourceExt};
use serde_json::json;

use crate::support::{Widget, cluster, rejection_message, status_code, widget, widgets};

async fn nothing(_: Event<Widget>) -> Result<Action, std::io::Error> {
    Ok(Action::await_change())
}

#[tokio::test]
async fn created_object_gets_identity_defaults_and_generation_one() {
    let (_, client) = cluster().await;
    let made = widgets(&client).create(&PostParams::default(), &widget("a", 3)).await.unwrap();
    assert_eq!(made.meta().generation, Some(1));
    assert!(made.uid().is_some() && made.resource_version().is_some() && made.creation_timestamp().is_some());
    assert_eq!(made.spec.max, Some(10), "the schema's default");
    assert_eq!(made.status.unwrap().observed_generation, Some(-1), "status has a default too");
}

#[tokio::test]
async fn generation_advances_only_on_spec_change() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    let how = PatchParams::default();
    api.create(&PostParams::default(), &widget("a", 3)).await.unwrap();
    let seen = api.patch("a", &how, &Patch::Merge(json!({"metadata": {"labels": {"x": "y"}}}))).await.unwrap();
    assert_eq!(seen.meta().generation, Some(1));
    let seen = api.patch("a", &how, &Patch::Merge(json!({"spec": {"size": 4}}))).await.unwrap();
    assert_eq!(seen.meta().generation, Some(2));
    let both = json!({"status": {"id": "1"}, "spec": {"size": 9}});
    let seen = api.patch_status("a", &how, &Patch::Merge(both)).await.unwrap();
    assert_eq!((seen.meta().generation, seen.spec.size), (Some(2), 4), "the status endpoint writes nothing else");
    let seen = api.patch("a", &how, &Patch::Merge(json!({"status": {"id": "2"}}))).await.unwrap();
    assert_eq!(seen.status.unwrap().id.as_deref(), Some("1"), "and nothing else writes the status");
}

#[tokio::test]
async fn no_op_write_makes_no_revision() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    let made = api.create(&PostParams::default(), &widget("a", 3)).await.unwrap();
    let seen = api.patch("a", &PatchParams::default(), &Patch::Merge(json!({"spec": {"size": 3}}))).await.unwrap();
    assert_eq!(made.resource_version(), seen.resource_version());
}

#[tokio::test]
async fn stale_resource_version_is_conflict() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    let made = api.create(&PostParams::default(), &widget("a", 3)).await.unwrap();
    let mut faster = made.clone();
    faster.spec.size = 4;
    api.replace("a", &PostParams::default(), &faster).await.unwrap();
    let mut slower = made;
    slower.spec.size = 5;
    let result = api.replace("a", &PostParams::default(), &slower).await;
    assert_eq!(
        rejection_message(result),
        "Operation cannot be fulfilled on widgets.sim.dev \"a\": the object has been modified; please apply your \
         changes to the latest version and try again"
    );
}

#[tokio::test]
async fn duplicate_name_and_missing_namespace_are_rejected() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    api.create(&PostParams::default(), &widget("a", 3)).await.unwrap();
    let duplicate = api.create(&PostParams::default(), &widget("a", 3)).await;
    assert_eq!(rejection_message(duplicate), "widgets.sim.dev \"a\" already exists");
    assert_eq!(status_code(api.get("b").await), 404);
    let missing: Api<Widget> = Api::namespaced(client, "nowhere");
    let without_namespace = missing.create(&PostParams::default(), &widget("a", 3)).await;
    assert_eq!(rejection_message(without_namespace), "namespaces \"nowhere\" not found");
}

#[tokio::test]
async fn finalizer_keeps_deleted_object_until_removed() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    let made = api.create(&PostParams::default(), &widget("a", 3)).await.unwrap();
    finalizer(&api, "sim.dev/hold", Arc::new(made), nothing).await.unwrap();
    assert_eq!(api.get("a").await.unwrap().finalizers(), ["sim.dev/hold"]);

    assert!(api.delete("a", &DeleteParams::default()).await.unwrap().is_left(), "it is still there");
    let marked = api.get("a").await.unwrap();
    assert!(marked.meta().deletion_timestamp.is_some());
    assert_eq!(marked.meta().generation, Some(2));
    let more = Patch::Merge(json!({"metadata": {"finalizers": ["sim.dev/hold", "sim.dev/late"]}}));
    assert_eq!(status_code(api.patch("a", &PatchParams::default(), &more).await), 422);

    finalizer(&api, "sim.dev/hold", Arc::new(marked), nothing).await.unwrap();
    assert_eq!(status_code(api.get("a").await), 404);
}

#[tokio::test]
async fn finalizer_is_added_only_to_fresh_version() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    let stale = Arc::new(api.create(&PostParams::default(), &widget("a", 3)).await.unwrap());
    finalizer(&api, "sim.dev/one", stale.clone(), nothing).await.unwrap();
    assert!(finalizer(&api, "sim.dev/two", stale, nothing).await.is_err());
}

#[tokio::test]
async fn terminating_namespace_goes_with_its_last_object() {
    let (_, client) = cluster().await;
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let team: Namespace = serde_json::from_value(json!({"metadata": {"name": "team"}})).unwrap();
    namespaces.create(&PostParams::default(), &team).await.unwrap();
    let secrets: Api<Secret> = Api::namespaced(client.clone(), "team");
    let secret: Secret = serde_json::from_value(json!({"metadata": {"name": "s"}, "stringData": {"a": "1"}})).unwrap();
    assert_eq!(secrets.create(&PostParams::default(), &secret).await.unwrap().data.unwrap()["a"].0, b"1");
    let api: Api<Widget> = Api::namespaced(client, "team");
    let mut held = widget("a", 3);
    held.meta_mut().finalizers = Some(vec!["sim.dev/hold".to_owned()]);
    api.create(&PostParams::default(), &held).await.unwrap();

    namespaces.delete("team", &DeleteParams::default()).await.unwrap();
    assert_eq!(status_code(secrets.get("s").await), 404);
    assert!(api.get("a").await.unwrap().meta().deletion_timestamp.is_some());
    assert_eq!(status_code(api.create(&PostParams::default(), &widget("b", 3)).await), 403);
    let off = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    api.patch("a", &PatchParams::default(), &off).await.unwrap();
    assert_eq!(status_code(namespaces.get("team").await), 404);
}

#[tokio::test]
async fn event_of_both_api_groups_is_one_object() {
    let (_, client) = cluster().await;
    let event = json!({
        "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z", "reason": "Made", "action": "Make",
        "type": "Normal", "note": "made it", "reportingController": "c", "reportingInstance": "i",
        "regarding": {"kind": "Widget", "name": "a", "namespace": "default", "uid": "u"},
    });
    let new: Api<NewEvent> = Api::namespaced(client.clone(), "default");
    new.create(&PostParams::default(), &serde_json::from_value(event).unwrap()).await.unwrap();
    let core: Api<CoreEvent> = Api::namespaced(client, "default");
    let about = ListParams::default().fields("involvedObject.name=a,involvedObject.uid=u");
    let found = core.list(&about).await.unwrap();
    assert_eq!(found.items[0].message.as_deref(), Some("made it"));
    let other = ListParams::default().fields("involvedObject.name=b");
    assert!(core.list(&other).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn list_selects_by_label_and_is_paginated() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        let mut new = widget(name, 3);
        new.labels_mut().insert("odd".to_owned(), (index % 2).to_string());
        api.create(&PostParams::default(), &new).await.unwrap();
    }
    let names =
        async |how: ListParams| api.list(&how).await.unwrap().iter().map(ResourceExt::name_any).collect::<Vec<_>>();
    let all = ListParams::default;
    assert_eq!(names(all().labels("odd=0")).await, ["a", "c"]);
    assert_eq!(names(all().labels("odd notin (0, 2)")).await, ["b"]);
    assert!(names(all().labels("!odd")).await.is_empty());
    assert_eq!(names(all().fields("metadata.name!=a")).await, ["b", "c"]);
    let first = api.list(&all().limit(2)).await.unwrap();
    assert_eq!(first.items.len(), 2);
    let token = first.metadata.continue_.unwrap();
    let second = api.list(&all().limit(2).continue_token(&token)).await.unwrap();
    assert_eq!((second.items[0].name_any(), second.metadata.continue_), ("c".to_owned(), None));
}

#[tokio::test]
async fn partial_metadata_is_served_on_request() {
    let (_, client) = cluster().await;
    let api = widgets(&client);
    api.create(&PostParams::default(), &widget("a", 3)).await.unwrap();
    let list = api.list_metadata(&ListParams::default()).await.unwrap();
    assert_eq!(list.items[0].name_any(), "a");
}
