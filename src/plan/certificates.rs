//! From the certificates that a stack wants to the references that Octavia gets.
//!
//! A secret in the key manager gets its URL when it is stored. So a stored certificate becomes the URL of the observed
//! secret of its name, or a placeholder for the one that an earlier step of the plan stores ([`secrets`](super::secrets)).
//! A certificate that is unknown now becomes the reference that the cloud has: nothing changes. Where the cloud has none,
//! it stays unknown, and the object waits with it ([`Gate::Blocked`](super::matching::Gate)).

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::matching::in_place;
use crate::model::{
    CertificateRef, Desired, ListenerTls, ObservedListener, ObservedPool, ObservedSecret, ObservedSecrets,
    ObservedTree, PoolTls, secret_id,
};

/// Longest URL of a certificate for SNI in Octavia's database. A longer one is a 500 in every try.
pub(super) const SNI_URL_MAX: usize = 128;

/// The desired state with a URL or placeholder for every certificate that is known or that the cloud has.
pub(super) fn resolved<'a>(desired: &'a Desired, tree: &ObservedTree) -> Cow<'a, Desired> {
    if desired.certificates().all(|reference| matches!(reference, CertificateRef::Existing(_))) {
        return Cow::Borrowed(desired);
    }
    let references = References::new(tree);
    let in_place = in_place(desired, tree);
    let mut resolved = desired.clone();
    for (key, listener) in &mut resolved.listeners {
        if let Some(tls) = &mut listener.tls {
            references.resolve_listener(tls, in_place.get(key.as_str()).copied());
        }
    }
    for (key, pool) in &mut resolved.pools {
        let serves =
            |observed: &&ObservedPool| observed.key() == Some(key) && observed.protocol == pool.protocol.as_str();
        if let Some(tls) = &mut pool.tls {
            references.resolve_pool(tls, tree.pools.iter().find(serves));
        }
    }
    Cow::Owned(resolved)
}

/// Placeholder for the URL of a secret that an earlier step stores.
pub(super) fn placeholder(name: &str) -> String {
    format!("<secret {name}>")
}

/// Name of the secret that a placeholder stands for.
pub(super) fn placed(text: &str) -> Option<&str> {
    text.strip_prefix("<secret ")?.strip_suffix('>')
}

/// Chooses among secrets of one name, which come of a lost response: the oldest of those that the tree names, so that
/// nothing is switched without need; else the oldest.
pub(super) fn chosen<'a>(
    name: &str,
    secrets: &'a [ObservedSecret],
    named: &HashSet<&str>,
) -> Option<&'a ObservedSecret> {
    let usable = secrets.iter().filter(|secret| secret.name == name && secret.usable);
    usable.min_by_key(|secret| (!named.contains(secret.id.as_str()), &secret.created, &secret.id))
}

/// The secrets of the stack, and the ids that its load balancer names.
struct References<'a> {
    /// `None` while the key manager does not tell.
    secrets: Option<&'a [ObservedSecret]>,
    named: HashSet<&'a str>,
}

impl<'a> References<'a> {
    fn new(tree: &'a ObservedTree) -> Self {
        let secrets = match &tree.secrets {
            ObservedSecrets::Known(secrets) => Some(secrets.as_slice()),
            ObservedSecrets::Unknown(_) => None,
        };
        Self { secrets, named: tree.named_secrets().collect() }
    }

    fn resolve_listener(&self, tls: &mut ListenerTls, observed: Option<&ObservedListener>) {
        let of = |field: fn(&ObservedListener) -> &Option<String>| observed.and_then(|found| field(found).as_deref());
        self.resolve(&mut tls.certificate_ref, of(|found| &found.default_tls_container_ref));
        let ca = of(|found| &found.client_ca_tls_container_ref);
        let crl = of(|found| &found.client_crl_container_ref);
        self.resolve_authority(&mut tls.client_ca_ref, &mut tls.client_crl_ref, ca, crl);
        tls.sni_refs = self.sni(&tls.sni_refs, observed.map(|found| &found.sni_container_refs));
    }

    fn resolve_pool(&self, tls: &mut PoolTls, observed: Option<&ObservedPool>) {
        let of = |field: fn(&ObservedPool) -> &Option<String>| observed.and_then(|found| field(found).as_deref());
        self.resolve(&mut tls.client_certificate_ref, of(|found| &found.tls_container_ref));
        let (ca, crl) = (of(|found| &found.ca_tls_container_ref), of(|found| &found.crl_container_ref));
        self.resolve_authority(&mut tls.ca_ref, &mut tls.crl_ref, ca, crl);
    }

    fn resolve(&self, reference: &mut Option<CertificateRef>, observed: Option<&str>) {
        if let Some(wanted) = reference {
            let url = self.url(wanted, observed).or_else(|| observed.map(str::to_owned));
            *wanted = url.map_or(CertificateRef::Unknown, CertificateRef::Existing);
        }
    }

    /// An authority and its revocation list change together: Octavia checks one against the other. While one of them is
    /// unknown, both stay.
    fn resolve_authority(
        &self,
        ca: &mut Option<CertificateRef>,
        crl: &mut Option<CertificateRef>,
        observed_ca: Option<&str>,
        observed_crl: Option<&str>,
    ) {
        let is_unknown =
            |wanted: &Option<CertificateRef>| wanted.as_ref().is_some_and(|wanted| self.url(wanted, None).is_none());
        if is_unknown(ca) || is_unknown(crl) {
            let has_all = (ca.is_none() || observed_ca.is_some()) && (!is_unknown(crl) || observed_crl.is_some());
            let stays = |observed: Option<&str>| match observed {
                Some(url) if has_all => Some(CertificateRef::Existing(url.to_owned())),
                None if has_all => None,
                _ => Some(CertificateRef::Unknown),
            };
            (*ca, *crl) = (stays(observed_ca), stays(observed_crl));
            return;
        }
        self.resolve(ca, observed_ca);
        self.resolve(crl, observed_crl);
    }

    /// Certificates for SNI are a set, in which nothing tells to which certificate an observed one belongs. So none goes
    /// while one is unknown, or has a URL that Octavia cannot store; all others come.
    fn sni(&self, wanted: &BTreeSet<CertificateRef>, observed: Option<&BTreeSet<String>>) -> BTreeSet<CertificateRef> {
        let observed_url = |id: &str| observed?.iter().find(|url| secret_id(url) == Some(id)).map(String::as_str);
        let mut urls = BTreeSet::new();
        let mut is_complete = true;
        for reference in wanted {
            match self.url(reference, self.stored_id(reference).and_then(observed_url)) {
                Some(url) if url.len() <= SNI_URL_MAX => drop(urls.insert(CertificateRef::Existing(url))),
                _ => is_complete = false,
            }
        }
        if !is_complete {
            match observed {
                Some(observed) => urls.extend(observed.iter().cloned().map(CertificateRef::Existing)),
                None => drop(urls.insert(CertificateRef::Unknown)),
            }
        }
        urls
    }

    /// URL of a known certificate; a placeholder for one that is still to be stored. The spelling of `observed` wins if
    /// it leads to the same secret.
    fn url(&self, reference: &CertificateRef, observed: Option<&str>) -> Option<String> {
        match reference {
            CertificateRef::Existing(url) => Some(url.clone()),
            CertificateRef::Stored(wanted) => Some(match chosen(&wanted.name, self.secrets?, &self.named) {
                Some(secret) if observed.and_then(secret_id) == Some(&secret.id) => observed?.to_owned(),
                Some(secret) => secret.href.clone(),
                None => placeholder(&wanted.name),
            }),
            CertificateRef::Unknown => None,
        }
    }

    /// Id of the secret that a stored certificate is in.
    fn stored_id(&self, reference: &CertificateRef) -> Option<&str> {
        let CertificateRef::Stored(wanted) = reference else { return None };
        Some(&chosen(&wanted.name, self.secrets?, &self.named)?.id)
    }
}
