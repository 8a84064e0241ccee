//! Tests of the checks themselves, on small texts.

use super::{python, rust};

fn texts(found: Vec<rust::TextAtLine>) -> Vec<(usize, String)> {
    found.into_iter().map(|named| (named.line, named.text.trim().to_owned())).collect()
}

fn opening(text: &str) -> crate::Opening {
    crate::Opening { file: String::new(), line: 1, text: text.to_owned() }
}

#[test]
fn doc_block_is_read_with_its_first_line() {
    let text = "//! The file.\n//! More.\n\n/// A function.\n///\n/// More.\n#[inline]\nfn f() {\n    // No doc.\n}\n\n\
                struct S {\n    /// A field.\n    x: u8,\n}\nwords!(/// In a macro.\n A);\nconst X: &str = \"/// In a text.\";\n\
                /** A block. */\nfn g() {}\n///\n/// Late.\nfn h() {}\n";
    let blocks = texts(rust::read(text).unwrap().blocks);
    let expected =
        [(1, "The file."), (4, "A function."), (13, "A field."), (16, "In a macro."), (19, "A block."), (22, "Late.")];
    assert_eq!(blocks, expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn test_is_known_by_its_attribute_or_macro() {
    let text = "fn plain() {}\n#[test]\n#[should_panic]\nfn one() { fn inner() {} }\n#[tokio::test(start_paused = true)]\n\
                async fn two() {}\nfn three() {}\nproptest! {\n #![proptest_config(x)]\n #[test]\n fn four(x in 0..1u8) {}\n\
                fn five(x in 0..1u8) {}\n}\nmod m { #[cfg(test)] fn six() {} #[test] fn seven() {} }\n";
    let names: Vec<String> = texts(rust::read(text).unwrap().tests).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["one", "two", "four", "five", "seven"]);
}

#[test]
fn docstring_is_distinguished_from_other_strings() {
    let text = "#!/usr/bin/python\n\"\"\"The module.\"\"\"\nX = \"\"\"\n\"\"\"\ndef f():\n    \"\"\"\n    A function.\n    \"\"\"\n\
                # \"\"\" in a comment\ndef g():\n    r'''Raw.\n    More.'''\n    print(\"\"\"what\"\"\")\n";
    let found = python::docstrings(text);
    let expected = [(2, "The module."), (7, "A function."), (11, "Raw.")];
    assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())));
}

#[test]
fn opening_is_judged_by_its_first_word() {
    for text in ["What it does.", "Of two.", "what's left", "*Whether* it runs.", "# Where it is", "(Without) it"] {
        assert!(opening(text).opens_with(&crate::CLAUSES), "{text}");
    }
    for text in ["Offers it.", "`what` is a field.", "[`Who`] holds it.", "The one of those.", "Whoever comes."] {
        assert!(!opening(text).opens_with(&crate::CLAUSES), "{text}");
    }
}
