"""The command line of Evenkeel, with the credentials of the lab's project."""
import json
import subprocess

from . import config
from .scenario import CLUSTER


def evenkeel(*command: str, text: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([config.BINARY, *command, '--os-cloud', 'openstack'], input=text, capture_output=True, text=True, timeout=120,
                          env={'OS_CLIENT_CONFIG_FILE': str(config.CLOUDS_YAML)})


def plan(t, stack: dict, *options: str) -> subprocess.CompletedProcess:
    """Plans a stack of the scenario's namespace. Exit code 2 stands for changes. The stack goes as JSON: PyYAML writes n for a
    string that YAML 1.1 reads as a boolean."""
    return evenkeel('plan', '-f', '-', '--namespace', t.namespace, '--cluster-id', CLUSTER, '--detailed-exitcode', *options,
                    text=json.dumps(stack))
