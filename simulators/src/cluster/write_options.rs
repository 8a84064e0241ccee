//! The options of a write, from its query parameters and headers.

use jiff::Timestamp;

use super::built_in::rfc3339;
use super::kinds::Kind;
use super::managed_fields::{Manager, Operation};

/// The options of a write.
#[derive(Debug)]
pub struct WriteOptions {
    pub manager: String,
    /// Written through `/status`.
    pub status: bool,
    pub unknown_fields: UnknownFields,
    pub dry_run: bool,
    pub force: bool,
    pub now: Timestamp,
}

/// The query parameter `fieldValidation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnknownFields {
    Ignore,
    Warn,
    Reject,
}

impl WriteOptions {
    pub fn time(&self) -> String {
        rfc3339(self.now)
    }

    pub fn manager(&self, kind: &Kind, operation: Operation) -> Manager {
        Manager {
            operation,
            name: self.manager.clone(),
            api_version: kind.api_version(),
            subresource: if self.status { "status".to_owned() } else { String::new() },
        }
    }
}
