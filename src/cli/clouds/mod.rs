//! Credentials, found as OpenStack tools find them (openstacksdk, `config/loader.py`).
//!
//! | source | when |
//! |---|---|
//! | the entry of `clouds.yaml` with the name of `--os-cloud` or `OS_CLOUD` | one of them is given |
//! | the variables `OS_AUTH_URL` and so on | no name is given, and `OS_AUTH_URL` is set |
//! | the only entry of `clouds.yaml` | otherwise |

mod args;
mod files;
mod variables;

pub(super) use args::CloudArgs;
