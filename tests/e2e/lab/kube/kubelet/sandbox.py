"""The surroundings of a pod: its network namespace, its volumes, the environment of its containers."""
import asyncio
import base64
import collections
import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

from lab.openstack.labnet import NETNS, inside

from .api import Api

# The gateway of every pod: the data plane's end of its veth has these addresses.
GATEWAY, GATEWAY6 = '169.254.1.1', 'fe80::1'


class Node:
    """A node's addresses. It is no machine: its pods are processes here, its own addresses are in the data plane's namespace."""

    def __init__(self, number: int):
        self.name = f'node-{number}'
        # in the lab's subnet members-v4, beyond the members of scenarios
        self.internal, self.internal6 = f'10.20.255.{number}', f'fd00:10:20::{number}'
        self.external = f'198.51.100.{number}'
        self.cidr, self.cidr6 = f'10.244.{number}.0/24', f'fd00:10:244:{number}::/64'
        self._free = collections.deque(range(2, 255))

    def attach(self) -> None:
        ip(NETNS, *(f'addr replace {a}/32 dev lo' for a in (self.internal, self.external)), f'addr replace {self.internal6}/128 dev lo nodad')

    def allocate(self) -> tuple[int, str, str]:
        """A number and the addresses for a pod; the one whose last pod is gone for longest."""
        n = self._free.popleft()
        return n, self.cidr.replace('0/24', str(n)), self.cidr6.replace('/64', f'{n:x}')

    def release(self, number: int) -> None:
        self._free.append(number)


class Missing(Exception):
    """A Secret or ConfigMap that the pod needs is not there yet."""


class Sandbox:
    def __init__(self, api: Api, node: Node, pod: dict, home: Path):
        self.api, self.node, self.pod = api, node, pod
        self.uid, self.namespace = pod['metadata']['uid'], pod['metadata']['namespace']
        self.netns, self.link = f'{NETNS}-pod-{self.uid[:8]}', f'pod-{self.uid[:8]}'
        self.root = home / self.uid
        self.number, self.ip, self.ip6 = node.allocate()
        self.sources: dict[tuple[str, str], dict[str, bytes]] = {}
        self.building: asyncio.Future | None = None

    async def create(self) -> None:
        """Makes the network and the volumes. Can be called again after Missing."""
        for volume in self.pod['spec'].get('volumes', []):
            await self._write_volume(volume)
        for variable in (v for c in self.pod['spec']['containers'] for v in c.get('env', [])):
            for kind in ('secretKeyRef', 'configMapKeyRef'):
                if reference := variable.get('valueFrom', {}).get(kind):
                    await self._read(kind.removesuffix('KeyRef'), reference['name'])
        self.building = asyncio.ensure_future(asyncio.to_thread(self._network))
        await asyncio.shield(self.building)

    async def remove(self) -> None:
        if self.building:
            await asyncio.wait([self.building])
        await asyncio.to_thread(self._remove)
        self.node.release(self.number)

    def command(self, program: list[str], container: dict) -> tuple[list[str], dict[str, str]]:
        """A command line inside the namespace, and its environment."""
        env = {'PATH': os.environ['PATH'], 'HOSTNAME': self.pod['metadata']['name']}
        for variable in container.get('env', []):
            env[variable['name']] = self._localize(self._expand(self._value(variable), env), container)
        words = [*(container.get('command') or program), *container.get('args', [])]
        return self.enter([self._localize(self._expand(word, env), container) for word in words]), env

    def enter(self, command: list[str]) -> list[str]:
        return ['nsenter', f'--net=/run/netns/{self.netns}', *command]

    async def connect(self, port: int) -> socket.socket:
        """A connection to the pod from the data plane's namespace."""
        with inside():
            s = socket.socket()
        s.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(s, (self.ip, port))
        except BaseException:
            s.close()
            raise
        return s

    # -- network
    def _network(self) -> None:
        run('ip', 'netns', 'add', self.netns)
        ip(NETNS, f'link add {self.link} type veth peer name eth0 netns {self.netns}', f'link set {self.link} up',
           f'addr add {GATEWAY}/32 dev {self.link}', f'addr add {GATEWAY6}/64 dev {self.link} nodad',
           f'route add {self.ip}/32 dev {self.link} src {self.node.internal}',
           f'route add {self.ip6}/128 dev {self.link} src {self.node.internal6}')
        ip(self.netns, 'link set lo up', 'link set eth0 up', f'addr add {self.ip}/32 dev eth0', f'addr add {self.ip6}/128 dev eth0 nodad',
           f'route add {GATEWAY} dev eth0', f'route add default via {GATEWAY} dev eth0', f'route add ::/0 via {GATEWAY6} dev eth0')

    def _remove(self) -> None:
        # The link first: with it the route is gone at once, the namespace goes when the kernel has time.
        for command in (['ip', '-n', NETNS, 'link', 'del', self.link], ['ip', 'netns', 'del', self.netns]):
            subprocess.run(command, capture_output=True)
        shutil.rmtree(self.root, ignore_errors=True)

    # -- volumes and environment
    async def _read(self, kind: str, name: str) -> dict[str, bytes]:
        """The content of a Secret or ConfigMap."""
        status, found = await self.api.ask('GET', f'/api/v1/namespaces/{self.namespace}/{kind.lower()}s/{name}')
        if status != 200:
            raise Missing(f'{kind} {name} not found')
        data = {k: base64.b64decode(v) for k, v in {**found.get('binaryData', {}), **(found.get('data', {}) if kind == 'secret' else {})}.items()}
        if kind == 'configMap':
            data.update({k: v.encode() for k, v in found.get('data', {}).items()})
        self.sources[kind, name] = data
        return data

    async def _write_volume(self, volume: dict) -> None:
        """Writes the files of a volume to every place where a container mounts it. Other kinds of volumes are empty."""
        source, data = {}, {}
        for kind, field in (('secret', 'secretName'), ('configMap', 'name')):
            if source := volume.get(kind):
                data = await self._read(kind, source[field])
                break
        files = {item['path']: data[item['key']] for item in source['items']} if source and source.get('items') else data
        for container in self.pod['spec']['containers']:
            for mount in container.get('volumeMounts', []):
                if mount['name'] == volume['name']:
                    for path, content in files.items():
                        target = self._path(container, mount['mountPath']) / path
                        target.parent.mkdir(parents=True, exist_ok=True)
                        target.write_bytes(content)

    def folder(self, container: dict) -> Path:
        """The working directory of a container. Its volumes lie below it, each at its mountPath."""
        path = self.root / container['name']
        path.mkdir(parents=True, exist_ok=True)
        return path

    def _path(self, container: dict, path: str) -> Path:
        return self.folder(container) / path.lstrip('/')

    def _localize(self, text: str, container: dict) -> str:
        """Moves a path of a volume below the working directory: a container has no file system of its own."""
        paths = [m['mountPath'] for m in container.get('volumeMounts', [])]
        return str(self._path(container, text)) if any(text == p or text.startswith(p.rstrip('/') + '/') for p in paths) else text

    def _value(self, variable: dict) -> str:
        source = variable.get('valueFrom', {})
        if field := source.get('fieldRef'):
            meta = self.pod['metadata']
            return {'metadata.name': meta['name'], 'metadata.namespace': meta['namespace'], 'metadata.uid': meta['uid'],
                    'status.podIP': self.ip, 'status.podIPs': f'{self.ip},{self.ip6}', 'status.hostIP': self.node.internal,
                    'spec.nodeName': self.node.name}[field['fieldPath']]
        for kind in ('secret', 'configMap'):
            if reference := source.get(f'{kind}KeyRef'):
                return self.sources[kind, reference['name']][reference['key']].decode()
        return variable.get('value', '')

    @staticmethod
    def _expand(text: str, env: dict[str, str]) -> str:
        """Replaces $(NAME), as Kubernetes does."""
        return re.sub(r'\$\((\w+)\)', lambda m: env.get(m[1], m[0]), text)


def run(*command: str, stdin: str | None = None) -> None:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'{" ".join(command)}: {done.stderr.strip()}')


def ip(netns: str, *lines: str) -> None:
    """Runs these commands of `ip` inside a namespace."""
    run('ip', '-n', netns, '-batch', '-', stdin='\n'.join(lines))
