//! Create, update, patch and apply: from the body of a request to the stored object.

use std::sync::Arc;

use serde_json::Value;

use super::apply::apply;
use super::built_in::{self};
use super::convert;
use super::fields::compare;
use super::kinds::Kind;
use super::managed_fields::{Managers, Operation};
use super::object::{self, finalizers, is_deleting, set_field, set_meta};
use super::patch;
use super::schema::{self};
use super::state::{State, definitions};
use super::status::{FieldProblem, StatusError};
use super::store::Key;
use super::write_checks::{
    check_type, check_version, count_generation, decode, keep_fixed_parts, new_finalizers, problems_of,
    reject_problems, reject_undeclared, restrict_to_endpoint,
};
use super::write_options::WriteOptions;

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

/// The schema for merges and comparisons of `kind`.
fn merging(kind: &Kind) -> &Value {
    kind.schema.as_ref().map_or(&schema::BUILT_IN, |schema| &schema.merging)
}

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
        restrict_to_endpoint(kind, &mut configuration, options);
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
        keep_fixed_parts(kind, live, &mut new, options);
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
