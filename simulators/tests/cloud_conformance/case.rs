//! The cases of the scripts, as they stand in the YAML files.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// One step of a script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// The behaviour that the step shows.
    pub say: String,
    /// The token: the tenant's when empty, `none`, `bad`, or that of a cloud in the same clouds.yaml, by its suffix.
    #[serde(default, rename = "as")]
    pub who: String,
    /// Method and path. A path without a leading slash is below `/v2/lbaas/` of Octavia, any other is `/<service
    /// type>/...`.
    pub call: String,
    #[serde(default)]
    pub body: Option<Value>,
    /// A body that is not JSON.
    #[serde(default)]
    pub raw: Option<String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub code: u16,
    /// The whole `faultstring`, normalised.
    #[serde(default)]
    pub fault: Option<String>,
    /// Required content of the body: objects may have more, lists may not. `<any>` matches every value, `<absent>` a
    /// missing key, `<text...>` every text with that beginning.
    #[serde(default)]
    pub has: Option<Value>,
    /// Required headers of the response.
    #[serde(default)]
    pub response_headers: BTreeMap<String, String>,
    /// Variables to set, each with its path in the response. A URL also sets `<variable>_id` to its last segment.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// Load balancer to wait for after the call, until it is settled or gone.
    #[serde(default)]
    pub settle: Option<String>,
    /// The load balancer may settle in ERROR.
    #[serde(default)]
    pub may_fail: bool,
    #[serde(default)]
    pub gone: Option<String>,
    /// Seconds for which the call is repeated until the response matches, for states that settle a moment later.
    #[serde(default)]
    pub within: u64,
    /// Seconds without a request after the call, so that work behind the API does not affect the next case.
    #[serde(default)]
    pub rest: u64,
    /// Name of the load balancer whose changes fail from this call on, on their way to the data plane. Empty: none
    /// fails.
    #[serde(default)]
    pub fails: Option<String>,
    /// A known difference of the simulated cloud.
    #[serde(default)]
    pub differs: Option<KnownDifference>,
}

/// A known difference: the response of the simulated cloud and the reason. The response is asserted too, so that an
/// obsolete entry fails.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownDifference {
    pub why: String,
    #[serde(default)]
    pub code: Option<u16>,
    #[serde(default)]
    pub fault: Option<String>,
    #[serde(default)]
    pub has: Option<Value>,
}

/// The expectation of a case.
pub struct Expectation<'a> {
    pub code: u16,
    pub fault: Option<&'a str>,
    pub has: Option<&'a Value>,
}

impl Case {
    pub fn wanted(&self) -> Expectation<'_> {
        Expectation { code: self.code, fault: self.fault.as_deref(), has: self.has.as_ref() }
    }
}

impl KnownDifference {
    pub fn as_wanted<'a>(&'a self, case: &Case) -> Expectation<'a> {
        Expectation { code: self.code.unwrap_or(case.code), fault: self.fault.as_deref(), has: self.has.as_ref() }
    }
}
