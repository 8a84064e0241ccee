use super::*;

const CA: &str = include_str!("../../fixtures/tls/ca.pem");
const SERVER: &str = include_str!("../../fixtures/tls/server.pem");

fn encoded(text: &str) -> Vec<u8> {
    [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
}

#[test]
fn cacert_is_read_in_every_encoding() {
    let indented: String = CA.lines().map(|line| format!("    {line}  \r\n")).collect();
    for (text, count) in [
        (CA.as_bytes().to_vec(), 1),
        ([b"\xef\xbb\xbf", CA.as_bytes()].concat(), 1),
        (encoded(CA), 1),
        (indented.into_bytes(), 1),
        (CA.replace(" CERTIFICATE-", " X509 CERTIFICATE-").into_bytes(), 1),
        (format!("# of the cloud\n{CA}\nserver:\n{SERVER}").into_bytes(), 2),
    ] {
        assert_eq!(authorities(&text).map(|found| found.len()), Ok(count), "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn unreadable_cacert_is_named_with_its_fault() {
    let der = authorities(CA.as_bytes()).unwrap()[0].to_vec();
    let cut: String = CA.lines().filter(|line| !line.contains("END")).map(|line| format!("{line}\n")).collect();
    let mut lines: Vec<&str> = CA.lines().collect();
    lines.remove(2);
    for (text, words) in [
        (b"".to_vec(), "cacert is empty"),
        (b"\xef\xbb\xbf \n".to_vec(), "cacert is empty"),
        (b"hello".to_vec(), "no certificate in PEM form"),
        (b"\x00\xff\x10".to_vec(), "no text"),
        (der, "cacert is in DER form"),
        (CA.replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-").into_bytes(), "cacert has a TRUSTED CERTIFICATE"),
        (format!("{CA}{}", CA.replace(" CERTIFICATE-", " TRUSTED CERTIFICATE-")).into_bytes(), "TRUSTED CERTIFICATE"),
        (CA.replace(" CERTIFICATE-", " PKCS7-").into_bytes(), "openssl pkcs7"),
        (include_bytes!("../../fixtures/tls/server.key").to_vec(), "but a PRIVATE KEY"),
        (
            b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec(),
            "certificate 1 of cacert is damaged",
        ),
        (format!("{CA}{}\n", lines.join("\n")).into_bytes(), "certificate 2 of cacert is damaged"),
        (cut.clone().into_bytes(), "certificate 1 of cacert is damaged"),
        (format!("{cut}{CA}").into_bytes(), "certificate 1 of cacert is damaged"),
        (format!("{CA}{cut}").into_bytes(), "certificate 2 of cacert is damaged"),
    ] {
        let error = authorities(&text).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn authority_is_recognised_by_basic_constraints() {
    let of = |pem: &str| Cacert::of(&authorities(pem.as_bytes()).unwrap());
    assert_eq!(Cacert::of(&[]), Cacert::Absent);
    for (pem, expected) in [
        (CA, Cacert::WithAuthority),
        (SERVER, Cacert::WithoutAuthority),
        (include_str!("../../fixtures/tls/self_signed.pem"), Cacert::WithoutAuthority),
        (include_str!("../../fixtures/tls/self_signed_ca.pem"), Cacert::WithAuthority),
    ] {
        assert_eq!(of(pem), expected);
    }
}
