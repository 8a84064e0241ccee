"""The cluster. All actions go through kubectl; frequent reads go straight to the API server."""
import base64
import json
import subprocess
import tempfile
from pathlib import Path

import requests
import yaml

from . import config
from .waiting import KUBECTL, OCTAVIA, eventually, waiting

STACKS = '/apis/evenkeel.dev/v1alpha1/namespaces/{namespace}/loadbalancerstacks'
CLUSTER_CLOUDS = '/apis/evenkeel.dev/v1alpha1/clusteropenstackclouds'


class Rejected(Exception):
    """kubectl or the API server rejected a request; the text is its output."""


class Kube:
    def __init__(self, kubeconfig: Path = config.ADMIN_KUBECONFIG):
        self.kubeconfig = kubeconfig
        self.server, self.session = _session(kubeconfig)

    def kubectl(self, *args: str, stdin: str | None = None, timeout: float = 330) -> str:
        """Runs kubectl and returns its output."""
        # A deletion takes the time that Octavia needs.
        with waiting(OCTAVIA if args[0] in ('delete', 'wait') else KUBECTL):
            done = subprocess.run([str(config.KUBECTL), '--kubeconfig', str(self.kubeconfig), *args],
                                  input=stdin, capture_output=True, text=True, timeout=timeout)
        if done.returncode:
            raise Rejected(done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def apply(self, *documents: dict, namespace: str, options: tuple[str, ...] = ()) -> str:
        # Each document as JSON: PyYAML writes a string as n, which kubectl reads as a boolean.
        texts = ''.join(f'---\n{json.dumps(document, ensure_ascii=False)}\n' for document in documents)
        return self.kubectl('apply', '-n', namespace, '-f', '-', *options, stdin=texts)

    def patch(self, kind: str, name: str, namespace: str, change: dict) -> None:
        """Merges a change into an object."""
        self.kubectl('patch', kind, name, '-n', namespace, '--type=merge', '--patch-file=/dev/stdin', stdin=json.dumps(change))

    def read(self, path: str) -> dict | None:
        """GET from the API server; None when the object does not exist."""
        def ask() -> requests.Response:
            return self.session.get(self.server + path, timeout=30)
        # 429: the API server is loading a changed CRD
        response = eventually(f'a response to GET {path}', ask, lambda a: a.status_code != 429, 30)
        if response.status_code == 404:
            return None
        response.raise_for_status()
        return response.json()

    def dry_run(self, document: dict, namespace: str) -> None:
        """Validates a stack or a cloud as `kubectl apply --dry-run=server` does, in a tenth of its time."""
        path = STACKS.format(namespace=namespace) if document['kind'] == 'LoadBalancerStack' else CLUSTER_CLOUDS
        response = self.session.post(self.server + path, json=document, timeout=30,
                                     params={'dryRun': 'All', 'fieldValidation': 'Strict'})
        if response.status_code >= 400:
            raise Rejected(response.json()['message'])

    def stack(self, namespace: str, name: str) -> dict | None:
        return self.read(f'{STACKS.format(namespace=namespace)}/{name}')

    def stacks(self, namespace: str) -> list[dict]:
        return self.read(STACKS.format(namespace=namespace))['items']

    def secret(self, namespace: str, name: str) -> dict | None:
        return self.read(f'/api/v1/namespaces/{namespace}/secrets/{name}')

    def events(self, namespace: str, about: str) -> list[dict]:
        """The Events of a stack, oldest first."""
        return [e for e in self.all_events(namespace) if e['regarding'].get('name') == about]

    def all_events(self, namespace: str) -> list[dict]:
        """The Events of all stacks."""
        found = self.read(f'/apis/events.k8s.io/v1/namespaces/{namespace}/events')['items']
        return [e for e in found if e['regarding'].get('kind') == 'LoadBalancerStack']


def service_account_kubeconfig(admin: Kube, namespace: str, name: str, path: Path) -> Path:
    """A kubeconfig with only a token of that service account, so that the controller has just the rights of deploy/."""
    token = admin.kubectl('create', 'token', name, '-n', namespace, '--duration', '6h').strip()
    document = yaml.safe_load(admin.kubeconfig.read_text())
    document['users'] = [{'name': 'me', 'user': {'token': token}}]
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    return path


def _session(kubeconfig: Path) -> tuple[str, requests.Session]:
    document = yaml.safe_load(kubeconfig.read_text())
    cluster, user = document['clusters'][0]['cluster'], document['users'][0]['user']
    session = requests.Session()
    session.trust_env = False
    session.verify = _file(cluster['certificate-authority-data'])
    session.cert = (_file(user['client-certificate-data']), _file(user['client-key-data']))
    return cluster['server'], session


def _file(data: str) -> str:
    with tempfile.NamedTemporaryFile(delete=False) as f:
        f.write(base64.b64decode(data))
    return f.name


def conditions(stack: dict) -> dict[str, dict]:
    return {c['type']: c for c in (stack.get('status') or {}).get('conditions') or []}


def describe_conditions(stack: dict | None) -> str:
    """The conditions of a stack in one line."""
    if stack is None:
        return 'the stack is gone'
    lines = [f"{c['type']}={c['status']} {c['reason']}: {c['message']}" for c in conditions(stack).values()]
    return '; '.join(lines) or f"no conditions, status {json.dumps(stack.get('status'))}"
