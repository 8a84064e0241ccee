//! Names of the fields of a distinguished name.

/// The short name of a field that is given by another name. haproxy looks for a field by its short name only.
pub(in crate::translate) fn short_dn_field(key: &str) -> Option<&'static str> {
    const SHORT_NAMES: [(&str, &str); 14] = [
        ("commonName", "CN"),
        ("countryName", "C"),
        ("country", "C"),
        ("stateOrProvinceName", "ST"),
        ("state", "ST"),
        ("localityName", "L"),
        ("organizationName", "O"),
        ("organization", "O"),
        ("organizationalUnitName", "OU"),
        ("surname", "SN"),
        ("givenName", "GN"),
        ("domainComponent", "DC"),
        ("userId", "UID"),
        ("email", "emailAddress"),
    ];
    SHORT_NAMES.iter().find(|(long, _)| long.eq_ignore_ascii_case(key)).map(|(_, short)| *short)
}
