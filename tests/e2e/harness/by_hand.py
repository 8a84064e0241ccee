"""Load balancers that another client makes with openstacksdk: random ones, and those of other tools' documentation."""
from contextlib import contextmanager
from random import Random
from typing import Iterator

from .cloud import Cloud
from .kube import Rejected

SUITS = {'HTTP': ('HTTP', 'PROXY', 'PROXYV2'), 'TERMINATED_HTTPS': ('HTTP', 'PROXY'), 'TCP': ('TCP', 'HTTP', 'HTTPS', 'PROXY'),
         'HTTPS': ('TCP', 'HTTPS', 'PROXY'), 'UDP': ('UDP',), 'SCTP': ('SCTP',), 'PROMETHEUS': ()}
NAMES = ('', 'web', 'Web Front (http)', 'web_front', 'ünï ✓', 'a' * 80, '-', 'kube')
TAGS = ('prod', 'team=shop', 'Prod 2', 'a/b', 'ünï')
RULES = ({'type': 'PATH', 'compare_type': 'STARTS_WITH', 'value': '/api'}, {'type': 'PATH', 'compare_type': 'EQUAL_TO', 'value': '/a\\x26b'},
         {'type': 'HOST_NAME', 'compare_type': 'REGEX', 'value': r'^(www\.)?shop\.example$'},
         {'type': 'FILE_TYPE', 'compare_type': 'EQUAL_TO', 'value': 'jpg'}, {'type': 'COOKIE', 'compare_type': 'CONTAINS', 'key': 'sid', 'value': '7'},
         {'type': 'HEADER', 'compare_type': 'ENDS_WITH', 'key': 'X-Who', 'value': 'me', 'invert': True})
HEADERS = ('X-Forwarded-For', 'X-Forwarded-Port', 'X-Forwarded-Proto')


def make(cloud: Cloud, body: dict, subnet: str = 'tenant-v4') -> str:
    """Creates a load balancer with everything under it and returns its id."""
    return cloud.octavia.create_load_balancer(vip_subnet_id=cloud.id_of('subnet', subnet), **body).id


@contextmanager
def made(t, *bodies: dict) -> Iterator[list[str]]:
    """The load balancers of these bodies, ACTIVE. At the end of the block all stacks of the scenario are deleted, and each load
    balancer that none of them has taken."""
    ids: list[str] = []
    try:
        ids += [make(t.cloud, body) for body in bodies]
        for lb_id in ids:
            t.cloud.active(lb_id, timeout=180)
        yield ids
    except BaseException:
        t.keep_evidence()
        raise
    finally:
        try:
            t.kube.kubectl('delete', 'loadbalancerstacks', '--all', '-n', t.namespace, '--timeout', '300s')
        except Rejected:
            pass    # the scenario's own end tries again, and reports it
        for lb_id in ids:
            t.cloud.delete_load_balancer(lb_id)


def states_apart(tree):
    """The same tree without states, times, and the tags that the owner writes."""
    if isinstance(tree, list):
        return [states_apart(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    kept = {k: states_apart(v) for k, v in tree.items() if not k.endswith(('_status', '_at'))}
    if 'tags' in kept:
        kept['tags'] = sorted(tag for tag in kept['tags'] if not tag.startswith('evenkeel:'))
    return kept


class Hand:
    """Draws bodies of the single-call create from a seed. Octavia accepts each of them."""

    def __init__(self, seed: int, certificates):
        self.random, self.seed, self.certificates = Random(f'by hand {seed}'), seed, certificates

    def load_balancer(self) -> dict:
        """A load balancer with its name, listeners and pools."""
        pools = [self.pool(n) for n in range(self.random.choice((0, 1, 2, 3)))]
        ports = self.random.sample(range(80, 9000), self.random.choice((0, 1, 1, 2, 3)))
        return {'name': self._one(NAMES), 'pools': pools, 'listeners': [self.listener(port, pools) for port in ports], **self._labels(), **self._some(
            admin_state_up=False, description='made by hand')}

    def listener(self, port: int, pools: list[dict]) -> dict:
        protocol = self._one(('HTTP', 'HTTP', *SUITS))
        suitable = [{'name': p['name']} for p in pools if p['protocol'] in SUITS[protocol]]
        drawn = {'name': self._one(NAMES), 'protocol': protocol, 'protocol_port': port, **self._labels(), **self._some(
            admin_state_up=False, description='ünï "x"', connection_limit=20_000, allowed_cidrs=['10.0.0.0/8', '192.0.2.0/24'])}
        if protocol not in ('UDP', 'SCTP', 'PROMETHEUS'):
            drawn.update(self._some(timeout_client_data=61_500, timeout_member_data=1_000))
        if suitable and self._flag(0.8):
            drawn['default_pool'] = self._one(suitable)
        if protocol in ('HTTP', 'TERMINATED_HTTPS'):
            # X-Forwarded-For and -Port do not reach members of PROXY pools.
            headers = HEADERS if all(p['protocol'] == 'HTTP' for p in pools) else HEADERS[2:]
            drawn.update(self._some(insert_headers={h: 'true' for h in headers}))
            drawn['l7policies'] = [self.policy(n, suitable) for n in range(1, self.random.choice((1, 1, 2, 3)))]
        if protocol == 'TERMINATED_HTTPS':
            drawn.update(default_tls_container_ref=self.certificates.certificate('hand.example'), **self._some(
                sni_container_refs=[self.certificates.certificate('sni.example')], hsts_max_age=3600,
                tls_versions=['TLSv1.2', 'TLSv1.3'], alpn_protocols=['h2', 'http/1.1']))
        return drawn

    def policy(self, position: int, pools: list[dict]) -> dict:
        actions = [{'action': 'REJECT'}, {'action': 'REDIRECT_TO_URL', 'redirect_url': 'https://new.example/x?y=1'},
                   {'action': 'REDIRECT_PREFIX', 'redirect_prefix': 'http://new.example', 'redirect_http_code': 308}]
        actions += [{'action': 'REDIRECT_TO_POOL', 'redirect_pool': pool} for pool in pools]
        return {'name': self._one(NAMES), 'position': position, **self._one(actions), **self._labels(), **self._some(admin_state_up=False),
                'rules': [{**self._one(RULES), **self._labels()} for _ in range(self.random.choice((1, 1, 2)))]}

    def pool(self, number: int) -> dict:
        protocol = self._one(('HTTP', 'HTTP', 'TCP', 'HTTPS', 'UDP', 'SCTP', 'PROXY', 'PROXYV2'))
        # Listeners refer to a pool by its name.
        monitor = self.monitor(protocol in ('UDP', 'SCTP')) if self._flag(0.6) else None
        algorithm = self._one(('ROUND_ROBIN', 'LEAST_CONNECTIONS', 'SOURCE_IP'))
        drawn = {'name': f'{self._one(NAMES)} {number}'.strip(), 'protocol': protocol, 'lb_algorithm': algorithm, **self._labels(),
                 **self._some(admin_state_up=False, description='pool'), **({'healthmonitor': monitor} if monitor else {}),
                 'members': [self.member(last, protocol, algorithm, monitor) for last in self.random.sample(range(10, 30), self.random.randint(0, 3))]}
        if protocol in ('HTTP', 'PROXY'):
            drawn.update(self._some(session_persistence={'type': 'APP_COOKIE', 'cookie_name': 'sid'}, tls_enabled=True))
            if 'tls_enabled' in drawn:
                # Octavia answers 500 to a single-call create whose pool has TLS without them (octavia/db/prepare.py).
                drawn.update(tls_ciphers='ECDHE-RSA-AES128-GCM-SHA256', tls_versions=['TLSv1.2', 'TLSv1.3'], alpn_protocols=['http/1.1'])
        if protocol in ('UDP', 'SCTP'):
            drawn.update(self._some(session_persistence={'type': 'SOURCE_IP', 'persistence_timeout': 60, 'persistence_granularity': '255.255.255.0'}))
        return drawn

    def member(self, last: int, protocol: str, algorithm: str, monitor: dict | None) -> dict:
        """A member whose fields all have an effect in its pool."""
        drawn = {'address': f'10.20.0.{last}', 'protocol_port': 8080, 'name': self._one(NAMES), **self._labels(), **self._some(
            admin_state_up=False, subnet_id=self.certificates.cloud.id_of('subnet', 'members-v4'))}
        if monitor and monitor['type'] != 'PING':
            drawn.update(self._some(monitor_port=9000, monitor_address='10.20.1.1'))
        if protocol not in ('UDP', 'SCTP'):
            drawn.update(self._some(backup=True))
        if protocol not in ('UDP', 'SCTP') or algorithm != 'LEAST_CONNECTIONS':
            drawn.update(self._some(weight=self._one((0, 5, 256))))
        return drawn

    def monitor(self, datagrams: bool) -> dict:
        kind = self._one(('UDP-CONNECT', 'TCP') if datagrams else ('HTTP', 'HTTPS', 'TCP', 'PING', 'TLS-HELLO'))
        drawn = {'type': kind, 'delay': 10, 'timeout': 5, 'max_retries': 3, 'name': self._one(NAMES), **self._labels(), **self._some(
            max_retries_down=5, admin_state_up=False)}
        if kind in ('HTTP', 'HTTPS'):
            drawn.update(self._some(http_method='HEAD', url_path='/healthz?a=1', expected_codes='200-204'))
            drawn.update(self._some(http_version=1.1, domain_name='shop.example'))
        return drawn

    # -- dice
    def _labels(self) -> dict:
        """Tags of another client, among them some that a stack cannot have."""
        return self._some(tags=self.random.sample(TAGS, 2))

    def _some(self, **fields) -> dict:
        kept = {key: value for key, value in fields.items() if self._flag()}
        if 'domain_name' in kept:
            kept['http_version'] = 1.1      # Octavia demands it
        return kept

    def _one(self, choices):
        return self.random.choice(choices)

    def _flag(self, chance: float = 0.3) -> bool:
        return self.random.random() < chance
