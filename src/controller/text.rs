//! Truncation of texts to the limits of the Kubernetes API.

const ELLIPSIS: char = '…';

/// The text, cut at a character so that the sizes of its characters are at most `limit` in all; a cut one ends in "…".
pub(super) fn shortened(text: &str, limit: usize, size_of: impl Fn(char) -> usize) -> String {
    if text.chars().map(&size_of).sum::<usize>() <= limit {
        return text.to_owned();
    }
    let mut left = limit.saturating_sub(size_of(ELLIPSIS));
    let fits = |c: &char| {
        let size = size_of(*c);
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    text.chars().take_while(fits).chain([ELLIPSIS]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_a_character() {
        let text = "ü".repeat(3000);
        assert_eq!(shortened(&text, 1024, |_| 1).chars().count(), 1024);
        assert_eq!(shortened(&text, 1000, char::len_utf8).len(), 999);
        assert_eq!(shortened("short", 5, |_| 1), "short");
    }
}
