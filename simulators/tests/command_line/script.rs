//! Scripts: lines of text, commands and their output.

/// A script in its parts.
#[derive(Debug)]
pub struct Script {
    pub parts: Vec<Part>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Part {
    /// Comments and empty lines.
    Text(String),
    Command(Command),
}

/// A command as it is written after `$`, or an event of the stage after `!`.
#[derive(Debug, PartialEq, Eq)]
pub struct Command {
    /// The line with its sign.
    pub line: String,
    /// The lines of a document after it, up to and with the line that ends it.
    pub document: Vec<String>,
}

impl Script {
    /// Reads a script. Output is passed over: it is played again.
    pub fn parse(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut lines = text.lines();
        let (mut is_output, mut is_after_empty) = (false, true);
        while let Some(line) = lines.next() {
            if line.starts_with("$ ") || line.starts_with("! ") {
                let mut document = Vec::new();
                if line.contains("<<EOF") {
                    document.extend(lines.by_ref().take_while(|line| *line != "EOF").map(str::to_owned));
                    document.push("EOF".to_owned());
                }
                parts.push(Part::Command(Command { line: line.to_owned(), document }));
                is_output = true;
            } else if is_after_empty && line.starts_with("# ") {
                // A comment of the script; one in YAML has a line before it.
                parts.push(Part::Text(line.to_owned()));
                is_output = false;
            } else if !is_output {
                parts.push(Part::Text(line.to_owned()));
            }
            is_after_empty = line.is_empty();
        }
        Self { parts }
    }
}

impl Command {
    /// The words of the command, without its sign. Single quotes hold blanks together.
    pub fn words(&self) -> Vec<String> {
        let mut words = Vec::new();
        for (index, part) in self.line[2..].split('\'').enumerate() {
            match index % 2 {
                0 => words.extend(part.split_whitespace().map(str::to_owned)),
                _ => words.push(part.to_owned()),
            }
        }
        words
    }

    /// Text of the document, without the line that ends it.
    pub fn content(&self) -> String {
        let lines = &self.document[..self.document.len().saturating_sub(1)];
        lines.iter().map(|line| format!("{line}\n")).collect()
    }
}
