use std::time::Duration;

use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::*;
use crate::openstack::http::fault::MAX_ERROR_BODY;

/// A recorded response of a genuine service, and its class.
#[derive(Deserialize)]
struct Recorded {
    case: String,
    call: String,
    status: u16,
    body: Value,
    class: String,
}

fn response<'a>(
    service: &'static str,
    call: &'a str,
    status: u16,
    body: &'a [u8],
    headers: &'a HeaderMap,
) -> ErrorResponse<'a> {
    ErrorResponse {
        service: Service::from_type(service).unwrap(),
        call,
        is_write: !call.starts_with("GET"),
        status: StatusCode::from_u16(status).unwrap(),
        headers,
        body,
        now: "2026-11-23T10:00:00Z".parse().unwrap(),
    }
}

fn error_of(service: &'static str, status: u16, body: &str) -> CloudError {
    classify(&response(service, "POST /x", status, body.as_bytes(), &HeaderMap::new()))
}

fn octavia(status: u16, text: &str) -> CloudError {
    error_of("load-balancer", status, &json!({"faultcode": "x", "faultstring": text, "debuginfo": null}).to_string())
}

fn barbican(status: u16, text: &str) -> CloudError {
    error_of("key-manager", status, &json!({"code": status, "title": "x", "description": text}).to_string())
}

fn neutron(status: u16, kind: &str, text: &str) -> CloudError {
    error_of("network", status, &json!({"NeutronError": {"type": kind, "message": text, "detail": ""}}).to_string())
}

#[test]
fn recorded_octavia_error_has_expected_class_and_text() {
    let recorded: Vec<Recorded> = serde_json::from_str(include_str!("../../fixtures/errors.json")).unwrap();
    assert!(recorded.len() > 30);
    for Recorded { case, call, status, body, class } in recorded {
        let text = body.to_string();
        let error = classify(&response("load-balancer", &call, status, text.as_bytes(), &HeaderMap::new()));
        let found = match error.class {
            ErrorClass::Transient(None) => "Transient".to_owned(),
            class => format!("{class:?}"),
        };
        assert_eq!(found, class, "{case}");
        assert!(!error.in_doubt, "{case}: Octavia itself answered");
        if let Some(text) = body.get("faultstring").and_then(Value::as_str) {
            assert_eq!(error.message, text, "{case}");
        }
    }
}

#[test]
fn load_balancer_in_error_is_not_locked() {
    assert_eq!(octavia(409, "Invalid state ERROR of loadbalancer resource 1").class, ErrorClass::Conflict);
    assert_eq!(octavia(409, "Pool 1 is immutable and cannot be updated.").class, ErrorClass::Locked);
}

/// A create contains the counterpart of every conflict but that of an address.
#[test]
fn create_409_caused_by_body_is_rejected() {
    let create = |text: &str| {
        let body = json!({"faultcode": "Client", "faultstring": text, "debuginfo": null}).to_string();
        classify(&response("load-balancer", "POST /v2/lbaas/loadbalancers", 409, body.as_bytes(), &HeaderMap::new()))
    };
    for text in [
        "Already an entity with that specified id.",
        "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80",
        "Another member on this pool is already using ip 10.20.0.11 on protocol_port 80",
        "This pool already has a health monitor",
        "Too many rules on L7 policy 1",
        "a conflict that nobody knows",
    ] {
        assert_eq!(create(text).class, ErrorClass::Rejected, "{text}");
    }
    let in_use = "The VIP IP address is already in use: IP address 10.10.0.253 already allocated in subnet 1";
    assert_eq!(create(in_use).class, ErrorClass::Conflict);
    assert_eq!(create("Load Balancer 1 is immutable and cannot be updated.").class, ErrorClass::Locked);
    assert_eq!(
        create("The VIP IP address is already in use: No more IP addresses available on network 1.").class,
        ErrorClass::Quota
    );
    let gateway = classify(&response("load-balancer", "POST /v2/lbaas/loadbalancers", 409, b"", &HeaderMap::new()));
    assert_eq!(gateway.class, ErrorClass::Conflict, "a body that is not Octavia's proves nothing");
}

#[test]
fn child_409_is_conflict_unless_ids_collide() {
    for (text, class) in [
        ("Already an entity with that specified id.", ErrorClass::Rejected),
        ("Too many rules on L7 policy 1", ErrorClass::Rejected),
        (
            "Another Listener on this Load Balancer is already using protocol HTTP and protocol_port 80",
            ErrorClass::Conflict,
        ),
        ("Pool 1 is in use by L7 policy 2", ErrorClass::Conflict),
    ] {
        assert_eq!(octavia(409, text).class, class, "{text}");
    }
}

#[test]
fn only_404_naming_the_object_is_not_found() {
    let later = ErrorClass::Transient(None);
    assert_eq!(octavia(404, "Load Balancer 1 not found.").class, ErrorClass::NotFound);
    assert_eq!(error_of("load-balancer", 404, r#"{"code":404,"title":"Not Found","description":""}"#).class, later);
    assert_eq!(error_of("load-balancer", 404, "<html><body>default backend - 404</body></html>").class, later);
    assert_eq!(error_of("load-balancer", 404, "").class, later);
    assert_eq!(neutron(404, "FloatingIPNotFound", "Floating IP 1 could not be found.").class, ErrorClass::NotFound);
    assert_eq!(neutron(404, "HTTPNotFound", "The resource could not be found.").class, later);
}

#[test]
fn only_404_of_service_itself_is_absent() {
    let absent = |service, body: &str| error_of(service, 404, body).is_absent();
    assert!(octavia(404, "Flavor 1 not found.").is_absent());
    assert!(neutron(404, "SubnetNotFound", "Subnet 1 could not be found.").is_absent());
    assert!(neutron(404, "HTTPNotFound", "The resource could not be found.").is_absent(), "an extension is missing");
    let routing = r#"{"code": 404, "title": "Not Found", "description": ""}"#;
    assert!(absent("load-balancer", routing) && absent("key-manager", routing));
    assert!(!absent("network", routing), "Neutron does not speak so: the endpoint is another service's");
    for body in [
        "",
        "<html><body>default backend - 404</body></html>",
        r#"{"message": "no Route matched with those values"}"#,
        r#"{"timestamp": 1, "status": 404, "error": "Not Found", "path": "/v1"}"#,
        r#"{"type": "about:blank", "title": "Not Found", "status": 404}"#,
        r#"{"message": "The resource could not be found.", "code": "404 Not Found", "title": "Not Found"}"#,
    ] {
        assert!(["load-balancer", "network", "key-manager"].iter().all(|service| !absent(service, body)), "{body}");
    }
    assert!(!octavia(400, "Validation failure: Subnet 1 not found").is_absent());
}

#[test]
fn exhausted_resource_is_quota_in_every_form() {
    for error in [
        octavia(403, "Quota has been met for resources: Member"),
        barbican(403, "Secret creation issue seen - Creation not allowed because a quota has been reached."),
        octavia(409, "The VIP IP address is already in use: No more IP addresses available on network 1."),
        octavia(500, "Provider 'amphora' reports error: Quota exceeded for resources: ['port']."),
        neutron(409, "OverQuota", "Quota exceeded for resources: ['floatingip']."),
        neutron(409, "IpAddressGenerationFailure", "No more IP addresses available on network 1."),
        neutron(400, "ExternalIpAddressExhausted", "Unable to find any IP address on external network 1."),
    ] {
        assert_eq!(error.class, ErrorClass::Quota, "{error}");
    }
    assert_eq!(neutron(409, "FloatingIPPortAlreadyAssociated", "Cannot associate").class, ErrorClass::Conflict);
    let forbidden = "Secret creation attempt not allowed - please review your user/project privileges";
    assert_eq!(barbican(403, forbidden).class, ErrorClass::Credentials);
    assert_eq!(barbican(413, "Provided information too large to process").class, ErrorClass::Rejected);
}

/// Rejections echo user input, and so do the statements in database errors.
#[test]
fn user_text_in_rejection_does_not_set_class() {
    let echoed =
        "Invalid input for field/attribute name. Value: 'Quota exceeded for resources'. Value should be UUID format";
    assert_eq!(octavia(400, echoed).class, ErrorClass::Rejected);
    let database = "(pymysql.err.OperationalError) (1205, 'Lock wait timeout exceeded')\n[SQL: UPDATE pool SET name=%(name)s]\n\
                    [parameters: {'name': 'KeyError: OverQuota'}]";
    assert_eq!(octavia(500, database).class, ErrorClass::Transient(None));
    assert_eq!(octavia(403, "Policy does not allow OverQuota").class, ErrorClass::Credentials);
}

#[test]
fn gateway_404_is_transient() {
    for body in [r#"{"error": {"message": "service not found"}}"#, r#"{"errors": [{"detail": "upstream not found"}]}"#]
    {
        for service in ["load-balancer", "network"] {
            assert_eq!(error_of(service, 404, body).class, ErrorClass::Transient(None), "{service} {body}");
        }
    }
    let own = r#"{"code": 404, "title": "Bad Request", "description": "Pool 1 not found."}"#;
    assert_eq!(error_of("load-balancer", 404, own).class, ErrorClass::NotFound);
}

#[test]
fn missing_router_is_recognised_by_neutron_exception() {
    let text = "External network 1 is not reachable from subnet 2.";
    assert!(neutron(404, "ExternalGatewayForFloatingIPNotFound", text).is_external_network_unreachable());
    assert!(
        !neutron(404, "PortNotFound", text).is_external_network_unreachable()
            && !octavia(404, text).is_external_network_unreachable()
    );
}

#[test]
fn octavia_500_caused_by_body_is_rejected_others_transient() {
    for text in [
        "Provider 'amphora' reports error: BadRequestException: 400",
        "(pymysql.err.IntegrityError) (1048, \"Column 'lb_algorithm' cannot be null\")",
        "(pymysql.err.DataError) (1366, \"Incorrect string value: '\\\\xF0\\\\x9F' for column 'tag'\")",
        "'dict' object has no attribute '_sa_instance_state'",
        "'tls_ciphers'",
    ] {
        assert_eq!(octavia(500, text).class, ErrorClass::Rejected, "{text}");
    }
    for text in ["Something unknown went wrong", "Provider 'amphora' reports error: MessagingTimeout", ""] {
        assert_eq!(octavia(500, text).class, ErrorClass::Transient(None), "{text}");
    }
    assert_eq!(octavia(503, "Project busy. Unable to lock the project.").class, ErrorClass::Transient(None));
}

#[test]
fn gateway_5xx_leaves_write_in_doubt() {
    let gateway = [
        "<html><head><title>504 Gateway Time-out</title></head></html>",
        r#"{"error": {"message": "The upstream server is timing out", "code": 504}}"#,
        r#"{"message": "An unexpected error occurred", "title": "Bad Gateway"}"#,
        r#"{"title": "Service Unavailable", "description": "upstream connect error"}"#,
        r#"{"errors": [{"status": 500, "detail": "no healthy upstream"}]}"#,
        "",
    ];
    for body in gateway {
        for status in [500, 502, 503, 504, 507, 520] {
            for service in ["load-balancer", "network", "key-manager"] {
                let at = |call| classify(&response(service, call, status, body.as_bytes(), &HeaderMap::new()));
                let (write, read) = (at("POST /x"), at("GET /x"));
                assert_eq!(write.class, ErrorClass::Transient(None), "{service} {status} {body}");
                assert_eq!((write.in_doubt, read.in_doubt), (true, false), "{service} {status} {body}");
            }
        }
    }
    assert!(!error_of("load-balancer", 413, "Request is too large").in_doubt);
}

#[test]
fn service_500_and_503_leave_no_doubt_but_502_and_504_do() {
    for (status, in_doubt) in [(500, false), (503, false), (502, true), (504, true)] {
        assert_eq!(octavia(status, "Something unknown went wrong").in_doubt, in_doubt, "{status}");
        assert_eq!(neutron(status, "HTTPInternalServerError", "Request Failed").in_doubt, in_doubt, "{status}");
    }
}

/// A `clouds.yaml` may lead anywhere in the operator's network: a status must not reveal the responses.
#[test]
fn foreign_response_shows_status_and_content_type_only() {
    let message = |content_type: &str, body: &str| {
        let content_type = HeaderValue::from_bytes(content_type.as_bytes()).unwrap();
        let headers = HeaderMap::from_iter([(http::header::CONTENT_TYPE, content_type)]);
        classify(&response("network", "GET /x", 404, body.as_bytes(), &headers)).message
    };
    let expected = "something that is not OpenStack answered 404 Not Found for the network service";
    for body in ["<p>hunter2</p>", "hunter2", r#"{"kind": "Status", "message": "hunter2"}"#, r#"["hunter2"]"#] {
        assert_eq!(message("text/html; charset=hunter2", body), format!("{expected} (text/html)"));
    }
    for odd in ["hunter2", "text/hunter 2", "text/\u{e4}", &format!("text/{}", "x".repeat(100))] {
        assert_eq!(message(odd, ""), expected, "{odd}");
    }
}

/// A parsed body may take a hundred times the memory of its text.
#[test]
fn overlong_error_body_is_not_read() {
    let long = format!("{{\"faultstring\": \"why\", \"x\": [0{}]}}", ",0".repeat(MAX_ERROR_BODY / 2));
    assert!(error_of("load-balancer", 400, &long).message.starts_with("something that is not OpenStack answered"));
    let repeated = "x".repeat(114_688);
    assert!(octavia(400, &format!("Invalid input. Value: {repeated}")).message.starts_with("Invalid input"));
}

#[test]
fn malformed_request_id_is_dropped() {
    for text in ["req-1 hunter2", "", &"x".repeat(129)] {
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-openstack-request-id"),
            HeaderValue::from_str(text).unwrap(),
        )]);
        assert_eq!(request_id(&headers), None, "{text}");
    }
}

#[test]
fn foreign_4xx_is_rejected_but_429_is_transient() {
    assert_eq!(error_of("load-balancer", 413, "Request is too large").class, ErrorClass::Rejected);
    assert_eq!(error_of("load-balancer", 422, "").class, ErrorClass::Rejected);
    assert_eq!(error_of("load-balancer", 429, "").class, ErrorClass::Transient(None));
    assert_eq!(error_of("load-balancer", 301, "").class, ErrorClass::Transient(None));
}

#[test]
fn keystone_4xx_is_about_the_credentials() {
    let error =
        |status, text| error_of("identity", status, &json!({"error": {"message": text, "code": status}}).to_string());
    assert_eq!(error(401, "The request you have made requires authentication.").class, ErrorClass::Credentials);
    assert_eq!(error(400, "Expecting to find domain in project.").class, ErrorClass::Credentials);
    assert_eq!(error(404, "Could not find Application Credential: ac-1.").class, ErrorClass::Credentials);
    assert_eq!(error(404, "The resource could not be found.").class, ErrorClass::Transient(None));
    assert_eq!(error(503, "The database is away.").class, ErrorClass::Transient(None));
    let newer = error_of("load-balancer", 400, r#"{"errors": [{"status": 400, "title": "Bad", "detail": "why"}]}"#);
    assert_eq!((newer.class, newer.message.as_str()), (ErrorClass::Rejected, "why"));
}

#[test]
fn retry_after_is_read_as_seconds_or_date() {
    let wait = |text: &str| {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
        classify(&response("load-balancer", "GET /x", 503, b"", &headers)).class
    };
    let later = |seconds| ErrorClass::Transient(Some(Duration::from_secs(seconds)));
    assert_eq!(wait("7"), later(7));
    assert_eq!(wait("Mon, 23 Nov 2026 10:00:30 GMT"), later(30));
    assert_eq!(wait("Mon, 23 Nov 2026 09:00:00 GMT"), later(0));
    assert_eq!(wait("999999"), later(3600));
    assert_eq!(wait("soon"), ErrorClass::Transient(None));
}

/// The server's clock is an hour ahead.
#[test]
fn retry_after_date_is_compared_with_server_clock() {
    let header = |name, text| (name, HeaderValue::from_static(text));
    let headers = HeaderMap::from_iter([
        header(http::header::DATE, "Mon, 23 Nov 2026 11:00:00 GMT"),
        header(http::header::RETRY_AFTER, "Mon, 23 Nov 2026 11:00:30 GMT"),
    ]);
    let class = classify(&response("load-balancer", "GET /x", 503, b"", &headers)).class;
    assert_eq!(class, ErrorClass::Transient(Some(Duration::from_secs(30))));
}

#[test]
fn message_is_shortened_and_keeps_request_id() {
    let headers = HeaderMap::from_iter([(
        http::HeaderName::from_static("x-openstack-request-id"),
        HeaderValue::from_static("req-1"),
    )]);
    let body = json!({"faultstring": "ä".repeat(5000)}).to_string();
    let error = classify(&response("load-balancer", "POST /x", 400, body.as_bytes(), &headers));
    assert_eq!(error.message.chars().count(), MAX_TEXT + 1);
    assert_eq!(error.request_id.as_deref(), Some("req-1"));
    assert!(error.to_string().ends_with("(POST /x: 400, request req-1)"), "{error}");
}

#[test]
fn user_text_in_duplicate_entry_does_not_set_class() {
    let class = |status: u16, text: &str| {
        let body = json!({"faultcode": "Server", "faultstring": text}).to_string();
        classify(&response("load-balancer", "PUT /x", status, body.as_bytes(), &HeaderMap::new())).class
    };
    let duplicate =
        |what: &str, user: &str| format!("({what}) (1062, \"Duplicate entry '{user}' for key 'tags.PRIMARY'\")");
    let error = "pymysql.err.IntegrityError";
    for user in ["OverQuota", "No more IP addresses available", "' for key 'OverQuota"] {
        assert_eq!(class(500, &duplicate(error, user)), ErrorClass::Rejected, "{user}");
        assert_eq!(class(500, &format!("{}\n[SQL: INSERT]", duplicate(error, user))), ErrorClass::Rejected, "{user}");
    }
    for user in ["KeyError", "BadRequestException: 400"] {
        assert_eq!(class(500, &duplicate("another", user)), ErrorClass::Transient(None), "{user}");
    }
}
