"""Comparison of a stack with the cloud: every field of every object, defaults included.

It is written from the description of the resource and from Octavia's API, not from the controller. A field that the stack
leaves open is expected to have Octavia's own default. A field that Octavia returns and the judge does not know is a
difference too, so that no new field goes unnoticed.
"""
import re
from ipaddress import ip_address, ip_network

from octavia.common import constants as octavia

from . import spelling
from .cloud import Cloud
from .endpoints import Sources
from .stored import Contents

ANY = object()
# Set by the server; states are judged separately.
KEPT = {'id', 'created_at', 'updated_at', 'project_id', 'tenant_id', 'operating_status', 'provisioning_status'}
UNITS = {'h': 3600, 'm': 60, 's': 1, 'ms': 0.001}
FILLED_TLS = {'versions': ['TLSv1.2', 'TLSv1.3'], 'ciphers': octavia.CIPHERS_OWASP_SUITE_B,
              'alpn': ['h2', 'http/1.1', 'http/1.0']}


class Either:
    """Two accepted values. Pools have Octavia's TLS defaults only if they were created with TLS, or had other values that
    were reset."""

    def __init__(self, *values):
        self.values = values

    def __eq__(self, other):
        return other in self.values

    def __repr__(self):
        return ' or '.join(map(repr, self.values))


def seconds(duration: str) -> float:
    return sum(float(n) * UNITS[unit] for n, unit in re.findall(r'(\d+(?:\.\d+)?)(ms|h|m|s)', duration))


class Judge:
    """Compares one stack with the cloud; `differences` is empty for a match."""

    def __init__(self, cloud: Cloud, stack: dict, cluster: str, contents: Contents):
        self.cloud, self.stack, self.spec, self.contents = cloud, stack, stack['spec'], contents
        self.meta, self.cluster = stack['metadata'], cluster
        self.sources = Sources(contents.kube, contents.namespace)
        self.differences: list[str] = []

    def compare(self, lb_id: str) -> list[str]:
        tree = self.cloud.tree(lb_id)
        self.pool_names = {p['id']: p['name'] for p in tree['pools']}
        self._load_balancer(tree)
        self._children('listener', tree['listeners'], self.spec.get('listeners') or [], self._listener)
        self._children('pool', tree['pools'], self.spec.get('pools') or [], self._pool)
        self._floating_ip(tree)
        self._status(tree)
        return self.differences

    # -- one method for each kind of object
    def _load_balancer(self, lb: dict) -> None:
        want, vip = self.spec.get('loadBalancer') or {}, (self.spec.get('loadBalancer') or {}).get('vip') or {}
        where = 'load balancer'
        owner = {f"evenkeel:uid={self.meta['uid']}", f'evenkeel:cluster={self.cluster}',
                 f"evenkeel:namespace={self.meta['namespace']}", f"evenkeel:name={self.meta['name']}"}
        if missing := owner - set(lb['tags']):
            self._differs(f'{where}: tags {sorted(missing)} are missing')
        self._fields(where, lb, {
            'name': want.get('name') or f"{self.meta['namespace']}/{self.meta['name']}",
            'description': want.get('description', ''),
            'admin_state_up': want.get('adminStateUp', True),
            'provider': want.get('provider', ANY),
            'flavor_id': self._id('flavor', want.get('flavor')),
            'availability_zone': want.get('availabilityZone'),
            'vip_subnet_id': self._id('subnet', vip.get('subnet'), ANY),
            'vip_network_id': self._id('network', vip.get('network'), ANY),
            'vip_port_id': self._id('port', vip.get('port'), ANY),
            'vip_address': vip.get('address', ANY),
            'vip_qos_policy_id': self._id('qos_policy', vip.get('qosPolicy')),
            'vip_vnic_type': 'normal',
        }, judged_apart={'tags', 'listeners', 'pools', 'additional_vips', 'vip_sg_ids'})
        self._tags(where, lb, want)
        self._same(f'{where}: vip_sg_ids', set(lb['vip_sg_ids']), {self._id('security_group', g) for g in vip.get('securityGroups') or []})
        wanted = {self._id('subnet', a['subnet']): a.get('address') for a in vip.get('additional') or []}
        seen = {a['subnet_id']: a['ip_address'] for a in lb['additional_vips']}
        self._same(f'{where}: additional_vips', set(seen), set(wanted))
        for subnet, address in wanted.items():
            self._same(f'{where}: additional VIP of {subnet}', seen.get(subnet), address or seen.get(subnet))

    def _listener(self, where: str, got: dict, want: dict) -> None:
        tls, hsts, timeouts = want.get('tls'), (want.get('tls') or {}).get('hsts'), want.get('timeouts') or {}
        terminated = want['protocol'] == 'TERMINATED_HTTPS'
        self._fields(where, got, {
            'name': want.get('displayName') or want['name'],
            'protocol': want['protocol'],
            'protocol_port': want['port'],
            'description': want.get('description', ''),
            'admin_state_up': want.get('adminStateUp', True),
            'connection_limit': want.get('connectionLimit', -1),
            'insert_headers': {h: 'true' for h in want.get('insertHeaders') or []},
            'timeout_client_data': 1000 * seconds(timeouts.get('clientData', '50s')),
            'timeout_member_connect': 1000 * seconds(timeouts.get('memberConnect', '5s')),
            'timeout_member_data': 1000 * seconds(timeouts.get('memberData', '50s')),
            'timeout_tcp_inspect': 1000 * seconds(timeouts.get('tcpInspect', '0s')),
            'default_tls_container_ref': self._ref(tls, 'certificate'),
            'client_ca_tls_container_ref': self._ref(tls, 'clientCA'),
            'client_crl_container_ref': self._ref(tls, 'clientCRL'),
            'client_authentication': (tls or {}).get('clientAuthentication', 'NONE'),
            'hsts_max_age': seconds(hsts['maxAge']) if hsts else None,
            'hsts_include_subdomains': (hsts or {}).get('includeSubdomains', False),
            'hsts_preload': (hsts or {}).get('preload', False),
            **self._tls_parameters(tls, want['protocol']),
        }, judged_apart={'tags', 'default_pool_id', 'allowed_cidrs', 'sni_container_refs', 'l7policies', 'loadbalancers', 'tls_versions'})
        self._tags(where, got, want, key=want['name'])
        self._versions(where, got, tls, filled=terminated, maybe=want['protocol'] == 'PROMETHEUS')
        self._same(f'{where}: default pool', self.pool_names.get(got['default_pool_id']), self._pool_name(want.get('defaultPool')))
        self._same(f'{where}: allowed_cidrs', {ip_network(c) for c in got['allowed_cidrs'] or []},
                   {ip_network(c) for c in want.get('allowedCIDRs') or []})
        self._sni(where, got['sni_container_refs'], [self.contents.of('sniCertificates', c) for c in (tls or {}).get('sniCertificates') or []])
        policies = want.get('l7Policies') or []
        if self._same(f'{where}: policies', [p['name'] for p in got['l7policies']], [p.get('displayName') or p['name'] for p in policies]):
            for position, (seen, policy) in enumerate(zip(got['l7policies'], policies), 1):
                self._policy(f"{where} policy {policy['name']}", seen, policy, position)

    def _policy(self, where: str, got: dict, want: dict, position: int) -> None:
        to_url = want['action'] in ('REDIRECT_TO_URL', 'REDIRECT_PREFIX')
        self._fields(where, got, {
            'name': want.get('displayName') or want['name'],
            'description': want.get('description', ''),
            'admin_state_up': want.get('adminStateUp', True),
            'action': want['action'],
            'position': position,
            'redirect_url': spelling.argument(want.get('redirectURL')),
            'redirect_prefix': spelling.argument(want.get('redirectPrefix')),
            'redirect_http_code': want.get('redirectHTTPCode', 302) if to_url else None,
        }, judged_apart={'tags', 'rules', 'redirect_pool_id', 'listener_id'})
        self._tags(where, got, want, key=want['name'])
        self._same(f'{where}: redirect pool', self.pool_names.get(got['redirect_pool_id']), self._pool_name(want.get('redirectPool')))
        rules = sorted(map(rule_fields, want.get('rules') or []), key=str)
        self._same(f'{where}: rules', sorted(map(seen_rule_fields, got['rules']), key=str), rules)
        self._states(f'{where} rules', got['rules'])

    def _pool(self, where: str, got: dict, want: dict) -> None:
        tls, persistence = want.get('tls'), want.get('sessionPersistence')
        self._fields(where, got, {
            'name': want.get('displayName') or want['name'],
            'protocol': want['protocol'],
            'lb_algorithm': want.get('algorithm', 'ROUND_ROBIN'),
            'description': want.get('description', ''),
            'admin_state_up': want.get('adminStateUp', True),
            'session_persistence': persistence and {
                'type': persistence['type'], 'cookie_name': persistence.get('cookieName'),
                'persistence_timeout': int(seconds(persistence['timeout'])) if 'timeout' in persistence else None,
                'persistence_granularity': persistence.get('granularity')},
            'tls_enabled': tls is not None,
            'tls_container_ref': self._ref(tls, 'clientCertificate'),
            'ca_tls_container_ref': self._ref(tls, 'ca'),
            'crl_container_ref': self._ref(tls, 'crl'),
            'tls_ciphers': (tls or {}).get('ciphers', Either(None, FILLED_TLS['ciphers'])),
            'alpn_protocols': (tls or {}).get('alpnProtocols', Either(None, FILLED_TLS['alpn'])),
        }, judged_apart={'tags', 'members', 'healthmonitor', 'healthmonitor_id', 'listeners', 'loadbalancers', 'tls_versions'})
        self._tags(where, got, want, key=want['name'])
        versions = (tls or {}).get('versions')
        self._same(f'{where}: tls_versions', got['tls_versions'] and set(got['tls_versions']),
                   set(versions) if versions else Either(None, set(FILLED_TLS['versions'])))
        self._monitor(where, got['healthmonitor'], want.get('healthMonitor'), want)
        vip = (self.spec.get('loadBalancer') or {}).get('vip') or {}
        has_ipv6 = any('v6' in more['subnet'].get('name', '') for more in vip.get('additional') or [])
        members = {(ip_address(m['address']), m['port']): m for m in self.sources.members(want, has_ipv6)}
        seen = {(ip_address(m['address']), m['protocol_port']): m for m in got['members']}
        if self._same(f'{where}: members', set(seen), set(members)):
            for key, member in members.items():
                self._member(f'{where} member {key[0]}:{key[1]}', seen[key], member)

    def _monitor(self, where: str, got: dict | None, want: dict | None, pool: dict) -> None:
        where += ' monitor'
        if not self._same(f'{where} exists', got is not None, want is not None) or want is None:
            return
        http = want['type'] in ('HTTP', 'HTTPS')
        self._fields(where, got, {
            'name': want.get('displayName') or pool['name'],
            'type': want['type'],
            'delay': seconds(want['delay']),
            'timeout': seconds(want['timeout']),
            'max_retries': want.get('maxRetries', 3),
            'max_retries_down': want.get('maxRetriesDown', 3),
            'http_method': want.get('httpMethod', 'GET') if http else None,
            'url_path': spelling.argument(want.get('urlPath', '/')) if http else None,
            'expected_codes': want.get('expectedCodes', '200').replace(' ', '') if http else None,
            'http_version': float(want['httpVersion']) if 'httpVersion' in want else None,
            'domain_name': want.get('domainName'),
            'admin_state_up': want.get('adminStateUp', True),
        }, judged_apart={'tags', 'pools'})
        self._tags(where, got, want)

    def _member(self, where: str, got: dict, want: dict) -> None:
        self._fields(where, got, {
            'address': ANY, 'protocol_port': want['port'],
            'name': want.get('name', ''),
            'weight': want.get('weight', 1),
            'backup': want.get('backup', False),
            'admin_state_up': want.get('adminStateUp', True),
            'subnet_id': self._id('subnet', want.get('subnet')),
            'monitor_port': want.get('monitorPort'),
            'vnic_type': 'normal',
        }, judged_apart={'tags', 'monitor_address'})
        self._tags(where, got, want)
        address = want.get('monitorAddress')
        self._same(f'{where}: monitor_address', got['monitor_address'] and ip_address(got['monitor_address']), address and ip_address(address))

    def _floating_ip(self, lb: dict) -> None:
        want = (self.spec.get('loadBalancer') or {}).get('floatingIP')
        got = self.cloud.floating_ips(port_id=lb['vip_port_id'])
        if not self._same('floating IPs at the VIP', len(got), 1 if want else 0) or not want:
            return
        if allocate := want.get('allocate'):
            mark = f"evenkeel:uid={self.meta['uid']} evenkeel:cluster={self.cluster}"
            self._same('floating IP: description', got[0]['description'], mark)
            self._same('floating IP: tag', f"evenkeel:created-by={self.meta['uid']}" in got[0]['tags'], True)
            if subnet := allocate.get('subnet'):
                cidr = self.cloud.neutron.get_subnet(self._id('subnet', subnet)).cidr
                self._same('floating IP: subnet', ip_address(got[0]['floating_ip_address']) in ip_network(cidr), True)
            self._same('floating IP: network', got[0]['floating_network_id'], self._id('network', allocate['network']))
            self._same('floating IP: address', got[0]['floating_ip_address'], allocate.get('address', got[0]['floating_ip_address']))
        else:
            self._same('floating IP: tags', f"evenkeel:uid={self.meta['uid']}" in got[0]['tags'], True)
            existing = want['existing']
            self._same('floating IP', got[0]['id' if 'id' in existing else 'floating_ip_address'], existing.get('id') or existing['address'])

    def _status(self, lb: dict) -> None:
        """Compares the stack's status with the cloud."""
        status = self.stack.get('status') or {}
        reported = status.get('loadBalancer') or {}
        for field, octavia_field in {'id': 'id', 'name': 'name', 'projectID': 'project_id', 'vipAddress': 'vip_address', 'vipPortID': 'vip_port_id',
                                     'provider': 'provider', 'provisioningStatus': 'provisioning_status'}.items():
            self._same(f'status.loadBalancer.{field}', reported.get(field), lb[octavia_field])
        additional = [{'subnetID': v['subnet_id'], 'address': v['ip_address'], 'portID': v['port_id']} for v in lb.get('additional_vips') or []]
        self._same('status.loadBalancer.additionalVIPs', reported.get('additionalVIPs') or [], sorted(additional, key=lambda v: (v['subnetID'], v['address'])))
        floating = self.cloud.floating_ips(port_id=lb['vip_port_id'])
        self._same('status.loadBalancer.floatingIP', reported.get('floatingIP') or None, floating[0]['floating_ip_address'] if floating else None)
        self._same('status.observedGeneration', status.get('observedGeneration'), self.meta['generation'])
        for kind in ('listeners', 'pools'):
            keys = {tag.removeprefix('evenkeel:key='): o['id'] for o in lb[kind] for tag in o['tags'] if tag.startswith('evenkeel:key=')}
            self._same(f'status.{kind}', {o['name']: o['id'] for o in status.get(kind) or []}, keys)

    # -- parts
    def _children(self, kind: str, seen: list[dict], wanted: list[dict], judge) -> None:
        """Pairs objects by the key in their owner tags."""
        by_key = {}
        for got in seen:
            keys = [t.removeprefix('evenkeel:key=') for t in got['tags'] if t.startswith('evenkeel:key=')]
            by_key[keys[0] if keys else f"(no key) {got['name']}"] = got
        self._same(f'{kind}s', len(seen), len(wanted))
        if self._same(f'{kind}s by key', sorted(by_key), sorted(w['name'] for w in wanted)):
            for want in wanted:
                judge(f"{kind} {want['name']}", by_key[want['name']], want)

    def _fields(self, where: str, got: dict, want: dict, judged_apart: set[str]) -> None:
        self._states(where, [got])
        for field, value in want.items():
            if field not in got:
                self._differs(f'{where}: Octavia does not return {field}')
            elif value is not ANY:
                self._same(f'{where}: {field}', got[field], value)
        if unjudged := set(got) - set(want) - judged_apart - KEPT:
            self._differs(f'{where}: the judge does not know {sorted(unjudged)}')

    def _states(self, where: str, objects: list[dict]) -> None:
        for o in objects:
            self._same(f'{where}: provisioning_status', o['provisioning_status'], 'ACTIVE')

    def _tags(self, where: str, got: dict, want: dict, key: str | None = None) -> None:
        self._same(f'{where}: tags', {t for t in got['tags'] if not t.startswith('evenkeel:')}, set(want.get('tags') or []))
        if key and f'evenkeel:key={key}' not in got['tags']:
            self._differs(f'{where}: tag evenkeel:key={key} is missing')

    def _tls_parameters(self, tls: dict | None, protocol: str) -> dict:
        tls = tls or {}

        def absent(value):
            # A PROMETHEUS listener has none, or Octavia's defaults after it lost its own.
            return {'TERMINATED_HTTPS': value, 'PROMETHEUS': Either(None, value)}.get(protocol)
        return {'tls_ciphers': tls.get('ciphers', absent(FILLED_TLS['ciphers'])),
                'alpn_protocols': tls.get('alpnProtocols', absent(FILLED_TLS['alpn']))}

    def _versions(self, where: str, got: dict, tls: dict | None, filled: bool, maybe: bool) -> None:
        """The versions as a set: Octavia keeps their order, which has no meaning."""
        default = set(FILLED_TLS['versions'])
        want = (tls or {}).get('versions')
        absent = default if filled else Either(None, default) if maybe else None
        self._same(f'{where}: tls_versions', got['tls_versions'] and set(got['tls_versions']), set(want) if want else absent)

    def _ref(self, tls: dict | None, field: str) -> object:
        reference = (tls or {}).get(field)
        return self.contents.of(field, reference) if reference else None

    def _sni(self, where: str, got: list[str], want: list[object]) -> None:
        """The references as a set: each one that is there is wanted, and the other way round."""
        lost = [one for one in want if not any(one == seen for seen in got)]
        strays = [seen for seen in got if not any(one == seen for one in want)]
        self._same(f'{where}: sni_container_refs that are missing or too many', (lost, strays), ([], []))

    def _id(self, kind: str, reference: dict | None, absent: object = None) -> object:
        if not reference:
            return absent
        return reference.get('id') or self.cloud.id_of(kind, reference['name'])

    def _pool_name(self, key: str | None) -> str | None:
        return next((p.get('displayName') or p['name'] for p in self.spec.get('pools') or [] if p['name'] == key), None)

    def _same(self, what: str, got: object, want: object) -> bool:
        if got != want:
            self._differs(f'{what} is {got!r}, should be {want!r}')
        return got == want

    def _differs(self, what: str) -> None:
        self.differences.append(what)


def rule_fields(rule: dict) -> dict:
    compare, value = spelling.rule(rule['type'], rule['compareType'], rule['value'])
    return {'type': rule['type'], 'compare_type': compare, 'key': rule.get('key') or None, 'value': value,
            'invert': rule.get('invert', False), 'admin_state_up': rule.get('adminStateUp', True), 'tags': sorted(rule.get('tags') or [])}


def seen_rule_fields(rule: dict) -> dict:
    """The fields that the server does not set. An absent key and an empty one are the same to Octavia."""
    fields = {k: sorted(v) if k == 'tags' else v for k, v in rule.items() if k not in KEPT}
    return {**fields, 'key': fields.get('key') or None}
