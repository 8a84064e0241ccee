//! What Evenkeel makes of stacks, without a cloud: the end-to-end tests judge it with Octavia's own code.
//!
//! Reads one JSON object a line and answers each with one:
//!
//! * `{"spec": ...}`: `{"create": <body of the single call>}`
//! * `{"spec": ..., "stored": {"load_balancer": ..., "listeners": [...], "pools": [...]}}`, objects as Octavia's API shows
//!   them: `{"writes": [{"kind": ..., "call": ...}]}`
//! * `{"problems": [...]}` instead, where intake refuses the spec
//! * `"schema": [...]` beside the answer to the first question, where the API server refuses the spec by the rules of the CRD
//!
//! Every reference of a spec leads somewhere.

use std::io::{BufRead, Write};

use anyhow::{Context, Result, bail};
use evenkeel::api::{self, LoadBalancerStackSpec};
use evenkeel::model::{
    ApiVersion, Call, Desired, ObservedListener, ObservedLoadBalancer, ObservedPool, ObservedTree, Owner, Reference,
    ReferenceKind, Resolutions, ResolvedReference, Selector,
};
use evenkeel::plan;
use evenkeel::translate;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde::Deserialize;
use serde_json::{Value, json};

#[allow(dead_code, clippy::unwrap_used, reason = "a helper of tests")]
#[path = "../../../tests/rules/check.rs"]
mod check;

#[derive(Deserialize)]
struct Question {
    spec: LoadBalancerStackSpec,
    stored: Option<Stored>,
}

#[derive(Deserialize)]
struct Stored {
    load_balancer: ObservedLoadBalancer,
    listeners: Vec<ObservedListener>,
    pools: Vec<ObservedPool>,
}

fn main() -> Result<()> {
    let version = api::crd().spec.versions.into_iter().next().context("the CRD has no version")?;
    let schema = serde_json::to_value(version.schema.and_then(|schema| schema.open_api_v3_schema))?;
    let rules = compile_schema(&schema);
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let question: Value = serde_json::from_str(&line)?;
        let creates = question.get("stored").is_none();
        let by_schema = if creates { judge_by_schema(&schema, &rules, &question["spec"]) } else { Vec::new() };
        let mut answer = answer(serde_json::from_value(question).with_context(|| line.clone())?)?;
        if !by_schema.is_empty() {
            answer["schema"] = json!(by_schema);
        }
        writeln!(output, "{answer}")?;
    }
    Ok(())
}

fn judge_by_schema(schema: &Value, rules: &CompiledSchema, spec: &Value) -> Vec<String> {
    let problems = check::check(&schema["properties"]["spec"], spec, "spec");
    if !problems.is_empty() {
        return problems;
    }
    let mut object =
        json!({"apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack", "metadata": {"name": "planned"}});
    object["spec"] = spec.clone();
    match Validator::new().validate_compiled(rules, &object, None) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.iter().map(|error| format!("{}: {}", error.field_path, error.message)).collect(),
    }
}

fn answer(question: Question) -> Result<Value> {
    let desired = match judge(&question.spec)? {
        Ok(desired) => desired,
        Err(problems) => return Ok(json!({ "problems": problems })),
    };
    let Some(stored) = question.stored else {
        let Call::CreateLoadBalancer { body } = plan::create(&desired, "attempt").call else {
            bail!("the create of a stack is another call");
        };
        return Ok(json!({ "create": body }));
    };
    let Stored { load_balancer, listeners, pools } = stored;
    let tree = ObservedTree { load_balancer, listeners, pools, ..ObservedTree::default() };
    let plan = plan::update(&desired, &tree);
    let writes: Vec<Value> = plan.steps.iter().map(|step| json!({"kind": step.kind, "call": step.call})).collect();
    Ok(json!({ "writes": writes }))
}

fn judge(spec: &LoadBalancerStackSpec) -> Result<std::result::Result<Desired, Vec<String>>> {
    let owner = Owner {
        uid: "00000000-0000-4000-8000-000000000001".into(),
        cluster: "cluster".into(),
        namespace: "default".into(),
        name: "planned".into(),
    };
    let found = |reference: Reference| Ok((reference.clone(), Ok(found(&reference)?)));
    let answers = translate::references(spec).into_iter().map(found).collect::<Result<_>>()?;
    let judged = translate::desired(spec, owner, &Resolutions(answers), ApiVersion { minor: 30 });
    Ok(judged.map_err(|problems| problems.iter().map(ToString::to_string).collect()))
}

fn found(reference: &Reference) -> Result<ResolvedReference> {
    Ok(match (reference.kind, &reference.by) {
        (ReferenceKind::Certificate, _) => ResolvedReference::Certificate,
        (ReferenceKind::Provider, _) => ResolvedReference::Provider,
        (ReferenceKind::Subnet, Selector::Id(id) | Selector::Name(id)) => {
            ResolvedReference::Subnet { id: id.clone(), network_id: "network".into(), cidr: "127.0.0.0/8".parse()? }
        }
        (kind, _) => bail!("no {} in this cloud", kind.noun()),
    })
}
