//! Keystone v3: logins, tokens and the catalogue.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::call::{Call, Caller, INTERFACES, Service};
use super::clock::Moment;
use super::config::CloudConfig;
use super::ids::Ids;
use super::reply::{HandlerResult, Reply, identity_error, unauthorized};

/// A user, its roles by project, and the project of a login that names none.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub id: String,
    pub name: String,
    pub password: String,
    pub default_project: String,
    /// Roles by project id.
    pub roles: BTreeMap<String, BTreeSet<String>>,
}

#[derive(Debug, Clone)]
pub(crate) struct ApplicationCredential {
    pub id: String,
    pub name: String,
    pub secret: String,
    pub user: String,
    pub project: String,
    pub roles: BTreeSet<String>,
}

#[derive(Debug)]
struct Token {
    caller: Caller,
    expires: Instant,
    revoked: bool,
    /// Services whose middleware has cached this token. They accept it after its revocation.
    cached: BTreeSet<Service>,
}

#[derive(Debug, Default)]
pub(crate) struct Keystone {
    /// Names of projects by id.
    pub projects: BTreeMap<String, String>,
    pub users: BTreeMap<String, User>,
    pub credentials: BTreeMap<String, ApplicationCredential>,
    tokens: BTreeMap<String, Token>,
    /// Ids of roles, services and endpoints, assigned when first shown.
    shown: BTreeMap<String, String>,
}

/// The user, project and methods of a successful login.
struct Login {
    method: &'static str,
    user: String,
    project: String,
    roles: BTreeSet<String>,
    credential: Option<Value>,
}

const MALFORMED: &str = "The server could not comply with the request since it is either malformed or otherwise \
    incorrect. The client is assumed to be in error.";

impl Keystone {
    pub fn project_id(&self, name: &str) -> Option<&str> {
        self.projects.iter().find(|(_, known)| *known == name).map(|(id, _)| id.as_str())
    }

    /// The issued tokens that may still be valid.
    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.keys().map(String::as_str)
    }

    /// Expires every token.
    pub fn expire_all(&mut self, now: Instant) {
        for token in self.tokens.values_mut() {
            token.expires = now;
        }
    }

    /// The caller behind the token of a request, as the middleware of a service finds it. Caches the token.
    pub fn authenticate(&mut self, token: Option<&str>, service: Service, now: Instant) -> Option<Caller> {
        let token = self.tokens.get_mut(token?)?;
        if now >= token.expires || (token.revoked && !token.cached.contains(&service)) {
            return None;
        }
        token.cached.insert(service);
        Some(token.caller.clone())
    }

    pub fn handle(&mut self, call: &Call, config: &CloudConfig, ids: &mut Ids, now: &Moment) -> HandlerResult {
        let auth_uri = format!("{}{}/v3", call.base, call.prefix);
        let segments = call.segments();
        match (&call.method, segments.as_slice()) {
            (&Method::GET, []) => Ok(Reply::json(300, &json!({"versions": {"values": [version(&auth_uri)]}}))),
            (&Method::GET, ["v3"]) => Ok(Reply::json(200, &json!({"version": version(&auth_uri)}))),
            (&Method::POST, ["v3", "auth", "tokens"]) => self.login(call, config, ids, now, &auth_uri),
            (_, ["v3", "auth", "tokens"]) => self.token_call(call, now, &auth_uri),
            (&Method::GET, ["v3", "auth", "projects"]) => self.own_projects(call, now, &auth_uri),
            // The response does not have Keystone's own shape: no client uses these paths.
            _ => Err(Reply::html(404, "The requested URL was not found on the server.")),
        }
    }

    fn login(
        &mut self,
        call: &Call,
        config: &CloudConfig,
        ids: &mut Ids,
        now: &Moment,
        auth_uri: &str,
    ) -> HandlerResult {
        let bad = |text: &str| identity_error(400, &format!("Expecting to find {text} {MALFORMED}"));
        let body = call.json().ok_or_else(|| bad("valid JSON in request body."))?;
        let identity = &body["auth"]["identity"];
        let Some(methods) = identity["methods"].as_array() else {
            return Err(identity_error(400, "Invalid input for field 'identity': 'methods' is a required property"));
        };
        let login = match methods.first().and_then(Value::as_str) {
            Some("password") => self.by_password(&identity["password"]["user"], &body["auth"]["scope"]),
            Some("application_credential") if !body["auth"]["scope"].is_null() => {
                let text =
                    "Error authenticating with application credential: Application credentials cannot request a scope.";
                return Err(identity_error(401, text));
            }
            Some("application_credential") => self.by_credential(&identity["application_credential"])?,
            other => return Err(bad(&format!("{} in identity.", other.unwrap_or("password")))),
        };
        let login = login.ok_or_else(|| unauthorized(auth_uri))?;
        let expires = now.time_of_day.checked_add(config.token_ttl).unwrap_or(now.time_of_day);
        let token = format!("gAAAAA{}{}{}", ids.hex(), ids.hex(), ids.hex());
        let body = self.token_body(&login, call, config, ids, (now, Moment { at: now.at, time_of_day: expires }));
        let caller = Caller { user: login.user, project: login.project, roles: login.roles };
        let expires = now.at + config.token_ttl;
        self.tokens.retain(|_, token| token.expires + Duration::from_secs(60) > now.at);
        self.tokens.insert(token.clone(), Token { caller, expires, revoked: false, cached: BTreeSet::new() });
        Ok(Reply::json(201, &body).with("x-subject-token", token).with("vary", "X-Auth-Token"))
    }

    fn by_password(&self, user: &Value, scope: &Value) -> Option<Login> {
        let found = self.find_user(user)?;
        let project = &scope["project"];
        let project = match (project["id"].as_str(), project["name"].as_str()) {
            (Some(id), _) => id.to_owned(),
            (None, Some(name)) => self.project_id(name)?.to_owned(),
            (None, None) => found.default_project.clone(),
        };
        let roles = with_implied(found.roles.get(&project)?);
        let good = user["password"].as_str() == Some(&found.password);
        good.then(|| Login { method: "password", user: found.id.clone(), project, roles, credential: None })
    }

    /// Logs in with an application credential. An unknown id is a 404, any other mismatch a 401.
    fn by_credential(&self, given: &Value) -> Result<Option<Login>, Reply> {
        let credential = match given["id"].as_str() {
            Some(id) => Some(
                self.credentials
                    .get(id)
                    .ok_or_else(|| identity_error(404, &format!("Could not find Application Credential: {id}.")))?,
            ),
            None => self.find_user(&given["user"]).and_then(|user| {
                let name = given["name"].as_str();
                self.credentials.values().find(|known| known.user == user.id && Some(known.name.as_str()) == name)
            }),
        };
        Ok(credential.filter(|known| given["secret"].as_str() == Some(&known.secret)).map(|known| Login {
            method: "application_credential",
            user: known.user.clone(),
            project: known.project.clone(),
            roles: with_implied(&known.roles),
            credential: Some(json!({"id": known.id, "name": known.name, "restricted": true})),
        }))
    }

    fn find_user(&self, given: &Value) -> Option<&User> {
        match given["id"].as_str() {
            Some(id) => self.users.get(id),
            None => {
                let domain = &given["domain"];
                let default = domain["id"] == "default" || domain["name"] == "Default";
                let name = given["name"].as_str();
                self.users.values().find(|user| default && Some(user.name.as_str()) == name)
            }
        }
    }

    fn token_body(
        &mut self,
        login: &Login,
        call: &Call,
        config: &CloudConfig,
        ids: &mut Ids,
        (now, expires): (&Moment, Moment),
    ) -> Value {
        let roles: Vec<_> =
            login.roles.iter().map(|name| json!({"id": self.shown_id(name, ids), "name": name})).collect();
        let domain = json!({"id": "default", "name": "Default"});
        let mut token = json!({
            "methods": [login.method],
            "user": {
                "domain": domain, "id": login.user, "password_expires_at": null,
                "name": self.users.get(&login.user).map(|user| user.name.as_str()),
            },
            "audit_ids": [&ids.hex()[..22]],
            "expires_at": expires.with_microseconds(),
            "issued_at": now.with_microseconds(),
            "project": {"domain": domain, "id": login.project, "name": self.projects.get(&login.project)},
            "is_domain": false,
            "roles": roles,
            "catalog": self.catalog(call, config, ids),
        });
        if let Some(credential) = &login.credential {
            token["application_credential"] = credential.clone();
        }
        json!({"token": token})
    }

    fn catalog(&mut self, call: &Call, config: &CloudConfig, ids: &mut Ids) -> Value {
        let base = config.catalog_base.as_deref().unwrap_or(&call.base).trim_end_matches('/').to_owned();
        let services = Service::ALL.map(|service| {
            let kind = service.catalog_type();
            let prefix = config.prefixes.of(service);
            let tail = if service == Service::Identity { "/v3" } else { "" };
            let endpoints = INTERFACES.map(|(interface, below)| {
                json!({
                    "id": self.shown_id(&format!("{kind} {interface}"), ids),
                    "interface": interface,
                    "region_id": config.region,
                    "region": config.region,
                    "url": format!("{base}{below}{prefix}{tail}"),
                })
            });
            json!({"endpoints": endpoints, "id": self.shown_id(kind, ids), "type": kind, "name": service.name()})
        });
        json!(services)
    }

    fn shown_id(&mut self, what: &str, ids: &mut Ids) -> String {
        self.shown.entry(what.to_owned()).or_insert_with(|| ids.hex()).clone()
    }

    /// Handles GET, HEAD and DELETE of a token.
    fn token_call(&mut self, call: &Call, now: &Moment, auth_uri: &str) -> HandlerResult {
        self.authenticate(call.header("x-auth-token"), Service::Identity, now.at)
            .ok_or_else(|| unauthorized(auth_uri))?;
        let valid = |token: &&mut Token| !token.revoked && now.at < token.expires;
        let subject = call.header("x-subject-token").unwrap_or_default();
        let token = self.tokens.get_mut(subject).filter(valid);
        let token = token.ok_or_else(|| identity_error(404, "Failed to validate token"))?;
        if call.method == Method::DELETE {
            token.revoked = true;
            return Ok(Reply::empty(204));
        }
        let project = json!({"id": token.caller.project, "name": self.projects.get(&token.caller.project)});
        Ok(Reply::json(200, &json!({"token": {"user": {"id": token.caller.user}, "project": project}})))
    }

    fn own_projects(&mut self, call: &Call, now: &Moment, auth_uri: &str) -> HandlerResult {
        let caller = self
            .authenticate(call.header("x-auth-token"), Service::Identity, now.at)
            .ok_or_else(|| unauthorized(auth_uri))?;
        let own = self.users.get(&caller.user).map(|user| &user.roles);
        let projects: Vec<_> = own
            .into_iter()
            .flat_map(BTreeMap::keys)
            .map(|id| json!({"id": id, "name": self.projects.get(id), "domain_id": "default", "enabled": true}))
            .collect();
        Ok(Reply::json(200, &json!({"projects": projects})))
    }
}

fn version(auth_uri: &str) -> Value {
    json!({
        "id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{auth_uri}/")}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    })
}

/// Adds the roles that Keystone implies by default: admin, manager, member, reader.
fn with_implied(roles: &BTreeSet<String>) -> BTreeSet<String> {
    let chain = ["admin", "manager", "member", "reader"];
    let from = chain.iter().position(|role| roles.contains(*role)).unwrap_or(chain.len());
    roles.iter().cloned().chain(chain[from..].iter().map(|role| (*role).to_owned())).collect()
}
