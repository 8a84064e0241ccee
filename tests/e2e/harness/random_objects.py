"""Objects that random stacks refer to: Services without selector with EndpointSlices written by hand, Nodes without a kubelet,
Secrets and ConfigMaps. Nodes belong to the whole cluster, so those of a scenario have its namespace in their names and labels."""
import json
from contextlib import contextmanager
from typing import Iterator

from .issuer import Authority, config_map, secret

SERVICES = ('web', 'api')
PAIRS = ('shop-tls', 'api-tls')
TRUST = 'trust'
ROLE = 'random.evenkeel.dev/role'
NODES = {1: 'web', 2: 'web', 3: 'db'}


@contextmanager
def objects(t) -> Iterator[None]:
    """All of them, until the end of the block; those in the namespace go with it."""
    t.kube.apply(*(document for name in SERVICES for document in _service(name)), *_certificates(), namespace=t.namespace)
    names = {at: f'{t.namespace}-{at}' for at in NODES}
    try:
        t.kube.apply(*(_node(names[at], t.namespace, role) for at, role in NODES.items()), namespace=t.namespace)
        for at, name in names.items():
            t.kube.kubectl('patch', 'node', name, '--subresource=status', '--type=merge', '-p', _status(at))
        yield
    finally:
        t.kube.kubectl('delete', 'node', *names.values(), '--ignore-not-found')


def with_own_nodes(stack: dict, namespace: str) -> dict:
    """A random stack that selects the Nodes of its own namespace."""
    return json.loads(json.dumps(stack).replace(ROLE, _role(namespace)))


def _role(namespace: str) -> str:
    return f'random.evenkeel.dev/{namespace}'


def _service(name: str) -> list[dict]:
    at = SERVICES.index(name)
    ports = [{'name': 'http', 'port': 80, 'protocol': 'TCP'}, {'name': 'dns', 'port': 53, 'protocol': 'UDP'},
             {'name': 'sctp', 'port': 5060, 'protocol': 'SCTP'}]
    service = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': name}, 'spec': {'type': 'NodePort', 'ports': ports}}
    return [service, _slice(name, 'IPv4', [f'10.20.{40 + at}.{last}' for last in range(1, 4 - at)]),
            _slice(name, 'IPv6', [f'fd00:10:20:{40 + at}::{last}' for last in range(1, 3)])]


def _slice(service: str, family: str, addresses: list[str]) -> dict:
    states = [{'ready': True}, {}, {'ready': True}]
    away = {'addresses': ['10.20.49.9' if family == 'IPv4' else 'fd00:10:20:49::9'], 'conditions': {'ready': False, 'serving': True, 'terminating': True}}
    return {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'addressType': family,
            'metadata': {'name': f'{service}-{family.lower()}', 'labels': {'kubernetes.io/service-name': service}},
            'ports': [{'name': 'http', 'port': 8080, 'protocol': 'TCP'}, {'name': 'dns', 'port': 5353, 'protocol': 'UDP'},
                      {'name': 'sctp', 'port': 5061, 'protocol': 'SCTP'}],
            'endpoints': [*({'addresses': [a], 'conditions': state} for a, state in zip(addresses, states)), away]}


def _node(name: str, namespace: str, role: str) -> dict:
    return {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': name, 'labels': {_role(namespace): role}}}


def _status(at: int) -> str:
    addresses = {'InternalIP': (f'10.20.45.{at}', f'fd00:10:20:45::{at}'), 'ExternalIP': (f'192.0.2.{at}', f'2001:db8:45::{at}')}
    listed = ', '.join(f'{{"type": "{kind}", "address": "{a}"}}' for kind, both in addresses.items() for a in both)
    return f'{{"status": {{"addresses": [{listed}]}}}}'


def _certificates() -> list[dict]:
    root = Authority('random root')
    issuing = Authority('random issuing', root)
    pairs = [secret(PAIRS[0], root.pair('shop.example').data), secret(PAIRS[1], issuing.pair('api.example').data)]
    trust = {'ca.crt': root.pem, 'ca.crl': root.crl()}
    return [*pairs, secret(TRUST, trust, 'Opaque'), config_map(TRUST, trust)]
