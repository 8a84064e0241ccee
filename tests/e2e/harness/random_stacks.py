"""Random stacks that the rules allow, and random edits of them. They are small, because each costs work of a genuine
Octavia. One seed gives one sequence.

Values of an enumeration are turns in turn instead of drawn: a seed continues where the one before it stopped, so a few dozen
seeds in a row use each value. `harness/width.py` checks that.
"""
import copy
from contextlib import contextmanager
from random import Random
from typing import Iterator

from .random_objects import PAIRS, ROLE, SERVICES, TRUST
from .stacks import listener, member, monitor, pool, stack

# protocol of a listener: protocols of suitable pools
SUITS = {'HTTP': ('HTTP', 'PROXY', 'PROXYV2'), 'TERMINATED_HTTPS': ('HTTP', 'PROXY', 'PROXYV2'),
         'TCP': ('TCP', 'HTTP', 'HTTPS', 'PROXY', 'PROXYV2'), 'UDP': ('UDP',), 'HTTPS': ('TCP', 'HTTPS', 'PROXY', 'PROXYV2'),
         'SCTP': ('SCTP',), 'PROMETHEUS': ()}
WITH_POLICIES = ('HTTP', 'TERMINATED_HTTPS')
DATAGRAMS = ('UDP', 'SCTP')
# Fields of pools with member sources.
SOURCED = {'memberSources', 'memberWindow', 'drain', 'minMembers'}
TEXTS = ('plain', 'with "quotes" and \\', 'Ünïcode ✓', "it's <b>", 'x' * 255)
TAGS = ('a', 'team=shop', 'Prod', 'ünï', 'with blank')
HEADERS = ('X-Forwarded-For', 'X-Forwarded-Port', 'X-Forwarded-Proto')
CLIENT_HEADERS = ('X-SSL-Client-Verify', 'X-SSL-Client-Has-Cert', 'X-SSL-Client-DN', 'X-SSL-Client-CN', 'X-SSL-Issuer',
                  'X-SSL-Client-SHA1', 'X-SSL-Client-Not-Before', 'X-SSL-Client-Not-After')
RULES = ({'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': '/api'}, {'type': 'HOST_NAME', 'compareType': 'EQUAL_TO', 'value': 'a.example'},
         {'type': 'FILE_TYPE', 'compareType': 'EQUAL_TO', 'value': 'jpg'}, {'type': 'PATH', 'compareType': 'REGEX', 'value': '^/([a-z]+|"R&D"|joe\'s)$'},
         {'type': 'HEADER', 'compareType': 'CONTAINS', 'key': 'X-Who', 'value': 'me'},
         {'type': 'HEADER', 'compareType': 'EQUAL_TO', 'key': 'User-Agent', 'value': 'Acme Sync/1.0 (+R&D)'},
         {'type': 'HEADER', 'compareType': 'STARTS_WITH', 'key': 'X-`Who', 'value': '-i #"<\''}, {'type': 'COOKIE', 'compareType': 'EQUAL_TO', 'key': 'sid', 'value': '"a" b\\'}, {'type': 'COOKIE', 'compareType': 'ENDS_WITH', 'key': 'sid', 'value': '7'})
CLIENT_RULES = ({'type': 'SSL_CONN_HAS_CERT', 'compareType': 'EQUAL_TO', 'value': 'true'},
                {'type': 'SSL_VERIFY_RESULT', 'compareType': 'EQUAL_TO', 'value': '0'},
                {'type': 'SSL_DN_FIELD', 'compareType': 'EQUAL_TO', 'key': 'CN', 'value': 'shop'},
                {'type': 'SSL_DN_FIELD', 'compareType': 'ENDS_WITH', 'key': 'O', 'value': " & joe's"})
METHODS = ('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'TRACE', 'OPTIONS', 'CONNECT', 'PATCH')
TLS_VERSIONS = ('TLSv1.3', 'TLSv1.2', 'TLSv1.1', 'TLSv1', 'SSLv3')
EVERY_TLS_VERSION = ('SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3')
ALPN = ('h2', 'http/1.1', 'http/1.0')


class Generator:
    """Draws stacks and edits from a seed. All of them are valid, and the provider amphora applies each field."""
    def __init__(self, seed: int):
        self.random, self.of_sources = Random(seed), Random(f'sources {seed}')
        self.seed, self.turns = seed, {}

    def stack(self, name: str) -> dict:
        pools = [self.pool(f'p{n}') for n in range(self.random.choice((0, 1, 2, 2, 3)))]
        drawn = stack(name, [], pools, {'vip': self.vip(), **self._some({
            'name': self._text, 'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag,
            'provider': lambda: self._deal('provider', ('amphora', 'octavia')), 'flavor': lambda: {'name': 'single'},
            'availabilityZone': lambda: self._deal('zone', ('az1', 'az2')), 'floatingIP': self.floating_ip})}, disruptionPolicy='Allow')
        own = drawn['spec']['loadBalancer']
        if 'flavor' in own and 'provider' in own:
            own['provider'] = 'amphora'     # the flavor rejects the alias
        ports = self.random.sample(range(80, 9000), self.random.choice((1, 1, 2, 2, 3)))
        drawn['spec']['listeners'] = [self.listener(f'l{n}', port, pools) for n, port in enumerate(ports)]
        self._make_valid(drawn['spec'])
        return drawn

    def edit(self, spec: dict) -> None:
        """Edits a part of the stack, or everything at once."""
        changes = (self._change_pools, self._change_listeners, self._change_load_balancer, self._rename, self._reorder)
        chosen = self._deal('edit', (*((change,) for change in changes), changes[:3], changes))
        for change in chosen:
            change(spec)
        self._make_valid(spec)

    # -- the load balancer
    def vip(self) -> dict:
        place = self._deal('place', (
            {'subnet': {'name': 'tenant-v4'}}, {'subnet': {'name': 'tenant-v4'}, 'address': f'10.10.{240 + self.seed // 250 % 10}.{self.seed % 250 + 1}'},
            {'network': {'name': 'tenant'}}, {'subnet': {'name': 'tenant-v4'}, 'additional': [{'subnet': {'name': 'tenant-v6'}}]},
            {'subnet': {'name': 'tenant-v4b'}, 'additional': [{'subnet': {'name': 'tenant-v6'}, 'address': f'fd00:10:10::fa:{self.seed % 9999 + 1}'}]}))
        return {**copy.deepcopy(place), **self._some({'qosPolicy': lambda: {'name': 'gold'}, 'securityGroups': lambda: [{'name': 'web'}]}, 0.2)}

    def floating_ip(self) -> dict:
        return {'allocate': {'network': {'name': 'public'}, **self._some({'reclaimPolicy': lambda: 'Delete', 'subnet': lambda: {'name': 'public-v4'}})}}

    # -- listeners
    def listener(self, name: str, port: int, pools: list[dict], protocol: str | None = None) -> dict:
        protocol = protocol or self._deal('listener', (*SUITS, 'HTTP', 'TERMINATED_HTTPS'))
        time = ('1s', '1m30s', '250ms')
        drawn = listener(name, port, protocol, **self._some({
            'displayName': self._text, 'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag,
            'connectionLimit': lambda: self.random.choice((-1, 1, 20000)),
            'allowedCIDRs': lambda: self.random.sample(['192.0.2.0/24', '10.0.0.0/8', '198.51.100.7/32'], self.random.randint(1, 3)),
            'timeouts': lambda: self._some({t: lambda: self.random.choice(time) for t in ('clientData', 'memberConnect', 'memberData', 'tcpInspect')})}))
        suitable = [p['name'] for p in pools if p['protocol'] in SUITS[protocol]]
        if suitable and self.random.random() < 0.8:
            drawn['defaultPool'] = self.random.choice(suitable)
        ends_tls = protocol == 'TERMINATED_HTTPS'
        if protocol in WITH_POLICIES:
            headers = HEADERS + CLIENT_HEADERS if ends_tls else HEADERS
            drawn.update(self._some({'insertHeaders': lambda: self._deal_some('headers' + protocol, headers, 4)}, 0.7))
            drawn['l7Policies'] = [self.policy(f'r{n}', pools, ends_tls) for n in range(self.random.choice((0, 1, 1, 2)))]
        if ends_tls:
            drawn['tls'] = self.listener_tls()
        elif protocol == 'PROMETHEUS' and self._flag():
            drawn['tls'] = {'certificate': _secret('metrics'), **self._some(self._tls_parameters('metrics'))}
        return drawn

    def listener_tls(self) -> dict:
        drawn = {'certificate': self._pair('certificate', 'one'),
                 **self._some({'sniCertificates': lambda: [self._pair('sni', 'two'), _secret('three')], **self._tls_parameters('listener'),
                'hsts': lambda: {'maxAge': '3600s', **self._some({'includeSubdomains': self._flag, 'preload': self._flag})}})}
        if self.random.random() < 0.85:
            authority, revocations = self._trust('clientCA')
            drawn.update({'clientCA': authority, 'clientAuthentication': self._deal('client', ('OPTIONAL', 'MANDATORY', 'OPTIONAL', 'MANDATORY', 'NONE'))})
            drawn.update(self._some({'clientCRL': lambda: revocations}))
        return drawn

    def policy(self, name: str, pools: list[dict], ends_tls: bool) -> dict:
        targets = [p['name'] for p in pools if p['protocol'] in SUITS['HTTP']]
        code = self._some({'redirectHTTPCode': lambda: self._deal('code', (301, 302, 303, 307, 308))}, 0.8)
        action = self._deal('action', (
            {'action': 'REDIRECT_TO_URL', 'redirectURL': 'https://new.example/x?y=1&z=it\'s#top', **code}, {'action': 'REJECT'},
            {'action': 'REDIRECT_TO_POOL', 'redirectPool': self.random.choice(targets)} if targets else {'action': 'REJECT'},
            {'action': 'REDIRECT_PREFIX', 'redirectPrefix': 'http://new.example/a&b', **code}))
        return {'name': name, **action, **self._some({'displayName': self._text, 'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag}),
                'rules': [self.rule(ends_tls) for _ in range(self.random.choice((0, 1, 2)))]}

    def rule(self, ends_tls: bool) -> dict:
        rules = CLIENT_RULES + RULES if ends_tls else RULES
        return {**self._deal(f'rule{ends_tls}', rules), **self._some({'invert': self._flag, 'adminStateUp': self._flag, 'tags': self._tags})}

    # -- pools
    def pool(self, name: str, protocol: str | None = None) -> dict:
        protocol = protocol or self._deal('pool', ('HTTP', 'TCP', 'UDP', 'HTTP', 'HTTPS', 'PROXY', 'HTTP', 'SCTP', 'PROXYV2'))
        drawn = pool(name, 0, protocol, **self._some({'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag,
                    'displayName': lambda: f'{self._text()[:200]} {name}'}))
        drawn['algorithm'] = self._deal('algorithm', ('ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP'))
        drawn['members'] = [self.member(n) for n in self.random.sample(range(10, 30), self.random.randint(0, 3))]
        datagrams = protocol in DATAGRAMS
        persistence = [{'type': 'SOURCE_IP'}]
        if protocol in SUITS['HTTP']:
            persistence += [{'type': 'HTTP_COOKIE'}, {'type': 'APP_COOKIE', 'cookieName': 'sid'}]
        if datagrams:
            persistence = [{'type': 'SOURCE_IP', **self._some({'timeout': lambda: '60s', 'granularity': lambda: '255.255.255.0'}, 0.6)}]
        drawn.update(self._some({'sessionPersistence': lambda: self._deal(f'persistence{len(persistence)}', persistence),
                                'healthMonitor': lambda: self.monitor(datagrams)}, 0.6))
        if not datagrams:
            drawn.update(self._some({'tls': self.pool_tls}))
        with self._apart():
            if self.random.random() < 0.6:
                drawn['memberSources'] = self.sources(protocol)
                drawn.update(self._some({'memberWindow': lambda: '1s', 'drain': lambda: '1s', 'minMembers': lambda: 1}))
        return drawn

    def sources(self, protocol: str) -> list[dict]:
        weighted = self._flag()
        drawn = []
        for n in range(self._deal('number of sources', (1, 2, 1, 3))):
            source = {'name': f's{n}', **self._deal('source', (self._pods, self._node_ports, self._pods, self._nodes))(protocol)}
            if weighted:
                source['weight'] = self._deal('weight', (70, 30, 0, 1))
            source.update(self._some({'backup': self._flag, 'monitorPort': lambda: 9000, 'monitorAddress': lambda: '10.20.1.1',
                                      'subnet': lambda: {'name': 'members-v4'}, 'tags': self._tags}, 0.3))
            drawn.append(source)
        return drawn

    def _pods(self, protocol: str) -> dict:
        return {'service': {**self._service(protocol), 'target': 'PodIP', **self._family()}}

    def _node_ports(self, protocol: str) -> dict:
        return {'service': {**self._service(protocol), 'target': 'NodePort', 'nodeSelector': self._selector(), **self._family(), **self._address_type()}}

    def _nodes(self, _: str) -> dict:
        return {'nodes': {'port': 30900, 'selector': self._selector(), **self._family(), **self._address_type()}}

    def _service(self, protocol: str) -> dict:
        ports = {'UDP': ('dns', 53), 'SCTP': ('sctp', 5060)}.get(protocol, ('http', 80))
        return {'name': self._deal('service', SERVICES), 'port': self._deal('port', ports)}

    def _selector(self) -> dict:
        # The label keeps the nodes of other scenarios out.
        return self._deal('selector', ({'matchLabels': {ROLE: 'web'}}, {'matchExpressions': [{'key': ROLE, 'operator': 'In', 'values': ['web', 'db']}]},
                                       {'matchExpressions': [{'key': ROLE, 'operator': 'Exists'}, {'key': ROLE, 'operator': 'NotIn', 'values': ['db']}]},
                                       {'matchExpressions': [{'key': 'gpu', 'operator': 'DoesNotExist'}, {'key': ROLE, 'operator': 'Exists'}]}))

    def _family(self) -> dict:
        return self._deal('family', ({}, {'family': 'IPv4'}, {}, {'family': 'IPv6'}))

    def _address_type(self) -> dict:
        return self._deal('address type', ({}, {'addressType': 'InternalIP'}, {'addressType': 'ExternalIP'}))

    def pool_tls(self) -> dict:
        authority, revocations = self._trust('ca')
        drawn = self._some({'clientCertificate': lambda: self._pair('client', 'client'), 'ca': lambda: authority, **self._tls_parameters('pool')}, 0.6)
        if 'ca' in drawn:
            drawn.update(self._some({'crl': lambda: revocations}, 0.6))
        return drawn

    def member(self, last: int) -> dict:
        return member(last, **self._some({
            'name': self._text, 'weight': lambda: self.random.choice((0, 1, 256)), 'backup': self._flag, 'adminStateUp': self._flag,
            'monitorPort': lambda: 9000, 'monitorAddress': lambda: '10.20.1.1', 'subnet': lambda: {'name': 'members-v4'}, 'tags': self._tags}, 0.3))

    def monitor(self, datagrams: bool) -> dict:
        kinds = ('UDP-CONNECT', 'SCTP', 'TCP', 'HTTP') if datagrams else ('HTTP', 'HTTPS', 'PING', 'HTTP', 'TCP', 'TLS-HELLO')
        kind = self._deal(f'monitor{datagrams}', kinds)
        drawn = monitor(kind, **self._some({'maxRetriesDown': lambda: 5, 'displayName': self._text, 'adminStateUp': self._flag, 'tags': self._tags}))
        if kind in ('HTTP', 'HTTPS'):
            drawn.update(self._some({'httpMethod': lambda: self._deal('method', METHODS), 'urlPath': lambda: '/x?y=1' if datagrams else '/x?y=1&z=\'2\'',
                                    'expectedCodes': lambda: self.random.choice(('204', '200-204', '200, 202'))}, 0.7))
            drawn.update(self._deal('version', ({}, {'httpVersion': '1.0'}, {'httpVersion': '1.1', 'domainName': 'a.example'}, {'httpVersion': '1.1'})))
        return drawn

    # -- edits
    def _change_pools(self, spec: dict) -> None:
        kept = [p for p in spec['pools'] if self.random.random() < 0.85]
        spec['pools'] = [self._changed(p, self.pool(p['name'], self._sometimes_other(p))) for p in kept]
        fresh = next(f'p{n}' for n in range(20) if f'p{n}' not in {p['name'] for p in spec['pools']})
        if self.random.random() < 0.4:
            spec['pools'].append(self.pool(fresh))

    def _change_listeners(self, spec: dict) -> None:
        kept = [li for li in spec['listeners'] if self.random.random() < 0.85]
        spec['listeners'] = [self._changed(li, self.listener(li['name'], li['port'], spec['pools'], self._sometimes_other(li))) for li in kept]
        if self.random.random() < 0.4 or not kept:
            spec['listeners'].append(self.listener(f'l{self.random.randint(10, 99)}', self.random.randint(9000, 9999), spec['pools']))

    def _change_load_balancer(self, spec: dict) -> None:
        own = spec['loadBalancer']
        fields = {'name': self._text, 'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag, 'floatingIP': self.floating_ip}
        for changed, makers in ((own, fields), (own['vip'], {'qosPolicy': lambda: {'name': 'gold'}, 'securityGroups': lambda: [{'name': 'web'}]})):
            for field, make in makers.items():
                if self._flag():
                    changed.pop(field, None)
                    changed.update(self._some({field: make}))

    def _rename(self, spec: dict) -> None:
        """Renames items, and updates the references to them."""
        new = {p['name']: f"q{p['name']}" for p in spec['pools'] if self._flag()}
        for p in spec['pools']:
            p['name'] = new.get(p['name'], p['name'])
        for li in spec['listeners']:
            if 'defaultPool' in li:
                li['defaultPool'] = new.get(li['defaultPool'], li['defaultPool'])
            for policy in li.get('l7Policies', []):
                if 'redirectPool' in policy:
                    policy['redirectPool'] = new.get(policy['redirectPool'], policy['redirectPool'])
                policy['name'] = f"{policy['name']}x" if self._flag() else policy['name']
            li['name'] = f"{li['name']}x" if self._flag() else li['name']

    def _reorder(self, spec: dict) -> None:
        for items in (spec['pools'], spec['listeners'], *(p['members'] for p in spec['pools']), *(li.get('l7Policies', []) for li in spec['listeners'])):
            self.random.shuffle(items)
        ports = [li['port'] for li in spec['listeners']]
        for li, port in zip(spec['listeners'], reversed(ports)):
            li['port'] = port

    def _changed(self, old: dict, new: dict) -> dict:
        """Takes some fields of the new item; all of them where the protocol changes."""
        if new['protocol'] != old['protocol']:
            return new
        fields = old.keys() | new.keys()
        taken = {field for field in sorted(fields - SOURCED) if self._flag()}
        with self._apart():
            taken |= {field for field in sorted(fields & SOURCED) if self._flag()}
        return {**{f: v for f, v in old.items() if f not in taken}, **{f: v for f, v in new.items() if f in taken or f in ('name', 'protocol', 'algorithm')}}

    def _sometimes_other(self, entry: dict) -> str | None:
        return None if self.random.random() < 0.15 else entry['protocol']

    def _make_valid(self, spec: dict) -> None:
        """Makes a stack valid by the rules."""
        known = {p['name']: p['protocol'] for p in spec['pools']}
        taken: set[tuple[int, str]] = set()
        for li in list(spec['listeners']):
            place = (li['port'], li['protocol'] if li['protocol'] in DATAGRAMS else 'TCP')
            if place in taken:
                spec['listeners'].remove(li)
            taken.add(place)
            if known.get(li.get('defaultPool')) not in SUITS[li['protocol']]:
                li.pop('defaultPool', None)
            if 'l7Policies' in li:
                li['l7Policies'] = [p for p in li['l7Policies'] if 'redirectPool' not in p or known.get(p['redirectPool']) in SUITS['HTTP']]
            if spec['loadBalancer']['vip'].get('securityGroups'):
                li.pop('allowedCIDRs', None)
        two_families = any('v6' in more['subnet']['name'] for more in spec['loadBalancer']['vip'].get('additional', ()))
        for p in spec['pools']:
            _make_pool_valid(p, two_families)
        for li in spec['listeners']:
            _make_listener_valid(li, {p['name']: p for p in spec['pools']})

    # -- parts
    @contextmanager
    def _apart(self) -> Iterator[None]:
        """Draws of member sources, which leave the sequence of all others as it is."""
        self.random, self.of_sources = self.of_sources, self.random
        yield
        self.random, self.of_sources = self.of_sources, self.random

    def _pair(self, deck: str, host: str) -> dict:
        """A certificate: in Barbican, or in a Secret."""
        keys = {'certificate': 'tls.crt', 'privateKey': 'tls.key'}
        return self._deal(f'pair of {deck}', (_secret(host), {'secretRef': {'name': PAIRS[0]}}, {'secretRef': {'name': PAIRS[1], 'keys': keys}}))

    def _trust(self, deck: str) -> tuple[dict, dict]:
        """An authority and its revocation list: in Barbican, in a Secret, or in a ConfigMap."""
        def both(place: str, **keys) -> tuple[dict, dict]:
            ca, crl = ({'key': keys[k]} if keys else {} for k in ('ca', 'crl'))
            return {place: {'name': TRUST, **ca}}, {place: {'name': TRUST, **crl}}
        keys = {'ca': 'ca.crt', 'crl': 'ca.crl'}
        return self._deal(f'trust of {deck}', ((_secret('ca'), _secret('crl')), both('secretRef'), both('configMapRef', **keys), both('secretRef', **keys)))

    def _tls_parameters(self, of: str) -> dict:
        return {'versions': lambda: self._versions(of),
                'alpnProtocols': lambda: self._deal_some(f'alpn of {of}', ALPN, 2),
                # Ciphers for each version.
                'ciphers': lambda: 'TLS_AES_128_GCM_SHA256:ECDHE-RSA-AES128-GCM-SHA256'}

    def _versions(self, of: str) -> list:
        # haproxy rejects a listener that offers old versions alone, and so the whole load balancer fails.
        some = self._deal_some(f'versions of {of}', TLS_VERSIONS, 3)
        some = some if {'TLSv1.2', 'TLSv1.3'} & set(some) else [*some, 'TLSv1.2']
        if of == 'pool':
            # The amphora also speaks the versions between two that are listed.
            places = sorted(EVERY_TLS_VERSION.index(version) for version in some)
            some += [version for version in EVERY_TLS_VERSION[places[0]:places[-1]] if version not in some]
        return some

    def _deal(self, deck: str, options):
        """The next option of a deck in turn, so that a few stacks use all of them; the seed chooses the first."""
        at = self.turns.get(deck, self.seed)
        self.turns[deck] = at + 1
        return copy.deepcopy(options[at % len(options)])

    def _deal_some(self, deck: str, options, most: int) -> list:
        return list(dict.fromkeys(self._deal(deck, options) for _ in range(self.random.randint(1, most))))

    def _some(self, fields: dict, chance: float = 0.4) -> dict:
        """A random selection of these fields, each with the value that its function makes."""
        return {f: make() for f, make in fields.items() if self.random.random() < chance}

    def _text(self) -> str:
        return self.random.choice(TEXTS)

    def _tags(self) -> list[str]:
        return self.random.sample(TAGS, self.random.randint(1, 2))

    def _flag(self) -> bool:
        return self.random.random() < 0.5


def _make_pool_valid(p: dict, two_families: bool) -> None:
    """Removes settings that the amphora does not apply (docs/reference/fields.md)."""
    kind = p.get('healthMonitor', {}).get('type')
    sources = p.get('memberSources', [])
    for source in sources:
        _make_source_valid(source, p, two_families)
    if not sources:
        _drop(p, 'memberWindow', 'drain', 'minMembers')
    if kind is None or not any(s.get('service', {}).get('target') == 'PodIP' for s in sources):
        _drop(p, 'minMembers')
    for standby in (False, True):
        group = [s for s in sources if s.get('backup', False) == standby]
        if not all('weight' in s for s in group):
            for source in group:
                _drop(source, 'weight')
    for m in [*p['members'], *sources]:
        if kind in (None, 'PING'):
            _drop(m, 'monitorAddress', 'monitorPort')
        if p['protocol'] in DATAGRAMS:
            _drop(m, 'backup')
            if p['algorithm'] == 'LEAST_CONNECTIONS' and m.get('weight'):
                m['weight'] = 1
    if p['protocol'] in DATAGRAMS:
        if kind == 'HTTP':
            _drop(p['healthMonitor'], 'httpMethod', 'httpVersion', 'domainName')
            p['healthMonitor']['expectedCodes'] = '204'
        if two_families:
            _drop(p.get('sessionPersistence', {}), 'granularity')


def _make_source_valid(source: dict, p: dict, two_families: bool) -> None:
    place = source.get('service') or source['nodes']
    datagrams = p['protocol'] in DATAGRAMS
    if 'service' in source:
        # The protocol of a pool may have changed.
        ports = {'UDP': ('dns', 53), 'SCTP': ('sctp', 5060)}.get(p['protocol'], ('http', 80))
        place['port'] = ports[isinstance(place['port'], int)]
    if datagrams:
        _drop(source, 'backup')
        if p['algorithm'] == 'LEAST_CONNECTIONS':
            _drop(source, 'weight')
        if not two_families and place.get('family') == 'IPv6':
            _drop(place, 'family')
    if place.get('family') != 'IPv4':
        _drop(source, 'subnet')     # the subnet is of IPv4


def _make_listener_valid(li: dict, pools: dict[str, dict]) -> None:
    protocol, timeouts = li['protocol'], li.get('timeouts', {})
    if protocol in DATAGRAMS:
        _drop(li, 'timeouts')
    elif protocol == 'PROMETHEUS':
        _drop(timeouts, 'memberConnect', 'memberData')
    reads_no_http = protocol in ('TCP', 'HTTPS')
    default = pools.get(li.get('defaultPool'), {})
    if reads_no_http and default.get('protocol') in ('PROXY', 'PROXYV2') and default.get('sessionPersistence', {'type': 'SOURCE_IP'})['type'] != 'SOURCE_IP':
        _drop(li, 'defaultPool')
    tls = li.get('tls', {})
    asks_for_certificate = 'clientCA' in tls and tls.get('clientAuthentication') != 'NONE'
    served = [pools[name]['protocol'] for name in (li.get('defaultPool'), *(p.get('redirectPool') for p in li.get('l7Policies', []))) if name in pools]
    useless = [*(() if asks_for_certificate else CLIENT_HEADERS), *(HEADERS[:2] if served and 'HTTP' not in served else ())]
    if 'insertHeaders' in li:
        li['insertHeaders'] = [h for h in li['insertHeaders'] if h not in useless]
    for policy in li.get('l7Policies', []):
        policy['rules'] = [r for r in policy['rules'] if asks_for_certificate or not r['type'].startswith('SSL_')]
        if not any(r.get('adminStateUp', True) for r in policy['rules']):
            policy['adminStateUp'] = False


def _drop(of: dict, *fields: str) -> None:
    for field in fields:
        of.pop(field, None)


def _secret(host: str) -> dict:
    """A placeholder that `Scenario.with_certificates` replaces."""
    return {'barbicanRef': f'https://barbican.example/v1/secrets/{host}'}
