//! Filters of lists by tags. Octavia copied them from Neutron; only its database ignores case.

use std::collections::BTreeSet;

use serde_json::Value;

use super::call::Call;

/// Parameters of a list that filter by tags.
pub(crate) const TAG_FILTERS: [&str; 4] = ["tags", "tags-any", "not-tags", "not-tags-any"];

/// True where the tags of an object pass every tag filter of the call. `collate` gives the form in which two equal tags
/// are the same text.
pub(crate) fn pass_tag_filters(tags: Option<&Value>, call: &Call, collate: fn(&str) -> String) -> bool {
    if TAG_FILTERS.iter().all(|filter| call.parameter(filter).is_none()) {
        return true;
    }
    let own: BTreeSet<String> =
        tags.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).map(collate).collect();
    TAG_FILTERS.iter().all(|filter| {
        let given = call.parameters(filter);
        let wanted: Vec<_> = given.iter().flat_map(|value| value.split(',')).map(collate).collect();
        let all = wanted.iter().all(|tag| own.contains(tag));
        let any = wanted.iter().any(|tag| own.contains(tag));
        match *filter {
            _ if given.is_empty() => true,
            "tags" => all,
            "tags-any" => any,
            "not-tags" => !all,
            _ => !any,
        }
    })
}
