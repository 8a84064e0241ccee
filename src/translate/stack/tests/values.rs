//! Texts that end up in haproxy.cfg: their spelling, and those that are rejected.

use serde_json::json;

use super::support::*;
use crate::api::LoadBalancerStackSpec;
use crate::model::{ClusterContents, Desired, L7Action, L7CompareType, Problem};
use crate::translate::desired;

/// A stack with one rule.
fn rule_stack(kind: &str, key: Option<&str>, compare: &str, value: &str) -> serde_json::Value {
    let mut rule = json!({"type": kind, "compareType": compare, "value": value});
    if let Some(key) = key {
        rule["key"] = key.into();
    }
    let policy = json!({"name": "p", "action": "REJECT", "rules": [rule]});
    let mut listener = json!({"name": "a", "protocol": "HTTP", "port": 80, "l7Policies": [policy]});
    if kind.starts_with("SSL_") {
        listener["protocol"] = "TERMINATED_HTTPS".into();
        listener["tls"] = json!({
            "certificate": {"barbicanRef": CONTAINER},
            "clientCA": {"barbicanRef": CONTAINER},
            "clientAuthentication": "OPTIONAL",
        });
    }
    json!({"listeners": [listener]})
}

fn key_of(kind: &str) -> Option<&'static str> {
    match kind {
        "HEADER" | "COOKIE" => Some("x-a"),
        "SSL_DN_FIELD" => Some("CN"),
        _ => None,
    }
}

fn judge_rule(kind: &str, key: Option<&str>, compare: &str, value: &str) -> Result<Desired, Vec<Problem>> {
    judge_json(json!({}), rule_stack(kind, key, compare, value))
}

/// The verdict on a spec with these fields in `loadBalancer` and beside it.
fn judge_json(load_balancer: serde_json::Value, rest: serde_json::Value) -> Result<Desired, Vec<Problem>> {
    let mut spec = rest;
    spec["cloudCredentialsRef"] = json!({"secretName": "openstack", "cloudName": "openstack"});
    spec["loadBalancer"] = load_balancer;
    spec["loadBalancer"]["vip"] = json!({"subnet": {"name": "front"}});
    let spec: LoadBalancerStackSpec = serde_json::from_value(spec).unwrap();
    desired(&spec, owner(), &resolutions(&spec), &ClusterContents::default(), NEWEST)
}

/// Spelling of a rule for Octavia.
fn spelled(kind: &str, compare: &str, value: &str) -> (L7CompareType, String) {
    let desired = judge_rule(kind, key_of(kind), compare, value)
        .unwrap_or_else(|problems| panic!("{kind} {compare} {value:?}: {problems:#?}"));
    let rule = &desired.listeners["a"].policies[0].rules[0];
    (rule.compare, rule.value.clone())
}

/// Message about a rejected rule; only its value may be the reason.
fn value_problem(kind: &str, compare: &str, value: &str) -> String {
    let problems = match judge_rule(kind, key_of(kind), compare, value) {
        Ok(_) => panic!("{kind} {compare} {value:?} was accepted"),
        Err(problems) => problems,
    };
    let [problem] = problems.as_slice() else { panic!("not one problem: {problems:#?}") };
    assert_eq!(problem.field, "spec.listeners[a].l7Policies[p].rules[0].value");
    problem.message.clone()
}

#[test]
fn plain_value_is_written_as_it_is() {
    for (kind, compare, value) in [
        ("PATH", "STARTS_WITH", "/api"),
        ("PATH", "EQUAL_TO", "/a%20b"),
        ("HEADER", "EQUAL_TO", r"a\b$HOME%[src]{x}"),
        ("HEADER", "CONTAINS", "a-b;c|d`"),
        ("HOST_NAME", "EQUAL_TO", "Www.example:8080"),
        ("FILE_TYPE", "EQUAL_TO", ".jpg"),
        ("COOKIE", "EQUAL_TO", r"a=b"),
        ("SSL_DN_FIELD", "EQUAL_TO", "Acme Sync, Ltd."),
        ("PATH", "REGEX", r"^/[a-z]+\.html$"),
        ("HEADER", "REGEX", "^Acme Sync$"),
    ] {
        let (spelling, text) = spelled(kind, compare, value);
        assert_eq!((spelling.as_str(), text.as_str()), (compare, value), "{kind}");
    }
}

#[test]
fn literal_that_octavia_breaks_becomes_a_regex() {
    for (kind, compare, value, regex) in [
        ("HEADER", "EQUAL_TO", "Acme Sync", "^Acme Sync$"),
        ("HEADER", "EQUAL_TO", "R&D", r"^R\x26D$"),
        ("HEADER", "STARTS_WITH", "joe's", r"^joe\x27s"),
        ("HEADER", "ENDS_WITH", "a<b>", r"a\x3cb\x3e$"),
        ("HEADER", "CONTAINS", "#1.5", r"\x231\.5"),
        ("HEADER", "CONTAINS", "-x", r"\x2dx"),
        ("HEADER", "EQUAL_TO", "-i", "^-i$"),
        ("HOST_NAME", "CONTAINS", "a'b", r"a\x27b"),
        ("PATH", "EQUAL_TO", "/a&b", r"^/a\x26b$"),
        ("PATH", "ENDS_WITH", r"-(a|b)*\", r"\x2d\(a\|b\)\*\\$"),
        ("FILE_TYPE", "EQUAL_TO", "a'b", r"a\x27b$"),
        ("COOKIE", "EQUAL_TO", r#"a "b" \"#, r"^a \x22b\x22 \\$"),
        ("SSL_DN_FIELD", "EQUAL_TO", "R&D [x]", r"^R\x26D \[x\]$"),
        ("SSL_DN_FIELD", "EQUAL_TO", r#"Acme "X""#, r"^Acme \x22X\x22$"),
    ] {
        let (compare, text) = spelled(kind, compare, value);
        assert_eq!((compare, text.as_str()), (L7CompareType::Regex, regex), "{kind} {value}");
    }
}

#[test]
fn regex_is_written_with_escapes_that_survive() {
    for (value, regex) in [
        ("R&D", r"R\x26D"),
        ("[\"'<>#&]+", r"[\x22\x27\x3c\x3e\x23\x26]+"),
        (r"a\&b\#", r"a\x26b\x23"),
        ("-a|-b", r"\x2da|-b"),
        (r"(?P<name>a)b", "(?:a)b"),
        (r"\101\0", r"A\x00"),
        (r"[[:alpha:]_-]\d{2,3}?(?i:x)", r"[[:alpha:]_-]\d{2,3}?(?i:x)"),
        ("(?i)a++(?!b)(?=c)*$", "(?i)a++(?!b)(?=c)*$"),
    ] {
        assert_eq!(spelled("HEADER", "REGEX", value), (L7CompareType::Regex, regex.to_owned()));
    }
}

#[test]
fn regex_that_haproxy_or_octavia_rejects_is_rejected() {
    for (value, part) in [
        (r"(a)\1", "refers back"),
        ("(?P<n>a)(?P=n)", "refers back"),
        ("(a)?(?(1)b|c)", "refers back"),
        ("(?<=a)b", "lookbehind"),
        ("(?<!a)b", "lookbehind"),
        ("(?<n>a)", "named group"),
        ("(?>a)b", "atomic"),
        ("(?#note)a", "comment"),
        ("(?x)a b", "flag x"),
        ("(?a)b", "flag a"),
        ("a(?i)b", "at the beginning"),
        ("a{,3}", "{0,"),
        ("a{65536}", "65535"),
        ("(abcdefghijklmnop){2000}", "too large"),
        (r"\u0041", r"\u"),
        (r"\ca", r"\c"),
        (r"\Qa\E", r"\Q"),
        (r"[\w-z]", "range"),
        ("[z-a]", "range"),
        ("[[.a.]]", "[."),
        ("[[:foo:]]", "[:foo:]"),
        (r"\b*", "nothing to repeat"),
        ("^*", "nothing to repeat"),
        ("a**", "follows another"),
        ("(a", "not closed"),
        ("a)", "closes nothing"),
        ("[a", "not closed"),
        ("a\\", "escapes nothing"),
        (r"\x2", r"\x"),
        ("(?P<n-1>a)", "name"),
    ] {
        let message = value_problem("HEADER", "REGEX", value);
        assert!(message.contains(part), "{value}: {message}");
    }
}

#[test]
fn value_that_no_request_can_have_is_rejected() {
    for (kind, compare, value, part) in [
        ("PATH", "EQUAL_TO", "/a b", "%20"),
        ("PATH", "CONTAINS", "a#b", "%23"),
        ("PATH", "STARTS_WITH", "/a?b=c", "query"),
        ("PATH", "STARTS_WITH", "api", "begins with /"),
        ("PATH", "EQUAL_TO", "api", "begins with /"),
        ("FILE_TYPE", "EQUAL_TO", "jpg?x", "query"),
        ("HEADER", "EQUAL_TO", "gzip, br", "comma"),
        ("HEADER", "CONTAINS", "KHTML, like Gecko", "comma"),
        ("HOST_NAME", "EQUAL_TO", "a.example,b.example", "comma"),
        ("COOKIE", "EQUAL_TO", "a,b", "comma"),
        ("COOKIE", "CONTAINS", "a;b", "semicolon"),
        ("COOKIE", "EQUAL_TO", "a\"b", "double quote"),
        ("HEADER", "EQUAL_TO", " a", "blank"),
        ("HEADER", "ENDS_WITH", "a ", "blank"),
        ("PATH", "REGEX", "^api", "begins with /"),
        ("PATH", "REGEX", r"^/a\?b=1$", "query"),
        ("PATH", "REGEX", "^/[a-z]+ x$", "%20"),
        ("HEADER", "REGEX", "^gzip, br$", "comma"),
        ("COOKIE", "REGEX", "a;b", "semicolon"),
    ] {
        let message = value_problem(kind, compare, value);
        assert!(message.contains(part), "{kind} {compare} {value}: {message}");
    }
    for (kind, compare, value) in [
        ("PATH", "REGEX", r"^/a(\?.*)?$"),
        ("PATH", "REGEX", "^(/a|b c|/d)"),
        ("PATH", "REGEX", "[^ ?#]+ ?"),
        ("HEADER", "REGEX", "gzip(, br)?"),
        ("HEADER", "REGEX", r#"^"a, b"$"#),
        ("HEADER", "CONTAINS", " a"),
        ("PATH", "CONTAINS", "api"),
    ] {
        spelled(kind, compare, value);
    }
}

#[test]
fn value_in_double_quotes_is_ambiguous_and_rejected() {
    for kind in ["HEADER", "HOST_NAME", "COOKIE", "SSL_DN_FIELD"] {
        let message = value_problem(kind, "EQUAL_TO", r#""Acme Sync""#);
        assert!(message.contains("without the double quotes") && message.contains(r#"\x22"#), "{message}");
    }
}

#[test]
fn value_that_grows_too_long_is_rejected() {
    assert!(value_problem("HEADER", "EQUAL_TO", &"&".repeat(64)).contains("255"));
    assert!(value_problem("HEADER", "REGEX", &"&".repeat(64)).contains("255"));
    spelled("HEADER", "EQUAL_TO", &"&".repeat(63));
}

#[test]
fn key_with_characters_that_octavia_breaks_is_rejected() {
    for kind in ["HEADER", "COOKIE"] {
        for key in ["X&A", "X'A", "X#A", "X,A", "X A", "X\"A", "X(A"] {
            let problems = judge_rule(kind, Some(key), "EQUAL_TO", "1").expect_err(key);
            assert_eq!(problems[0].field, "spec.listeners[a].l7Policies[p].rules[0].key", "{key}");
        }
        judge_rule(kind, Some("X!$%*+.^_`|~-A"), "EQUAL_TO", "1").unwrap();
    }
}

fn redirect(provider: serde_json::Value, url: &str) -> Result<String, Vec<Problem>> {
    let any = json!({"type": "PATH", "compareType": "STARTS_WITH", "value": "/"});
    let policies = json!([
        {"name": "p", "action": "REDIRECT_TO_URL", "redirectURL": url, "rules": [any]},
        {"name": "q", "action": "REDIRECT_PREFIX", "redirectPrefix": url, "rules": [any]},
    ]);
    let rest = json!({"listeners": [{"name": "a", "protocol": "HTTP", "port": 80, "l7Policies": policies}]});
    let desired = judge_json(provider, rest)?;
    let listener = &desired.listeners["a"];
    let (L7Action::RedirectToUrl { url, .. }, L7Action::RedirectPrefix { prefix, .. }) =
        (&listener.policies[0].action, &listener.policies[1].action)
    else {
        panic!("{listener:?}")
    };
    assert_eq!(url, prefix);
    Ok(url.clone())
}

#[test]
fn redirect_is_written_with_escapes_of_haproxy() {
    for (url, written) in [
        ("https://a.example/welcome?src=old&lang=de", r"https://a.example/welcome?src=old\x26lang=de"),
        ("https://a.example/joe's#top", r"https://a.example/joe\x27s\x23top"),
        ("https://a.example/%26?a[]=1,;*()!$", "https://a.example/%26?a[]=1,;*()!$"),
    ] {
        assert_eq!(redirect(json!({}), url).unwrap(), written);
        assert_eq!(redirect(json!({"provider": "amphora"}), url).unwrap(), written);
        // Another driver takes the text as it is.
        assert_eq!(redirect(json!({"provider": "vendor"}), url).unwrap(), url);
    }
    let long = format!("https://a.example/?{}", "&".repeat(60));
    assert!(redirect(json!({}), &long).unwrap_err()[0].message.contains("255"));
}

fn monitored(protocol: &str, path: &str, codes: &str) -> Result<(String, String), Vec<Problem>> {
    let monitor = json!({"type": "HTTP", "delay": "5s", "timeout": "3s", "maxRetries": 1, "urlPath": path, "expectedCodes": codes});
    let pool = json!({"name": "w", "protocol": protocol, "algorithm": "ROUND_ROBIN", "healthMonitor": monitor});
    let desired = judge_json(json!({}), json!({"pools": [pool]}))?;
    let http = desired.pools["w"].monitor.as_ref().unwrap().http.as_ref().unwrap().clone();
    Ok((http.url_path, http.expected_codes))
}

#[test]
fn monitor_path_is_written_with_escapes_of_haproxy() {
    let (path, codes) = monitored("HTTP", "/health?a=1&b='2'", "200, 202").unwrap();
    assert_eq!((path.as_str(), codes.as_str()), (r"/health?a=1\x26b=\x272\x27", "200,202"));
    for path in ["/a&b", "/a'b", "/a!b", "/a$b"] {
        let problems = monitored("UDP", path, "200").unwrap_err();
        assert_eq!(problems[0].field, "spec.pools[w].healthMonitor.urlPath");
    }
    monitored("UDP", "/health?a=1", "200").unwrap();
}

#[test]
fn cookie_name_that_octavia_breaks_is_rejected() {
    let pool = |name: &str| {
        let persistence = json!({"type": "APP_COOKIE", "cookieName": name});
        json!({"pools": [{"name": "w", "protocol": "HTTP", "algorithm": "ROUND_ROBIN", "sessionPersistence": persistence}]})
    };
    judge_json(json!({}), pool("X!$%*+.^_`|~-A")).unwrap();
    let problems = judge_json(json!({}), pool("a&b")).unwrap_err();
    assert_eq!(problems[0].field, "spec.pools[w].sessionPersistence.cookieName");
}

#[test]
fn long_name_of_a_dn_field_is_rejected() {
    for (key, short) in [("commonName", "CN"), ("organizationalunitname", "OU"), ("email", "emailAddress")] {
        let problems = judge_rule("SSL_DN_FIELD", Some(key), "EQUAL_TO", "x").unwrap_err();
        assert_eq!(problems[0].field, "spec.listeners[a].l7Policies[p].rules[0].key");
        assert!(problems[0].message.contains(short), "{}", problems[0].message);
    }
    judge_rule("SSL_DN_FIELD", Some("emailAddress"), "EQUAL_TO", "x").unwrap();
}

#[test]
fn monitor_path_too_long_once_it_is_written_is_rejected() {
    let path = format!("/{}", "&".repeat(511));
    assert_eq!(monitored("HTTP", &path, "200").unwrap().0.len(), 2045);
    let problems = monitored("HTTP", &format!("{path}&"), "200").unwrap_err();
    assert_eq!(problems[0].field, "spec.pools[w].healthMonitor.urlPath");
    assert!(problems[0].message.contains("2048"), "{}", problems[0].message);
}

#[test]
fn certificate_rule_takes_true_in_any_case_as_given() {
    assert_eq!(spelled("SSL_CONN_HAS_CERT", "EQUAL_TO", "True").1, "True");
    judge_rule("SSL_CONN_HAS_CERT", None, "EQUAL_TO", "False").unwrap_err();
}

#[test]
fn verify_result_that_never_comes_is_rejected() {
    assert_eq!(spelled("SSL_VERIFY_RESULT", "EQUAL_TO", "0").1, "0");
    for value in ["+5", "-0", "0000000000", "10", "+0"] {
        let problems = judge_rule("SSL_VERIFY_RESULT", None, "EQUAL_TO", value).expect_err(value);
        assert_eq!(problems[0].field, "spec.listeners[a].l7Policies[p].rules[0].value", "{value}");
    }
}

#[test]
fn policy_with_rules_switched_off_alone_is_rejected() {
    let listener = |up: bool| {
        let rules = json!([{"type": "PATH", "compareType": "EQUAL_TO", "value": "/", "adminStateUp": false},
            {"type": "PATH", "compareType": "EQUAL_TO", "value": "/a", "adminStateUp": up}]);
        json!({"listeners": [{"name": "a", "protocol": "HTTP", "port": 80, "l7Policies": [{"name": "p", "action": "REJECT", "rules": rules}]}]})
    };
    judge_json(json!({}), listener(true)).unwrap();
    let problems = judge_json(json!({}), listener(false)).unwrap_err();
    assert_eq!(problems[0].field, "spec.listeners[a].l7Policies[p].rules");
}

#[test]
fn unreachable_member_address_is_rejected() {
    let pool = |member: serde_json::Value| {
        let monitor = json!({"type": "TCP", "delay": "5s", "timeout": "10s", "maxRetries": 4});
        json!({"pools": [{"name": "w", "protocol": "HTTP", "algorithm": "ROUND_ROBIN", "healthMonitor": monitor, "members": [member]}]})
    };
    for address in ["0.0.0.0", "::", "127.0.0.1", "::1", "224.0.0.1", "ff02::1", "255.255.255.255"] {
        let problems = judge_json(json!({}), pool(json!({"address": address, "port": 80}))).expect_err(address);
        assert!(problems[0].field.ends_with(".address"), "{}", problems[0].field);
        let monitored = json!({"address": "10.0.0.1", "port": 80, "monitorAddress": address});
        let problems = judge_json(json!({}), pool(monitored)).expect_err(address);
        assert!(problems[0].field.ends_with(".monitorAddress"), "{}", problems[0].field);
    }
    judge_json(json!({}), pool(json!({"address": "10.0.0.1", "port": 80, "monitorAddress": "fd00::1"}))).unwrap();
}
