//! The measured process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;

/// Length of the unit in which Linux counts processor time.
const TICK: Duration = Duration::from_millis(10);

/// The controller and its kubeconfig. Dropping it ends the process.
pub(super) struct Controller {
    process: Child,
    kubeconfig: PathBuf,
}

impl Controller {
    pub(super) fn start(binary: &Path, kubeconfig_text: &str) -> anyhow::Result<Self> {
        let kubeconfig = std::env::temp_dir().join(format!("evenkeel-at-rest-{}", uuid::Uuid::new_v4()));
        std::fs::write(&kubeconfig, kubeconfig_text)?;
        let process = Command::new(binary)
            .args(["run", "--bind-address", "127.0.0.1:0", "--cluster-id", "at-rest", "--log-level", "error"])
            // No leader election, so that a slow machine does not lose its Lease.
            .args(["--leader-elect", "false"])
            .env("KUBECONFIG", &kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("{} cannot be run", binary.display()))?;
        Ok(Self { process, kubeconfig })
    }

    pub(super) fn is_running(&mut self) -> anyhow::Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }

    /// Resident memory in KiB.
    pub(super) fn resident_kib(&self) -> anyhow::Result<u64> {
        self.memory_kib("VmRSS:")
    }

    /// The most memory that was resident so far, in KiB.
    pub(super) fn most_resident_kib(&self) -> anyhow::Result<u64> {
        self.memory_kib("VmHWM:")
    }

    fn memory_kib(&self, field: &str) -> anyhow::Result<u64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).with_context(|| format!("no {field}"))?;
        Ok(line.trim().trim_end_matches(" kB").trim().parse()?)
    }

    /// Processor time so far.
    pub(super) fn processor_time(&self) -> anyhow::Result<Duration> {
        let stat = self.read("stat")?;
        // The name of the process, in parentheses, may have blanks. utime and stime are fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u32>).sum::<Result<u32, _>>()?;
        Ok(TICK * ticks)
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.process.id());
        std::fs::read_to_string(path).context("only Linux reports the memory of a process")
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // The process may have ended by itself. A file that cannot be removed stays.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.kubeconfig);
    }
}
