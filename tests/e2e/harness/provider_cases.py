"""Requests of the map of a provider's answers (provider_map.py): every field of every object, set, changed and removed.

A case has a load balancer that it begins with (`base`, the body of the single-call create), or none if it is that create
itself, and one request. Words in braces in a path or a body are ids of that load balancer's objects, by name. `effect` says
that the data plane ought to change; without it only Octavia's own record does.
"""
import copy
from dataclasses import dataclass

Body = dict


@dataclass(frozen=True)
class Case:
    name: str
    base: Body | None
    method: str
    path: str
    body: Body | list | None
    effect: bool


def members(*last: int, net: str = '10.10.200', **more) -> list[Body]:
    return [{'name': f'm{n}', 'address': f'{net}.{n}', 'protocol_port': 8080, **more} for n in last]


def pool(name: str = 'pool', protocol: str = 'TCP', **more) -> Body:
    return {'name': name, 'protocol': protocol, 'lb_algorithm': 'SOURCE_IP_PORT', 'members': members(1, 2), **more}


def listener(name: str = 'listener', protocol: str = 'TCP', port: int = 80, default: str | None = 'pool', **more) -> Body:
    return {'name': name, 'protocol': protocol, 'protocol_port': port, **({'default_pool': {'name': default}} if default else {}), **more}


def tree(listeners: list[Body] | None = None, pools: list[Body] | None = None, **more) -> Body:
    return {'listeners': [listener()] if listeners is None else listeners, 'pools': [pool()] if pools is None else pools, **more}


TCP_CHECK = {'name': 'monitor', 'type': 'TCP', 'delay': 5, 'timeout': 3, 'max_retries': 2}
AFFINITY = {'type': 'SOURCE_IP'}
# Members with a port in Neutron: the last number of their addresses.
MEMBERS = (1, 2, 3, 5, 6)
ELSEWHERE = {'net': '10.20.200', 'subnet_id': '{members-v4}'}
WEB = tree()
SPARE = tree(pools=[pool(), pool('spare', members=members(3))])
SHARED = tree([listener(), listener('second', port=81)])
MONITORED = tree(pools=[pool(healthmonitor=TCP_CHECK)])
STICKY = tree(pools=[pool(session_persistence={'type': 'SOURCE_IP', 'persistence_timeout': 60})])
FAR = tree(pools=[pool(members=members(1, 2, **ELSEWHERE))])
EMPTY_POOL = tree(pools=[pool(members=[])])
NO_DEFAULT = tree([listener(default=None)])
DATAGRAM = tree([listener(protocol='UDP')], [pool(protocol='UDP')])
DOWN = {'admin_state_up': False}
BASES = {'web': WEB, 'spare pool': SPARE, 'shared pool': SHARED, 'monitor': MONITORED, 'persistence': STICKY, 'members elsewhere': FAR,
         'no members': EMPTY_POOL, 'no default pool': NO_DEFAULT, 'UDP': DATAGRAM}


def cases() -> list[Case]:
    return [*_creates(), *_load_balancers(), *_listeners(), *_pools(), *_members(), *_batches(), *_monitors(), *_policies()]


def _create(name: str, body: Body, effect: bool = False) -> Case:
    return Case(f'create: {name}', None, 'POST', 'loadbalancers', body, effect)


def _creates() -> list[Case]:
    """One case for each value that only a create can have, in the single call."""
    found = [_create('web', WEB), _create('without listeners', {}), _create('no members', EMPTY_POOL), _create('shared pool', SHARED),
             _create('spare pool', SPARE), _create('pool without a listener', tree([], [pool()]))]
    for protocol in ('UDP', 'SCTP', 'HTTP', 'HTTPS', 'PROMETHEUS'):
        body = pool(protocol=protocol if protocol != 'PROMETHEUS' else 'TCP')
        found.append(_create(f'{protocol} listener', tree([listener(protocol=protocol, default=None if protocol == 'PROMETHEUS' else 'pool')], [body])))
    found += [_create('TCP and UDP on one port', tree([listener(), listener('udp', 'UDP', default='udp')], [pool(), pool('udp', 'UDP')])),
              _create('PROXY pool', tree(pools=[pool(protocol='PROXY')]))]
    found += [_create(f'lb_algorithm {algorithm}', tree(pools=[pool(lb_algorithm=algorithm)]))
              for algorithm in ('SOURCE_IP', 'ROUND_ROBIN', 'LEAST_CONNECTIONS')]
    found += [_create('pools of two algorithms', tree([listener(), listener('second', port=81, default='spare')],
                                                      [pool(), pool('spare', lb_algorithm='SOURCE_IP')])),
              _create('persistence SOURCE_IP', tree(pools=[pool(session_persistence=AFFINITY)])),
              _create('persistence SOURCE_IP of 60 s', STICKY),
              _create('persistence of one of two pools', tree([listener(), listener('second', port=81, default='spare')],
                                                              [pool(session_persistence=AFFINITY), pool('spare')])),
              _create('persistence HTTP_COOKIE', tree(pools=[pool(session_persistence={'type': 'HTTP_COOKIE'})])),
              _create('tls_enabled', tree(pools=[pool(tls_enabled=True)]), True)]
    found += [_create(f'listener {field}', tree([listener(**{field: value})]), True) for field, value in (
        ('connection_limit', 100), ('timeout_client_data', 60000), ('timeout_member_connect', 6000), ('timeout_member_data', 60000),
        ('timeout_tcp_inspect', 100), ('allowed_cidrs', ['192.0.2.0/24']))]
    found += [_create('listener down', tree([listener(**DOWN)])), _create('pool down', tree(pools=[pool(**DOWN)])),
              _create('load balancer down', tree(**DOWN)),
              _create('names, descriptions, tags', tree([listener(description='d', tags=['t'])], [pool(description='d', tags=['t'])],
                                                        description='d', tags=['t']))]
    found += [_create(f'monitor {kind}', tree([listener(protocol=protocol)], [pool(protocol=protocol, healthmonitor={**TCP_CHECK, 'type': kind})]))
              for kind, protocol in (('TCP', 'TCP'), ('UDP-CONNECT', 'UDP'), ('PING', 'TCP'), ('HTTP', 'TCP'), ('HTTPS', 'TCP'),
                                     ('TLS-HELLO', 'TCP'), ('SCTP', 'SCTP'))]
    found += [_create('monitor of no members', tree(pools=[pool(members=[], healthmonitor=TCP_CHECK)])),
              _create('monitor of members without a port', tree(pools=[pool(members=members(11, 12), healthmonitor=TCP_CHECK)])),
              _create('monitor of members elsewhere', tree(pools=[pool(members=members(1, 2, **ELSEWHERE), healthmonitor=TCP_CHECK)])),
              _create('monitor of a shared pool', tree([listener(), listener('second', port=81)], [pool(healthmonitor=TCP_CHECK)])),
              _create('monitor down', tree(pools=[pool(healthmonitor={**TCP_CHECK, **DOWN})]))]
    found += [_create(f'member {field}', tree(pools=[pool(members=members(1, 2, **{field: value}))]), True) for field, value in (
        ('weight', 7), ('backup', True), ('monitor_port', 9000), ('monitor_address', '10.10.200.9'))]
    found += [_create('member down', tree(pools=[pool(members=[*members(1), *members(2, **DOWN)])])),
              _create('member with weight 0', tree(pools=[pool(members=[*members(1), *members(2, weight=0)])]), True),
              _create('members elsewhere', FAR),
              _create('members elsewhere without subnet_id', tree(pools=[pool(members=members(1, net='10.20.200'))])),
              _create('IPv6 member', tree(pools=[pool(members=[{'address': 'fd00:10:10::99', 'protocol_port': 80, 'subnet_id': '{tenant-v6}'}])])),
              _create('policy', tree([listener(l7policies=[{'action': 'REJECT', 'rules': [
                  {'type': 'PATH', 'compare_type': 'STARTS_WITH', 'value': '/a'}]}])])),
              _create('IPv6 VIP', tree(pools=[pool(members=[{'address': 'fd00:10:10::99', 'protocol_port': 80}])], vip_subnet_id='{tenant-v6}')),
              _create('additional VIP', tree(additional_vips=[{'subnet_id': '{tenant-v4b}'}])),
              _create('vip_network_id', tree(vip_network_id='{tenant}', vip_subnet_id=None)),
              _create('vip_address', tree(vip_address='10.10.250.1')),
              _create('vip_port_id', tree(vip_port_id='{port}', vip_subnet_id=None)),
              _create('vip_qos_policy_id', tree(vip_qos_policy_id='{gold}'), True),
              _create('vip_sg_ids', tree(vip_sg_ids=['{web}']), True),
              _create('flavor of another provider', tree(flavor_id='{single}')),
              _create('availability_zone of another provider', tree(availability_zone='az1'))]
    return found


def _put(kind: str, key: str, name: str, body: Body, on: str = 'web', effect: bool = False, who: str | None = None) -> Case:
    path = {'loadbalancer': 'loadbalancers/{lb}', 'member': 'pools/{pool}/members/{m1}'}.get(kind, f'{key}/{{{who or kind}}}')
    return Case(f'{kind}: PUT {name}', BASES[on], 'PUT', path, {kind: body}, effect)


def _load_balancers() -> list[Case]:
    def put(name: str, body: Body, on: str = 'web', effect: bool = False) -> Case:
        return _put('loadbalancer', '', name, body, on, effect)
    return [put('{}', {}), put('name', {'name': 'other'}), put('description', {'description': 'd'}), put('tags', {'tags': ['t']}),
            put('admin_state_up false', DOWN, effect=True), put('admin_state_up true', {'admin_state_up': True}),
            put('vip_qos_policy_id', {'vip_qos_policy_id': '{gold}'}, effect=True), put('vip_sg_ids', {'vip_sg_ids': ['{web}']}, effect=True),
            Case('loadbalancer: failover', WEB, 'PUT', 'loadbalancers/{lb}/failover', None, False),
            Case('loadbalancer: DELETE cascade', WEB, 'DELETE', 'loadbalancers/{lb}?cascade=true', None, True)]


def _listeners() -> list[Case]:
    def put(name: str, body: Body, on: str = 'web', effect: bool = False) -> Case:
        return _put('listener', 'listeners', name + (f' ({on})' if on != 'web' else ''), body, on, effect)

    def post(name: str, body: Body, on: str = 'web', effect: bool = True) -> Case:
        return Case(f'listener: POST {name}', BASES[on], 'POST', 'listeners', {'listener': {'loadbalancer_id': '{lb}', **body}}, effect)
    found = [put('{}', {}), put('name', {'name': 'other'}), put('description', {'description': 'd'}), put('tags', {'tags': ['t']}),
             put('connection_limit', {'connection_limit': 10}, effect=True), put('timeout_client_data', {'timeout_client_data': 60000}, effect=True),
             put('timeout_member_connect', {'timeout_member_connect': 6000}, effect=True),
             put('timeout_member_data', {'timeout_member_data': 60000}, effect=True),
             put('timeout_tcp_inspect', {'timeout_tcp_inspect': 100}, effect=True),
             put('allowed_cidrs', {'allowed_cidrs': ['192.0.2.0/24']}, effect=True), put('allowed_cidrs null', {'allowed_cidrs': None}),
             put('admin_state_up false', DOWN, effect=True), put('admin_state_up false', DOWN, 'shared pool', True),
             put('admin_state_up true', {'admin_state_up': True}),
             put('default_pool_id', {'default_pool_id': '{spare}'}, 'spare pool', True),
             put('default_pool_id, admin_state_up', {'default_pool_id': '{spare}', 'admin_state_up': True}, 'spare pool', True),
             put('default_pool_id null', {'default_pool_id': None}, effect=True),
             put('default_pool_id null, admin_state_up', {'default_pool_id': None, 'admin_state_up': True}, effect=True),
             put('default_pool_id null', {'default_pool_id': None}, 'no default pool'),
             post('TCP', {'protocol': 'TCP', 'protocol_port': 90}, effect=False),
             post('with default_pool_id', {'protocol': 'TCP', 'protocol_port': 90, 'default_pool_id': '{pool}'}),
             post('of a pool with a monitor', {'protocol': 'TCP', 'protocol_port': 90, 'default_pool_id': '{pool}'}, 'monitor'),
             post('UDP beside TCP', {'protocol': 'UDP', 'protocol_port': 80}, effect=False),
             post('HTTP', {'protocol': 'HTTP', 'protocol_port': 90}),
             post('allowed_cidrs', {'protocol': 'TCP', 'protocol_port': 90, 'allowed_cidrs': ['192.0.2.0/24']})]
    found += [Case(f'listener: DELETE ({on})', BASES[on], 'DELETE', 'listeners/{listener}', None, on != 'no default pool')
              for on in ('web', 'shared pool', 'monitor', 'no default pool')]
    return found


def _pools() -> list[Case]:
    def put(name: str, body: Body, on: str = 'web', effect: bool = False, who: str = 'pool') -> Case:
        return _put('pool', 'pools', name + (f' ({on})' if on != 'web' else ''), body, on, effect, who)
    up = {'admin_state_up': True}
    changes: list[tuple[str, Body, str, bool]] = [
        ('{}', {}, 'web', False), ('name', {'name': 'other'}, 'web', False), ('description', {'description': 'd'}, 'web', False),
        ('tags', {'tags': ['t']}, 'web', False), ('lb_algorithm', {'lb_algorithm': 'SOURCE_IP'}, 'web', True),
        ('session_persistence', {'session_persistence': AFFINITY}, 'web', True),
        ('session_persistence.persistence_timeout', {'session_persistence': {'type': 'SOURCE_IP', 'persistence_timeout': 90}}, 'persistence', True),
        ('session_persistence null', {'session_persistence': None}, 'persistence', True), ('tls_enabled', {'tls_enabled': True}, 'web', True)]
    found = [put(name, body, on, effect) for name, body, on, effect in changes]
    found += [put(f'{name}, admin_state_up', {**body, **up}, on, effect) for name, body, on, effect in changes]
    found += [put('name', {'name': 'other'}, 'spare pool', who='spare'), put('name', {'name': 'other'}, 'shared pool'),
              put('name', {'name': 'other'}, 'monitor'), put('name, admin_state_up', {'name': 'other', **up}, 'shared pool'),
              put('name, admin_state_up', {'name': 'other', **up}, 'monitor'),
              put('lb_algorithm ROUND_ROBIN', {'lb_algorithm': 'ROUND_ROBIN', **up}),
              put('admin_state_up false', DOWN, effect=True), put('admin_state_up false', DOWN, 'shared pool', True),
              put('admin_state_up false', DOWN, 'monitor', True)]
    new = {'protocol': 'TCP', 'lb_algorithm': 'SOURCE_IP_PORT'}
    found += [Case('pool: POST with loadbalancer_id', WEB, 'POST', 'pools', {'pool': {'loadbalancer_id': '{lb}', **new}}, False),
              Case('pool: POST with listener_id (no default pool)', NO_DEFAULT, 'POST', 'pools', {'pool': {'listener_id': '{listener}', **new}}, False),
              Case('pool: POST of another algorithm', WEB, 'POST', 'pools',
                   {'pool': {'loadbalancer_id': '{lb}', **new, 'lb_algorithm': 'SOURCE_IP'}}, False),
              Case('pool: POST HTTP', WEB, 'POST', 'pools', {'pool': {'loadbalancer_id': '{lb}', **new, 'protocol': 'HTTP'}}, False),
              Case('pool: POST UDP', WEB, 'POST', 'pools', {'pool': {'loadbalancer_id': '{lb}', **new, 'protocol': 'UDP'}}, False)]
    found += [Case(f'pool: DELETE ({on})', BASES[on], 'DELETE', f'pools/{{{who}}}', None, on not in ('spare pool', 'no members'))
              for on, who in (('web', 'pool'), ('spare pool', 'spare'), ('shared pool', 'pool'), ('monitor', 'pool'), ('no members', 'pool'))]
    return found


def _members() -> list[Case]:
    def put(name: str, body: Body, on: str = 'web', effect: bool = False) -> Case:
        return _put('member', '', name + (f' ({on})' if on != 'web' else ''), body, on, effect)

    def post(name: str, member: Body, on: str = 'web') -> Case:
        return Case(f'member: POST {name}', BASES[on], 'POST', 'pools/{pool}/members', {'member': member}, True)
    found = [put('{}', {}), put('name', {'name': 'other'}), put('tags', {'tags': ['t']}), put('weight', {'weight': 7}, effect=True),
             put('weight 0', {'weight': 0}, effect=True), put('backup', {'backup': True}, effect=True),
             put('monitor_port', {'monitor_port': 9000}, effect=True), put('monitor_address', {'monitor_address': '10.10.200.9'}, effect=True)]
    found += [put('admin_state_up false', DOWN, on, True) for on in ('web', 'monitor', 'members elsewhere')]
    found += [put('admin_state_up true', {'admin_state_up': True}), put('name', {'name': 'other'}, 'members elsewhere'),
              post('in the subnet of the VIP', members(5)[0]), post('to no members', members(5)[0], 'no members'),
              post('with a monitor', members(5)[0], 'monitor'), post('to a shared pool', members(5)[0], 'shared pool'),
              post('down', members(5, **DOWN)[0]), post('elsewhere', members(5, **ELSEWHERE)[0]),
              post('elsewhere without subnet_id', members(5, net='10.20.200')[0]), post('with monitor_port', members(5, monitor_port=9)[0]),
              post('of IPv6', {'address': 'fd00:10:10::99', 'protocol_port': 80, 'subnet_id': '{tenant-v6}'})]
    found += [Case(f'member: DELETE ({on})', BASES[on], 'DELETE', 'pools/{pool}/members/{m1}', None, True)
              for on in ('web', 'monitor', 'members elsewhere')]
    down = tree(pools=[pool(members=[*members(1, **DOWN), *members(2)])])
    return found + [Case('member: DELETE (down)', down, 'DELETE', 'pools/{pool}/members/{m1}', None, False)]


def _batches() -> list[Case]:
    def batch(name: str, wanted: list[Body], on: str = 'web', effect: bool = True) -> Case:
        return Case(f'members: PUT {name}' + (f' ({on})' if on != 'web' else ''), BASES[on], 'PUT', 'pools/{pool}/members', {'members': wanted}, effect)
    vip = {'subnet_id': '{tenant-v4}'}
    far = members(1, 2, **ELSEWHERE)
    down = tree(pools=[pool(members=[*members(1, **DOWN), *members(2)])])
    return [batch('the same', members(1, 2), effect=False), batch('the same with subnet_id of the VIP', members(1, 2, **vip), effect=False),
            batch('one added', members(1, 2, 5)), batch('one removed', members(1)), batch('one replaced', members(1, 5)),
            batch('two replaced', members(5, 6)), batch('all removed', []), batch('one added', members(1, 2, 5), 'no members'),
            batch('one added', members(1, 2, 5), 'monitor'), batch('two replaced', members(5, 6), 'monitor'), batch('all removed', [], 'monitor'),
            batch('weight', [*members(1, weight=9), *members(2)]), batch('backup', [*members(1, backup=True), *members(2)]),
            batch('monitor_port', [*members(1, monitor_port=9), *members(2)]),
            batch('admin_state_up false', [*members(1, **DOWN), *members(2)]),
            batch('the same', far, 'members elsewhere', False),
            batch('the same without subnet_id', members(1, 2, net='10.20.200'), 'members elsewhere', False),
            batch('one added with subnet_id', members(1, 2, 5, **ELSEWHERE), 'members elsewhere'),
            batch('one replaced', members(1, 5, **ELSEWHERE), 'members elsewhere'),
            batch('two replaced', members(5, 6, **ELSEWHERE), 'members elsewhere'),
            batch('another subnet_id', members(1, 2, net='10.20.200', subnet_id='{tenant-v4}'), 'members elsewhere', False),
            batch('one added', members(1, 2, 5), 'shared pool'), batch('one added', members(1, 2, 5), 'UDP'),
            Case('members: PUT the one up (one down)', down, 'PUT', 'pools/{pool}/members', {'members': members(2)}, False),
            Case('members: PUT one up again (one down)', down, 'PUT', 'pools/{pool}/members', {'members': members(1, 2)}, True),
            Case('members: PUT one added, additive_only', WEB, 'PUT', 'pools/{pool}/members?additive_only=true', {'members': members(5)}, True)]


def _monitors() -> list[Case]:
    def post(name: str, on: str, **more) -> Case:
        return Case(f'healthmonitor: POST {name}', BASES[on], 'POST', 'healthmonitors', {'healthmonitor': {**TCP_CHECK, 'pool_id': '{pool}', **more}}, True)

    def put(name: str, body: Body, effect: bool = True) -> Case:
        return Case(f'healthmonitor: PUT {name}', MONITORED, 'PUT', 'healthmonitors/{monitor}', {'healthmonitor': body}, effect)
    return [post('TCP', 'web'), post('TCP of a shared pool', 'shared pool'), post('TCP of no members', 'no members'),
            post('TCP of members elsewhere', 'members elsewhere'), post('UDP-CONNECT', 'UDP', type='UDP-CONNECT'), post('HTTP', 'web', type='HTTP'),
            post('TCP down', 'web', **DOWN),
            Case('healthmonitor: POST TCP of a pool without a listener', SPARE, 'POST', 'healthmonitors',
                 {'healthmonitor': {**TCP_CHECK, 'pool_id': '{spare}'}}, True),
            put('{}', {}, False), put('name', {'name': 'other'}, False), put('tags', {'tags': ['t']}, False), put('delay', {'delay': 9}),
            put('timeout', {'timeout': 2}), put('max_retries', {'max_retries': 5}), put('max_retries_down', {'max_retries_down': 5}),
            put('admin_state_up false', DOWN), put('admin_state_up true', {'admin_state_up': True}, False),
            put('all fields', {'delay': 9, 'timeout': 2, 'max_retries': 5, 'max_retries_down': 5, 'admin_state_up': True}),
            Case('healthmonitor: DELETE', MONITORED, 'DELETE', 'healthmonitors/{monitor}', None, True)]


def _policies() -> list[Case]:
    return [Case('l7policy: POST', WEB, 'POST', 'l7policies', {'l7policy': {'listener_id': '{listener}', 'action': 'REJECT'}}, True),
            Case('floating IP: POST', WEB, 'POST', 'floatingips', {'floatingip': {'floating_network_id': '{public}', 'port_id': '{vip_port}'}}, True)]


def filled(value, ids: dict[str, str]):
    """A copy with every `{name}` replaced by its id."""
    if isinstance(value, str):
        return ids[value[1:-1]] if value.startswith('{') and value.endswith('}') and value != '{}' else value
    if isinstance(value, dict):
        return {k: filled(v, ids) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, ids) for v in value]
    return copy.copy(value)
