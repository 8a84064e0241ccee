//! Names of objects in the cluster.

/// The name; `None` if it is not a DNS subdomain. The client puts it into a path unchanged, so a name that was stored
/// before the schema rejected it must not be used.
pub fn object_name(name: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_label =
        |label: &str| label.starts_with(plain) && label.ends_with(plain) && label.chars().all(|c| plain(c) || c == '-');
    (name.len() <= 253 && name.split('.').all(is_label)).then_some(name)
}

/// The name of a Service, likewise: one label that begins with a letter.
pub(super) fn service_name(name: &str) -> Option<&str> {
    let begins_with_letter = name.starts_with(|c: char| c.is_ascii_lowercase());
    object_name(name).filter(|name| begins_with_letter && name.len() <= 63 && !name.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::patterns;

    #[test]
    fn object_name_is_valid_exactly_by_its_pattern() {
        let pattern = regex::Regex::new(patterns::OBJECT_NAME).unwrap();
        let long = format!("a{}", ".a".repeat(126));
        let good = ["a", "openstack", "cloud-1.team-a.eu", "0", &long];
        let bad = [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a.",
            "-a",
            "a-",
            "a.-b",
            "A",
            "a_b",
            "a/b",
            "a b",
            "a%2fb",
            "a?b",
            "ä",
            "a\n",
            "../../kube-system/secrets/x",
        ];
        for (name, is_one) in good.map(|name| (name, true)).into_iter().chain(bad.map(|name| (name, false))) {
            assert_eq!(object_name(name).is_some(), is_one, "{name:?}");
            assert_eq!(pattern.is_match(name), is_one, "{name:?} by the pattern");
        }
        assert_eq!(object_name(&format!("{long}a")), None);
    }

    #[test]
    fn service_name_is_valid_exactly_by_its_pattern() {
        let pattern = regex::Regex::new(patterns::SERVICE_NAME).unwrap();
        let long = "a".repeat(63);
        let good = ["a", "web", "web-1", &long];
        let bad = ["", "1web", "web.shop", "-web", "web-", "Web", "web/x", "../web", "web\n"];
        for (name, is_one) in good.map(|name| (name, true)).into_iter().chain(bad.map(|name| (name, false))) {
            assert_eq!(service_name(name).is_some(), is_one, "{name:?}");
            assert_eq!(pattern.is_match(name), is_one, "{name:?} by the pattern");
        }
        assert_eq!(service_name(&format!("{long}a")), None);
    }
}
