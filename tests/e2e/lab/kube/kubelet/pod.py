"""A pod: its life from the binding to the deletion, and its status, which follows its processes."""
import asyncio
import time
from pathlib import Path

from .api import STRATEGIC, Api
from .container import CREATING, Container
from .report import log, now
from .sandbox import Missing, Node, Sandbox


class Pod:
    def __init__(self, api: Api, node: Node, pod: dict, home: Path):
        self.api, self.object = api, pod
        self.sandbox = Sandbox(api, node, pod, home)
        self.node = node
        meta = pod['metadata']
        self.name = f"{meta['namespace']}/{meta['name']}"
        self.path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}"
        self.output = home / f"{meta['namespace']}_{meta['name']}"
        self.containers = [Container(self, c) for c in pod['spec']['containers']]
        self.started, self.networked = now(), False
        self.changed, self.deleting = asyncio.Event(), asyncio.Event()
        self.deadline = float('inf')
        self.since: dict[str, tuple[str, str]] = {}
        self.update(pod)

    def update(self, pod: dict) -> None:
        """A newer version of the object. A deletion sets the deadline; another one may bring it forward."""
        self.object = pod
        self.changed.set()
        if pod['metadata'].get('deletionTimestamp'):
            self.deadline = min(self.deadline, time.monotonic() + pod['metadata'].get('deletionGracePeriodSeconds', 30))
            self.deleting.set()

    def force_deleted(self) -> None:
        """The object was deleted by force."""
        self.deadline = 0
        self.deleting.set()

    async def run(self) -> None:
        """Runs the pod from the binding until the object is gone."""
        tasks = [asyncio.create_task(self._publish())]
        if not self.deleting.is_set():       # as after a start of the kubelet
            tasks.append(asyncio.create_task(self._start()))
        await self.deleting.wait()
        await asyncio.gather(*(c.stop() for c in self.containers))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for container in self.containers:
            container.kill()
        await self.sandbox.remove()
        code = 0
        while code not in (200, 404, 409):      # 409: another pod of this name
            code, _ = await self.api.ask('DELETE', self.path, {
                'kind': 'DeleteOptions', 'apiVersion': 'v1', 'gracePeriodSeconds': 0, 'preconditions': {'uid': self.object['metadata']['uid']}})
            await asyncio.sleep(0 if code else 0.2)
        log(f'{self.name}: gone')

    async def _start(self) -> None:
        while not self.networked:
            try:
                await self.sandbox.create()
                self.networked = True
            except Missing as error:
                log(f'{self.name}: {error}')
                await asyncio.sleep(1)
            except Exception as error:      # noqa: BLE001
                return log(f'{self.name}: cannot be started: {error!r}')
        for failure in await asyncio.gather(*(c.run() for c in self.containers), return_exceptions=True):
            if failure:
                log(f'{self.name}: {failure!r}')

    # -- status
    async def _publish(self) -> None:
        """Patches the status whenever it has changed."""
        sent = None
        while True:
            await self.changed.wait()
            self.changed.clear()
            status = self.status()
            if status == sent:
                continue
            code, response = await self.api.ask('PATCH', f'{self.path}/status', {
                'metadata': {'uid': self.object['metadata']['uid']}, 'status': status}, STRATEGIC)
            if code == 200:
                sent = status
            elif code == 404:
                return
            else:
                log(f"{self.name}: status: {code} {response.get('message')}")
                await asyncio.sleep(0.2)
                self.changed.set()

    def status(self) -> dict:
        conditions = {c['type']: c['status'] for c in self.object['status'].get('conditions', [])}
        ready = all(c.ready for c in self.containers)
        gates = all(conditions.get(g['conditionType']) == 'True' for g in self.object['spec'].get('readinessGates', []))
        states = {'PodScheduled': True, 'Initialized': True, 'PodReadyToStartContainers': self.networked,
                  'ContainersReady': ready, 'Ready': ready and gates}
        status = {'phase': self.phase(), 'hostIP': self.node.internal, 'hostIPs': [{'ip': self.node.internal}, {'ip': self.node.internal6}],
                  'startTime': self.started, 'conditions': [self._condition(t, s) for t, s in states.items()],
                  'containerStatuses': [c.status() for c in self.containers]}
        if self.networked:
            # replaced, not merged with the addresses under an earlier kubelet
            status.update(podIP=self.sandbox.ip, podIPs=[{'$patch': 'replace'}, {'ip': self.sandbox.ip}, {'ip': self.sandbox.ip6}])
        return status

    def phase(self) -> str:
        if not self.networked or any(c.state == CREATING or 'ErrImagePull' in str(c.state) for c in self.containers):
            return 'Pending'
        codes = [c.code for c in self.containers]
        if None in codes:
            return 'Running'
        return 'Failed' if any(codes) else 'Succeeded'

    def _condition(self, kind: str, holds: bool) -> dict:
        status = str(holds)
        if self.since.get(kind, ('', ''))[0] != status:
            self.since[kind] = status, now()
        return {'type': kind, 'status': status, 'lastTransitionTime': self.since[kind][1]}
