//! The stage of a script: simulators, a folder, and the commands that a script may use.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use evenkeel::cli::{self, KubeConnector, KubeTarget, Terminal, World};
use evenkeel_simulators::cloud::{CloudSim, Health, Kind};
use evenkeel_simulators::rig::{NAMESPACE, Rig};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Client;
use regex::Regex;
use serde_json::Value;

use super::script::{Command, Part, Script};

const LONG: Duration = Duration::from_secs(120);

/// The command line without its controller.
#[derive(Parser)]
#[command(name = "evenkeel")]
struct Cli {
    #[command(subcommand)]
    command: cli::Command,
}

pub struct Stage {
    rig: Rig,
    folder: PathBuf,
    variables: BTreeMap<String, String>,
    /// Ids by their first sight, which the output shows as numbers.
    ids: Vec<String>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Nothing can be done about a folder that stays.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Clusters of a script: the simulated one.
struct SimulatedCluster(Client);

impl KubeConnector for SimulatedCluster {
    fn connect(&self, target: KubeTarget) -> BoxFuture<'_, anyhow::Result<Client>> {
        async move {
            std::fs::metadata(&target.kubeconfig).with_context(|| target.kubeconfig.display().to_string())?;
            Ok(self.0.clone())
        }
        .boxed()
    }
}

impl Stage {
    pub async fn new() -> Self {
        let rig = Rig::new().await;
        let folder = std::env::temp_dir().join(format!("evenkeel-script-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("clouds.yaml"), rig.cloud.clouds_yaml(CloudSim::AUTH_URL)).unwrap();
        std::fs::write(folder.join("kubeconfig"), "").unwrap();
        let kube_system = rig.cluster.object("", "namespaces", "", "kube-system").unwrap();
        let cluster = kube_system["metadata"]["uid"].as_str().unwrap().to_owned();
        let variables = [("CLUSTER".to_owned(), cluster)].into();
        Self { rig, folder, variables, ids: Vec::new() }
    }

    /// Plays a script, and returns it with the output as it is now.
    pub async fn play(mut self, script: &Script) -> String {
        let mut text = String::new();
        for part in &script.parts {
            match part {
                Part::Text(line) => writeln!(text, "{line}").unwrap(),
                Part::Command(command) => {
                    writeln!(text, "{}", command.line).unwrap();
                    command.document.iter().for_each(|line| writeln!(text, "{line}").unwrap());
                    let output = self.run(command).await;
                    text.push_str(&self.masked(&output));
                    if !output.is_empty() || !command.document.is_empty() {
                        text.push('\n');
                    }
                }
            }
        }
        text
    }

    async fn run(&mut self, command: &Command) -> String {
        let words = command.words();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["cat", ">", file, "<<EOF"] => {
                let path = self.folder.join(file);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, command.content()).unwrap();
                String::new()
            }
            ["sed", "-i", expression, file] => {
                self.edit(expression, file);
                String::new()
            }
            ["export", variable] => {
                let (name, value) = variable.split_once('=').unwrap();
                self.variables.insert(name.to_owned(), value.to_owned());
                String::new()
            }
            ["rm", file] => {
                std::fs::remove_file(self.folder.join(file)).unwrap();
                String::new()
            }
            ["evenkeel", arguments @ .., ">", file] => {
                let output = self.evenkeel(arguments).await;
                std::fs::write(self.folder.join(file), output).unwrap();
                String::new()
            }
            ["evenkeel", arguments @ ..] => self.evenkeel(arguments).await,
            ["another", "client", "makes", "<<EOF"] => {
                self.make(&command.content()).await;
                String::new()
            }
            ["controller", "applies", file] => {
                self.controller_applies(file).await;
                String::new()
            }
            ["Octavia", "has", "API", version] => {
                let api_minor = version.strip_prefix("2.").unwrap().parse().unwrap();
                self.rig.cloud.configure(|config| config.api_minor = api_minor);
                String::new()
            }
            ["operator", "disables", name] => {
                self.rig.cloud.enable(name, false);
                String::new()
            }
            ["quota", "of", "load", "balancers", "is", limit] => {
                self.rig.cloud.set_quota("demo", Kind::LoadBalancer, limit.parse().unwrap());
                String::new()
            }
            ["members", "are", "up"] => {
                self.report_health();
                String::new()
            }
            ["member", address, "is", "down"] => {
                self.rig.cloud.set_address_health(address, Health::Down);
                self.report_health();
                String::new()
            }
            other => panic!("no such command on this stage: {other:?}"),
        }
    }

    /// Replaces a text in a file: `s/old/new/`. A bar in the new text is the end of a line.
    fn edit(&self, expression: &str, file: &str) {
        let path = self.folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let parts: Vec<&str> = expression.split('/').collect();
        let ["s", old, new, ""] = parts.as_slice() else { panic!("{expression}") };
        assert!(text.contains(old), "{file} has no {old}");
        std::fs::write(path, text.replace(old, &new.replace('|', "\n"))).unwrap();
    }

    /// The text with variables, as a shell puts them in.
    fn expanded(&self, word: &str) -> String {
        let name = word.strip_prefix('$').unwrap_or_default();
        self.variables.get(name).cloned().unwrap_or_else(|| word.to_owned())
    }

    async fn evenkeel(&self, arguments: &[&str]) -> String {
        let (arguments, input) = match arguments {
            [arguments @ .., "<", file] => (arguments, std::fs::read(self.folder.join(file)).unwrap()),
            arguments => (arguments, Vec::new()),
        };
        let arguments = arguments.iter().map(|word| self.expanded(word));
        let parsed = match Cli::try_parse_from(["evenkeel".to_owned()].into_iter().chain(arguments)) {
            Ok(parsed) => parsed,
            // As `main` does.
            Err(error) => return format!("{error}? 1\n"),
        };
        let kube = SimulatedCluster(self.rig.cluster.client());
        let read_input = move || io::Result::Ok(input.clone());
        let world = World {
            connector: &*self.rig.connector,
            kube: &kube,
            clock: self.rig.clock.clone(),
            variables: self.variables.clone(),
            home: None,
            folder: self.folder.clone(),
            input: &read_input,
        };
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let mut terminal = Terminal { out: &mut out, errors: &mut errors, colours: false };
        let status = cli::execute(&parsed.command, &world, &mut terminal).await;
        let mut text = String::from_utf8(out).unwrap() + &String::from_utf8(errors).unwrap();
        if status.code() != 0 {
            writeln!(text, "? {}", status.code()).unwrap();
        }
        text
    }

    /// Lets the controller bring the stacks of a file to the cloud.
    async fn controller_applies(&mut self, file: &str) {
        let text = std::fs::read_to_string(self.folder.join(file)).unwrap();
        let stacks: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap();
        self.rig.start();
        for stack in &stacks {
            let name = stack["metadata"]["name"].as_str().unwrap().to_owned();
            assert_eq!(stack["metadata"]["namespace"], NAMESPACE, "the namespace of the simulated cluster");
            self.rig.create(&name, stack["spec"].clone()).await;
            self.rig.until(&format!("{name} is Ready"), LONG, |rig| rig.is_ready(&name)).await;
        }
        self.rig.stop().await;
    }

    /// Makes a load balancer that is no stack's. The variable `LB` holds its id.
    async fn make(&mut self, yaml: &str) {
        let id = self.rig.make_load_balancer(serde_saphyr::from_str(yaml).unwrap()).await;
        let is_active = |rig: &Rig| rig.load_balancers().iter().all(|lb| lb["provisioning_status"] == "ACTIVE");
        self.rig.until("it is ACTIVE", LONG, is_active).await;
        self.variables.insert("LB".to_owned(), id);
    }

    /// Lets the data planes report the health of their members.
    fn report_health(&self) {
        for load_balancer in self.rig.load_balancers() {
            self.rig.cloud.heartbeat(load_balancer["id"].as_str().unwrap());
        }
    }

    /// The text without what differs from run to run: folders, and ids, which become numbers.
    fn masked(&mut self, text: &str) -> String {
        let text = text.replace(&self.folder.display().to_string(), "/stage");
        let uuid = Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap();
        let masked = uuid.replace_all(&text, |found: &regex::Captures<'_>| {
            let id = found[0].to_owned();
            let index = self.ids.iter().position(|known| *known == id).unwrap_or_else(|| {
                self.ids.push(id);
                self.ids.len() - 1
            });
            format!("<id-{}>", index + 1)
        });
        masked.into_owned()
    }
}
