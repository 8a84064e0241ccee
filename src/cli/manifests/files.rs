//! Texts of files, folders and standard input.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::cli::world::World;

use super::args::ManifestArgs;

const ENDINGS: [&str; 3] = ["yaml", "yml", "json"];

/// Text of one file.
pub(super) struct ManifestFile {
    /// Name for people.
    pub(super) name: String,
    pub(super) text: String,
}

/// Reads all files that the flags name, those of a folder in the order of their names.
pub(super) fn read_files(args: &ManifestArgs, world: &World<'_>) -> anyhow::Result<Vec<ManifestFile>> {
    let mut files = Vec::new();
    for named in &args.filename {
        if named.as_os_str() == "-" {
            let bytes = (world.input)().context("standard input")?;
            files.push(ManifestFile::new("<stdin>".to_owned(), bytes)?);
            continue;
        }
        if !world.resolved(named).is_dir() {
            files.push(read_file(named, world)?);
            continue;
        }
        let mut paths = Vec::new();
        list(named, args.recursive, world, &mut paths)?;
        if paths.is_empty() {
            bail!("{}: the folder has no file with the ending yaml, yml or json", named.display());
        }
        paths.sort();
        for path in paths {
            files.push(read_file(&path, world)?);
        }
    }
    Ok(files)
}

fn read_file(path: &Path, world: &World<'_>) -> anyhow::Result<ManifestFile> {
    let name = path.display().to_string();
    let bytes = fs::read(world.resolved(path)).with_context(|| name.clone())?;
    ManifestFile::new(name, bytes)
}

/// Lists the manifests of a folder. Hidden files and folders are passed over.
fn list(folder: &Path, recursive: bool, world: &World<'_>, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = fs::read_dir(world.resolved(folder)).with_context(|| folder.display().to_string())?;
    for entry in entries {
        let name = entry.with_context(|| folder.display().to_string())?.file_name();
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let path = folder.join(name);
        let is_folder = world.resolved(&path).is_dir();
        let is_manifest = path.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known));
        if is_folder && recursive {
            list(&path, recursive, world, found)?;
        } else if !is_folder && is_manifest {
            found.push(path);
        }
    }
    Ok(())
}

impl ManifestFile {
    fn new(name: String, bytes: Vec<u8>) -> anyhow::Result<Self> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { name, text }),
            Err(_) => bail!("{name}: it is not text in UTF-8"),
        }
    }
}
