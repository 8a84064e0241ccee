//! Reads the table of ARCHITECTURE.md, `| module | what it is | may import |`, and compares it with the imports.

use std::collections::{BTreeMap, BTreeSet};

use super::arrows::Graph;

/// The modules that a row allows to import.
#[derive(Debug, PartialEq, Eq)]
pub enum Allowed {
    /// A cell that says "all".
    Everything,
    Only(BTreeSet<String>),
}

/// Allowed imports by module.
pub type Table = BTreeMap<String, Allowed>;

/// Reads the rows below the head `module | ... | may import`, up to the first line that is no row.
pub fn read(document: &str) -> Table {
    let cells = |line: &str| -> Vec<String> {
        line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let mut lines = document.lines().skip_while(|line| {
        let cells = cells(line);
        !(cells.first().is_some_and(|first| first == "module") && cells.last().is_some_and(|last| last == "may import"))
    });
    assert!(lines.next().is_some(), "ARCHITECTURE.md has no table `| module | ... | may import |`");
    let mut table = Table::new();
    for row in lines.skip(1).take_while(|line| line.trim_start().starts_with('|')) {
        let cells = cells(row);
        let allowed = &cells[cells.len() - 1];
        let names = backticked(allowed);
        let allowed = if names.is_empty() && allowed.contains("all") {
            Allowed::Everything
        } else {
            Allowed::Only(names.into_iter().collect())
        };
        for module in backticked(&cells[0]) {
            let only = match &allowed {
                Allowed::Everything => Allowed::Everything,
                Allowed::Only(names) => Allowed::Only(names.clone()),
            };
            assert!(table.insert(module.clone(), only).is_none(), "ARCHITECTURE.md has `{module}` twice");
        }
    }
    table
}

/// The words in backticks.
fn backticked(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Differences between the table and the imports, each with its place.
pub fn differences(table: &Table, modules: &[String], graph: &Graph) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let nothing = BTreeMap::new();
    for module in modules {
        let imports = graph.get(module).unwrap_or(&nothing);
        let Some(allowed) = table.get(module) else {
            if module != "main" {
                found.insert(format!("{module} is missing"), "a module without a row".to_owned());
            }
            continue;
        };
        let Allowed::Only(allowed) = allowed else { continue };
        for (other, place) in imports.iter().filter(|(other, _)| !allowed.contains(*other)) {
            found.insert(format!("{module} imports {other}"), place.clone());
        }
        for other in allowed.iter().filter(|other| !imports.contains_key(*other)) {
            found.insert(format!("{module} never imports {other}"), "an allowance that nothing needs".to_owned());
        }
    }
    for module in table.keys().filter(|module| !modules.contains(module)) {
        found.insert(format!("{module} is no module"), "a row without a module".to_owned());
    }
    found
}
