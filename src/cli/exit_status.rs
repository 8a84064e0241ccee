//! Exit statuses of commands.

use std::process::ExitCode;

/// End of a command, as its caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    Success,
    /// An error, or a check that did not pass.
    Failure,
    /// Changes, where the command was asked to tell them from none.
    Changes,
    /// The reader of the output has gone.
    ClosedPipe,
}

impl ExitStatus {
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Changes => 2,
            // As a process that SIGPIPE has ended.
            Self::ClosedPipe => 141,
        }
    }
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(status.code())
    }
}
