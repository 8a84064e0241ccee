//! The CRDs: their generated files are up to date, and their schemas accept and reject the samples in `tests/rules/` as they
//! say.
//!
//! Schema and CEL rules are evaluated here without an API server. `tests/e2e/scenarios/70_rules.py` sends the same samples to
//! a genuine one.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a helper of a test may fail as the test does")]

#[path = "rules/check.rs"]
mod check;
mod reference;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use evenkeel::api::{self, LoadBalancerStackSpec};
use evenkeel::model::{
    ApiVersion, ClusterContents, Owner, Reference, ReferenceKind, Resolutions, ResolvedReference, Selector,
};
use evenkeel::translate;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::Value;

const CRD_FILE: &str = "crds/evenkeel.dev_loadbalancerstacks.yaml";
const CLUSTER_CLOUD_CRD_FILE: &str = "crds/evenkeel.dev_clusteropenstackclouds.yaml";
const REFERENCE_PAGE: &str = "docs/reference/api.md";

/// The schema of a kind, and its compiled CEL rules.
struct KindSchema {
    schema: Value,
    rules: CompiledSchema,
}

/// The schemas by kind.
static SCHEMAS: LazyLock<BTreeMap<String, KindSchema>> = LazyLock::new(|| {
    let compiled = |schema: Value| KindSchema { rules: compile_schema(&schema), schema };
    schemas().into_iter().map(|(kind, schema)| (kind, compiled(schema))).collect()
});

/// The samples in `tests/rules/rejected`, each with the messages of the API server.
static REFUSED: LazyLock<Vec<(Sample, Vec<String>)>> = LazyLock::new(|| {
    let with_problems = |sample: Sample| {
        let problems = sample.api_server_problems();
        (sample, problems)
    };
    samples("rejected").into_iter().map(with_problems).collect()
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn crd_file_matches_types() {
    check_generated(CRD_FILE, &api::crd_yaml());
    check_generated(CLUSTER_CLOUD_CRD_FILE, &api::cluster_cloud_crd_yaml());
}

#[test]
fn api_reference_matches_crd() {
    let crds = [api::crd(), api::cluster_cloud_crd()].map(|crd| serde_json::to_value(crd).unwrap());
    check_generated(REFERENCE_PAGE, &reference::page(&crds));
}

/// Compares a generated file with its contents, and writes it first where the environment says so.
fn check_generated(file: &str, contents: &str) {
    let path = root().join(file);
    if std::env::var_os("EVENKEEL_WRITE_CRD").is_some() {
        std::fs::write(&path, contents).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == contents, "{file} is stale: regenerate it with make crds");
}

#[test]
fn every_field_has_a_description() {
    for (kind, schema) in schemas() {
        visit_fields(&schema, String::new(), &mut |path, field| {
            let is_ours = path.starts_with("spec") || path.starts_with("status");
            assert!(
                !is_ours || field["description"].as_str().is_some_and(|d| d.len() > 10),
                "{path} of {kind} has no description"
            );
        });
    }
}

/// Schemas for editors and linters are cut out of the CRD and made strict: fields that the root does not list are errors there.
#[test]
fn root_lists_fields_of_every_object() {
    for (kind, root) in schemas() {
        for field in ["apiVersion", "kind"] {
            assert_eq!(root["properties"][field]["type"], "string", "{field} of {kind}");
            assert!(root["properties"][field]["description"].as_str().is_some_and(|text| text.len() > 10), "{field}");
        }
        assert_eq!(root["properties"]["metadata"], serde_json::json!({"type": "object"}), "{kind}");
        for sample in samples_in("examples").into_iter().filter(|sample| sample.kind() == kind) {
            let fields = sample.newest().as_object().unwrap().keys();
            let unknown: Vec<&String> = fields.filter(|key| root["properties"][*key].is_null()).collect();
            assert!(unknown.is_empty(), "{}: {unknown:?}", sample.name());
        }
    }
}

#[test]
fn schema_has_no_word_that_some_servers_reject() {
    let text = api::crd_yaml() + &api::cluster_cloud_crd_yaml();
    for word in ["nullable", "uint", "uniqueItems", "anyOf", "oneOf", "title:"] {
        assert!(!text.contains(word), "{word} is in the CRD");
    }
}

#[test]
fn only_policies_and_the_status_have_defaults() {
    let mut defaults = BTreeSet::new();
    for (kind, schema) in schemas() {
        visit_fields(&schema, kind, &mut |path, field| {
            if field.get("default").is_some() {
                defaults.insert(path.to_owned());
            }
        });
    }
    let expected = [
        "ClusterOpenStackCloud.spec.allowedNamespaces.from",
        "ClusterOpenStackCloud.status",
        "LoadBalancerStack.spec.deletionPolicy",
        "LoadBalancerStack.spec.disruptionPolicy",
        "LoadBalancerStack.spec.loadBalancer.floatingIP.allocate.reclaimPolicy",
        "LoadBalancerStack.spec.managementPolicy",
        "LoadBalancerStack.spec.prunePolicy",
        "LoadBalancerStack.status",
    ];
    assert_eq!(defaults, expected.map(str::to_owned).into());
}

#[test]
fn accepted_samples_are_accepted() {
    let mut unused = BTreeSet::new();
    for (kind, schema) in schemas() {
        let of_spec = format!("{kind}.spec.");
        visit_fields(&schema, kind, &mut |path, _| {
            if path.starts_with(&of_spec) {
                unused.insert(path.to_owned());
            }
        });
    }
    for sample in samples("accepted") {
        let problems = sample.api_server_problems();
        assert!(problems.is_empty(), "{}: {problems:#?}", sample.name());
        if sample.is_stack() {
            let problems = sample.translation_problems();
            assert!(problems.is_empty(), "{}, translated: {problems:#?}", sample.name());
        }
        remove_used_fields(sample.newest(), sample.kind().to_owned(), &mut unused);
    }
    assert!(unused.is_empty(), "fields without an accepted sample: {unused:#?}");
}

#[test]
fn examples_are_accepted() {
    let is_ours = |sample: &Sample| SCHEMAS.contains_key(sample.kind());
    let ours: Vec<Sample> = samples_in("examples").into_iter().filter(is_ours).collect();
    assert!(ours.len() >= 10, "the examples have not been found");
    for sample in ours {
        assert_eq!(sample.api_server_problems(), Vec::<String>::new(), "{}", sample.name());
        if sample.is_stack() {
            assert_eq!(sample.translation_problems(), Vec::<String>::new(), "{}, translated", sample.name());
        }
    }
}

#[test]
fn rejected_samples_are_rejected_with_expected_message() {
    for (sample, problems) in REFUSED.iter() {
        let expected = sample.comment("expect").expect("a rejected sample begins with # expect:");
        assert!(
            problems.iter().any(|p| p.contains(&expected)),
            "{}: expected {expected:?}, got {problems:#?}",
            sample.name()
        );
    }
}

#[test]
fn every_rule_has_a_rejected_sample() {
    let mut untried = BTreeSet::new();
    for (kind, schema) in schemas() {
        visit_fields(&schema, kind, &mut |path, field| {
            for rule in field["x-kubernetes-validations"].as_array().into_iter().flatten() {
                let message = rule["message"].as_str().unwrap_or_else(|| panic!("{path} has a rule without message"));
                untried.insert(message.to_owned());
            }
        });
    }
    assert!(untried.len() > 60, "the rules have not been found");
    for (_, problems) in REFUSED.iter() {
        for problem in problems {
            untried.retain(|message| !problem.ends_with(message.as_str()));
        }
    }
    assert!(untried.is_empty(), "rules without a rejected sample: {untried:#?}");
}

/// An object may have been stored before a rule existed. Only the API server limits the number of items.
#[test]
fn translate_rejects_samples_that_rules_reject() {
    let is_checked =
        |e: &&Sample| e.documents.len() == 1 && e.comment("translate").is_none() && !e.is_about_number_of_items();
    let samples = REFUSED.iter().map(|(sample, _)| sample).filter(|sample| sample.is_stack()).filter(is_checked);
    // Samples that the types cannot hold never reach the translation.
    let typed = samples.filter(|e| serde_json::from_value::<LoadBalancerStackSpec>(e.newest()["spec"].clone()).is_ok());
    let passed: Vec<String> = typed.filter(|e| e.translation_problems().is_empty()).map(Sample::name).collect();
    assert!(passed.is_empty(), "translated without a problem: {passed:#?}");
}

#[test]
fn rules_at_root_are_transition_rules() {
    let schemas = schemas();
    let rules = schemas.values().flat_map(|schema| schema["x-kubernetes-validations"].as_array().into_iter().flatten());
    for rule in rules {
        let text = rule["rule"].as_str().unwrap();
        assert!(text.contains("oldSelf.status"), "a rule at the root must be a transition rule over status: {text}");
    }
}

/// The schemas of all kinds, by kind.
fn schemas() -> BTreeMap<String, Value> {
    let schema = |mut crd: CustomResourceDefinition| {
        let version = crd.spec.versions.remove(0);
        let schema = serde_json::to_value(version.schema.unwrap().open_api_v3_schema.unwrap()).unwrap();
        (crd.spec.names.kind, schema)
    };
    [api::crd(), api::cluster_cloud_crd()].into_iter().map(schema).collect()
}

/// Visits every schema with its path: the root, properties, items.
fn visit_fields(schema: &Value, path: String, visit: &mut impl FnMut(&str, &Value)) {
    visit(&path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        visit_fields(property, at, visit);
    }
    if let Some(items) = schema.get("items") {
        // Items have descriptions only if they are objects.
        for (name, property) in items["properties"].as_object().into_iter().flatten() {
            visit_fields(property, format!("{path}.{name}"), visit);
        }
        visit_rules_of_items(items, &path, visit);
    }
}

/// Visits the items of a list for their rules. The list describes them, so they need no description.
fn visit_rules_of_items(items: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    if items.get("x-kubernetes-validations").is_some() {
        let mut described = items.clone();
        described["description"] = "described by its list".into();
        visit(path, &described);
    }
}

/// Removes the paths of all fields of a value.
fn remove_used_fields(value: &Value, path: String, unused: &mut BTreeSet<String>) {
    unused.remove(&path);
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                remove_used_fields(value, at, unused);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| remove_used_fields(item, path.clone(), unused)),
        _ => {}
    }
}

/// A file with an object, or with an object and its update.
struct Sample {
    path: PathBuf,
    text: String,
    documents: Vec<Value>,
}

/// The samples in `tests/rules/accepted` or `tests/rules/rejected`.
fn samples(kind: &str) -> Vec<Sample> {
    let samples = samples_in(&format!("tests/rules/{kind}"));
    assert!(samples.len() > 10, "the samples have not been found");
    samples
}

fn samples_in(folder: &str) -> Vec<Sample> {
    let folder = root().join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(Sample::read).collect()
}

impl Sample {
    fn read(path: PathBuf) -> Self {
        let text = std::fs::read_to_string(&path).unwrap();
        let documents = text
            .split("\n---\n")
            .map(|document| serde_saphyr::from_str(document).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
            .map(check::without_nulls)
            .collect();
        Self { path, text, documents }
    }

    fn name(&self) -> String {
        self.path.file_stem().unwrap().to_string_lossy().into_owned()
    }

    fn is_stack(&self) -> bool {
        self.kind() == "LoadBalancerStack"
    }

    fn kind(&self) -> &str {
        self.newest()["kind"].as_str().unwrap_or_default()
    }

    /// The object, or its update.
    fn newest(&self) -> &Value {
        self.documents.last().unwrap()
    }

    /// The rest of a comment line `# <word>: ...`.
    fn comment(&self, word: &str) -> Option<String> {
        let begin = format!("# {word}: ");
        self.text.lines().find_map(|line| line.strip_prefix(&begin)).map(str::to_owned)
    }

    /// True for a sample with too many items in a list.
    fn is_about_number_of_items(&self) -> bool {
        self.comment("expect").is_some_and(|e| e.contains("must have at most"))
    }

    /// Messages of the API server about the last document.
    fn api_server_problems(&self) -> Vec<String> {
        let KindSchema { schema, rules } = &SCHEMAS[self.kind()];
        let mut problems = check::check(&schema["properties"]["spec"], &self.newest()["spec"], "spec");
        if problems.is_empty() || problems.iter().all(|p| p.contains("Duplicate value")) {
            let old = (self.documents.len() > 1).then(|| &self.documents[0]);
            if let Err(errors) = Validator::new().validate_compiled(rules, self.newest(), old) {
                problems.extend(errors.iter().map(|e| format!("{}: {}", e.field_path, e.message)));
            }
        }
        problems
    }

    /// Problems of translating the last document, in a cloud with all objects that it refers to.
    fn translation_problems(&self) -> Vec<String> {
        let spec: LoadBalancerStackSpec = serde_json::from_value(self.newest()["spec"].clone()).unwrap();
        let owner = Owner { uid: "u".into(), cluster: "c".into(), namespace: "rules".into(), name: self.name() };
        let resolutions =
            Resolutions(translate::references(&spec).into_iter().map(|r| (r.clone(), Ok(resolved(&r)))).collect());
        match translate::desired(&spec, owner, &resolutions, &ClusterContents::default(), ApiVersion { minor: 30 }) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Ids of the sample `references-by-id`.
const EXTERNAL_NETWORK: &str = "00000000-0000-4000-8000-000000000006";
const OTHER_SUBNET: &str = "00000000-0000-4000-8000-000000000007";

/// Resolves any reference, in a cloud where all subnets are in one network.
fn resolved(reference: &Reference) -> ResolvedReference {
    let name = match &reference.by {
        Selector::Id(text) | Selector::Name(text) => text.clone(),
        Selector::Address(address) => address.to_string(),
    };
    let id = format!("id of {name}");
    let address = "10.10.0.5".parse().unwrap();
    match reference.kind {
        ReferenceKind::Subnet => {
            let (network, cidr) = match name.as_str() {
                "tenant-v6" => ("id of tenant", "2001:db8:10::/64"),
                "public-v4" => ("id of public", "203.0.113.0/24"),
                OTHER_SUBNET => (EXTERNAL_NETWORK, "203.0.113.0/24"),
                _ => ("id of tenant", "10.10.0.0/16"),
            };
            ResolvedReference::Subnet { id, network_id: network.into(), cidr: cidr.parse().unwrap() }
        }
        ReferenceKind::Network => {
            let external = name == "public" || name == EXTERNAL_NETWORK;
            let id = if name == EXTERNAL_NETWORK { name } else { id };
            ResolvedReference::Network { id, external }
        }
        ReferenceKind::VipNetwork => {
            let cidrs = vec!["10.10.0.0/16".parse().unwrap()];
            ResolvedReference::VipNetwork { id, subnet_ids: vec!["id of tenant-v4".into()], cidrs }
        }
        ReferenceKind::Port => ResolvedReference::Port {
            id,
            network_id: "id of tenant".into(),
            device_id: String::new(),
            fixed_ips: vec![evenkeel::model::FixedIp { subnet_id: "id of tenant-v4".into(), address }],
        },
        ReferenceKind::Flavor => ResolvedReference::Flavor { id, enabled: true },
        ReferenceKind::QosPolicy | ReferenceKind::SecurityGroup | ReferenceKind::FloatingIp => {
            ResolvedReference::Object { id }
        }
        ReferenceKind::AvailabilityZone => ResolvedReference::AvailabilityZone { enabled: true },
        ReferenceKind::Provider => ResolvedReference::Provider,
        ReferenceKind::Certificate => ResolvedReference::Certificate,
    }
}
