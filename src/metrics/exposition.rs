//! The two text formats of metrics, and the choice between them by the header `Accept`.

/// A text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exposition {
    /// Format of Prometheus 0.0.4, which every tool reads.
    Classic,
    /// OpenMetrics 1.0.0, which Prometheus prefers.
    OpenMetrics,
}

impl Exposition {
    /// Chooses the format that a client prefers. A client that says nothing gets the classic one.
    pub fn accepted_by(accept: &str) -> Self {
        let (open_metrics, classic) =
            (weight(accept, &["application/openmetrics-text"]), weight(accept, &["text/plain", "text/*"]));
        if open_metrics > 0.0 && open_metrics >= classic { Self::OpenMetrics } else { Self::Classic }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Classic => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The highest weight that a header `Accept` gives to one of these media types: 0 for none of them.
fn weight(accept: &str, types: &[&str]) -> f32 {
    let of_range = |range: &str| {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default();
        let wanted = types.iter().any(|name| kind.eq_ignore_ascii_case(name));
        let quality = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
        if wanted { quality } else { 0.0 }
    };
    accept.split(',').map(of_range).fold(0.0, f32::max)
}

/// Turns OpenMetrics text into the classic format. The samples are the same in both. OpenMetrics describes a counter
/// without the suffix `_total` that its samples have, names units, and ends with a mark.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let counters = counters(open_metrics);
    for line in open_metrics.lines().filter(|line| *line != "# EOF" && !line.starts_with("# UNIT ")) {
        match Description::parse(line).filter(|description| counters.contains(&description.name)) {
            Some(Description { keyword, name }) => {
                let rest = line.split_at(keyword.len() + name.len()).1;
                text.extend([keyword, name, "_total", rest]);
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// Names of all counters, as OpenMetrics describes them.
fn counters(open_metrics: &str) -> Vec<&str> {
    let is_counter = |line: &&str| line.starts_with("# TYPE ") && line.ends_with(" counter");
    open_metrics.lines().filter(is_counter).filter_map(Description::parse).map(|counter| counter.name).collect()
}

/// Beginning of a line that describes a metric.
struct Description<'a> {
    keyword: &'static str,
    name: &'a str,
}

impl<'a> Description<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let keyword = ["# HELP ", "# TYPE "].into_iter().find(|keyword| line.starts_with(keyword))?;
        Some(Self { keyword, name: line.strip_prefix(keyword)?.split(' ').next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_described_by_the_name_of_their_samples() {
        let open_metrics = "# HELP a_b Things.\n# TYPE a_b counter\n# UNIT a_b b\na_b_total{x=\"# EOF\"} 1\n\
                            # HELP a_c Seconds.\n# TYPE a_c histogram\na_c_count 1\n# EOF\n";
        let expected = "# HELP a_b_total Things.\n# TYPE a_b_total counter\na_b_total{x=\"# EOF\"} 1\n\
                        # HELP a_c Seconds.\n# TYPE a_c histogram\na_c_count 1\n";
        assert_eq!(classic(open_metrics), expected);
    }
}
