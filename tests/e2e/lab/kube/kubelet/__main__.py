"""A small kubelet, and the scheduler, for several nodes that are only names and addresses.

The containers of a pod are processes of this machine in a network namespace of its own, joined to the data plane's by a veth, so
that haproxy reaches them. Genuine controllers make everything else (ReplicaSets, pods, EndpointSlices). kubelet.sh starts it.

Supported: containers of the images in container.py, restartPolicy, readinessProbe (httpGet, tcpSocket), readinessGates, preStop (sleep,
exec), the grace period, volumes and env from Secrets, ConfigMaps and fields, nodeName, nodeSelector, cordons and taints. Absent:
init containers, liveness and startup probes, probes by exec and gRPC, resources, logs, exec, and updates of mounted files.
"""
import asyncio
import os
import signal
from pathlib import Path

from .api import MERGE, Api
from .pod import Pod
from .report import log, now
from .sandbox import Node

RUN = Path(os.environ['KUBE_RUN'])
LABELS = {'kubernetes.io/os': 'linux', 'node-role.kubernetes.io/worker': ''}


class Kubelet:
    def __init__(self, api: Api, nodes: list[Node]):
        self.api, self.nodes = api, {n.name: n for n in nodes}
        self.objects: dict[str, dict] = {}              # nodes by name
        self.pods: dict[str, Pod] = {}                  # by UID
        self.unschedulable: dict[str, dict] = {}              # pods without a node, by UID
        self.bound: dict[str, str] = {}                 # node by the UID of a pod
        self.tasks: set[asyncio.Task] = set()

    async def start(self) -> None:
        for node in self.nodes.values():
            node.attach()
            await self._register(node)
        self.api.watch('/api/v1/nodes', self.node_changed)
        self.api.watch('/api/v1/pods', self.pod_changed)

    async def _register(self, node: Node) -> None:
        labels = {'kubernetes.io/hostname': node.name, **LABELS}
        await self.api.ask('POST', '/api/v1/nodes', {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': node.name}})
        # Admission taints a new node as not ready. The controller that removes the taint does not run here.
        await self.api.ask('PATCH', f'/api/v1/nodes/{node.name}', {
            'metadata': {'labels': labels}, 'spec': {'podCIDR': node.cidr, 'podCIDRs': [node.cidr, node.cidr6], 'taints': None}}, MERGE)
        addresses = [('InternalIP', node.internal), ('InternalIP', node.internal6), ('ExternalIP', node.external), ('Hostname', node.name)]
        code, response = await self.api.ask('PATCH', f'/api/v1/nodes/{node.name}/status', {'status': {
            'addresses': [{'type': t, 'address': a} for t, a in addresses],
            'conditions': [{'type': 'Ready', 'status': 'True', 'reason': 'KubeletReady', 'lastHeartbeatTime': now(), 'lastTransitionTime': now()}],
        }}, MERGE)
        log(f"{node.name}: {code} {response.get('message', node.internal)}")

    # -- watches
    def node_changed(self, kind: str, node: dict) -> None:
        name = node['metadata']['name']
        if kind == 'DELETED':
            self.objects.pop(name, None)
            return
        self.objects[name] = node
        if kind == 'ADDED' and name in self.nodes:      # a scenario deleted it and created it again
            self.spawn(self._register(self.nodes[name]))
        for pod in list(self.unschedulable.values()):
            self.schedule(pod)

    def pod_changed(self, kind: str, pod: dict) -> None:
        uid, spec = pod['metadata']['uid'], pod['spec']
        running = self.pods.get(uid)
        if kind == 'DELETED':
            self.unschedulable.pop(uid, None)
            self.bound.pop(uid, None)
            if running:
                self.pods.pop(uid).force_deleted()
        elif running:
            running.update(pod)
        elif not spec.get('nodeName'):
            self.schedule(pod)
        elif spec['nodeName'] in self.nodes:
            self.bound[uid] = spec['nodeName']
            self.pods[uid] = Pod(self.api, self.nodes[spec['nodeName']], pod, RUN / 'pods')
            self.spawn(self.pods[uid].run())

    def spawn(self, coroutine) -> None:
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._log_failure)

    def _log_failure(self, task: asyncio.Task) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            log(f'failed: {task.exception()!r}')

    # -- scheduler
    def schedule(self, pod: dict) -> None:
        """Binds a pod to the node with the fewest."""
        uid, wanted = pod['metadata']['uid'], pod['spec'].get('nodeSelector', {})
        if uid in self.bound:
            return
        fit = [n for n in self.objects.values() if n['metadata']['name'] in self.nodes and accepts(n, wanted)]
        if not fit:
            self.unschedulable[uid] = pod
            return
        self.unschedulable.pop(uid, None)
        here = list(self.bound.values())
        self.bound[uid] = min((n['metadata']['name'] for n in fit), key=lambda name: (here.count(name), name))
        self.spawn(self.bind(pod, self.bound[uid]))

    async def bind(self, pod: dict, node: str) -> None:
        meta = {k: pod['metadata'][k] for k in ('name', 'namespace', 'uid')}
        code, response = await self.api.ask('POST', f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/binding", {
            'apiVersion': 'v1', 'kind': 'Binding', 'metadata': meta, 'target': {'apiVersion': 'v1', 'kind': 'Node', 'name': node}})
        if code != 201:
            log(f"{meta['namespace']}/{meta['name']}: binding: {code} {response.get('message')}")
            self.bound.pop(meta['uid'], None)
            if code not in (404, 409):      # gone, or bound by another client
                await asyncio.sleep(0.5)
                self.schedule(pod)


def accepts(node: dict, selector: dict[str, str]) -> bool:
    labels, spec = node['metadata'].get('labels', {}), node['spec']
    free = not spec.get('unschedulable') and not any(t['effect'] != 'PreferNoSchedule' for t in spec.get('taints', []))
    return free and all(labels.get(k) == v for k, v in selector.items())


async def main() -> None:
    (RUN / 'pods').mkdir(mode=0o700, exist_ok=True)
    kubelet = Kubelet(Api(int(os.environ['KUBE_PORT']), str(RUN / 'pki')), [Node(n + 1) for n in range(int(os.environ.get('KUBE_NODES', 3)))])
    stop = asyncio.Event()
    for s in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(s, stop.set)
    await kubelet.start()
    (RUN / 'kubelet.ready').touch()
    await stop.wait()
    os._exit(0)     # kubelet.sh ends the processes of the pods


asyncio.run(main())
