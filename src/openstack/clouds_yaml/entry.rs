//! The meaning of the keys of one cloud, step by step as in openstacksdk (openstack/config/loader.py) and keystoneauth1
//! (loading/identity.py, identity/generic/password.py, identity/v3/base.py).
//!
//! Some keys on which openstacksdk fails have a meaning here: `default_domain` has that of openstackclient.

use super::credentials::{Auth, Credentials, Domain, Interface, Named, PerService, Secret, is_endpoint};
use super::error::CredentialsError;
use super::file::{self, CloudEntry, EntryKey, underscored};
use crate::openstack::http::{Service, TlsOptions};
use crate::openstack::text::{MAX_NAME, printable};

/// The files that describe a cloud.
#[derive(Clone, Copy)]
pub struct CloudsYaml<'a> {
    /// Text of `clouds.yaml`.
    pub clouds: &'a [u8],
    /// Text of `secure.yaml`, whose keys go over those of `clouds.yaml`.
    pub secure: Option<&'a [u8]>,
    /// PEM, trusted in addition to the system's roots.
    pub cacert: Option<&'a [u8]>,
}

impl Credentials {
    /// Reads the entry `cloud_name` of `clouds_yaml`. `cacert` is PEM, trusted in addition to the system's roots.
    ///
    /// # Errors
    /// When the file, the entry or one of its keys is missing, or an option is not supported.
    pub fn parse(clouds_yaml: &[u8], cacert: Option<&[u8]>, cloud_name: &str) -> Result<Self, CredentialsError> {
        Self::from_files(&CloudsYaml { clouds: clouds_yaml, secure: None, cacert }, cloud_name)
    }

    /// Reads the entry `cloud_name` of `clouds.yaml` and `secure.yaml`.
    ///
    /// # Errors
    /// As [`parse`](Self::parse). A cloud that `secure.yaml` does not have is no error.
    pub fn from_files(files: &CloudsYaml<'_>, cloud_name: &str) -> Result<Self, CredentialsError> {
        let mut entry = file::entry(files.clouds, cloud_name)?;
        match files.secure.map(|secure| file::entry(secure, cloud_name)) {
            None | Some(Err(CredentialsError::NoSuchCloud { .. })) => {}
            Some(secure) => entry.add(secure?),
        }
        credentials(entry, files.cacert, cloud_name)
    }
}

fn credentials(mut entry: CloudEntry, cacert: Option<&[u8]>, cloud: &str) -> Result<Credentials, CredentialsError> {
    let region = choose_region(&mut entry);
    let reader = Reader { cloud, top_level: entry.keys, auth: entry.auth, region };
    reader.reject_unsupported()?;
    let auth_url = reader.option("auth_url").ok_or_else(|| reader.missing("auth.auth_url"))?;
    Ok(Credentials {
        cloud: cloud.to_owned(),
        auth: reader.auth()?,
        auth_url: reader.url("auth.auth_url", &auth_url)?,
        region: reader.region.clone(),
        regions: reader.of_each_service("region_name", &|_, text| Ok(text))?,
        interface: reader.interface(entry.interface.as_deref())?,
        interfaces: reader.of_each_service("interface", &|key, text| reader.parsed_interface(key, &text))?,
        overrides: reader.overrides()?,
        tls: reader.tls(cacert)?,
    })
}

/// The first of `regions`, whose values override those of the entry; else the first of `region_name`.
fn choose_region(entry: &mut CloudEntry) -> Option<String> {
    let name = match entry.regions.take() {
        Some(regions) => {
            let first = regions.into_iter().next()?;
            entry.keys.extend(first.values.keys.into_iter().filter(|key| key.value.is_some()));
            entry.auth.extend(first.values.auth);
            entry.interface = first.values.interface.or(entry.interface.take());
            first.name
        }
        None => {
            let first = entry.region_name.take()?.into_iter().next()?;
            first.split(',').next().unwrap_or_default().to_owned()
        }
    };
    non_empty(Some(&name)).map(str::to_owned)
}

struct Reader<'c> {
    cloud: &'c str,
    /// The keys beside `auth`.
    top_level: Vec<EntryKey>,
    auth: Vec<EntryKey>,
    region: Option<String>,
}

/// The last value of a key in this exact spelling. An empty value counts as absent.
fn exactly<'k>(keys: &'k [EntryKey], name: &str) -> Option<&'k str> {
    let found = keys.iter().rev().find(|key| key.name == name)?;
    non_empty(found.value.as_ref().map(Secret::reveal))
}

/// The last value of a key, spelt with hyphens or underscores.
fn loosely<'k>(keys: &'k [EntryKey], name: &str) -> Option<&'k str> {
    let found = keys.iter().rev().find(|key| underscored(&key.name) == name)?;
    non_empty(found.value.as_ref().map(Secret::reveal))
}

fn non_empty(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

impl Reader<'_> {
    /// An option of the log-in, from `auth` or else from the top level (`_validate_auth`).
    fn option(&self, key: &str) -> Option<String> {
        loosely(&self.auth, key).or_else(|| loosely(&self.top_level, key)).map(str::to_owned)
    }

    /// A project or domain. The top level wins over `auth`, the last of several spellings over the others
    /// (`_fix_backwards_auth`).
    fn of_scope(&self, spellings: &[&str]) -> Option<String> {
        let hyphenated = |key: &&str| [(*key).to_owned(), key.replace('_', "-")];
        let keys: Vec<String> = spellings.iter().flat_map(hyphenated).collect();
        let value = |key: &String| exactly(&self.top_level, key).or_else(|| exactly(&self.auth, key));
        keys.iter().rev().find_map(value).map(str::to_owned)
    }

    /// Rejects options that openstacksdk has and Evenkeel does not support.
    fn reject_unsupported(&self) -> Result<(), CredentialsError> {
        let profile = ["profile", "cloud"].into_iter().find(|name| self.top_level.iter().any(|key| key.name == *name));
        if let Some(key) = profile.filter(|key| exactly(&self.top_level, key).is_some_and(|name| name != "envvars")) {
            return Err(
                self.unusable(key, "vendor profiles are not supported; write out the options that it stands for")
            );
        }
        self.auth_type()?;
        for (key, advice) in [
            ("trust_id", "trusts are not supported; use an application credential, or the project itself"),
            ("system_scope", "load balancers belong to projects; give project_id, or project_name and its domain"),
            ("passcode", "a second factor cannot be entered; use an application credential"),
        ] {
            if self.option(key).is_some() {
                return Err(self.unusable(key, advice));
            }
        }
        for (service, prefix) in SERVICES {
            let key = format!("{prefix}_service_type");
            if loosely(&self.top_level, &key).is_some_and(|kind| kind != service.as_str()) {
                return Err(self.unusable(&key, "other service types are not supported; remove the key"));
            }
        }
        Ok(())
    }

    /// Only the spelling `auth_type` counts: openstacksdk reads `auth_plugin` and `auth-type` too, but its default `password`
    /// overrides them.
    fn auth_type(&self) -> Result<&str, CredentialsError> {
        let default = match self.option("application_credential_secret") {
            Some(_) => "v3applicationcredential",
            None => "password",
        };
        let auth_type = exactly(&self.top_level, "auth_type").unwrap_or(default);
        let hint = match auth_type {
            "password" | "v3password" | "v3applicationcredential" => return Ok(auth_type),
            "token" | "v3token" | "v3oidcaccesstoken" => " (a token cannot be renewed)",
            _ => "",
        };
        let auth_type = printable(auth_type, MAX_NAME);
        Err(CredentialsError::AuthType { cloud: self.cloud.to_owned(), auth_type, hint })
    }

    fn auth(&self) -> Result<Auth, CredentialsError> {
        let required = |key: &str, name| self.option(key).ok_or_else(|| self.missing(name));
        if self.auth_type()? != "v3applicationcredential" {
            let password = Secret::new(required("password", "auth.password")?);
            return Ok(Auth::Password { user: self.user()?, password, project: self.project()? });
        }
        let secret = required("application_credential_secret", "auth.application_credential_secret")?;
        let secret = Secret::new(secret);
        if let Some(id) = self.option("application_credential_id") {
            return Ok(Auth::ApplicationCredential { id, secret });
        }
        let name = required("application_credential_name", "auth.application_credential_id")?;
        Ok(Auth::NamedApplicationCredential { name, user: self.user()?, secret })
    }

    fn user(&self) -> Result<Named, CredentialsError> {
        if let Some(id) = self.option("user_id") {
            return Ok(Named::Id(id));
        }
        let name = self.option("username").or_else(|| self.option("user_name"));
        let name = name.ok_or_else(|| self.missing("auth.username"))?;
        let domain = self.domain_of("user").ok_or_else(|| self.missing("auth.user_domain_name"))?;
        Ok(Named::Name { name, domain })
    }

    /// A project without a domain is taken from the user's domain, as other clients do.
    fn project(&self) -> Result<Named, CredentialsError> {
        if let Some(id) = self.of_scope(&["tenant_id", "project_id"]) {
            return Ok(Named::Id(id));
        }
        let name = self.of_scope(&["tenant_name", "project_name"]);
        let name = name.ok_or_else(|| self.missing("auth.project_name"))?;
        let domain = self.domain_of("project").or_else(|| self.domain_of("user"));
        Ok(Named::Name { name, domain: domain.ok_or_else(|| self.missing("auth.project_domain_name"))? })
    }

    /// The domain of `user` or `project`: its own, else the common one (`_handle_domain_id`), else the default. An id wins over
    /// a name. The default of openstackclient, an id, comes last (osc_lib/cli/client_config.py).
    fn domain_of(&self, subject: &str) -> Option<Domain> {
        let own = |field: &str| self.of_scope(&[&format!("{subject}_domain_{field}")]);
        let find = |field: &str| {
            let common = || self.of_scope(&[&format!("domain_{field}")]);
            own(field).or_else(common).or_else(|| self.option(&format!("default_domain_{field}")))
        };
        let by_id = find("id").map(Domain::Id);
        by_id.or_else(|| find("name").map(Domain::Name)).or_else(|| self.option("default_domain").map(Domain::Id))
    }

    /// One interface, or a list of one. The older key `endpoint_type` wins (`_fix_backwards_interface`).
    fn interface(&self, given: Option<&[String]>) -> Result<Interface, CredentialsError> {
        if let Some(text) = exactly(&self.top_level, "endpoint_type") {
            return self.parsed_interface("endpoint_type", text);
        }
        match given {
            Some([_, _, ..]) => {
                Err(self.unusable("interface", "several are not supported; choose public, internal or admin"))
            }
            Some([one]) if !one.trim().is_empty() => self.parsed_interface("interface", one),
            _ => Ok(Interface::Public),
        }
    }

    fn parsed_interface(&self, key: &str, text: &str) -> Result<Interface, CredentialsError> {
        Interface::parse(text).ok_or_else(|| self.unusable(key, "it must be public, internal or admin"))
    }

    /// The values of `load_balancer_SUFFIX` and the like. `read` gets the key too, for messages.
    fn of_each_service<T>(
        &self,
        suffix: &str,
        read: &dyn Fn(&str, String) -> Result<T, CredentialsError>,
    ) -> Result<PerService<T>, CredentialsError> {
        let mut values = PerService::default();
        for (service, prefix) in SERVICES {
            let key = format!("{prefix}_{suffix}");
            let older = format!("{prefix}_endpoint_type");
            let older = || exactly(&self.top_level, &older).filter(|_| suffix == "interface");
            let Some(text) = loosely(&self.top_level, &key).or_else(older) else { continue };
            let value = Some(read(&key, text.to_owned())?);
            match service {
                Service::LoadBalancer => values.load_balancer = value,
                Service::Network => values.network = value,
                Service::KeyManager => values.key_manager = value,
                Service::Identity => {}
            }
        }
        Ok(values)
    }

    /// Endpoint overrides: by openstacksdk's keys, else by those with the names of OpenStack projects, which other clients have.
    fn overrides(&self) -> Result<PerService<String>, CredentialsError> {
        let read = |own: &str, project: &str| {
            let keys = ["endpoint_override", "endpoint"].map(|suffix| format!("{own}_{suffix}"));
            let keys = keys.into_iter().chain([format!("{project}_endpoint_override")]);
            let mut found = keys.filter_map(|key| Some((loosely(&self.top_level, &key)?, key)));
            found.next().map(|(url, key)| self.url(&key, url)).transpose()
        };
        Ok(PerService {
            load_balancer: read("load_balancer", "octavia")?,
            network: read("network", "neutron")?,
            key_manager: read("key_manager", "barbican")?,
        })
    }

    /// A URL with `{region_name}` filled in (`magic_fixes`). openstacksdk fills in other keys as well; a URL with any other
    /// placeholder is rejected here, so that no password ends up in it.
    fn url(&self, key: &str, text: &str) -> Result<String, CredentialsError> {
        let url = match &self.region {
            Some(region) => text.replace("{region_name}", region),
            None => text.to_owned(),
        };
        if is_endpoint(&url) && !url.contains(['{', '}']) {
            return Ok(url);
        }
        Err(self.unusable(key, NOT_A_URL))
    }

    fn tls(&self, cacert: Option<&[u8]>) -> Result<TlsOptions, CredentialsError> {
        if loosely(&self.top_level, "cert").is_some() {
            return Err(self.unusable("cert", "client certificates are not supported"));
        }
        if self.boolean("insecure", false)? || !self.boolean("verify", true)? {
            return Ok(TlsOptions { ca: None, insecure: true });
        }
        let given = loosely(&self.top_level, "cacert");
        let inline = given.filter(|text| text.contains("-----BEGIN"));
        if given.is_some() && inline.is_none() && cacert.is_none() {
            let advice = "a path leads to no file here; put the PEM text itself under the key `cacert` of the Secret";
            return Err(self.unusable("cacert", advice));
        }
        let ca = cacert.map(<[u8]>::to_vec).or_else(|| inline.map(|text| text.as_bytes().to_vec()));
        Ok(TlsOptions { ca, insecure: false })
    }

    /// A boolean in the spellings of YAML 1.1 that PyYAML reads.
    fn boolean(&self, key: &str, default: bool) -> Result<bool, CredentialsError> {
        match loosely(&self.top_level, key).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true" | "yes" | "on") => Ok(true),
            Some("false" | "no" | "off") => Ok(false),
            Some(_) => Err(self.unusable(key, "it must be true or false")),
        }
    }

    fn missing(&self, key: &'static str) -> CredentialsError {
        CredentialsError::Missing { cloud: self.cloud.to_owned(), key }
    }

    fn unusable(&self, key: &str, advice: &'static str) -> CredentialsError {
        CredentialsError::Unusable { cloud: self.cloud.to_owned(), key: key.to_owned(), advice }
    }
}

const SERVICES: [(Service, &str); 3] =
    [(Service::LoadBalancer, "load_balancer"), (Service::Network, "network"), (Service::KeyManager, "key_manager")];

const NOT_A_URL: &str = "it must be an http:// or https:// URL without user name, query and fragment";
