//! Detection of responses that would take far more memory than their text.
//!
//! Two bytes of `{}` become a record of a kilobyte, and `0,` a value of 32 bytes: a list of such items, at the largest
//! response size that is read, would exhaust memory. No OpenStack service responds like that, so these responses are
//! rejected before they are parsed.

/// The shortest object that services send in numbers is a reference, `{"id":"<32 digits>"},` with 42 bytes. Empty objects
/// appear only one by one, in records of hundreds of bytes.
const BYTES_PER_OBJECT: usize = 32;
/// A field of a record takes 30 bytes on average, the shortest CIDR of a list 12. Only tags may be shorter: every object of a
/// response would need hundreds of two-letter tags to fall below this.
const BYTES_PER_VALUE: usize = 8;
/// A short response may exceed both ratios by so many items, which does no harm.
const ALLOWANCE: usize = 1000;

/// Counts of the structural characters of a JSON text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JsonShape {
    length: usize,
    pub(super) objects: usize,
    /// One less than the number of values, per array or object.
    commas: usize,
}

impl JsonShape {
    pub(super) fn of(json: &[u8]) -> Self {
        let mut shape = Self { length: json.len(), ..Self::default() };
        let mut rest = json.iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => skip_string(&mut rest),
                b'{' => shape.objects += 1,
                b',' => shape.commas += 1,
                _ => {}
            }
        }
        shape
    }

    /// True when parsed values would take far more memory than the text.
    pub(super) const fn is_amplified(self) -> bool {
        let Self { length, objects, commas } = self;
        objects > length / BYTES_PER_OBJECT + ALLOWANCE || commas > length / BYTES_PER_VALUE + ALLOWANCE
    }
}

/// Skips to the end of a string whose opening quote has been read.
fn skip_string(rest: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = rest.next() {
        match byte {
            b'\\' => {
                rest.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn is_amplified(response: &Value) -> bool {
        JsonShape::of(response.to_string().as_bytes()).is_amplified()
    }

    #[test]
    fn structure_without_text_is_amplified() {
        for item in [json!(0), json!(""), json!([]), json!({}), json!({"a": 0}), json!({"id": ""}), json!([[[{}]]])] {
            assert!(is_amplified(&json!({"loadbalancers": vec![item.clone(); 10_000]})), "{item}");
        }
    }

    #[test]
    fn densest_genuine_responses_are_not_amplified() {
        let id = "9fe2ff9ee4384b1894a90878d3e92bab";
        let tags: Vec<String> = ('a'..='z').flat_map(|a| ('a'..='d').map(move |b| format!("{a}{b}"))).collect();
        let structure_in_texts = format!("\\\"{}", "{,".repeat(100));
        let pool = json!({
            "id": id, "project_id": id, "name": structure_in_texts, "description": structure_in_texts, "tags": tags,
            "provisioning_status": "ACTIVE", "operating_status": "ONLINE", "created_at": "2026-11-23T10:00:00",
        });
        for item in [json!({"id": id}), json!("1.0.0.0/8"), json!({"interface": "public", "url": "http://a"}), pool] {
            assert!(!is_amplified(&json!({"pools": [{"members": vec![item.clone(); 10_000]}]})), "{item}");
        }
        for recorded in [include_str!("../fixtures/created.json"), include_str!("../fixtures/status.json")] {
            let recorded: Value = serde_json::from_str(recorded).unwrap();
            assert!(!is_amplified(&vec![recorded; 500].into()));
        }
    }

    #[test]
    fn short_response_is_never_amplified() {
        for text in ["", "{}", "[0,0,0,0,0]", "{\"", "\"\\", "<html>, {, {"] {
            assert!(!JsonShape::of(text.as_bytes()).is_amplified(), "{text}");
        }
    }
}
