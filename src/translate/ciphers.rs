//! Lists of ciphers, as Octavia hands them to haproxy and as OpenSSL reads them.
//!
//! haproxy refuses a list in which OpenSSL finds no cipher, and the load balancer goes to ERROR; Octavia checks the letters
//! only (`VALID_CIPHER_RE` in octavia/common/validate.py). Octavia 19 takes the suites of TLS 1.3 out of the list, puts
//! both parts in alphabetical order, and leaves out the part that no version needs (`_transform_listener` in
//! octavia/common/jinja/haproxy/combined_listeners/jinja_cfg.py). The order decides: OpenSSL knows DEFAULT at the beginning
//! only, and `-X` takes away nothing but what stands before it.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::model::TlsVersion;

/// Octavia's `DEFAULT_TLS_1_3_SUPPORTED_CIPHERS` (octavia/common/constants.py).
const SUITES: [&str; 5] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_CCM_SHA256",
    "TLS_AES_128_CCM_8_SHA256",
];

/// Ciphers up to TLS 1.2 that encrypt and need nothing but a certificate, in default builds of OpenSSL from 1.1.1 on
/// (`openssl ciphers -v ALL`). PSK and SRP are left out, because haproxy has no keys for them; so are ciphers without
/// encryption or authentication, because OpenSSL's security level forbids them.
const CIPHERS: &str = "ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 DHE-DSS-AES256-GCM-SHA384 DHE-RSA-AES256-GCM-SHA384 \
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

/// Aliases that OpenSSL knows at the beginning of a list only, as the beginnings of words.
const BEGINNINGS: [&str; 5] = ["DEFAULT", "SUITEB128ONLY", "SUITEB128C2", "SUITEB128", "SUITEB192"];

/// The end of a connection that the ciphers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Listener,
    Pool,
}

type Ciphers = BTreeSet<&'static str>;

static ALL: LazyLock<Ciphers> = LazyLock::new(|| CIPHERS.split_whitespace().collect());

/// Why a list of ciphers fails or has no effect with these versions, and the remedy. Absent versions are the operator's,
/// TLSv1.2 and TLSv1.3 as a rule.
pub(super) fn problem(end: End, list: &str, versions: Option<&[TlsVersion]>) -> Option<String> {
    let entries: BTreeSet<&str> = list.split(':').filter(|entry| !entry.is_empty()).collect();
    let (suites, older): (BTreeSet<&str>, BTreeSet<&str>) = entries.into_iter().partition(|e| SUITES.contains(e));
    let among = |test: fn(TlsVersion) -> bool| versions.is_none_or(|list| list.iter().any(|version| test(*version)));
    let before_1_3 = among(|version| version < TlsVersion::V1_3);
    let mut usable = Ciphers::new();
    if before_1_3 && !older.is_empty() {
        match left_of(list, &older) {
            Ok(left) => usable = left,
            Err(problem) => return Some(problem),
        }
    }
    let second = among(|version| version == TlsVersion::V1_2);
    if !second {
        usable.retain(|cipher| !needs_tls_1_2(cipher));
    }
    if !suites.is_empty() && among(|version| version == TlsVersion::V1_3) {
        return None;
    }
    // haproxy has no parameters for DHE of its own any more, and Octavia gives it none.
    let (served, unserved): (Ciphers, Ciphers) =
        usable.into_iter().partition(|c| end == End::Pool || !c.starts_with("DHE-"));
    match (served.is_empty(), unserved.is_empty()) {
        (false, _) => None,
        (true, true) => Some(no_effect(before_1_3, second)),
        (true, false) => Some(
            "has ciphers of DHE only, which haproxy from 2.6 on does not serve to clients: name another one, for example \
             ECDHE-RSA-AES128-GCM-SHA256"
                .to_owned(),
        ),
    }
}

fn no_effect(before_1_3: bool, second: bool) -> String {
    let example = match (before_1_3, second) {
        (false, _) => "TLS_AES_256_GCM_SHA384",
        (true, true) => "ECDHE-RSA-AES128-GCM-SHA256",
        (true, false) => "ECDHE-RSA-AES128-SHA",
    };
    format!("has no cipher for the versions beside it: name one of theirs, for example {example}, or leave ciphers out")
}

/// The ciphers that are left of a list for versions up to TLS 1.2, in Octavia's order, if they are those that the stack
/// asks for.
fn left_of(asked: &str, sorted: &BTreeSet<&str>) -> Result<Ciphers, String> {
    let asked = List::read(asked.split(':').filter(|entry| !entry.is_empty()))?;
    let left = List::read(sorted.iter().copied())?;
    if asked == left && !left.is_empty() {
        return Ok(left);
    }
    let beginning = sorted.iter().skip(1).find_map(|entry| Some(beginning(entry)?.0));
    let minus = sorted.iter().find_map(|entry| entry.strip_prefix('-'));
    Err(match (asked == left, beginning, minus) {
        (false, Some(alias), _) => misplaced(alias),
        (false, None, Some(taken)) => in_vain(taken),
        _ => nothing_left(sorted),
    })
}

fn in_vain(taken: &str) -> String {
    format!(
        "has no effect in -{taken}, because Octavia sorts the list and OpenSSL then takes it away before it is there: \
         write !{taken}"
    )
}

fn begins_with(alias: &str, cipher: &str) -> bool {
    if alias == "DEFAULT" {
        !matches("COMPLEMENTOFDEFAULT", cipher)
    } else {
        ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"].contains(&cipher)
    }
}

/// The alias and the rest of an entry such as `DEFAULT@SECLEVEL=1`.
fn beginning(entry: &str) -> Option<(&'static str, &str)> {
    BEGINNINGS.into_iter().find_map(|alias| Some((alias, entry.strip_prefix(alias)?)))
}

fn misplaced(alias: &str) -> String {
    let instead = if alias == "DEFAULT" { "ALL:!COMPLEMENTOFDEFAULT:!eNULL" } else { "the names of its ciphers" };
    format!(
        "has no effect in {alias}, because Octavia sorts the list and OpenSSL knows {alias} at its beginning only: \
         write {instead} in its place"
    )
}

fn nothing_left(entries: &BTreeSet<&str>) -> String {
    let renamed = entries.iter().filter_map(|entry| Some(format!("{} for {entry}", openssl_name(entry)?)));
    let renamed = renamed.take(4).collect::<Vec<_>>().join(", ");
    let remedy = if renamed.is_empty() {
        "name at least one, for example ECDHE-RSA-AES128-GCM-SHA256".to_owned()
    } else {
        format!("use OpenSSL's names, {renamed}")
    };
    format!("has no cipher that OpenSSL knows and that a certificate is enough for: {remedy}")
}

/// The name in OpenSSL of a cipher that goes by its name in the standards, as `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`.
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

/// A list of ciphers while OpenSSL reads it (`ssl_cipher_process_rulestr` in ssl/ssl_ciph.c).
#[derive(Default)]
struct List {
    left: Ciphers,
    killed: Ciphers,
}

impl List {
    fn read<'a>(entries: impl Iterator<Item = &'a str>) -> Result<Ciphers, String> {
        let mut list = Self::default();
        for (index, entry) in entries.enumerate() {
            match beginning(entry).filter(|_| index == 0) {
                Some((alias, rest)) => {
                    list.left.extend(ALL.iter().filter(|cipher| begins_with(alias, cipher)));
                    list.apply(rest)?;
                }
                None => list.apply(entry)?,
            }
        }
        Ok(list.left)
    }

    /// One entry: an operator and the aliases that all have to match, and more of the same. Unknown aliases match nothing.
    fn apply(&mut self, entry: &str) -> Result<(), String> {
        let mut rest = entry;
        while !rest.is_empty() {
            let operator = rest.chars().next().filter(|c| "-+!@".contains(*c));
            let after = operator.and_then(|c| rest.strip_prefix(c)).unwrap_or(rest);
            let (aliases, more) = after.split_at(after.find(['!', '@']).unwrap_or(after.len()));
            if operator == Some('@') && !is_command(aliases) || aliases.split('+').any(str::is_empty) {
                return Err(format!("has {entry}, which OpenSSL refuses: correct it, or leave it out"));
            }
            self.apply_one(operator, aliases);
            rest = more;
        }
        Ok(())
    }

    fn apply_one(&mut self, operator: Option<char>, aliases: &str) {
        let of = |cipher: &&'static str| aliases.split('+').all(|alias| matches(alias, cipher));
        match operator {
            None => self.left.extend(ALL.difference(&self.killed).copied().filter(of)),
            Some('!') => self.killed.extend(ALL.iter().copied().filter(of)),
            Some('-') => self.left.retain(|cipher| !of(cipher)),
            // `+` and `@STRENGTH` sort, `@SECLEVEL` depends on the certificates.
            Some(_) => {}
        }
        self.left.retain(|cipher| !self.killed.contains(cipher));
    }
}

fn is_command(text: &str) -> bool {
    text == "STRENGTH" || matches!(text.strip_prefix("SECLEVEL="), Some("0" | "1" | "2" | "3" | "4" | "5"))
}

/// OpenSSL's aliases (`cipher_aliases` in ssl/ssl_ciph.c), and the name itself.
fn matches(alias: &str, cipher: &str) -> bool {
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

fn is_cbc(cipher: &str) -> bool {
    !["GCM", "CCM", "POLY1305"].iter().any(|mode| cipher.contains(mode))
}

fn needs_tls_1_2(cipher: &str) -> bool {
    !cipher.ends_with("-SHA")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(list: &str, versions: Option<&[TlsVersion]>) -> Option<String> {
        super::problem(End::Listener, list, versions)
    }

    const OLD: &[TlsVersion] = &[TlsVersion::V1_1];
    const SECOND: &[TlsVersion] = &[TlsVersion::V1_2];
    const THIRD: &[TlsVersion] = &[TlsVersion::V1_3];
    const BOTH: &[TlsVersion] = &[TlsVersion::V1_2, TlsVersion::V1_3];

    #[test]
    fn list_with_a_known_cipher_passes() {
        let lists = [
            "ECDHE-RSA-AES128-GCM-SHA256",
            "TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:AES128-SHA",
            "HIGH:!aNULL:!MD5:!RC4",
            "EECDH+AESGCM:EDH+AESGCM:AES256+EECDH:AES256+EDH",
            "ALL:!ADH:!EXPORT:!SSLv2:RC4+RSA:+HIGH:+MEDIUM:+LOW:+SSLv2:@STRENGTH",
            "kEECDH+aECDSA+AES:kEECDH+AES+aRSA:!eNULL:!LOW",
            "DEFAULT",
            "DEFAULT@SECLEVEL=1",
            "DEFAULT:ECDHE-RSA-AES128-SHA",
            "ALL:!COMPLEMENTOFDEFAULT:!eNULL",
            "HIGH:-RC4",
            "-AES:HIGH",
            "AES128-SHA:DEFAULT",
            "HIGH@SECLEVEL=0",
            "@SECLEVEL=2:HIGH",
            "SUITEB128",
            ":HIGH::",
        ];
        for list in lists {
            assert_eq!(problem(list, None), None, "{list}");
            assert_eq!(problem(list, Some(BOTH)), None, "{list}");
            assert_eq!(problem(list, Some(SECOND)), None, "{list}");
        }
    }

    #[test]
    fn list_without_known_cipher_is_refused() {
        let lists = [
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256:TLS_AES_128_GCM_SHA256",
            "RC4-SHA:DES-CBC3-SHA:EXP-RC4-MD5",
            "EXPORT:LOW:MEDIUM",
            "ecdhe-rsa-aes128-gcm-sha256",
            "high",
            "!aNULL",
            "+HIGH",
            "HIGH:!HIGH",
            "AES128-SHA:!AES",
            "ECDHE+RC4",
            "ECDHE+kRSA",
            "eNULL:aNULL:PSK:SRP",
            "PROFILE=SYSTEM",
            "SSLv3:!RSA:!DHE",
        ];
        for list in lists {
            let problem = problem(list, None).unwrap_or_default();
            assert!(problem.starts_with("has no cipher that OpenSSL knows"), "{list}: {problem}");
        }
    }

    #[test]
    fn ephemeral_ciphers_alone_serve_pools_only() {
        let list = "DHE-RSA-AES128-GCM-SHA256:kDHE+CHACHA20";
        assert!(problem(list, None).unwrap().starts_with("has ciphers of DHE only"));
        assert_eq!(problem("DHE+AESGCM:AES128-SHA", None), None);
        assert_eq!(super::problem(End::Pool, list, Some(SECOND)), None);
    }

    #[test]
    fn standard_name_is_answered_with_that_of_openssl() {
        let pairs = [
            ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
            ("TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", "ECDHE-ECDSA-AES256-SHA384"),
            ("TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "DHE-RSA-CHACHA20-POLY1305"),
            ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
            ("TLS_RSA_WITH_CAMELLIA_128_CBC_SHA256", "CAMELLIA128-SHA256"),
            ("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", "ECDHE-ECDSA-AES128-CCM8"),
            ("TLS_ECDHE_RSA_WITH_ARIA_128_GCM_SHA256", "ECDHE-ARIA128-GCM-SHA256"),
        ];
        for (standard, name) in pairs {
            assert_eq!(openssl_name(standard).as_deref(), Some(name));
            let problem = super::problem(End::Pool, standard, None).unwrap();
            assert!(problem.ends_with(&format!("{name} for {standard}")));
        }
        assert_eq!(openssl_name("TLS_RSA_WITH_RC4_128_SHA"), None);
    }

    #[test]
    fn entry_that_sorting_turns_around_is_refused() {
        let cases = [
            ("DEFAULT:!aNULL", "write ALL:!COMPLEMENTOFDEFAULT:!eNULL"),
            ("DEFAULT:@SECLEVEL=1", "DEFAULT at its beginning only"),
            ("SUITEB128:!aNULL", "SUITEB128 at its beginning only"),
            ("ALL:-AES", "write !AES"),
            ("HIGH:-kRSA+AES", "write !kRSA+AES"),
            ("HIGH:@SECLEVEL=6", "@SECLEVEL=6"),
            ("HIGH:@LEVEL", "@LEVEL"),
            ("HIGH:!", "has !"),
            ("HIGH+", "HIGH+"),
        ];
        for (list, words) in cases {
            let problem = problem(list, None).unwrap_or_default();
            assert!(problem.contains(words), "{list}: {problem}");
        }
    }

    #[test]
    fn list_for_other_versions_is_refused() {
        assert!(problem("ECDHE-RSA-AES128-GCM-SHA256", Some(THIRD)).unwrap().contains("TLS_AES_256_GCM_SHA384"));
        assert!(problem("TLS_AES_128_GCM_SHA256", Some(SECOND)).unwrap().contains("ECDHE-RSA-AES128-GCM-SHA256"));
        assert!(problem("ECDHE-RSA-AES128-GCM-SHA256", Some(OLD)).unwrap().contains("AES128-SHA"));
        assert!(problem(":", None).is_some());
        assert_eq!(problem("ECDHE-RSA-AES128-SHA", Some(OLD)), None);
        assert_eq!(problem("TLS_AES_128_GCM_SHA256", Some(THIRD)), None);
        assert_eq!(problem("TLS_AES_128_GCM_SHA256:AES128-SHA", Some(THIRD)), None);
        // For TLS 1.2 haproxy's own list is in force then, and the suite has its effect in TLS 1.3.
        assert_eq!(problem("TLS_AES_128_GCM_SHA256", Some(BOTH)), None);
        assert_eq!(problem("TLS_AES_128_GCM_SHA256", None), None);
    }
}
