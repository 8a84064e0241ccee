use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server for one request: reads it, sends `answer`, and closes the connection. Returns its port and the future request.
async fn server(answer: impl Into<String>) -> (u16, tokio::task::JoinHandle<String>) {
    let answer = answer.into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4096];
        let length = stream.read(&mut request).await.unwrap();
        // A client that has read enough closes the connection.
        let _ = stream.write_all(answer.as_bytes()).await;
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    (port, task)
}

async fn send(port: u16, timeout: Duration) -> Result<Response, TransportError> {
    let transport = ReqwestConnector.connect(&TlsOptions::default()).unwrap();
    let request = http::Request::post(format!("http://127.0.0.1:{port}/x")).body("{}".into()).unwrap();
    transport.send(request, timeout).await
}

const LONG_TIMEOUT: Duration = Duration::from_secs(20);

/// A server for one request over TLS. All certificates have the key `fixtures/tls/server.key`.
async fn tls_server(certificate: &[u8]) -> u16 {
    let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../fixtures/tls/server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // A client without trust closes the connection.
        let Ok(mut stream) = tokio_rustls::TlsAcceptor::from(Arc::new(config)).accept(stream).await else { return };
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        stream.shutdown().await.unwrap();
    });
    port
}

async fn send_over_tls(tls: TlsOptions) -> Result<Response, TransportError> {
    send_to(include_bytes!("../../fixtures/tls/server.pem"), tls).await
}

async fn send_to(certificate: &[u8], tls: TlsOptions) -> Result<Response, TransportError> {
    let port = tls_server(certificate).await;
    let request = http::Request::get(format!("https://127.0.0.1:{port}/x")).body("".into()).unwrap();
    ReqwestConnector.connect(&tls).unwrap().send(request, LONG_TIMEOUT).await
}

#[tokio::test]
async fn server_is_trusted_by_cacert_or_without_verification_only() {
    let by = |pem: &[u8]| TlsOptions { ca: Some(pem.to_vec()), insecure: false };
    let (right, other) =
        (include_bytes!("../../fixtures/tls/ca.pem"), include_bytes!("../../fixtures/tls/another_ca.pem"));
    for trusted in [by(right), by(&[other.as_slice(), right].concat()), TlsOptions { ca: None, insecure: true }] {
        assert_eq!(send_over_tls(trusted).await.unwrap().body().as_ref(), b"ok");
    }
    for untrusted in [TlsOptions::default(), by(other)] {
        let error = send_over_tls(untrusted).await.unwrap_err();
        let TransportError::Untrusted { cause, .. } = error else { panic!("{error:?}") };
        assert!(cause.contains("authorities"), "{cause}");
    }
}

/// OpenSSL would trust the first of them; the message says what to do instead.
#[tokio::test]
async fn certificate_fault_is_named_and_not_an_unreachable_cloud() {
    let (ca, self_signed_ca) = (
        include_bytes!("../../fixtures/tls/ca.pem").as_slice(),
        include_bytes!("../../fixtures/tls/self_signed_ca.pem"),
    );
    let self_signed = include_bytes!("../../fixtures/tls/self_signed.pem").as_slice();
    let server = include_bytes!("../../fixtures/tls/server.pem").as_slice();
    let expired = include_bytes!("../../fixtures/tls/expired.pem");
    let other_host = include_bytes!("../../fixtures/tls/other_host.pem");
    for (shown, trusted, words) in [
        (self_signed_ca.as_slice(), self_signed_ca.as_slice(), "CA:TRUE"),
        (server, include_bytes!("../../fixtures/tls/another_ca.pem"), "nor those of cacert"),
        (self_signed, server, "cacert holds the certificate of a server"),
        (expired, expired, "it expired at 2021-01-01T00:00:00Z"),
        (other_host, other_host, "it is for another host"),
    ] {
        let error = send_to(shown, TlsOptions { ca: Some(trusted.to_vec()), insecure: false }).await.unwrap_err();
        assert!(matches!(error, TransportError::Untrusted { .. }), "{words}: {error:?}");
        assert!(error.to_string().contains(words), "{words}: {error}");
    }
    for (shown, trusted) in [(self_signed, self_signed), (server, &[b"\xef\xbb\xbf", ca].concat())] {
        assert!(send_to(shown, TlsOptions { ca: Some(trusted.to_vec()), insecure: false }).await.is_ok());
    }
}

#[tokio::test]
async fn response_is_complete_and_request_has_user_agent() {
    let (port, request) = server("HTTP/1.1 201 Created\r\nx-y: z\r\ncontent-length: 2\r\n\r\nok").await;
    let response = send(port, LONG_TIMEOUT).await.unwrap();
    assert_eq!((response.status().as_u16(), response.body().as_ref()), (201, &b"ok"[..]));
    assert_eq!(response.headers()["x-y"], "z");
    let request = request.await.unwrap().to_lowercase();
    assert!(request.contains(&format!("user-agent: {USER_AGENT}")), "{request}");
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let (port, _) = server("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(send(port, LONG_TIMEOUT).await.unwrap().status().as_u16(), 302);
}

#[tokio::test]
async fn refused_connection_is_not_sent_and_names_host_and_port() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = send(port, LONG_TIMEOUT).await.unwrap_err();
    assert!(matches!(error, TransportError::NotSent { .. }), "{error:?}");
    assert!(error.to_string().starts_with(&format!("cannot reach 127.0.0.1:{port}: ")), "{error}");
}

#[tokio::test]
async fn lost_or_truncated_response_leaves_doubt() {
    for answer in ["", "HTTP/1.1 201 Created\r\ncontent-length: 100\r\n\r\nonly this"] {
        let (port, _) = server(answer).await;
        let error = send(port, LONG_TIMEOUT).await.unwrap_err();
        assert!(matches!(error, TransportError::NoAnswer { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn response_timeout_leaves_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = send(listener.local_addr().unwrap().port(), Duration::from_millis(50)).await.unwrap_err();
    assert!(matches!(&error, TransportError::NoAnswer { cause, .. } if cause == "no answer in time"), "{error:?}");
}

#[tokio::test]
async fn response_is_read_up_to_its_size_limit() {
    for (more, fits) in [(0, true), (1, false)] {
        let length = (MAX_RESPONSE_MIB << 20) + more;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n");
        let (port, _) = server(format!("{head}{}", " ".repeat(length))).await;
        match send(port, LONG_TIMEOUT).await {
            Ok(response) => assert!(fits && response.body().len() == length),
            Err(error) => assert!(!fits && error.to_string().ends_with("is larger than 8 MiB"), "{error}"),
        }
    }
}
