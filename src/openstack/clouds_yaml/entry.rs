//! From the keys of one cloud to credentials, step by step as openstacksdk does it (openstack/config/loader.py) and
//! keystoneauth1 reads what comes of that (loading/identity.py, identity/generic/password.py, identity/v3/base.py).
//!
//! Keys that openstacksdk fails on may have a meaning all the same: `default_domain` has the one of openstackclient.

use super::file::{CloudEntry, Keys, underscored};
use super::{
    Auth, Credentials, CredentialsError, Domain, Interface, Named, PerService, Secret, is_endpoint, shortened,
};
use crate::openstack::TlsOptions;
use crate::openstack::session::Service;

/// `Credentials` of an entry; `cacert` comes from the Secret.
pub(super) fn credentials(
    mut entry: CloudEntry,
    cacert: Option<&[u8]>,
    cloud: &str,
) -> Result<Credentials, CredentialsError> {
    let region = choose_region(&mut entry);
    let reader = Reader { cloud, beside: entry.keys, auth: entry.auth, region };
    reader.refuse_unsupported()?;
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

/// The first of `regions`, with its values over those of the entry; else `region_name`, of whose list the first.
fn choose_region(entry: &mut CloudEntry) -> Option<String> {
    let name = match entry.regions.take() {
        Some(regions) => {
            let first = regions.into_iter().next()?;
            entry.keys.extend(first.values.keys.into_iter().filter(|(_, value)| value.is_some()));
            entry.auth.extend(first.values.auth);
            entry.interface = first.values.interface.or(entry.interface.take());
            first.name
        }
        None => {
            let first = entry.region_name.take()?.into_iter().next()?;
            first.split(',').next().unwrap_or_default().to_owned()
        }
    };
    filled(Some(&name)).map(str::to_owned)
}

struct Reader<'c> {
    cloud: &'c str,
    beside: Keys,
    auth: Keys,
    region: Option<String>,
}

/// The last value of a key, by its exact spelling. Empty is as good as absent.
fn exactly<'k>(keys: &'k Keys, key: &str) -> Option<&'k str> {
    let found = keys.iter().rev().find(|(other, _)| other == key)?;
    filled(found.1.as_ref().map(Secret::reveal))
}

/// The last value of a key, with hyphens or underscores.
fn loosely<'k>(keys: &'k Keys, key: &str) -> Option<&'k str> {
    let found = keys.iter().rev().find(|(other, _)| underscored(other) == key)?;
    filled(found.1.as_ref().map(Secret::reveal))
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

impl Reader<'_> {
    /// An option of the log-in: from `auth`, else from beside it (`_validate_auth`).
    fn option(&self, key: &str) -> Option<String> {
        loosely(&self.auth, key).or_else(|| loosely(&self.beside, key)).map(str::to_owned)
    }

    /// Project and domains: the one beside `auth` wins, and of several spellings the last (`_fix_backwards_auth`).
    fn of_scope(&self, spellings: &[&str]) -> Option<String> {
        let hyphenated = |key: &&str| [(*key).to_owned(), key.replace('_', "-")];
        let keys: Vec<String> = spellings.iter().flat_map(hyphenated).collect();
        let value = |key: &String| exactly(&self.beside, key).or_else(|| exactly(&self.auth, key));
        keys.iter().rev().find_map(value).map(str::to_owned)
    }

    /// Names what openstacksdk knows and Evenkeel cannot do.
    fn refuse_unsupported(&self) -> Result<(), CredentialsError> {
        let profile = ["profile", "cloud"].into_iter().find(|key| self.beside.iter().any(|(other, _)| other == key));
        if let Some(key) = profile.filter(|key| exactly(&self.beside, key).is_some_and(|name| name != "envvars")) {
            return Err(self.unusable(key, "profiles of vendors are not known here; write out what it stands for"));
        }
        self.auth_type()?;
        for (key, advice) in [
            ("trust_id", "trusts are not supported; use an application credential, or the project itself"),
            ("system_scope", "load balancers belong to projects, so the credentials have to be for a project"),
            ("passcode", "a second factor cannot be typed in; use an application credential"),
        ] {
            if self.option(key).is_some() {
                return Err(self.unusable(key, advice));
            }
        }
        for (service, prefix) in SERVICES {
            let key = format!("{prefix}_service_type");
            if loosely(&self.beside, &key).is_some_and(|kind| kind != service.as_str()) {
                return Err(self.unusable(&key, "other types of services are not supported; leave it out"));
            }
        }
        Ok(())
    }

    /// openstacksdk reads `auth_plugin` and `auth-type` and prefers its default `password` to them.
    fn auth_type(&self) -> Result<&str, CredentialsError> {
        let default = match self.option("application_credential_secret") {
            Some(_) => "v3applicationcredential",
            None => "password",
        };
        let auth_type = exactly(&self.beside, "auth_type").unwrap_or(default);
        let hint = match auth_type {
            "password" | "v3password" | "v3applicationcredential" => return Ok(auth_type),
            "token" | "v3token" | "v3oidcaccesstoken" => " (a token cannot be renewed)",
            _ => "",
        };
        Err(CredentialsError::AuthType { cloud: self.cloud.to_owned(), auth_type: shortened(auth_type), hint })
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

    /// A project without a domain of its own is looked for in the user's, as other clients do.
    fn project(&self) -> Result<Named, CredentialsError> {
        if let Some(id) = self.of_scope(&["tenant_id", "project_id"]) {
            return Ok(Named::Id(id));
        }
        let name = self.of_scope(&["tenant_name", "project_name"]);
        let name = name.ok_or_else(|| self.missing("auth.project_name"))?;
        let domain = self.domain_of("project").or_else(|| self.domain_of("user"));
        Ok(Named::Name { name, domain: domain.ok_or_else(|| self.missing("auth.project_domain_name"))? })
    }

    /// The own domain, else that of both (`_handle_domain_id`), else the default; an id wins over a name. The default of
    /// openstackclient, an id, comes last (osc_lib/cli/client_config.py).
    fn domain_of(&self, whose: &str) -> Option<Domain> {
        let own = |field: &str| self.of_scope(&[&format!("{whose}_domain_{field}")]);
        let find = |field: &str| {
            let common = || self.of_scope(&[&format!("domain_{field}")]);
            own(field).or_else(common).or_else(|| self.option(&format!("default_domain_{field}")))
        };
        let by_id = find("id").map(Domain::Id);
        by_id.or_else(|| find("name").map(Domain::Name)).or_else(|| self.option("default_domain").map(Domain::Id))
    }

    /// One interface, or a list with one in it. Its older name `endpoint_type` wins (`_fix_backwards_interface`).
    fn interface(&self, given: Option<&[String]>) -> Result<Interface, CredentialsError> {
        if let Some(text) = exactly(&self.beside, "endpoint_type") {
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

    /// Values of keys that begin with a service; `read` gets the key, for messages.
    fn of_each_service<T>(
        &self,
        suffix: &str,
        read: &dyn Fn(&str, String) -> Result<T, CredentialsError>,
    ) -> Result<PerService<T>, CredentialsError> {
        let mut values = PerService::default();
        for (service, prefix) in SERVICES {
            let key = format!("{prefix}_{suffix}");
            let older = format!("{prefix}_endpoint_type");
            let older = || exactly(&self.beside, &older).filter(|_| suffix == "interface");
            let Some(text) = loosely(&self.beside, &key).or_else(older) else { continue };
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

    /// openstacksdk's own keys, then those named after the projects of OpenStack, which other clients know.
    fn overrides(&self) -> Result<PerService<String>, CredentialsError> {
        let read = |own: &str, project: &str| {
            let keys = ["endpoint_override", "endpoint"].map(|suffix| format!("{own}_{suffix}"));
            let keys = keys.into_iter().chain([format!("{project}_endpoint_override")]);
            let mut found = keys.filter_map(|key| Some((loosely(&self.beside, &key)?, key)));
            found.next().map(|(url, key)| self.url(&key, url)).transpose()
        };
        Ok(PerService {
            load_balancer: read("load_balancer", "octavia")?,
            network: read("network", "neutron")?,
            key_manager: read("key_manager", "barbican")?,
        })
    }

    /// A URL with `{region_name}` and other keys of the entry filled in (`magic_fixes`). No password is.
    fn url(&self, key: &str, text: &str) -> Result<String, CredentialsError> {
        let mut url = text.to_owned();
        if let Some(region) = &self.region {
            url = url.replace("{region_name}", region);
        }
        if is_endpoint(&url) && !url.contains(['{', '}']) {
            return Ok(url);
        }
        Err(self.unusable(key, NOT_A_URL))
    }

    fn tls(&self, cacert: Option<&[u8]>) -> Result<TlsOptions, CredentialsError> {
        if loosely(&self.beside, "cert").is_some() {
            return Err(self.unusable("cert", "client certificates are not supported"));
        }
        if self.switch("insecure", false)? || !self.switch("verify", true)? {
            return Ok(TlsOptions { ca: None, insecure: true });
        }
        let given = loosely(&self.beside, "cacert");
        let inline = given.filter(|text| text.contains("-----BEGIN"));
        if given.is_some() && inline.is_none() && cacert.is_none() {
            let advice = "a path means nothing here; put the PEM text itself under the key `cacert` of the Secret";
            return Err(self.unusable("cacert", advice));
        }
        let ca = cacert.map(<[u8]>::to_vec).or_else(|| inline.map(|text| text.as_bytes().to_vec()));
        Ok(TlsOptions { ca, insecure: false })
    }

    /// YAML 1.1 has more words for a boolean than others; PyYAML knows these.
    fn switch(&self, key: &str, default: bool) -> Result<bool, CredentialsError> {
        match loosely(&self.beside, key).map(str::to_ascii_lowercase).as_deref() {
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
