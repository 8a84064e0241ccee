"""Requests of the controller to the cloud, counted by the services themselves (lab/openstack/wsgi/request_log.py)."""
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from . import config
from .waiting import eventually

SERVICES = ('octavia', 'neutron', 'barbican', 'keystone')
AGENT = 'evenkeel/'
ONE_LOAD_BALANCER = re.compile(r'/v2(\.0)?/lbaas/loadbalancers/[0-9a-f-]{36}(/status)?$')
ALL_LOAD_BALANCERS = re.compile(r'/v2(\.0)?/lbaas/loadbalancers/?$')


@dataclass
class Count:
    """The controller's requests in a period of time."""
    requests: dict[str, list[dict]] = field(default_factory=dict)

    @property
    def octavia(self) -> list[dict]:
        return self.requests['octavia']

    @property
    def writes(self) -> list[dict]:
        return [r for r in self.octavia if r['method'] != 'GET']

    @property
    def polls(self) -> list[dict]:
        return [r for r in self.octavia if is_poll(r)]

    @property
    def calls(self) -> list[dict]:
        """Octavia requests without polls."""
        return [r for r in self.octavia if not is_poll(r)]

    @property
    def others(self) -> list[str]:
        """Requests to the other services: `keystone POST /v3/auth/tokens`."""
        return [f"{service} {r['method']} {r['path']}" for service, requests in self.requests.items() if service != 'octavia'
                for r in requests]

    @property
    def total(self) -> int:
        return sum(map(len, self.requests.values()))

    def __str__(self) -> str:
        lines = [f"{r['method']} {r['path']}{'?' if r['query'] else ''}{r['query']} {r['status']}" for r in self.octavia]
        return f'{len(self.writes)} writes, {len(self.calls)} calls, {len(self.polls)} polls: ' + ', '.join(lines)


def is_poll(request: dict) -> bool:
    """True for a poll of load balancers in flight: one of them by its id, the status of its parts, or all of them. A search
    by tags is no poll."""
    return request['method'] == 'GET' and bool(
        ONE_LOAD_BALANCER.search(request['path'])
        or ALL_LOAD_BALANCERS.search(request['path']) and 'tags' not in request['query'])


class RequestLog:
    """Reads the services' request logs from their end at the time of its creation."""

    def __init__(self):
        self.start = {s: self._size(s) for s in SERVICES}

    @staticmethod
    def _path(service: str) -> Path:
        return config.SERVICE_LOGS / f'requests-{service}.jsonl'

    def _size(self, service: str) -> int:
        path = self._path(service)
        return path.stat().st_size if path.exists() else 0

    def lines(self, service: str, agent: str = AGENT) -> list[dict]:
        if not self._path(service).exists():
            return []
        with self._path(service).open('rb') as f:
            f.seek(self.start[service])
            found = [json.loads(line) for line in f if line.endswith(b'\n')]
        return [r for r in found if r['agent'].startswith(agent)]

    def count(self, agent: str = AGENT) -> Count:
        """The requests with a response since then, of the controller or of other clients."""
        return Count({s: [r for r in self.lines(s, agent) if r['at'] == 'end'] for s in SERVICES})

    def begun(self, method: str, path: str) -> dict | None:
        """The first request of the controller of this kind that has arrived, with a response or without."""
        pattern = re.compile(path)
        return next((r for r in self.lines('octavia')
                     if r['at'] == 'begin' and r['method'] == method and pattern.search(r['path'])), None)

    def arrived(self, method: str, path: str) -> dict:
        """Waits for such a request. The log must be created just before the action that causes it, so that no earlier
        request counts."""
        return eventually(f'{method} {path} has arrived', lambda: self.begun(method, path), bool, 60, every=0.01)

    def writes_of(self, namespace: str) -> list[dict]:
        """The controller's writes to load balancers of a namespace, apart from all others. Objects of one write belong
        together; the create carries the namespace's tag."""
        mine: set[str] = set()
        writes = [r for r in self.count().writes]
        for request in writes:
            if f'evenkeel:namespace={namespace}' in request.get('tags', ()):
                mine.update(request['ids'])
        found = []
        for request in writes:
            if mine.intersection(request['ids']) or f'evenkeel:namespace={namespace}' in request.get('tags', ()):
                mine.update(request['ids'])
                found.append(request)
        return found
