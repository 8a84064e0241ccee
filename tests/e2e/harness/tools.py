"""Verdicts of the tools of a platform: kstatus, Argo CD's health check, kubeconform, promtool (`lab/kube/tools.sh`)."""
import json
import subprocess
from pathlib import Path
from typing import Callable

from . import config
from .waiting import Failed

BIN = config.KUBECTL.parent
ARGO_CD = config.ROOT / 'deploy/argocd/resource_customizations/evenkeel.dev'


def run(name: str, *args: str, stdin: str | None = None, cwd: Path | None = None) -> str:
    """Runs a tool and returns its output."""
    done = subprocess.run([str(BIN / name), *args], input=stdin, capture_output=True, text=True, timeout=120, cwd=cwd)
    if done.returncode:
        raise Failed(f'{name} {" ".join(args)}: {done.stderr.strip()} {done.stdout.strip()}')
    return done.stdout


def verdicts(objects: list[dict], kind: str = 'LoadBalancerStack') -> list[dict]:
    """The verdicts about each object of one kind: `kstatus` with `message`, and `argo` with its own."""
    lines = ''.join(json.dumps(o) + '\n' for o in objects)
    return [json.loads(v) for v in run('verdicts', '-lua', str(ARGO_CD / kind / 'health.lua'), stdin=lines).splitlines()]


def helm(*args: str) -> str:
    """Runs Helm, which is built at the first call: five minutes of one processor on a new machine."""
    built = subprocess.run([str(config.E2E / 'lab/kube/tools.sh'), 'helm'], capture_output=True, text=True, timeout=1800)
    if built.returncode:
        raise Failed(f'Helm cannot be built: {built.stderr}')
    return run('helm', *args)


def refusal(do: Callable[[], object]) -> str:
    """The output of a tool that finds a fault."""
    try:
        do()
    except Failed as failed:
        return str(failed)
    return ''
