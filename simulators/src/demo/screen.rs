//! Output of progress: in place on a terminal, line by line elsewhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

pub struct Screen {
    out: Box<dyn Write + Send>,
    terminal: bool,
    /// Number of progress lines on the terminal, which the next progress overwrites.
    standing: usize,
    /// The last shown state of each stack.
    shown: BTreeMap<String, String>,
}

impl Screen {
    pub fn new(out: Box<dyn Write + Send>, terminal: bool) -> Self {
        Self { out, terminal, standing: 0, shown: BTreeMap::new() }
    }

    pub fn say(&mut self, text: &str) -> anyhow::Result<()> {
        writeln!(self.out, "{text}")?;
        Ok(self.out.flush()?)
    }

    /// Shows the state of each stack. A terminal gets all of them, any other writer only those that changed.
    pub fn progress(&mut self, elapsed: Duration, states: &[(String, String)]) -> anyhow::Result<()> {
        let width = states.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        if self.terminal {
            if self.standing > 0 {
                write!(self.out, "\x1b[{}A", self.standing)?;
            }
            // Line wrapping is switched off: a long line would take two, and the cursor would be wrong.
            write!(self.out, "\x1b[?7l")?;
            for (name, state) in states {
                writeln!(self.out, "\x1b[2K  {name:width$}  {state}")?;
            }
            write!(self.out, "\x1b[?7h")?;
            self.standing = states.len();
            return Ok(self.out.flush()?);
        }
        for (name, state) in states {
            if self.shown.get(name) != Some(state) {
                writeln!(self.out, "{:5.1} s  {name:width$}  {state}", elapsed.as_secs_f64())?;
                self.shown.insert(name.clone(), state.clone());
            }
        }
        Ok(self.out.flush()?)
    }

    /// Keeps the lines of progress. Later progress starts below them.
    pub fn finish_progress(&mut self) -> anyhow::Result<()> {
        self.standing = 0;
        self.say("")
    }
}
