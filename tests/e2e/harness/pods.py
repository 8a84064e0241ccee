"""Pods of a scenario: manifests of the lab's workload (lab/kube/workload.py), rollouts, and the way to each pod.

    with Pods(t) as pods:
        pods.apply(deployment('web', 3), service('web'))
        pods.rollout('web')
        pods.ask(pods.of('web')[0], '/fail-readiness')
"""
import socket
import subprocess
import threading
from contextlib import contextmanager
from typing import Iterator

from lab.openstack.labnet import inside

from . import client, config
from .waiting import KUBECTL, Failed, eventually

SCRIPT = config.E2E / 'lab/kube/kubelet.sh'
PORTS = {'http': 8080, 'tcp': 9000, 'udp': 9001}
_lock = threading.Lock()
_started = False


def start_kubelet() -> None:
    """Starts the kubelet, once in a run."""
    global _started
    with _lock:
        if not _started:
            done = subprocess.run([str(SCRIPT), 'up'], capture_output=True, text=True, timeout=60)
            if done.returncode:
                raise RuntimeError(f'kubelet.sh up: {done.stderr.strip()}')
            _started = True


def deployment(name: str, replicas: int = 2, *, drain: float = 0, pre_stop: int = 0, grace: int = 30, probe: dict | None = None,
               env: dict[str, str] | None = None, secrets: dict[str, str] | None = None, container: dict | None = None,
               pod: dict | None = None, **spec) -> dict:
    """A Deployment of the workload. A change of `env` rolls it.

    `drain`: seconds that a pod still serves after SIGTERM; `pre_stop`: seconds of the preStop hook `sleep`. `probe`: the readiness
    probe, every second by default, {} for none. `secrets`: mountPath by the name of the Secret. `container`, `pod` and the rest
    are fields of the container, the pod's spec and the Deployment's spec."""
    variables = {'DRAIN_SECONDS': f'{drain:g}', **(env or {})}
    run = {'name': 'workload', 'image': 'workload',
           'env': [{'name': 'POD_NAME', 'valueFrom': {'fieldRef': {'fieldPath': 'metadata.name'}}},
                   *({'name': k, 'value': v} for k, v in variables.items())],
           'ports': [{'name': k, 'containerPort': v, 'protocol': 'UDP' if k == 'udp' else 'TCP'} for k, v in PORTS.items()],
           'volumeMounts': [{'name': k, 'mountPath': v} for k, v in (secrets or {}).items()]}
    if probe != {}:
        run['readinessProbe'] = probe or {'httpGet': {'path': '/ready', 'port': 'http'}, 'periodSeconds': 1, 'failureThreshold': 1}
    if pre_stop:
        run['lifecycle'] = {'preStop': {'sleep': {'seconds': pre_stop}}}
    labels = {'app': name}
    return {
        'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': name},
        'spec': {'replicas': replicas, 'selector': {'matchLabels': labels}, 'template': {'metadata': {'labels': labels}, 'spec': {
            'automountServiceAccountToken': False, 'terminationGracePeriodSeconds': grace,
            'volumes': [{'name': k, 'secret': {'secretName': k}} for k in secrets or {}],
            'containers': [{**run, **(container or {})}], **(pod or {})}}, **spec}}


def service(name: str, ports: dict[str, int] | None = None, selects: str | None = '', **spec) -> dict:
    """A Service of a Deployment of the same name, or of the one that it `selects` (None: of none). `ports`: port by the name of
    the workload's port, {'http': 80} by default."""
    fields = {'ports': [{'name': k, 'port': v, 'targetPort': k, 'protocol': 'UDP' if k == 'udp' else 'TCP'} for k, v in (ports or {'http': 80}).items()]}
    if selects is not None:
        fields['selector'] = {'app': selects or name}
    return {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name}, 'spec': {**fields, **spec}}


class Pods:
    """The pods in the namespace of a scenario, until the end of the block."""

    def __init__(self, t):
        self.kube, self.namespace = t.kube, t.namespace
        start_kubelet()

    def __enter__(self) -> 'Pods':
        return self

    def __exit__(self, *failure) -> None:
        # No wait: a Service may have a finalizer, and the pods end by themselves.
        self.kubectl('delete', 'deployments,services', '--all', '--wait=false')

    def kubectl(self, *args: str) -> str:
        return self.kube.kubectl(*args, '-n', self.namespace)

    def apply(self, *documents: dict) -> None:
        self.kube.apply(*documents, namespace=self.namespace)

    def rollout(self, name: str, timeout: int = 120) -> None:
        """Waits until every pod is of the current template and ready."""
        self.kubectl('rollout', 'status', f'deployment/{name}', f'--timeout={timeout}s')

    def scale(self, name: str, replicas: int) -> None:
        """Scales and waits: for the new pods to be ready, or for the others to be gone."""
        self.kubectl('scale', f'deployment/{name}', f'--replicas={replicas}')
        self.rollout(name)
        eventually(f'{replicas} pods of {name}', lambda: len(self.of(name, every=True)), lambda n: n == replicas, 90, every=0.1, kind=KUBECTL)

    def of(self, name: str, every: bool = False) -> list[dict]:
        """The ready pods of a Deployment that are not being deleted; or all of them."""
        found = self.kube.read(f'/api/v1/namespaces/{self.namespace}/pods?labelSelector=app%3D{name}')['items']
        return [p for p in found if every or is_ready(p) and 'deletionTimestamp' not in p['metadata']]

    def ask(self, pod: dict, path: str) -> client.Response:
        """A request straight to a pod, as `/die` or `/fail-readiness`."""
        return client.get(pod['status']['podIP'], PORTS['http'], path)

    def ready(self, pod: dict, status: bool = True, timeout: float = 30) -> None:
        """Waits until a pod is ready, or is not."""
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}"
        eventually(f'{path} ready: {status}', lambda: is_ready(self.kube.read(path)), lambda r: r == status, timeout, every=0.05, kind=KUBECTL)

    def endpoints(self, service_name: str) -> dict[str, dict]:
        """The conditions of every endpoint of a Service, by its address."""
        path = f'/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices?labelSelector=kubernetes.io/service-name%3D{service_name}'
        return {e['addresses'][0]: e['conditions'] for s in self.kube.read(path)['items'] for e in s.get('endpoints') or []}

    @contextmanager
    def without(self, node: str) -> Iterator[None]:
        """Deletes a Node, for the block. Its pods run on. The scenario must be serial."""
        self.kube.kubectl('delete', 'node', node)
        try:
            yield
        finally:
            self.kube.apply({'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': node}}, namespace=self.namespace)


class Echo:
    """A kept connection to the TCP port of a pod, perhaps through a load balancer."""

    def __init__(self, host: str, port: int, timeout: float = 5):
        with inside():
            self.socket = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.lines = self.socket.makefile('rb')
        self.pod = self._line()

    def echo(self, text: str) -> None:
        """Sends a line and expects it back."""
        self.socket.sendall(f'{text}\n'.encode())
        if (back := self._line()) != text:
            raise Failed(f'sent {text!r}, received {back!r}')

    def _line(self) -> str:
        if not (line := self.lines.readline()):
            raise Failed('the connection was closed')
        return line.decode().rstrip('\n')

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


def is_ready(pod: dict | None) -> bool:
    conditions = ((pod or {}).get('status') or {}).get('conditions') or []
    return any(c['type'] == 'Ready' and c['status'] == 'True' for c in conditions)
