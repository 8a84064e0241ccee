//! Answers that would take far more memory than their text.
//!
//! Two bytes of `{}` become a record of a kilobyte, and `0,` a value of 32 bytes: a list of nothing but those, at the
//! greatest length that is read, would take all the memory that there is. No service of OpenStack answers like that, so
//! such an answer is refused before it is parsed.

/// The shortest object that services give in numbers is a reference, `{"id":"<32 digits>"},` with 42 bytes. Empty
/// objects stand one by one in records of hundreds.
const BYTES_FOR_EACH_OBJECT: usize = 32;
/// A field of a record takes 30 bytes on average, the shortest CIDR of a list 12. Tags alone may be shorter: every object
/// of an answer would have to carry hundreds of tags of two letters to come below this.
const BYTES_FOR_EACH_VALUE: usize = 8;
/// What a short answer may have beyond that: it does no harm.
const SOME: usize = 1000;

/// What stands between the texts of an answer.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JsonShape {
    length: usize,
    pub(super) objects: usize,
    /// One less than there are values, wherever there are several.
    commas: usize,
}

impl JsonShape {
    pub(super) fn of(json: &[u8]) -> Self {
        let mut structure = Self { length: json.len(), ..Self::default() };
        let mut rest = json.iter();
        while let Some(byte) = rest.next() {
            match byte {
                b'"' => skip_text(&mut rest),
                b'{' => structure.objects += 1,
                b',' => structure.commas += 1,
                _ => {}
            }
        }
        structure
    }

    /// There is more of it than text.
    pub(super) const fn is_amplified(self) -> bool {
        let Self { length, objects, commas } = self;
        objects > length / BYTES_FOR_EACH_OBJECT + SOME || commas > length / BYTES_FOR_EACH_VALUE + SOME
    }
}

/// To the end of a text whose quote has been read.
fn skip_text(rest: &mut std::slice::Iter<'_, u8>) {
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

    fn hollow(answer: &Value) -> bool {
        JsonShape::of(answer.to_string().as_bytes()).is_amplified()
    }

    #[test]
    fn nothing_but_structure_is_hollow() {
        for item in [json!(0), json!(""), json!([]), json!({}), json!({"a": 0}), json!({"id": ""}), json!([[[{}]]])] {
            assert!(hollow(&json!({"loadbalancers": vec![item.clone(); 10_000]})), "{item}");
        }
    }

    #[test]
    fn the_densest_of_genuine_answers_are_not() {
        let id = "9fe2ff9ee4384b1894a90878d3e92bab";
        let tags: Vec<String> = ('a'..='z').flat_map(|a| ('a'..='d').map(move |b| format!("{a}{b}"))).collect();
        let structure_in_texts = format!("\\\"{}", "{,".repeat(100));
        let pool = json!({
            "id": id, "project_id": id, "name": structure_in_texts, "description": structure_in_texts, "tags": tags,
            "provisioning_status": "ACTIVE", "operating_status": "ONLINE", "created_at": "2026-11-23T10:00:00",
        });
        for item in [json!({"id": id}), json!("1.0.0.0/8"), json!({"interface": "public", "url": "http://a"}), pool] {
            assert!(!hollow(&json!({"pools": [{"members": vec![item.clone(); 10_000]}]})), "{item}");
        }
        for recorded in [include_str!("fixtures/created.json"), include_str!("fixtures/status.json")] {
            let recorded: Value = serde_json::from_str(recorded).unwrap();
            assert!(!hollow(&vec![recorded; 500].into()));
        }
    }

    #[test]
    fn a_short_answer_may_be_anything() {
        for text in ["", "{}", "[0,0,0,0,0]", "{\"", "\"\\", "<html>, {, {"] {
            assert!(!JsonShape::of(text.as_bytes()).is_amplified(), "{text}");
        }
    }
}
