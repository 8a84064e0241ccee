//! Durations in the format of specs: `50s`, `1m30s`, `500ms`.

use std::time::Duration;

/// Reads a sum of whole numbers with the units h, m, s and ms. `None` for any other text, or if the sum is too large.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit_end = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let part = match &rest[..unit_end] {
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = &rest[unit_end..];
    }
    (!text.is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_of_numbers_with_units_is_duration() {
        for (text, milliseconds) in
            [("0s", 0), ("50s", 50_000), ("1m30s", 90_000), ("500ms", 500), ("1h1ms", 3_600_001)]
        {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn other_text_is_no_duration() {
        for text in ["", "5", "s", "-5s", "1.5s", "1d", "5 s", "99999999999999999999s", "9999999999999999999h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
