//! Plans stacks without a cluster and without a cloud. The end-to-end tests compare the plans with Octavia's own code and
//! with haproxy (`tests/e2e/harness/planned.py`).
//!
//! Standard input has one request per line, standard output one response per line, both as JSON:
//!
//! * `{"spec": ...}` asks for the create. The response is `{"schema": [...], "problems": [...], "create": ...}`: the
//!   messages of the CRD's schema and CEL rules, the problems of the translation, and the body of POST /loadbalancers.
//! * `{"spec": ..., "stored": {"load_balancer": ..., "listeners": [...], "pools": [...]}}` asks for the update of objects
//!   in the form of Octavia's API. The response is `{"problems": [...], "writes": [{"kind": ..., "call": ...}]}`.
//!
//! A problem is `{"field": ..., "message": ...}`. With problems, `create` and `writes` are null. Every reference of a
//! spec is resolved to an invented object.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use evenkeel::api::{self, LoadBalancerStackSpec};
use evenkeel::model::{
    ApiVersion, Call, ClusterContents, Desired, ObservedListener, ObservedLoadBalancer, ObservedPool, ObservedSecrets,
    ObservedTree, Owner, Reference, ReferenceKind, Resolutions, ResolvedReference, Selector,
};
use evenkeel::plan;
use evenkeel::translate;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde::Deserialize;
use serde_json::{Value, json};

#[path = "../../../tests/rules/check.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "a helper of tests, which use all of it")]
mod check;

#[derive(Deserialize)]
struct PlanRequest {
    spec: Value,
    stored: Option<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    load_balancer: ObservedLoadBalancer,
    listeners: Vec<ObservedListener>,
    pools: Vec<ObservedPool>,
}

fn main() -> ExitCode {
    match respond_to_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("planned: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn respond_to_all() -> Result<()> {
    let rules = Rules::of_crd()?;
    let mut output = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let request: PlanRequest = serde_json::from_str(&line).with_context(|| line.clone())?;
        writeln!(output, "{}", respond(&rules, request).with_context(|| line.clone())?)?;
    }
    Ok(())
}

fn respond(rules: &Rules, PlanRequest { spec, stored }: PlanRequest) -> Result<Value> {
    let desired = desired(serde_json::from_value(spec.clone()).context("a value of the spec has another type")?);
    let (desired, problems) = match desired {
        Ok(desired) => (Some(desired), json!([])),
        Err(problems) => (None, problems),
    };
    match stored {
        None => {
            let create = desired.map(|desired| create(&desired)).transpose()?;
            Ok(json!({"schema": rules.check(&spec), "problems": problems, "create": create}))
        }
        Some(stored) => {
            let writes = desired.map(|desired| writes(&desired, stored));
            Ok(json!({"problems": problems, "writes": writes}))
        }
    }
}

fn create(desired: &Desired) -> Result<Value> {
    let plan = plan::create(desired, &ObservedSecrets::default(), "attempt");
    let Some(Call::CreateLoadBalancer { body }) = plan.steps.into_iter().next().map(|step| step.call) else {
        bail!("the create of a stack is another call");
    };
    Ok(Value::Object(body))
}

fn writes(desired: &Desired, Stored { load_balancer, listeners, pools }: Stored) -> Vec<Value> {
    let tree = ObservedTree { load_balancer, listeners, pools, ..ObservedTree::default() };
    let plan = plan::update(desired, &tree);
    plan.steps.iter().map(|step| json!({"kind": step.kind, "call": step.call})).collect()
}

/// The desired state of a stack, or the problems of its spec.
fn desired(spec: LoadBalancerStackSpec) -> Result<Desired, Value> {
    let owner = Owner {
        uid: "00000000-0000-4000-8000-000000000001".into(),
        cluster: "cluster".into(),
        namespace: "default".into(),
        name: "planned".into(),
    };
    let resolved = translate::references(&spec).into_iter().map(|reference| {
        let resolved = resolve(&reference);
        (reference, Ok(resolved))
    });
    translate::desired(
        &spec,
        owner,
        &Resolutions(resolved.collect()),
        &ClusterContents::default(),
        ApiVersion { minor: 30 },
    )
    .map_err(|problems| problems.iter().map(|p| json!({"field": p.field, "message": p.message})).collect())
}

/// Resolves a reference to an object whose id is the given id, name or address.
fn resolve(reference: &Reference) -> ResolvedReference {
    let id = match &reference.by {
        Selector::Id(text) | Selector::Name(text) => text.clone(),
        Selector::Address(address) => address.to_string(),
    };
    match reference.kind {
        ReferenceKind::Certificate => ResolvedReference::Certificate,
        ReferenceKind::Provider => ResolvedReference::Provider,
        ReferenceKind::Subnet => {
            let cidr = ipnet::IpNet::V4(ipnet::Ipv4Net::default());
            ResolvedReference::Subnet { id, network_id: "network".into(), cidr }
        }
        _ => ResolvedReference::Object { id },
    }
}

/// The schema and the CEL rules of the CRD.
struct Rules {
    schema: Value,
    compiled: CompiledSchema,
}

impl Rules {
    fn of_crd() -> Result<Self> {
        let version = api::crd().spec.versions.into_iter().next().context("the CRD has no version")?;
        let schema = serde_json::to_value(version.schema.and_then(|schema| schema.open_api_v3_schema))?;
        Ok(Self { compiled: compile_schema(&schema), schema })
    }

    /// The messages with which the API server rejects the spec. CEL rules run only on a spec of the right shape.
    fn check(&self, spec: &Value) -> Vec<String> {
        let problems = check::check(&self.schema["properties"]["spec"], spec, "spec");
        if !problems.is_empty() {
            return problems;
        }
        let object = json!({
            "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack",
            "metadata": {"name": "planned"}, "spec": spec,
        });
        match Validator::new().validate_compiled(&self.compiled, &object, None) {
            Ok(()) => Vec::new(),
            Err(errors) => errors.iter().map(|error| format!("{}: {}", error.field_path, error.message)).collect(),
        }
    }
}
