//! Checks of cipher lists, as Octavia hands them to haproxy and as OpenSSL reads them.
//!
//! haproxy rejects a list in which OpenSSL finds no cipher, and the load balancer goes to ERROR. Octavia itself checks
//! the characters only (`VALID_CIPHER_RE` in octavia/common/validate.py).
//!
//! Octavia 19 splits the list into the suites of TLS 1.3 and the rest, sorts both parts alphabetically, and drops the
//! part that no version needs (`_transform_listener` in octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py).
//! The order matters: OpenSSL knows DEFAULT at the beginning only, and `-X` removes only ciphers that stand before it.
//! So a list can mean something else once it is sorted, and such a list is rejected.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::model::TlsVersion;

/// The ciphers of TLS 1.3, called suites here: Octavia's `DEFAULT_TLS_1_3_SUPPORTED_CIPHERS`
/// (octavia/common/constants.py).
const TLS_1_3_SUITES: [&str; 5] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
];

/// Ciphers up to TLS 1.2 that encrypt and need only a certificate, in default builds of OpenSSL from 1.1.1 on
/// (`openssl ciphers -v ALL`). PSK and SRP are left out, because haproxy has no keys for them; so are ciphers without
/// encryption or authentication, because OpenSSL's security level forbids them.
const OLDER_CIPHERS: &str = "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 DHE-DSS-AES256-GCM-SHA384 DHE-RSA-AES256-GCM-SHA384 \
     ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 DHE-RSA-CHACHA20-POLY1305 ECDHE-ECDSA-AES256-CCM8 \
     ECDHE-ECDSA-AES256-CCM DHE-RSA-AES256-CCM8 DHE-RSA-AES256-CCM ECDHE-ECDSA-ARIA256-GCM-SHA384 \
     ECDHE-ARIA256-GCM-SHA384 DHE-DSS-ARIA256-GCM-SHA384 DHE-RSA-ARIA256-GCM-SHA384 ECDHE-ECDSA-AES128-GCM-SHA256 \
     ECDHE-RSA-AES128-GCM-SHA256 DHE-DSS-AES128-GCM-SHA256 DHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES128-CCM8 \
     ECDHE-ECDSA-AES128-CCM DHE-RSA-AES128-CCM8 DHE-RSA-AES128-CCM ECDHE-ECDSA-ARIA128-GCM-SHA256 \
     ECDHE-ARIA128-GCM-SHA256 DHE-DSS-ARIA128-GCM-SHA256 DHE-RSA-ARIA128-GCM-SHA256 ECDHE-ECDSA-AES256-SHA384 \
     ECDHE-RSA-AES256-SHA384 DHE-RSA-AES256-SHA256 DHE-DSS-AES256-SHA256 ECDHE-ECDSA-CAMELLIA256-SHA384 \
     ECDHE-RSA-CAMELLIA256-SHA384 DHE-RSA-CAMELLIA256-SHA256 DHE-DSS-CAMELLIA256-SHA256 ECDHE-ECDSA-AES128-SHA256 \
     ECDHE-RSA-AES128-SHA256 DHE-RSA-AES128-SHA256 DHE-DSS-AES128-SHA256 ECDHE-ECDSA-CAMELLIA128-SHA256 \
     ECDHE-RSA-CAMELLIA128-SHA256 DHE-RSA-CAMELLIA128-SHA256 DHE-DSS-CAMELLIA128-SHA256 ECDHE-ECDSA-AES256-SHA \
     ECDHE-RSA-AES256-SHA DHE-RSA-AES256-SHA DHE-DSS-AES256-SHA DHE-RSA-CAMELLIA256-SHA DHE-DSS-CAMELLIA256-SHA \
     ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA DHE-RSA-AES128-SHA DHE-DSS-AES128-SHA DHE-RSA-CAMELLIA128-SHA \
     DHE-DSS-CAMELLIA128-SHA AES256-GCM-SHA384 AES256-CCM8 AES256-CCM ARIA256-GCM-SHA384 AES128-GCM-SHA256 \
     AES128-CCM8 AES128-CCM ARIA128-GCM-SHA256 AES256-SHA256 CAMELLIA256-SHA256 AES128-SHA256 CAMELLIA128-SHA256 \
     AES256-SHA CAMELLIA256-SHA AES128-SHA CAMELLIA128-SHA";

/// Aliases that OpenSSL knows at the beginning of a list only. More may follow within the same entry:
/// `DEFAULT@SECLEVEL=1`.
const LEADING_ALIASES: [&str; 5] = ["DEFAULT", "SUITEB128ONLY", "SUITEB128C2", "SUITEB128", "SUITEB192"];

/// The side of haproxy in the connections that a cipher list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// It serves clients.
    Listener,
    /// It is a client of members.
    Pool,
}

type Ciphers = BTreeSet<&'static str>;

/// The names in [`OLDER_CIPHERS`].
static ALL: LazyLock<Ciphers> = LazyLock::new(|| OLDER_CIPHERS.split_whitespace().collect());

/// The reason for which a cipher list fails or has no effect with these versions, and the remedy, as a user reads them
/// behind the path of the field. `None` for a list that works.
///
/// Absent versions are the operator's, usually TLSv1.2 and TLSv1.3.
pub(super) fn problem(role: Role, list: &str, versions: Option<&[TlsVersion]>) -> Option<String> {
    let entries: BTreeSet<&str> = list.split(':').filter(|entry| !entry.is_empty()).collect();
    let (suites, older): (BTreeSet<&str>, BTreeSet<&str>) =
        entries.into_iter().partition(|entry| TLS_1_3_SUITES.contains(entry));
    let offers = |test: fn(TlsVersion) -> bool| versions.is_none_or(|list| list.iter().any(|version| test(*version)));
    let offered = Offered { before_1_3: offers(|v| v < TlsVersion::V1_3), v1_2: offers(|v| v == TlsVersion::V1_2) };
    let mut usable = Ciphers::new();
    if offered.before_1_3 && !older.is_empty() {
        match sorted_ciphers(list, &older) {
            Ok(ciphers) => usable = ciphers,
            Err(problem) => return Some(problem),
        }
    }
    if !offered.v1_2 {
        usable.retain(|cipher| !needs_tls_1_2(cipher));
    }
    // A suite is enough for TLS 1.3, whatever is left of the other ciphers.
    if !suites.is_empty() && offers(|version| version == TlsVersion::V1_3) {
        return None;
    }
    // To serve a DHE cipher haproxy needs DHE parameters: from 2.6 on it has none of its own, and Octavia gives it
    // none.
    let is_served = |cipher: &&str| role == Role::Pool || !cipher.starts_with("DHE-");
    if usable.iter().any(is_served) {
        return None;
    }
    if usable.is_empty() {
        return Some(no_cipher_for_versions(&offered));
    }
    Some(
        "has ciphers of DHE only, which haproxy from 2.6 on does not serve to clients: name another one, for example \
         ECDHE-RSA-AES128-GCM-SHA256"
            .to_owned(),
    )
}

/// The versions before TLS 1.3 that a listener or pool offers: any of them, and TLS 1.2.
struct Offered {
    before_1_3: bool,
    v1_2: bool,
}

fn no_cipher_for_versions(offered: &Offered) -> String {
    let example = if !offered.before_1_3 {
        "TLS_AES_256_GCM_SHA384"
    } else if offered.v1_2 {
        "ECDHE-RSA-AES128-GCM-SHA256"
    } else {
        "ECDHE-RSA-AES128-SHA"
    };
    format!("has no cipher for the versions beside it: name one of theirs, for example {example}, or leave ciphers out")
}

/// The ciphers up to TLS 1.2 that OpenSSL finds in a list as Octavia sorts it.
///
/// # Errors
/// The problem and its remedy, if OpenSSL finds no cipher there, or others than in the user's own order.
fn sorted_ciphers(list: &str, sorted_entries: &BTreeSet<&str>) -> Result<Ciphers, String> {
    let intended = CipherList::read(list.split(':').filter(|entry| !entry.is_empty()))?;
    let sorted = CipherList::read(sorted_entries.iter().copied())?;
    if intended == sorted && !sorted.is_empty() {
        return Ok(sorted);
    }
    if intended != sorted {
        let moved_alias = sorted_entries.iter().skip(1).find_map(|entry| Some(leading_alias(entry)?.alias));
        let removal = sorted_entries.iter().find_map(|entry| entry.strip_prefix('-'));
        match (moved_alias, removal) {
            (Some(alias), _) => return Err(misplaced_alias(alias)),
            (None, Some(removed)) => return Err(removal_without_effect(removed)),
            (None, None) => {
                let first = sorted_entries.first().and_then(|entry| leading_alias(entry));
                if let Some(LeadingAlias { alias, .. }) = first {
                    return Err(alias_moved_to_the_front(alias));
                }
            }
        }
    }
    Err(no_known_cipher(sorted_entries))
}

fn removal_without_effect(removed: &str) -> String {
    format!(
        "has no effect in -{removed}, because Octavia sorts the list, and OpenSSL then removes ciphers before they are \
         added: write !{removed}"
    )
}

/// True if a leading alias stands for a cipher. All aliases of Suite B count for both of its ciphers, although some
/// leave one of them out.
fn leading_alias_includes(alias: &str, cipher: &str) -> bool {
    if alias == "DEFAULT" {
        !alias_includes("COMPLEMENTOFDEFAULT", cipher)
    } else {
        ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"].contains(&cipher)
    }
}

/// The parts of an entry such as `DEFAULT@SECLEVEL=1`.
struct LeadingAlias<'a> {
    alias: &'static str,
    /// The part after the alias, possibly empty.
    rest: &'a str,
}

fn leading_alias(entry: &str) -> Option<LeadingAlias<'_>> {
    LEADING_ALIASES.into_iter().find_map(|alias| Some(LeadingAlias { alias, rest: entry.strip_prefix(alias)? }))
}

fn misplaced_alias(alias: &str) -> String {
    let instead = if alias == "DEFAULT" { "ALL:!COMPLEMENTOFDEFAULT:!eNULL" } else { "the names of its ciphers" };
    format!(
        "has no effect in {alias}, because Octavia sorts the list and OpenSSL knows {alias} at its beginning only: \
         write {instead} in its place"
    )
}

fn alias_moved_to_the_front(alias: &str) -> String {
    format!(
        "has {alias} behind other entries, where OpenSSL does not know it, but Octavia sorts the list and puts it first: write \
         {alias} first, or leave it out"
    )
}

fn no_known_cipher(entries: &BTreeSet<&str>) -> String {
    let corrections = entries.iter().filter_map(|entry| Some(format!("{} for {entry}", openssl_name(entry)?)));
    let corrections = corrections.take(4).collect::<Vec<_>>().join(", ");
    let remedy = if corrections.is_empty() {
        "name at least one, for example ECDHE-RSA-AES128-GCM-SHA256".to_owned()
    } else {
        format!("use OpenSSL's names, {corrections}")
    };
    format!("has no cipher that OpenSSL knows and that needs only a certificate: {remedy}")
}

/// OpenSSL's name of a cipher that has a standard (IANA) name such as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`. `None`
/// for any other text, and for ciphers that are not in [`OLDER_CIPHERS`].
fn openssl_name(standard: &str) -> Option<String> {
    let (exchange, cipher) = standard.strip_prefix("TLS_")?.split_once("_WITH_")?;
    let exchange = match exchange {
        "RSA" => String::new(),
        "ECDHE_RSA" if cipher.starts_with("ARIA") => "ECDHE-".to_owned(),
        other => format!("{}-", other.replace('_', "-")),
    };
    let cipher = if cipher.starts_with("CHACHA20") { cipher.trim_end_matches("_SHA256") } else { cipher };
    let cipher = cipher.replace("_CBC", "").replace("CCM_8", "CCM8").replace("_128", "128").replace("_256", "256");
    let name = format!("{exchange}{}", cipher.replace('_', "-"));
    ALL.contains(name.as_str()).then_some(name)
}

/// The state of OpenSSL while it reads a cipher list entry by entry (`ssl_cipher_process_rulestr` in ssl/ssl_ciph.c).
#[derive(Default)]
struct CipherList {
    /// The ciphers that the entries so far have added.
    active: Ciphers,
    /// The ciphers that `!` removes for good: later entries cannot add them.
    killed: Ciphers,
}

impl CipherList {
    /// The ciphers that are active at the end of the list.
    fn read<'a>(entries: impl Iterator<Item = &'a str>) -> Result<Ciphers, String> {
        let mut list = Self::default();
        for (index, entry) in entries.enumerate() {
            match leading_alias(entry).filter(|_| index == 0) {
                Some(LeadingAlias { alias, rest }) => {
                    list.active.extend(ALL.iter().filter(|cipher| leading_alias_includes(alias, cipher)));
                    list.apply(rest)?;
                }
                None => list.apply(entry)?,
            }
        }
        Ok(list.active)
    }

    /// Applies one entry, for example `-kRSA+AES!SHA`: an operator with aliases that must all match, possibly followed
    /// by more of the same. Unknown aliases match nothing.
    fn apply(&mut self, entry: &str) -> Result<(), String> {
        let mut rest = entry;
        while !rest.is_empty() {
            let operator = rest.chars().next().filter(|c| "-+!@".contains(*c));
            let after = operator.and_then(|c| rest.strip_prefix(c)).unwrap_or(rest);
            let (aliases, more) = after.split_at(after.find(['!', '@']).unwrap_or(after.len()));
            if operator == Some('@') && !is_at_command(aliases) || aliases.split('+').any(str::is_empty) {
                return Err(format!("has {entry}, which OpenSSL rejects: correct it, or leave it out"));
            }
            self.apply_operator(operator, aliases);
            rest = more;
        }
        Ok(())
    }

    fn apply_operator(&mut self, operator: Option<char>, aliases: &str) {
        let is_matched = |cipher: &&'static str| aliases.split('+').all(|alias| alias_includes(alias, cipher));
        match operator {
            None => self.active.extend(ALL.difference(&self.killed).copied().filter(is_matched)),
            Some('!') => self.killed.extend(ALL.iter().copied().filter(is_matched)),
            Some('-') => self.active.retain(|cipher| !is_matched(cipher)),
            // `+` and `@STRENGTH` only sort. `@SECLEVEL` may exclude ciphers, depending on the certificates, which are
            // unknown here.
            Some(_) => {}
        }
        self.active.retain(|cipher| !self.killed.contains(cipher));
    }
}

/// True for a command that OpenSSL knows after an `@`.
fn is_at_command(text: &str) -> bool {
    text == "STRENGTH" || matches!(text.strip_prefix("SECLEVEL="), Some("0" | "1" | "2" | "3" | "4" | "5"))
}

/// True if a text stands for a cipher of [`OLDER_CIPHERS`], as an alias of OpenSSL (`cipher_aliases` in ssl/ssl_ciph.c)
/// or as its name.
fn alias_includes(alias: &str, cipher: &str) -> bool {
    let elliptic = cipher.starts_with("ECDHE-");
    let ephemeral = cipher.starts_with("DHE-");
    match alias {
        "ALL" | "HIGH" => true,
        "COMPLEMENTOFDEFAULT" => ["CCM", "ARIA", "CAMELLIA", "DSS"].iter().any(|part| cipher.contains(part)),
        "FIPS" => cipher.contains("AES") && !cipher.contains("CCM"),
        "RSA" | "kRSA" => !elliptic && !ephemeral,
        "DHE" | "EDH" | "DH" | "kDHE" | "kEDH" => ephemeral,
        "ECDHE" | "EECDH" | "ECDH" | "kECDHE" | "kEECDH" => elliptic,
        "ECDSA" | "aECDSA" => cipher.contains("-ECDSA-"),
        "DSS" | "aDSS" => cipher.contains("-DSS-"),
        "aRSA" => !cipher.contains("-ECDSA-") && !cipher.contains("-DSS-"),
        "AES" | "AES128" | "AES256" | "CHACHA20" | "CAMELLIA" | "CAMELLIA128" | "CAMELLIA256" | "ARIA" | "ARIA128"
        | "ARIA256" => cipher.contains(alias),
        "ARIAGCM" => cipher.contains("ARIA"),
        "AESGCM" => cipher.contains("AES") && cipher.contains("GCM"),
        "AESCCM" => cipher.contains("CCM"),
        "AESCCM8" => cipher.ends_with("CCM8"),
        "CBC" => is_cbc(cipher),
        "SHA" | "SHA1" => cipher.ends_with("-SHA"),
        "SHA256" | "SHA384" => is_cbc(cipher) && cipher.ends_with(alias),
        "TLSv1.2" => needs_tls_1_2(cipher),
        "TLSv1" | "TLSv1.0" => elliptic && !needs_tls_1_2(cipher),
        "SSLv3" => !elliptic && !needs_tls_1_2(cipher),
        name => name == cipher,
    }
}

/// True for a cipher in CBC mode, the only mode that the names do not contain.
fn is_cbc(cipher: &str) -> bool {
    !["GCM", "CCM", "POLY1305"].iter().any(|mode| cipher.contains(mode))
}

/// True for a cipher that came with TLS 1.2. The older ones authenticate by SHA-1, and their names end in it.
fn needs_tls_1_2(cipher: &str) -> bool {
    !cipher.ends_with("-SHA")
}

#[cfg(test)]
mod tests;
