//! Tables of a cloud for people at a terminal.

use std::io::{self, Write};

use tabwriter::TabWriter;

use crate::model::Kind;
use crate::openstack::{Choice, Network};

use super::report::CloudReport;

/// Tables in the form of kubectl.
pub(super) fn text(report: &CloudReport) -> io::Result<String> {
    let CloudReport { project_id, region, octavia_api_version, .. } = report;
    let mut text = format!("Project {project_id} in region {region}, Octavia API {octavia_api_version}\n");
    text += &choices("PROVIDER", report.providers.as_deref())?;
    text += &choices("FLAVOR", report.flavors.as_deref())?;
    text += &choices("AVAILABILITY ZONE", report.availability_zones.as_deref())?;
    text += &match &report.quotas {
        None => unknown("QUOTA"),
        Some(quotas) => {
            let rows = quotas.iter().map(|quota| format!("{}\t{}\t{}", plural(quota.kind), quota.used, quota.limit));
            table("QUOTA\tUSED\tLIMIT", rows)?
        }
    };
    text += &table("NETWORK\tID\tFLOATING IPS\tSUBNETS", report.networks.iter().map(network))?;
    let unsupported = report.unsupported.iter().map(|one| format!("{}\t{}", one.field, one.reason));
    text += &table("NOT SUPPORTED\tREASON", unsupported)?;
    Ok(text)
}

fn choices(title: &str, choices: Option<&[Choice]>) -> io::Result<String> {
    let Some(choices) = choices else { return Ok(unknown(title)) };
    let row = |choice: &Choice| {
        let description = choice.description.as_deref().unwrap_or_default();
        let disabled = if choice.enabled { "" } else { "disabled by the operator: " };
        let id = choice.id.as_deref().map(|id| format!("\t{id}")).unwrap_or_default();
        format!("{}{id}\t{disabled}{description}", choice.name)
    };
    let id = if choices.iter().any(|choice| choice.id.is_some()) { "\tID" } else { "" };
    table(&format!("{title}{id}\tDESCRIPTION"), choices.iter().map(row))
}

fn network(network: &Network) -> String {
    let subnets: Vec<String> =
        network.subnets.iter().map(|subnet| format!("{} {}", subnet.name, subnet.cidr).trim().to_owned()).collect();
    let external = if network.external { "yes" } else { "no" };
    format!("{}\t{}\t{external}\t{}", network.name, network.id, subnets.join(", "))
}

const fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::LoadBalancer => "load balancers",
        Kind::Listener => "listeners",
        Kind::Pool => "pools",
        Kind::Member => "members",
        Kind::HealthMonitor => "health monitors",
        Kind::L7Policy => "L7 policies",
        Kind::L7Rule => "L7 rules",
        Kind::FloatingIp => "floating IPs",
        Kind::Secret => "secrets",
    }
}

fn unknown(title: &str) -> String {
    format!("\n{title}\nnone, or these credentials may not read them\n")
}

/// A table below an empty line. Texts of the cloud cannot break its rows.
fn table(title: &str, rows: impl Iterator<Item = String>) -> io::Result<String> {
    let rows: Vec<String> = rows.collect();
    if rows.is_empty() {
        return Ok(String::new());
    }
    let mut writer = TabWriter::new(Vec::new()).padding(3);
    writeln!(writer, "\n{title}")?;
    for row in rows {
        let line: String = row.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        writeln!(writer, "{line}")?;
    }
    let bytes = writer.into_inner().map_err(|error| io::Error::other(error.to_string()))?;
    String::from_utf8(bytes).map_err(io::Error::other)
}
