//! Create, update, patch and apply: from the body of a request to the stored object.

use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use super::apply::apply;
use super::built_in::{self, rfc3339};
use super::convert;
use super::fields::{compare, undeclared};
use super::kinds::Kind;
use super::managed_fields::{Manager, Managers, Operation};
use super::object::{self, content, finalizers, is_deleting, set_field, set_meta};
use super::patch;
use super::schema::{self, prune_metadata};
use super::state::{State, definitions};
use super::status::{FieldProblem, StatusError};
use super::store::Key;

/// The options of a write.
#[derive(Debug)]
pub struct WriteOptions {
    pub manager: String,
    /// Written through `/status`.
    pub status: bool,
    pub unknown_fields: UnknownFields,
    pub dry_run: bool,
    pub force: bool,
    pub now: Timestamp,
}

/// The query parameter `fieldValidation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownFields {
    Ignore,
    Warn,
    Refuse,
}

/// The result of a write.
#[derive(Debug)]
pub struct Written {
    pub object: Value,
    pub created: bool,
    pub warnings: Vec<String>,
}

/// The body of a PATCH, by its content type.
#[derive(Debug)]
pub enum Patch {
    Json(Value),
    Merge(Value),
    Strategic(Value),
    Apply(Value),
}

impl WriteOptions {
    fn time(&self) -> String {
        rfc3339(self.now)
    }

    fn manager(&self, kind: &Kind, operation: Operation) -> Manager {
        Manager {
            operation,
            name: self.manager.clone(),
            api_version: kind.api_version(),
            subresource: if self.status { "status".to_owned() } else { String::new() },
        }
    }
}

/// The schema for merges and comparisons of `kind`.
fn merging(kind: &Kind) -> &Value {
    kind.schema.as_ref().map_or(&schema::BUILT_IN, |schema| &schema.merging)
}

/// Metadata that no client can change.
const FIXED: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
];

impl State {
    pub fn create(
        &mut self,
        kind: &Kind,
        namespace: &str,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Written, StatusError> {
        let mut object = body;
        check_type(kind, &object)?;
        let warnings = decode(kind, &mut object, options)?;
        self.create_decoded(kind, namespace, object, None, warnings, options)
    }

    fn create_decoded(
        &mut self,
        kind: &Kind,
        namespace: &str,
        mut object: Value,
        managers: Option<Managers>,
        warnings: Vec<String>,
        options: &WriteOptions,
    ) -> Result<Written, StatusError> {
        self.name_it(kind, namespace, &mut object)?;
        self.admit_into(kind, namespace, object::name(&object))?;
        self.prepare_new(kind, &mut object, options);
        reject_problems(kind, &object, problems_of(kind, &object, None))?;
        let key = (namespace.to_owned(), object::name(&object).to_owned());
        if self.store.get(&kind.group_resource, &key).is_some() {
            return Err(StatusError::already_exists(kind, &key.1));
        }
        let managers = managers.unwrap_or_else(|| {
            let mut managers = Managers::default();
            let mut seen = object.clone();
            if kind.has_status {
                set_field(&mut seen, "status", Value::Null);
            }
            let difference = compare(&Value::Object(serde_json::Map::new()), &seen, merging(kind));
            managers.updated(options.manager(kind, Operation::Update), &difference, &options.time());
            managers
        });
        managers.write(&mut object);
        let object = self.keep(kind, key, object, options.dry_run);
        Ok(Written { object, created: true, warnings })
    }

    fn name_it(&mut self, kind: &Kind, namespace: &str, object: &mut Value) -> Result<(), StatusError> {
        if object::name(object).is_empty() {
            let prefix = object::meta_text(object, "generateName").to_owned();
            if prefix.is_empty() {
                let problem = FieldProblem::new(
                    "metadata.name",
                    "FieldValueRequired",
                    "Required value: name or generateName is required",
                );
                let mut problems = vec![problem];
                problems.extend(kind.is_custom().then(schema::rules_not_checked));
                return Err(StatusError::invalid((&kind.kind, &kind.group), "", &problems));
            }
            let uid = self.next_uid();
            set_meta(object, "name", format!("{prefix}{}", &uid[uid.len() - 5..]).into());
        }
        let given = object::namespace(object);
        if !given.is_empty() && given != namespace {
            return Err(StatusError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        if !object::meta_text(object, "resourceVersion").is_empty() {
            return Err(StatusError::bad_request("resourceVersion should not be set on objects to be created"));
        }
        set_meta(object, "namespace", if kind.namespaced { namespace.into() } else { Value::Null });
        Ok(())
    }

    fn prepare_new(&mut self, kind: &Kind, object: &mut Value, options: &WriteOptions) {
        for key in ["deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"] {
            set_meta(object, key, Value::Null);
        }
        let uid = self.next_uid();
        set_meta(object, "uid", uid.into());
        set_meta(object, "creationTimestamp", options.time().into());
        let counts = kind.is_custom() || kind.group_resource == definitions();
        set_meta(object, "generation", if counts { 1.into() } else { Value::Null });
        if kind.has_status {
            set_field(object, "status", Value::Null);
        }
        built_in::complete(kind, object, &options.time());
        if let Some(schema) = &kind.schema {
            schema.fill_defaults(object);
        }
    }

    pub fn replace(
        &mut self,
        kind: &Kind,
        key: &Key,
        body: Value,
        options: &WriteOptions,
    ) -> Result<Written, StatusError> {
        check_type(kind, &body)?;
        let live = self.get(kind, key)?;
        let mut new = body;
        let (uid, seen) = (object::meta_text(&new, "uid"), object::meta_text(&live, "uid"));
        if !uid.is_empty() && uid != seen {
            let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {seen}");
            return Err(StatusError::conflict(kind, &key.1, &why));
        }
        let given = object::name(&new).to_owned();
        if given != key.1 {
            let why = format!("the name of the object ({given}) does not match the name on the URL ({})", key.1);
            return Err(StatusError::bad_request(why));
        }
        if object::meta_text(&new, "resourceVersion").is_empty() && !kind.group_resource.group.is_empty() {
            let why = "must be specified for an update";
            let problem = FieldProblem::invalid("metadata.resourceVersion", &0.into(), why);
            return Err(StatusError::invalid((&kind.plural, &kind.group), &key.1, &[problem]));
        }
        let warnings = decode(kind, &mut new, options)?;
        self.write_over(kind, key, &live, new, None, warnings, options)
    }

    pub fn patch(
        &mut self,
        kind: &Kind,
        key: &Key,
        patch: Patch,
        options: &WriteOptions,
    ) -> Result<Written, StatusError> {
        if let Patch::Apply(configuration) = patch {
            return self.apply(kind, key, configuration, options);
        }
        let live = self.get(kind, key)?;
        let mut new = live.clone();
        match &patch {
            Patch::Json(patch) => patch::json_patch(&mut new, patch)?,
            Patch::Merge(patch) => patch::merge_patch(&mut new, patch),
            Patch::Strategic(patch) => patch::strategic_patch(&mut new, patch),
            Patch::Apply(_) => unreachable!("taken above"),
        }
        check_type(kind, &new)?;
        let warnings = decode(kind, &mut new, options)?;
        self.write_over(kind, key, &live, new, None, warnings, options)
    }

    fn apply(&mut self, kind: &Kind, key: &Key, body: Value, options: &WriteOptions) -> Result<Written, StatusError> {
        let mut configuration = body;
        check_type(kind, &configuration)?;
        if configuration["metadata"]["managedFields"].as_array().is_some_and(|lines| !lines.is_empty()) {
            return Err(StatusError::bad_request("metadata.managedFields must be nil"));
        }
        reject_undeclared(kind, &configuration)?;
        restrict_to_what_is_written(kind, &mut configuration, options);
        let manager = options.manager(kind, Operation::Apply);
        let existing = self.store.get(&kind.group_resource, key).map(|kept| convert::shown(kind, &kept));
        let Some(live) = existing else {
            return self.create_by_apply(kind, key, configuration, options);
        };
        let (mut merged, managers) =
            apply(&live, &configuration, merging(kind), &manager, options.force, &options.time())?;
        if let Some(schema) = &kind.schema {
            schema.fill_defaults(&mut merged);
        }
        self.write_over(kind, key, &live, merged, Some(managers), Vec::new(), options)
    }

    fn create_by_apply(
        &mut self,
        kind: &Kind,
        key: &Key,
        mut object: Value,
        options: &WriteOptions,
    ) -> Result<Written, StatusError> {
        if options.status {
            return Err(StatusError::not_found(kind, &key.1));
        }
        let uid = object::meta_text(&object, "uid");
        if !uid.is_empty() {
            let why =
                format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
            return Err(StatusError::conflict(kind, &key.1, &why));
        }
        set_meta(&mut object, "name", key.1.clone().into());
        let empty = Value::Object(serde_json::Map::new());
        let manager = options.manager(kind, Operation::Apply);
        let (_, managers) = apply(&empty, &object, merging(kind), &manager, true, &options.time())?;
        self.create_decoded(kind, &key.0, object, Some(managers), Vec::new(), options)
    }

    /// Replaces `live` by `new`. `managers` is the field ownership after a server-side apply.
    #[expect(clippy::too_many_arguments, reason = "one call from each of the three ways to write")]
    fn write_over(
        &mut self,
        kind: &Kind,
        key: &Key,
        live: &Value,
        mut new: Value,
        managers: Option<Managers>,
        warnings: Vec<String>,
        options: &WriteOptions,
    ) -> Result<Written, StatusError> {
        check_version(kind, live, &new)?;
        let given = new["metadata"]["managedFields"].clone();
        take_what_may_change(kind, live, &mut new, options);
        if options.status && !kind.has_status {
            return Err(StatusError::no_such_path());
        }
        if kind.schema.is_none() {
            built_in::complete(kind, &mut new, &options.time());
        }
        count_generation(kind, live, &mut new);
        let mut problems = new_finalizers(live, &new);
        problems.extend(problems_of(kind, &new, Some(live)));
        reject_problems(kind, &new, problems)?;

        let managers = managers.unwrap_or_else(|| {
            let base = if given.is_array() { &given } else { &live["metadata"]["managedFields"] };
            let mut managers = Managers::read(&serde_json::json!({"metadata": {"managedFields": base}}));
            let difference = compare(live, &new, merging(kind));
            managers.updated(options.manager(kind, Operation::Update), &difference, &options.time());
            managers
        });
        managers.write(&mut new);
        set_meta(&mut new, "resourceVersion", live["metadata"]["resourceVersion"].clone());
        if new == *live || options.dry_run {
            return Ok(Written { object: new, created: false, warnings });
        }
        if is_deleting(live) && finalizers(&new).is_empty() && !super::state::is_container(kind) {
            self.remove(kind, key, Some(new.clone()));
            return Ok(Written { object: new, created: false, warnings });
        }
        let object = self.keep(kind, key.clone(), new, false);
        self.settle(kind, key);
        Ok(Written { object, created: false, warnings })
    }

    fn keep(&mut self, kind: &Kind, key: Key, object: Value, dry_run: bool) -> Value {
        if dry_run {
            return object;
        }
        let kept: Arc<Value> = self.store.put(&kind.group_resource, key, convert::kept(kind, object));
        if kind.group_resource == definitions() {
            self.kinds.install(&kept);
        }
        convert::shown(kind, &kept)
    }
}

fn check_type(kind: &Kind, object: &Value) -> Result<(), StatusError> {
    let expected = kind.api_version();
    for (key, expected, words) in [("apiVersion", expected.as_str(), "API version"), ("kind", &kind.kind, "kind")] {
        let given = object[key].as_str().unwrap_or_default();
        if !given.is_empty() && given != expected {
            return Err(StatusError::bad_request(format!(
                "the {words} in the data ({given}) does not match the expected {words} ({expected})"
            )));
        }
    }
    if kind.is_custom() && (object["apiVersion"].is_null() || object["kind"].is_null()) {
        return Err(StatusError::bad_request("Object 'Kind' is missing in the body"));
    }
    Ok(())
}

/// Removes unknown fields and fills in defaults.
fn decode(kind: &Kind, object: &mut Value, options: &WriteOptions) -> Result<Vec<String>, StatusError> {
    let warnings = unknown_fields(kind, object, options)?;
    set_field(object, "apiVersion", kind.api_version().into());
    set_field(object, "kind", kind.kind.clone().into());
    if let Some(schema) = &kind.schema {
        schema.fill_defaults(object);
    }
    Ok(warnings)
}

fn unknown_fields(kind: &Kind, object: &mut Value, options: &WriteOptions) -> Result<Vec<String>, StatusError> {
    let mut unknown = prune_metadata(object);
    if let Some(schema) = &kind.schema {
        unknown.extend(schema.prune(object));
    }
    unknown.sort();
    let texts: Vec<String> = unknown.iter().map(|path| format!("unknown field \"{path}\"")).collect();
    match options.unknown_fields {
        UnknownFields::Ignore => Ok(Vec::new()),
        UnknownFields::Warn => Ok(texts),
        UnknownFields::Refuse if texts.is_empty() => Ok(texts),
        UnknownFields::Refuse => {
            let (kind, version) = (&kind.kind, &kind.version);
            let texts = texts.join(", ");
            Err(StatusError::bad_request(format!(
                "{kind} in version \"{version}\" cannot be handled as a {kind}: strict decoding error: {texts}"
            )))
        }
    }
}

/// Rejects an apply with fields that the schema does not declare. The API server answers such a request with an
/// internal error.
fn reject_undeclared(kind: &Kind, configuration: &Value) -> Result<(), StatusError> {
    let Some(schema) = &kind.schema else { return Ok(()) };
    let Some(path) = undeclared(configuration, &schema.merging) else { return Ok(()) };
    let (namespace, name) = (object::namespace(configuration), object::name(configuration));
    let kind = format!("{}, Kind={}", kind.api_version(), kind.kind);
    let message = format!(
        "failed to create typed patch object ({namespace}/{name}; {kind}): {path}: field not declared in schema"
    );
    Err(StatusError::new(StatusCode::INTERNAL_SERVER_ERROR, "", message))
}

/// Restricts an apply to the part that its endpoint writes: the status through `/status`, everything else otherwise.
fn restrict_to_what_is_written(kind: &Kind, configuration: &mut Value, options: &WriteOptions) {
    let Some(map) = configuration.as_object_mut() else { return };
    if options.status {
        map.retain(|key, _| matches!(key.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
        object::metadata_mut(configuration).retain(|key, _| matches!(key.as_str(), "name" | "uid" | "resourceVersion"));
    } else if kind.has_status {
        map.remove("status");
    }
}

fn check_version(kind: &Kind, live: &Value, new: &Value) -> Result<(), StatusError> {
    let given = object::meta_text(new, "resourceVersion");
    if !given.is_empty() && given != object::meta_text(live, "resourceVersion") {
        return Err(StatusError::modified(kind, object::name(live)));
    }
    let (given, seen) = (object::meta_text(new, "uid"), object::meta_text(live, "uid"));
    if !given.is_empty() && given != seen {
        let problem = FieldProblem::invalid("metadata.uid", &given.into(), "field is immutable");
        return Err(StatusError::invalid((&kind.kind, &kind.group), object::name(live), &[problem]));
    }
    Ok(())
}

/// Restricts a write to the part that its endpoint writes: the status through `/status`, everything else otherwise.
fn take_what_may_change(kind: &Kind, live: &Value, new: &mut Value, options: &WriteOptions) {
    if options.status {
        let status = new["status"].take();
        *new = live.clone();
        set_field(new, "status", status);
    } else if kind.has_status {
        set_field(new, "status", live["status"].clone());
    }
    for key in FIXED {
        set_meta(new, key, live["metadata"][*key].clone());
    }
}

fn count_generation(kind: &Kind, live: &Value, new: &mut Value) {
    let before = object::generation(live);
    let with_status = !kind.has_status;
    if before > 0 && content(live, with_status) != content(new, with_status) {
        set_meta(new, "generation", (before + 1).into());
    }
}

fn new_finalizers(live: &Value, new: &Value) -> Vec<FieldProblem> {
    let held = finalizers(live);
    let added: Vec<String> = finalizers(new).iter().filter(|f| !held.contains(f)).map(|f| format!("{f:?}")).collect();
    if !is_deleting(live) || added.is_empty() {
        return Vec::new();
    }
    let added = added.join(", ");
    let why = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{added}}}"
    );
    vec![FieldProblem::forbidden("metadata.finalizers", why)]
}

fn no_subdomain(field: &str, text: &str) -> FieldProblem {
    let why = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start \
               and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
               '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    FieldProblem::invalid(field, &text.into(), why)
}

fn problems_of(kind: &Kind, object: &Value, old: Option<&Value>) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if old.is_none() {
        // A prefix may end in a dash, because a suffix follows.
        let prefix = object::meta_text(object, "generateName");
        let is_prefix = prefix.is_empty() || object::is_subdomain(prefix.strip_suffix('-').unwrap_or(prefix));
        problems.extend((!is_prefix).then(|| no_subdomain("metadata.generateName", prefix)));
        let name = object::name(object);
        problems.extend((!object::is_subdomain(name)).then(|| no_subdomain("metadata.name", name)));
    }
    problems.extend(built_in::problems(kind, object));
    if let Some(schema) = &kind.schema {
        problems.extend(schema.validate(object, old));
    }
    problems
}

fn reject_problems(kind: &Kind, object: &Value, problems: Vec<FieldProblem>) -> Result<(), StatusError> {
    if problems.is_empty() {
        return Ok(());
    }
    Err(StatusError::invalid((&kind.kind, &kind.group), object::name(object), &problems))
}
