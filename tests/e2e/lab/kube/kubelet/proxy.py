"""NodePorts, in place of kube-proxy: a relay for TCP on the addresses of every node, and its health checks.

A port listens on a node while it has an endpoint that the node may use: any ready one, with externalTrafficPolicy Local only
those on the node; without ready ones those that still serve while they terminate. Otherwise connections are refused (kube-proxy
drops them with Local). Ports of UDP are left out. The pod sees the address of a node, never the client's.

healthCheckNodePort responds with 200 while the node has a ready local endpoint, else 503; port 10256 responds with 200 until the
autoscaler's taint marks the node. The ports of a deleted node are closed.
"""
import asyncio
import collections
import json
import os
import random
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

from lab.openstack.labnet import inside

from .api import Api
from .report import log
from .sandbox import Node

HEALTHZ = 10256
DELETION_TAINT = 'ToBeDeletedByClusterAutoscaler'

Key = tuple[str, str]       # namespace and name


@dataclass(frozen=True)
class Port:
    """The purpose of a port: a port of a Service on a node, or one of the health checks."""
    node: str
    service: Key | None = None
    name: str | None = None         # of the Service's port; None: a health check


class Proxy:
    def __init__(self, nodes: list[Node]):
        self.nodes = nodes
        self.objects: dict[str, dict] = {}                      # the Node of the API by name
        self.services: dict[Key, dict] = {}
        self.slices: dict[Key, dict[str, dict]] = collections.defaultdict(dict)     # EndpointSlices by Service and name
        self.open: dict[tuple[str, int, Port], asyncio.Server] = {}
        self.taken: set[tuple[str, int, Port]] = set()          # by another process
        self.changed = asyncio.Event()

    async def run(self, api: Api) -> None:
        api.watch('/api/v1/nodes', self.node_changed)
        api.watch('/api/v1/services', self.service_changed)
        api.watch('/apis/discovery.k8s.io/v1/endpointslices', self.slice_changed)
        while True:
            await self.changed.wait()
            self.changed.clear()
            wanted = self._wanted()
            for key in self.open.keys() - wanted:
                self.open.pop(key).close()
            for key in wanted - self.open.keys():
                await self.listen(key)

    def node_changed(self, change: str, node: dict) -> None:
        self._keep(self.objects, node['metadata']['name'], change, node)

    def service_changed(self, change: str, service: dict) -> None:
        self._keep(self.services, (service['metadata']['namespace'], service['metadata']['name']), change, service)

    def slice_changed(self, change: str, endpoint_slice: dict) -> None:
        meta = endpoint_slice['metadata']
        service = meta.get('labels', {}).get('kubernetes.io/service-name', '')
        self._keep(self.slices[meta['namespace'], service], meta['name'], change, endpoint_slice)

    def _keep(self, known: dict, key: object, change: str, thing: dict) -> None:
        known.pop(key, None) if change == 'DELETED' else known.update({key: thing})
        self.changed.set()

    def _wanted(self) -> set[tuple[str, int, Port]]:
        """Every address and port that should listen, and its purpose."""
        ports = set()
        for node in filter(lambda n: n.name in self.objects, self.nodes):
            addresses = node.internal, node.external, node.internal6
            ports |= {(a, HEALTHZ, Port(node.name)) for a in addresses}
            for key, service in self.services.items():
                if check := service['spec'].get('healthCheckNodePort'):
                    ports |= {(a, check, Port(node.name, key)) for a in addresses}
                for port in service['spec'].get('ports', []):
                    if port.get('nodePort') and port.get('protocol', 'TCP') == 'TCP':
                        here = Port(node.name, key, port.get('name', ''))
                        ports |= {(a, port['nodePort'], here) for a in addresses if self.endpoints(here, ':' in a)}
        return ports

    def endpoints(self, port: Port, six: bool) -> list[tuple[str, int]]:
        """The endpoints that a connection to this port may reach."""
        if port.service not in self.services:
            return []
        local = self.services[port.service]['spec'].get('externalTrafficPolicy') == 'Local'
        found: dict[bool, list[tuple[str, int]]] = {True: [], False: []}
        for endpoint, number in self._endpoints_of(port.service, port.name, six):
            conditions = endpoint.get('conditions', {})
            ready = conditions.get('ready') is not False
            usable = ready or conditions.get('serving') and conditions.get('terminating')
            if usable and (not local or endpoint.get('nodeName') == port.node):
                found[ready].append((endpoint['addresses'][0], number))
        return found[True] or found[False]

    def _endpoints_of(self, service: Key, name: str | None, six: bool) -> Iterator[tuple[dict, int]]:
        """The endpoints of a Service, each with its number of the port of this name; None: of any port."""
        for endpoint_slice in self.slices[service].values():
            number = next((p.get('port') for p in endpoint_slice.get('ports') or [] if name in (None, p.get('name', ''))), None)
            if number and endpoint_slice['addressType'] == ('IPv6' if six else 'IPv4'):
                for endpoint in endpoint_slice.get('endpoints') or []:
                    yield endpoint, number

    async def listen(self, key: tuple[str, int, Port]) -> None:
        address, number, port = key
        with inside():
            s = socket.socket(socket.AF_INET6 if ':' in address else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((address, number))
        except OSError as error:
            s.close()
            if key not in self.taken:
                log(f'{address} port {number}: {error}')
            return self.taken.add(key)
        serve = self.check if port.name is None else self.relay
        self.open[key] = await asyncio.start_server(lambda r, w: serve(port, ':' in address, r, w), sock=s, backlog=1024)

    # -- connections
    async def check(self, port: Port, _six: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b'\r\n\r\n')
            good, body = self.health(port)
            text = json.dumps(body)
            writer.write((f"HTTP/1.1 {'200 OK' if good else '503 Service Unavailable'}\r\nContent-Type: application/json\r\n"
                          f"X-Load-Balancing-Endpoint-Weight: {body.get('localEndpoints', 0)}\r\nContent-Length: {len(text)}\r\n"
                          f'Connection: close\r\n\r\n{text}').encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def health(self, port: Port) -> tuple[bool, dict]:
        if not port.service:
            node = self.objects[port.node]
            marked = any(t['key'] == DELETION_TAINT for t in node['spec'].get('taints', []))
            return not marked, {'nodeEligible': not marked}
        namespace, name = port.service
        six = self.services[port.service]['spec']['ipFamilies'][0] == 'IPv6'
        local = {e['addresses'][0] for e, _ in self._endpoints_of(port.service, None, six)
                 if e.get('nodeName') == port.node and e.get('conditions', {}).get('ready') is not False}
        return bool(local), {'service': {'namespace': namespace, 'name': name}, 'localEndpoints': len(local), 'serviceProxyHealthy': True}

    async def relay(self, port: Port, six: bool, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back = None
        try:
            address, number = random.choice(self.endpoints(port, six))
            with inside():
                s = socket.socket(socket.AF_INET6 if six else socket.AF_INET)
            s.setblocking(False)
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(s, (address, number)), 5)
            there, back = await asyncio.open_connection(sock=s)
            await asyncio.gather(copy(reader, back), copy(there, writer))
        except (OSError, IndexError, asyncio.TimeoutError):
            pass
        finally:
            for w in filter(None, (writer, back)):
                w.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


async def main() -> None:
    api = Api(int(os.environ['KUBE_PORT']), str(Path(os.environ['KUBE_RUN']) / 'pki'))
    await Proxy([Node(n + 1) for n in range(int(os.environ['KUBE_NODES']))]).run(api)


asyncio.run(main())
