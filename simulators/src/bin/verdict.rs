//! What Evenkeel says of stacks, without a cluster and without a cloud: one stack a line comes in as JSON (its `spec`),
//! one verdict a line goes out. `tests/e2e/scenarios/72_values.py` holds it against Octavia and haproxy.
//!
//! A verdict has what the rules of the CRD say (`schema`), what intake says (`intake`, each with its field), and the body
//! of the create if both have nothing to say (`body`).

use std::io::{BufRead, Write};
use std::process::ExitCode;

use anyhow::Context;
use evenkeel::api::{self, LoadBalancerStackSpec};
use evenkeel::model::{ApiVersion, Call, Owner, Reference, ReferenceKind, Resolutions, ResolvedReference, Selector};
use evenkeel::plan;
use evenkeel::translate;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::{Value, json};

#[path = "../../../tests/rules/check.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "a helper of tests, which use all of it")]
mod check;

fn main() -> ExitCode {
    match judge_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("verdict: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn judge_all() -> anyhow::Result<()> {
    let version = api::crd().spec.versions.into_iter().next().context("the CRD has no version")?;
    let schema = serde_json::to_value(version.schema.and_then(|s| s.open_api_v3_schema))?;
    let rules = compile_schema(&schema);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let spec: Value = serde_json::from_str(&line?)?;
        writeln!(out, "{}", judge(&schema, &rules, &spec)?)?;
    }
    Ok(())
}

fn judge(schema: &Value, rules: &CompiledSchema, spec: &Value) -> anyhow::Result<Value> {
    let object = json!({
        "apiVersion": "evenkeel.dev/v1alpha1", "kind": "LoadBalancerStack", "metadata": {"name": "values"}, "spec": spec,
    });
    let mut by_schema = check::check(&schema["properties"]["spec"], spec, "spec");
    if by_schema.is_empty()
        && let Err(errors) = Validator::new().validate_compiled(rules, &object, None)
    {
        by_schema.extend(errors.iter().map(|e| format!("{}: {}", e.field_path, e.message)));
    }
    let spec: LoadBalancerStackSpec = serde_json::from_value(spec.clone()).context("a spec that has other types")?;
    let owner = Owner { uid: "u".into(), cluster: "c".into(), namespace: "values".into(), name: "values".into() };
    let answers = Resolutions(translate::references(&spec).into_iter().map(|r| (r.clone(), Ok(found(&r)))).collect());
    Ok(match translate::desired(&spec, owner, &answers, ApiVersion { minor: 30 }) {
        Ok(desired) => json!({"schema": by_schema, "intake": [], "body": body(&desired)}),
        Err(problems) => {
            let told = problems.iter().map(|p| json!({"field": p.field, "message": p.message}));
            json!({"schema": by_schema, "intake": told.collect::<Vec<_>>(), "body": null})
        }
    })
}

fn body(desired: &evenkeel::model::Desired) -> Value {
    match plan::create(desired, "attempt").call {
        Call::CreateLoadBalancer { body } => Value::Object(body),
        _ => Value::Null,
    }
}

/// A cloud in which every name leads somewhere.
fn found(reference: &Reference) -> ResolvedReference {
    let id = match &reference.by {
        Selector::Id(text) | Selector::Name(text) => text.clone(),
        Selector::Address(address) => address.to_string(),
    };
    match reference.kind {
        ReferenceKind::Certificate => ResolvedReference::Certificate,
        ReferenceKind::Provider => ResolvedReference::Provider,
        ReferenceKind::Subnet => {
            let cidr = ipnet::IpNet::V4(ipnet::Ipv4Net::default());
            ResolvedReference::Subnet { id, network_id: "tenant".into(), cidr }
        }
        _ => ResolvedReference::Object { id },
    }
}
