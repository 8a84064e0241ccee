//! `evenkeel export`: writes stacks for load balancers that exist.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, bail};
use clap::Args;

use crate::api::CloudCredentialsRef;
use crate::export::{self, ExportOptions, Exported};
use crate::model::{
    AdoptionSelector, ClusterContents, ObservedLoadBalancer, ObservedTree, Owner, Problem, Provisioning, TreeQuery,
};
use crate::openstack::Cloud;
use crate::translate;

use super::clouds::CloudArgs;
use super::exit_status::ExitStatus;
use super::terminal::Terminal;
use super::world::World;

/// Name of the entry in the stacks where the credentials have none.
const DEFAULT_CLOUD: &str = "openstack";

#[derive(Args, Debug, Clone)]
pub struct ExportArgs {
    /// Ids or names of load balancers.
    #[arg(value_name = "LB", required_unless_present = "all", conflicts_with = "all")]
    pub load_balancers: Vec<String>,
    /// Export every load balancer of the project.
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub cloud: CloudArgs,
    /// Namespace of the stacks. Default: none is written.
    #[arg(short, long)]
    pub namespace: Option<String>,
    /// Secret with the credentials, as the stacks name it.
    #[arg(long, default_value = "openstack")]
    pub secret_name: String,
    /// ClusterOpenStackCloud that the stacks name in place of a Secret.
    #[arg(long, conflicts_with = "secret_name")]
    pub cluster_cloud: Option<String>,
}

impl ExportArgs {
    /// The credentials that the stacks refer to; `cloud` is the entry that was used.
    fn credentials_ref(&self, cloud: Option<String>) -> CloudCredentialsRef {
        match &self.cluster_cloud {
            Some(name) => CloudCredentialsRef { cluster_cloud: Some(name.clone()), ..CloudCredentialsRef::default() },
            None => CloudCredentialsRef {
                secret_name: Some(self.secret_name.clone()),
                cloud_name: Some(cloud.unwrap_or_else(|| DEFAULT_CLOUD.to_owned())),
                cluster_cloud: None,
            },
        }
    }
}

/// Prints the stacks of load balancers as YAML documents. Each begins with comments about everything that a stack cannot
/// express. Writes nothing to the cloud.
pub(super) async fn run(
    args: &ExportArgs,
    world: &World<'_>,
    terminal: &mut Terminal<'_>,
) -> anyhow::Result<ExitStatus> {
    let cloud = args.cloud.connect(world)?;
    let credentials = args.credentials_ref(args.cloud.entry(world)?);
    let options = ExportOptions { credentials, namespace: args.namespace.clone() };
    let mut names = BTreeMap::new();
    let mut documents = Vec::new();
    for load_balancer in selected(args, &cloud).await? {
        let id = load_balancer.id.clone();
        let exported = export_one(&cloud, load_balancer, &options).await.with_context(|| id.clone())?;
        documents.push(yaml(&renamed(exported, &mut names))?);
    }
    terminal.print(&documents.join("---\n"))?;
    Ok(ExitStatus::Success)
}

async fn selected(args: &ExportArgs, cloud: &Cloud) -> anyhow::Result<Vec<ObservedLoadBalancer>> {
    if args.all {
        let all = AdoptionSelector::NameAndTags { name: None, tags: BTreeSet::new() };
        let mut found = cloud.candidates(&all).await?;
        found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        return Ok(found);
    }
    let mut found = Vec::new();
    for text in &args.load_balancers {
        found.push(one(cloud, text).await?);
    }
    Ok(found)
}

/// The load balancer with this id, else the only one with this name.
async fn one(cloud: &Cloud, text: &str) -> anyhow::Result<ObservedLoadBalancer> {
    if uuid::Uuid::try_parse(text).is_ok()
        && let Some(found) = cloud.candidates(&AdoptionSelector::Id(text.to_owned())).await?.into_iter().next()
    {
        return Ok(found);
    }
    let named = AdoptionSelector::NameAndTags { name: Some(text.to_owned()), tags: BTreeSet::new() };
    let mut found = cloud.candidates(&named).await?;
    match found.len() {
        0 => bail!("the project has no load balancer with id or name {text:?}"),
        1 => Ok(found.remove(0)),
        _ => {
            let ids: Vec<&str> = found.iter().map(|one| one.id.as_str()).collect();
            bail!("several load balancers have the name {text:?}: {}. Name one by id", ids.join(", "))
        }
    }
}

/// The stack of a load balancer, with the problems that validation would find in it as notes.
async fn export_one(
    cloud: &Cloud,
    load_balancer: ObservedLoadBalancer,
    options: &ExportOptions,
) -> anyhow::Result<Exported> {
    let status = load_balancer.provisioning_status;
    let owner = Owner { namespace: options.namespace.clone().unwrap_or_default(), ..Owner::default() };
    let tree: ObservedTree = cloud.tree(load_balancer, TreeQuery::from(&owner)).await?;
    let mut exported = export::stack(&tree, options);
    if status != Provisioning::Active {
        exported.notes.push(format!("load balancer: it is {status} now; only an ACTIVE one can be adopted"));
    }
    let references = translate::references(&exported.stack.spec);
    let resolutions = cloud.resolve(&references).await?;
    let contents = ClusterContents::default();
    let validated =
        translate::desired(&exported.stack.spec, owner, &resolutions, &contents, cloud.api_version().await?);
    let rejected = |problem: &Problem| format!("{}: the controller rejects it: {}", problem.field, problem.message);
    exported.notes.extend(validated.err().iter().flatten().map(rejected));
    Ok(exported)
}

/// The stack with a name that no stack before has.
fn renamed(mut exported: Exported, names: &mut BTreeMap<String, usize>) -> Exported {
    let name = exported.stack.metadata.name.clone().unwrap_or_default();
    let uses = names.entry(name.clone()).or_default();
    *uses += 1;
    if *uses > 1 {
        exported.stack.metadata.name = Some(format!("{name}-{uses}"));
    }
    exported
}

/// The document, after its notes as comments.
fn yaml(exported: &Exported) -> anyhow::Result<String> {
    let mut text = String::new();
    for note in &exported.notes {
        let line: String = note.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        text.push_str(&format!("# {line}\n"));
    }
    text.push_str(&serde_saphyr::to_string(&exported.stack)?);
    Ok(text)
}
