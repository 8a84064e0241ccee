//! The CRD in `crds/` is the one that the types say.

use std::path::Path;

use evenkeel::api;

const FILE: &str = "crds/evenkeel.dev_loadbalancerstacks.yaml";

#[test]
fn the_crd_file_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("EVENKEEL_WRITE_CRD").is_some() {
        std::fs::write(&path, api::crd_yaml()).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == api::crd_yaml(),
        "{FILE} is stale: write it anew with EVENKEEL_WRITE_CRD=1 cargo test --test crd"
    );
}
