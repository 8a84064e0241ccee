"""Outages of genuine services: their processes are ended, and started again."""
import os
import signal
import subprocess
from pathlib import Path

from . import config
from .waiting import eventually

API_SERVER = config.HOME / 'kube/run/kube-apiserver.pid'


def end(pid_file: Path, number: int = signal.SIGKILL) -> None:
    """Ends a process and returns when it is over, so that it is not taken for alive."""
    pid = int(pid_file.read_text())
    os.kill(pid, number)
    eventually(f'{pid_file.name} has ended', lambda: not Path(f'/proc/{pid}').exists(), bool, 60, every=0.02)


def restart(what: str) -> None:
    """Starts the services of a part of the lab, `kube` or `openstack`, that do not run."""
    subprocess.run([str(config.E2E / 'lab' / what / 'up.sh')], check=True, capture_output=True, timeout=300)
