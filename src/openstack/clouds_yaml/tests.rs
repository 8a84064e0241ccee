use super::credentials::{Interface, Secret};
use super::*;
use crate::openstack::http::TlsOptions;

fn parse(text: &str) -> Result<Credentials, CredentialsError> {
    Credentials::parse(text.as_bytes(), None, "c")
}

fn entry(body: &str) -> String {
    format!("clouds:\n  c:\n{}", body.lines().map(|l| format!("    {l}\n")).collect::<String>())
}

const PASSWORD: &str = "auth:\n  auth_url: http://keystone:5000/v3\n  username: u\n  password: hunter2\n  \
                        project_name: p\n  user_domain_name: Default";

#[test]
fn password_entry_is_read_with_defaults() {
    let read = parse(&entry(PASSWORD)).unwrap();
    let domain = Domain::Name("Default".into());
    assert_eq!(
        read.auth,
        Auth::Password {
            user: Named::Name { name: "u".into(), domain: domain.clone() },
            password: Secret("hunter2".into()),
            project: Named::Name { name: "p".into(), domain },
        }
    );
    assert_eq!((read.interface, read.region, read.tls), (Interface::Public, None, TlsOptions::default()));
}

#[test]
fn values_like_numbers_stay_text() {
    let read =
        parse(&entry("auth: {auth_url: 'http://k', user_id: 007, password: 1e3, project_id: 0123}\nregion_name: 1"))
            .unwrap();
    assert_eq!(
        read.auth,
        Auth::Password {
            user: Named::Id("007".into()),
            password: Secret("1e3".into()),
            project: Named::Id("0123".into()),
        }
    );
    assert_eq!(read.region.as_deref(), Some("1"));
}

#[test]
fn application_credential_is_read_by_id_and_by_name() {
    let by_id = "auth_type: v3applicationcredential\nauth: {auth_url: 'http://k', application_credential_id: i, \
                 application_credential_secret: s}";
    let by_name = "auth: {auth_url: 'http://k', application_credential_name: n, user_id: u, \
                   application_credential_secret: s}";
    let secret = Secret("s".into());
    assert_eq!(
        parse(&entry(by_id)).unwrap().auth,
        Auth::ApplicationCredential { id: "i".into(), secret: secret.clone() }
    );
    assert_eq!(
        parse(&entry(by_name)).unwrap().auth,
        Auth::NamedApplicationCredential { name: "n".into(), user: Named::Id("u".into()), secret }
    );
}

#[test]
fn region_interface_verify_and_overrides_are_read() {
    let read = parse(&entry(&format!(
        "region_name: R\nendpoint_type: internalURL\nverify: false\nidentity_api_version: 3\n\
         load_balancer_endpoint_override: http://lb:13876/v2.0\n{PASSWORD}"
    )))
    .unwrap();
    assert_eq!(read.region.as_deref(), Some("R"));
    assert_eq!(read.interface, Interface::Internal);
    assert!(read.tls.insecure);
    assert_eq!(read.overrides.load_balancer.as_deref(), Some("http://lb:13876/v2.0"));
}

#[test]
fn endpoint_with_query_fragment_or_user_is_rejected() {
    for url in ["ftp://k", "k:5000", "http://u@k", "http://u:p@k", "http://k/v3?x=", "http://k/#", "http://k?", ""] {
        let text = entry(&PASSWORD.replace("http://keystone:5000/v3", &format!("'{url}'")));
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains("auth.auth_url"), "{url}: {error}");
        for key in ["load_balancer", "network", "key_manager"] {
            let key = format!("{key}_endpoint_override");
            let read = parse(&entry(&format!("{key}: '{url}'\n{PASSWORD}")));
            assert!(url.is_empty() || read.unwrap_err().to_string().contains(&key), "{key}: {url}");
        }
    }
}

#[test]
fn anchors_and_merge_keys_are_followed() {
    let text = "base: &base {auth_url: 'http://k', project_id: p}\nclouds:\n  c:\n    auth: {<<: *base, user_id: u, \
                password: x}\n";
    assert_eq!(parse(text).unwrap().auth_url, "http://k");
}

#[test]
fn cacert_path_is_rejected_unless_secret_has_the_text() {
    let text = entry(&format!("cacert: /etc/ssl/ca.pem\n{PASSWORD}"));
    let error = parse(&text).unwrap_err().to_string();
    assert!(error.contains("key `cacert` of the Secret"), "{error}");
    let read = Credentials::parse(text.as_bytes(), Some(b"PEM"), "c").unwrap();
    assert_eq!(read.tls.ca.as_deref(), Some(&b"PEM"[..]));
}

/// openstacksdk does not read the authorities either if it verifies nothing.
#[test]
fn cacert_is_ignored_without_verification() {
    let text = entry(&format!("cacert: /etc/ssl/ca.pem\nverify: no\n{PASSWORD}"));
    let read = Credentials::parse(text.as_bytes(), Some(b"no PEM"), "c").unwrap();
    assert_eq!(read.tls, TlsOptions { ca: None, insecure: true });
}

#[test]
fn missing_key_is_named_with_its_cloud() {
    for (body, key) in [
        ("region_name: R", "auth.auth_url"),
        ("auth: {username: u}", "auth.auth_url"),
        ("auth: {auth_url: 'http://k'}", "auth.password"),
        ("auth: {auth_url: 'http://k', password: p}", "auth.username"),
        ("auth: {auth_url: 'http://k', password: p, username: u}", "auth.user_domain_name"),
        ("auth: {auth_url: 'http://k', password: p, user_id: u}", "auth.project_name"),
        ("auth: {auth_url: 'http://k', password: p, user_id: u, project_name: p}", "auth.project_domain_name"),
        ("auth_type: v3applicationcredential\nauth: {auth_url: 'http://k'}", "auth.application_credential_secret"),
        ("auth: {auth_url: 'http://k', application_credential_secret: s}", "auth.application_credential_id"),
    ] {
        assert_eq!(parse(&entry(body)).unwrap_err(), CredentialsError::Missing { cloud: "c".into(), key }, "{body}");
    }
}

#[test]
fn unknown_cloud_error_lists_available_clouds() {
    let text = format!("{}  d: {{}}\n", entry(PASSWORD));
    let error = Credentials::parse(text.as_bytes(), None, "x").unwrap_err();
    assert_eq!(error.to_string(), "clouds.yaml has no cloud \"x\"; it has c, d");
}

#[test]
fn unsupported_auth_type_is_rejected_by_name() {
    let error = parse(&entry(&format!("auth_type: v3token\n{PASSWORD}"))).unwrap_err().to_string();
    assert!(error.contains("v3token") && error.contains("cannot be renewed"), "{error}");
    assert!(parse(&entry(&format!("auth_type: v3kerberos\n{PASSWORD}"))).is_err());
    assert!(parse(&entry(&format!("interface: secret\n{PASSWORD}"))).is_err());
    assert!(parse(&entry(&format!("cert: /tls.crt\n{PASSWORD}"))).is_err());
}

#[test]
fn debug_and_errors_show_no_secret() {
    let shown = format!("{:?}", parse(&entry(PASSWORD)).unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    for broken in [
        "clouds:\n  c:\n    auth: hunter2\n",
        "clouds:\n  c:\n    auth: {password: [hunter2]}\n",
        "clouds: {c: {auth: {password: hunter2\n",
        "hunter2",
        "clouds: hunter2",
    ] {
        let error = parse(broken).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn expanding_aliases_are_rejected() {
    let mut laughs = String::from("a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for n in 1..10 {
        let before = format!("*a{}", n - 1);
        laughs += &format!("a{n}: &a{n} [{}]\n", [before.as_str(); 10].join(", "));
    }
    let merged = format!("base: &base {{{}}}\n", (0..90).map(|n| format!("k{n}: v, ")).collect::<String>());
    let merges: String = (0..200).map(|n| format!("  c{n}: {{<<: *base}}\n")).collect();
    let deep = format!("clouds: {}{}\n", "[".repeat(2000), "]".repeat(2000));
    let anchors: String = (0..1000).map(|n| format!("k{n}: &a{n} x\n")).collect();
    for text in [laughs.clone(), format!("{laughs}clouds: {{c: *a9}}\n"), format!("{merged}clouds:\n{merges}"), anchors]
    {
        assert_eq!(parse(&text).unwrap_err(), CredentialsError::TooLarge, "{}", &text[..60]);
    }
    assert!(parse(&deep).is_err());
}

#[test]
fn hundreds_of_clouds_are_read_and_thousands_are_not() {
    let file = |count: usize| {
        let one = |n| format!("  c{n}:\n{}", PASSWORD.lines().map(|l| format!("    {l}\n")).collect::<String>());
        format!("clouds:\n{}", (0..count).map(one).collect::<String>())
    };
    let read = |text: &str| Credentials::parse(text.as_bytes(), None, "c7");
    assert!(read(&file(500)).is_ok());
    let mebibyte = file(7000);
    assert!(mebibyte.len() > 1 << 20);
    assert_eq!(read(&mebibyte).unwrap_err(), CredentialsError::TooLarge);
}

#[test]
fn message_stays_short_with_long_names() {
    let names: String = (0..400).map(|n| format!("  {}{n}: {{}}\n", "x".repeat(900))).collect();
    let error = parse(&format!("clouds:\n{names}")).unwrap_err().to_string();
    assert!(error.len() < 1000 && error.ends_with("and 390 more"), "{error}");
    let error = parse(&entry(&format!("auth_type: {}\n{PASSWORD}", "x".repeat(5000)))).unwrap_err().to_string();
    assert!(error.len() < 500, "{error}");
}
