"""Members that the sources of a pool lead to, in the form of `members`. Written from the description of the resource, not from
the controller; it knows only what random stacks and their objects use."""
from fractions import Fraction
from ipaddress import ip_address

from .kube import Kube

SERVICE = 'kubernetes.io/service-name'
MOST = 256      # largest weight


class Sources:
    """The objects of one namespace, and the nodes."""

    def __init__(self, kube: Kube, namespace: str):
        self.kube, self.namespace = kube, namespace

    def members(self, pool: dict, has_ipv6: bool) -> list[dict]:
        """The members of a pool: those that it lists, and those of its sources."""
        joined = {(ip_address(m['address']), m['port']): dict(m) for m in pool.get('members') or []}
        shares = []
        for source in sorted(pool.get('memberSources') or [], key=lambda s: s.get('backup', False)):
            own = []
            for key in self._endpoints(source, pool, has_ipv6):
                if key in joined:
                    joined[key]['backup'] = joined[key].get('backup', False) and source.get('backup', False)
                else:
                    joined[key] = {'address': str(key[0]), 'port': key[1], **{f: source[f] for f in
                                   ('name', 'backup', 'subnet', 'monitorPort', 'monitorAddress', 'tags') if f in source}}
                    own.append(key)
            shares.append((source, own))
        _share(joined, shares)
        return list(joined.values())

    def _endpoints(self, source: dict, pool: dict, has_ipv6: bool) -> set:
        place = source.get('service') or source['nodes']
        found = self._pods(place, pool) if place.get('target') == 'PodIP' else self._nodes(place)
        family = place.get('family')
        if family:
            return {key for key in found if f'IPv{key[0].version}' == family}
        if pool['protocol'] in ('UDP', 'SCTP'):
            return {key for key in found if key[0].version == 4 or has_ipv6}
        return {key for key in found if key[0].version == 4} or (found if has_ipv6 else set())

    def _pods(self, place: dict, pool: dict) -> set:
        port = self._port(place)['name']
        slices = self.kube.read(f'/apis/discovery.k8s.io/v1/namespaces/{self.namespace}/endpointslices')['items']
        found = set()
        for one in slices:
            if one['metadata']['labels'].get(SERVICE) == place['name']:
                number = next(p['port'] for p in one['ports'] if p['name'] == port)
                found |= {(ip_address(e['addresses'][0]), number) for e in one['endpoints'] if e['conditions'].get('ready', True)}
        return found

    def _port(self, place: dict) -> dict:
        ports = self.kube.read(f"/api/v1/namespaces/{self.namespace}/services/{place['name']}")['spec']['ports']
        return next(p for p in ports if str(place['port']) in (p['name'], str(p['port'])))

    def _nodes(self, place: dict) -> set:
        port = self._port(place)['nodePort'] if 'target' in place else place['port']
        kind, selector = place.get('addressType', 'InternalIP'), place.get('nodeSelector') or place.get('selector')
        found = set()
        for node in self.kube.read('/api/v1/nodes')['items']:
            if _selects(selector, node['metadata']['labels']):
                addresses = [ip_address(a['address']) for a in node['status']['addresses'] if a['type'] == kind]
                found |= {(next(a for a in addresses if a.version == version), port) for version in {a.version for a in addresses}}
        return found


def _selects(selector: dict, labels: dict) -> bool:
    holds = {'In': lambda label, values: label in values, 'NotIn': lambda label, values: label not in values,
             'Exists': lambda label, values: label is not None, 'DoesNotExist': lambda label, values: label is None}
    return (all(labels.get(k) == v for k, v in selector.get('matchLabels', {}).items())
            and all(holds[e['operator']](labels.get(e['key']), e.get('values')) for e in selector.get('matchExpressions', [])))


def _share(members: dict, shares: list) -> None:
    """Spreads the weights of sources over their members; standbys count among themselves."""
    of_sources = {key for _, own in shares for key in own}
    for standby in (False, True):
        group = [(source, own) for source, own in shares if source.get('backup', False) == standby]
        if not any('weight' in source for source, _ in group):
            continue
        alone = [(m.get('weight', 1), [key]) for key, m in members.items() if key not in of_sources and m.get('backup', False) == standby]
        units = [(source['weight'], own) for source, own in group if own] + alone
        largest = max((Fraction(weight, len(own)) for weight, own in units), default=0) or 1
        for weight, own in units:
            exact = MOST * Fraction(weight, len(own)) / largest
            for key in own:
                members[key]['weight'] = max(1, int(exact + Fraction(1, 2))) if weight else 0
