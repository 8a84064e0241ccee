"""Random stacks that the rules allow, and random edits of them. One seed gives one sequence."""
from random import Random

from .stacks import listener, member, monitor, pool, stack

# listener protocol: pool protocols that suit it
SUITS = {'TCP': ('TCP', 'HTTP', 'HTTPS', 'PROXY', 'PROXYV2'), 'HTTP': ('HTTP', 'PROXY', 'PROXYV2'), 'HTTPS': ('TCP', 'HTTPS', 'PROXY'),
         'UDP': ('UDP',), 'SCTP': ('SCTP',)}
TEXTS = ('plain', 'with "quotes" and \\', 'Ünïcode ✓', "it's <b>", 'x' * 255)
TAGS = ('a', 'team=shop', 'Prod', 'ünï', 'with blank')


class Generator:
    def __init__(self, seed: int):
        self.random = Random(seed)

    def stack(self, name: str) -> dict:
        pools = [self.pool(f'p{n}') for n in range(self.random.randint(0, 4))]
        made = stack(name, [], pools, self._some({
            'name': self._text, 'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag}),
            resyncPeriod='10s', disruptionPolicy='Allow')
        made['spec']['listeners'] = self.listeners(pools)
        return made

    def edit(self, spec: dict) -> None:
        """Anything, or everything at once."""
        changes = [self._change_pools, self._change_listeners, self._change_load_balancer]
        for change in self.random.sample(changes, self.random.randint(1, len(changes))):
            change(spec)
        known = {p['name']: p for p in spec['pools']}
        for li in spec['listeners']:
            if li.get('defaultPool') and not self._suits(li, known.get(li['defaultPool'])):
                li.pop('defaultPool')
            li['l7Policies'] = [p for p in li.get('l7Policies', []) if 'redirectPool' not in p or self._redirects_to(known.get(p['redirectPool']))]

    # -- listeners
    def listeners(self, pools: list[dict]) -> list[dict]:
        ports = self.random.sample(range(80, 9000), self.random.randint(0, 4))
        return [self.listener(f'l{n}', port, pools) for n, port in enumerate(ports)]

    def listener(self, name: str, port: int, pools: list[dict]) -> dict:
        made = listener(name, port, self.random.choice(list(SUITS)), **self._some({
            'displayName': self._text, 'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag,
            'connectionLimit': lambda: self.random.choice((-1, 1, 20000)),
            'allowedCIDRs': lambda: self.random.sample(['192.0.2.0/24', '10.0.0.0/8', '198.51.100.7/32'], self.random.randint(1, 3)),
            'timeouts': lambda: {'clientData': self.random.choice(('1s', '1m30s', '250ms'))}}))
        suitable = [p['name'] for p in pools if self._suits(made, p)]
        if suitable and self.random.random() < 0.8:
            made['defaultPool'] = self.random.choice(suitable)
        if made['protocol'] == 'HTTP':
            made.update(self._some({'insertHeaders': lambda: ['X-Forwarded-For', 'X-Forwarded-Proto']}))
            made['l7Policies'] = [self.policy(f'r{n}', pools) for n in range(self.random.randint(0, 4))]
        return made

    def policy(self, name: str, pools: list[dict]) -> dict:
        targets = [p['name'] for p in pools if self._redirects_to(p)]
        actions = [{'action': 'REJECT'}, {'action': 'REDIRECT_TO_URL', 'redirectURL': 'https://new.example/x?y=1'},
                   {'action': 'REDIRECT_PREFIX', 'redirectPrefix': 'http://new.example', 'redirectHTTPCode': 308}]
        actions += [{'action': 'REDIRECT_TO_POOL', 'redirectPool': t} for t in targets]
        return {'name': name, **self.random.choice(actions), **self._some({'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag}),
                'rules': [self.rule() for _ in range(self.random.randint(0, 3))]}

    def rule(self) -> dict:
        made = self.random.choice([
            {'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': '/api'}, {'type': 'HOST_NAME', 'compareType': 'EQUAL_TO', 'value': 'a.example'},
            {'type': 'FILE_TYPE', 'compareType': 'EQUAL_TO', 'value': 'jpg'}, {'type': 'PATH', 'compareType': 'REGEX', 'value': '^/[a-z]+ x$'},
            {'type': 'HEADER', 'compareType': 'CONTAINS', 'key': 'X-Who', 'value': 'me'}, {'type': 'COOKIE', 'compareType': 'ENDS_WITH', 'key': 'sid', 'value': '7'}])
        return {**made, **self._some({'invert': self._flag, 'adminStateUp': self._flag, 'tags': self._tags})}

    # -- pools
    def pool(self, name: str) -> dict:
        protocol = self.random.choice(('HTTP', 'HTTP', 'TCP', 'HTTPS', 'PROXY', 'PROXYV2', 'UDP', 'SCTP'))
        made = pool(name, 0, protocol, **self._some({'description': self._text, 'tags': self._tags, 'adminStateUp': self._flag}))
        made['algorithm'] = self.random.choice(('ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP'))
        made['members'] = [self.member(n) for n in self.random.sample(range(10, 200), self.random.randint(0, 6))]
        persistence = [{'type': 'SOURCE_IP'}]
        if protocol == 'HTTP':
            persistence += [{'type': 'HTTP_COOKIE'}, {'type': 'APP_COOKIE', 'cookieName': 'sid'}]
        if protocol in ('UDP', 'SCTP'):
            persistence += [{'type': 'SOURCE_IP', 'timeout': '60s', 'granularity': '255.255.255.0'}]
        made.update(self._some({'sessionPersistence': lambda: self.random.choice(persistence), 'healthMonitor': lambda: self.monitor(protocol)}))
        if protocol == 'HTTP':
            made.update(self._some({'tls': lambda: {'versions': ['TLSv1.3'], 'ciphers': 'TLS_AES_128_GCM_SHA256', 'alpnProtocols': ['http/1.1']}}))
        return made

    def member(self, last: int) -> dict:
        return member(last, **self._some({
            'name': self._text, 'weight': lambda: self.random.choice((0, 1, 256)), 'backup': self._flag, 'adminStateUp': self._flag,
            'monitorPort': lambda: 9000, 'monitorAddress': lambda: '10.20.1.1', 'subnet': lambda: {'name': 'members-v4'}, 'tags': self._tags}))

    def monitor(self, protocol: str) -> dict:
        datagrams = protocol in ('UDP', 'SCTP')
        kind = self.random.choice(('UDP-CONNECT', 'TCP') if datagrams else ('HTTP', 'HTTPS', 'PING', 'TCP', 'TLS-HELLO'))
        made = monitor(kind, **self._some({'maxRetriesDown': lambda: 5, 'displayName': self._text, 'adminStateUp': self._flag, 'tags': self._tags}))
        if kind in ('HTTP', 'HTTPS'):
            made.update(self._some({'httpMethod': lambda: 'HEAD', 'urlPath': lambda: '/x?y=1', 'expectedCodes': lambda: '200-204'}))
        return made

    # -- edits
    def _change_pools(self, spec: dict) -> None:
        kept = [p for p in spec['pools'] if self.random.random() < 0.8]
        spec['pools'] = [self.pool(p['name']) if self.random.random() < 0.5 else p for p in kept]
        fresh = next(f'p{n}' for n in range(20) if f'p{n}' not in {p['name'] for p in spec['pools']})
        if self.random.random() < 0.5:
            spec['pools'].append(self.pool(fresh))

    def _change_listeners(self, spec: dict) -> None:
        if self.random.random() < 0.3:
            spec['listeners'] = self.listeners(spec['pools'])
        for li in spec['listeners']:
            self.random.shuffle(li.get('l7Policies', []))
            if self.random.random() < 0.5:
                li['description'] = self._text()

    def _change_load_balancer(self, spec: dict) -> None:
        spec['loadBalancer'].update(self._some({'name': self._text, 'tags': self._tags, 'adminStateUp': self._flag}))

    # -- parts
    def _some(self, fields: dict) -> dict:
        return {f: make() for f, make in fields.items() if self.random.random() < 0.4}

    def _text(self) -> str:
        return self.random.choice(TEXTS)

    def _tags(self) -> list[str]:
        return self.random.sample(TAGS, self.random.randint(1, len(TAGS)))

    def _flag(self) -> bool:
        return self.random.random() < 0.5

    def _suits(self, li: dict, p: dict | None) -> bool:
        return p is not None and p['protocol'] in SUITS[li['protocol']]

    def _redirects_to(self, p: dict | None) -> bool:
        return p is not None and p['protocol'] in ('HTTP', 'PROXY', 'PROXYV2')
