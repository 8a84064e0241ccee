use super::*;

fn problem(list: &str, versions: Option<&[TlsVersion]>) -> Option<String> {
    super::problem(Role::Listener, list, versions)
}

const OLD: &[TlsVersion] = &[TlsVersion::V1_1];
const SECOND: &[TlsVersion] = &[TlsVersion::V1_2];
const THIRD: &[TlsVersion] = &[TlsVersion::V1_3];
const BOTH: &[TlsVersion] = &[TlsVersion::V1_2, TlsVersion::V1_3];

#[test]
fn list_with_known_cipher_is_accepted() {
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
fn list_without_known_cipher_is_rejected() {
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
fn dhe_ciphers_alone_are_accepted_in_pools_only() {
    let list = "DHE-RSA-AES128-GCM-SHA256:kDHE+CHACHA20";
    assert!(problem(list, None).unwrap().starts_with("has ciphers of DHE only"));
    assert_eq!(problem("DHE+AESGCM:AES128-SHA", None), None);
    assert_eq!(super::problem(Role::Pool, list, Some(SECOND)), None);
}

#[test]
fn standard_name_is_reported_with_openssl_name() {
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
        let problem = super::problem(Role::Pool, standard, None).unwrap();
        assert!(problem.ends_with(&format!("{name} for {standard}")));
    }
    assert_eq!(openssl_name("TLS_RSA_WITH_RC4_128_SHA"), None);
}

#[test]
fn entry_changed_by_sorting_is_rejected() {
    let cases = [
        ("kRSA:DEFAULT", "write DEFAULT first"),
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
    for (list, part) in cases {
        let problem = problem(list, None).unwrap_or_default();
        assert!(problem.contains(part), "{list}: {problem}");
    }
}

#[test]
fn list_without_cipher_for_versions_is_rejected() {
    assert!(problem("ECDHE-RSA-AES128-GCM-SHA256", Some(THIRD)).unwrap().contains("TLS_AES_256_GCM_SHA384"));
    assert!(problem("TLS_AES_128_GCM_SHA256", Some(SECOND)).unwrap().contains("ECDHE-RSA-AES128-GCM-SHA256"));
    assert!(problem("ECDHE-RSA-AES128-GCM-SHA256", Some(OLD)).unwrap().contains("AES128-SHA"));
    assert!(problem(":", None).is_some());
    assert_eq!(problem("ECDHE-RSA-AES128-SHA", Some(OLD)), None);
    assert_eq!(problem("TLS_AES_128_GCM_SHA256", Some(THIRD)), None);
    assert_eq!(problem("TLS_AES_128_GCM_SHA256:AES128-SHA", Some(THIRD)), None);
    // haproxy's own list then applies to TLS 1.2, and the suite to TLS 1.3.
    assert_eq!(problem("TLS_AES_128_GCM_SHA256", Some(BOTH)), None);
    assert_eq!(problem("TLS_AES_128_GCM_SHA256", None), None);
}
