//! Output of a command.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::exit_status::ExitStatus;
use super::manifests::ManifestProblems;

/// Streams of a command.
pub struct Terminal<'a> {
    pub out: &'a mut dyn Write,
    pub errors: &'a mut dyn Write,
    /// Set where `out` shows colours.
    pub colours: bool,
}

/// Colour of a part of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    Added,
    Changed,
    Removed,
    Replaced,
    Faint,
    Bold,
}

impl Terminal<'_> {
    /// Writes a finished text at once, so that nothing is half said.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Reports the error of a command, and returns its exit status.
    pub fn finish(&mut self, result: anyhow::Result<ExitStatus>) -> ExitStatus {
        let error = match result {
            Ok(status) => return status,
            Err(error) => error,
        };
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
            return ExitStatus::ClosedPipe;
        }
        let problems = error.downcast_ref::<ManifestProblems>().map(ManifestProblems::lines).unwrap_or_default();
        // Nobody is left to tell that the report of an error failed.
        let _ = writeln!(self.errors, "{problems}evenkeel: {error:#}");
        ExitStatus::Failure
    }

    pub(super) const fn palette(&self) -> Palette {
        Palette { colours: self.colours }
    }
}

/// Colours, or none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Palette {
    colours: bool,
}

impl Palette {
    pub(super) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.colours {
            return text.to_owned();
        }
        let style = paint.style();
        format!("{style}{text}{style:#}")
    }
}

impl Paint {
    const fn style(self) -> Style {
        match self {
            Self::Added => AnsiColor::Green.on_default(),
            Self::Changed => AnsiColor::Yellow.on_default(),
            Self::Removed => AnsiColor::Red.on_default(),
            Self::Replaced => AnsiColor::Magenta.on_default(),
            Self::Faint => Style::new().dimmed(),
            Self::Bold => Style::new().bold(),
        }
    }
}
