"""OVN's northbound database, read with ovn-nbctl, and its comparison with Octavia: the judge of load balancers that no
process serves. It shares no code with Octavia's OVN driver."""
import ipaddress
import json
import subprocess

from . import config
from .cloud import Cloud

DATABASE = f'unix:{config.HOME}/openstack/run/ovnnb.sock'
SELECTION = {'SOURCE_IP_PORT': {'ip_dst', 'ip_src', 'tp_dst', 'tp_src'}, 'SOURCE_IP': {'ip_dst', 'ip_src'}}
THREADS = config.SERVICE_LOGS / 'ovn-provider.jsonl'
PROVIDER = config.HOME / 'openstack/etc/provider'


def is_default() -> bool:
    """True when this lab's load balancers are OVN's unless they name another provider."""
    return PROVIDER.exists() and PROVIDER.read_text().strip() == 'ovn'


def threads() -> set[str]:
    """The provider's threads that carry out requests now."""
    lines = [json.loads(line) for line in THREADS.read_text().splitlines()] if THREADS.exists() else []
    return {line['n'] for line in lines if line['at'] == 'begin'} - {line['n'] for line in lines if line['at'] == 'end'}


def rows(table: str, *columns: str) -> list[dict]:
    """Every row of a table; sets and maps as lists and dicts."""
    done = subprocess.run(['ovn-nbctl', f'--db={DATABASE}', '--format=json', f'--columns={",".join(columns)}', 'list', table],
                          capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    return [{heading: _value(cell) for heading, cell in zip(found['headings'], row, strict=True)} for row in found['data']]


def _value(cell):
    if isinstance(cell, list) and len(cell) == 2:
        kind, content = cell
        if kind == 'map':
            return dict(content)
        if kind == 'set':
            return [_value(c) for c in content]
        if kind == 'uuid':
            return content
    return cell


def _as_list(value) -> list:
    return value if isinstance(value, list) else [value]


class Northbound:
    """OVN's side of one load balancer: a row for each transport protocol."""

    def __init__(self, lb_id: str):
        checks = {row['_uuid']: row for row in rows('Load_Balancer_Health_Check', '_uuid', 'vip', 'options')}
        self.rows = [
            {'protocol': (_as_list(row['protocol']) or [''])[0], 'vips': {vip: sorted(to.split(',')) for vip, to in row['vips'].items()},
             'selection': sorted(_as_list(row['selection_fields'])), 'affinity': row['options'].get('affinity_timeout'),
             'checks': {checks[uuid]['vip']: checks[uuid]['options'] for uuid in _as_list(row['health_check'])}}
            for row in rows('Load_Balancer', 'name', 'protocol', 'vips', 'selection_fields', 'options', 'health_check')
            if row['name'] == lb_id]

    def vips(self) -> dict[tuple[str, str], list[str]]:
        """The targets of each (protocol, address and port)."""
        return {(row['protocol'] or 'tcp', vip): to for row in self.rows for vip, to in row['vips'].items()}

    def __eq__(self, other) -> bool:
        return _sorted(self.rows) == _sorted(other.rows)

    def changes(self, after: 'Northbound') -> list[str]:
        """The differences of a later state, in words."""
        told, was, now = [], self.vips(), after.vips()
        for key in sorted(was.keys() | now.keys()):
            if was.get(key) != now.get(key):
                told.append(f'{key[0]} {key[1]}: {_targets(was.get(key))} -> {_targets(now.get(key))}')
        for name in ('selection', 'affinity', 'checks'):
            before, later = [{row['protocol']: row[name] for row in side.rows} for side in (self, after)]
            if before != later:
                told.append(f'{name}: {_short(before)} -> {_short(later)}')
        return told


def _sorted(found: list[dict]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in found)


def _targets(to: list[str] | None) -> str:
    return 'none' if to is None else ' '.join(to)


def _short(value) -> str:
    return json.dumps(value, sort_keys=True).replace('"', '')


def endpoint(address: str, port: int) -> str:
    parsed = ipaddress.ip_address(address)
    return f'[{parsed}]:{port}' if parsed.version == 6 else f'{parsed}:{port}'


def differences(cloud: Cloud, lb_id: str) -> list[str]:
    """Compares OVN with what Octavia says of the load balancer; empty when OVN does what Octavia promises."""
    tree, seen, found = cloud.tree(lb_id), Northbound(lb_id), []
    pools = {pool['id']: pool for pool in tree['pools']}
    addresses = _addresses(cloud, tree)
    expected: dict[tuple[str, str], list[str]] = {}
    checked: set[str] = set()
    for listener in tree['listeners']:
        pool = pools.get(listener['default_pool_id'])
        if not pool or not all(o['admin_state_up'] for o in (tree, listener, pool)):
            continue
        for address in addresses:
            version = ipaddress.ip_address(address).version
            to = sorted(endpoint(m['address'], m['protocol_port']) for m in pool['members']
                        if m['admin_state_up'] and ipaddress.ip_address(m['address']).version == version)
            if to:
                expected[listener['protocol'].lower(), endpoint(address, listener['protocol_port'])] = to
            if pool['healthmonitor'] and pool['healthmonitor']['admin_state_up']:
                checked.add(endpoint(address, listener['protocol_port']))
    actual = seen.vips()
    for key in sorted(expected.keys() | actual.keys()):
        if expected.get(key) != actual.get(key):
            found.append(f'{key[0]} {key[1]} goes to {_targets(actual.get(key))}, not to {_targets(expected.get(key))}')
    return found + _settings(seen, tree['pools']) + _checks(seen, checked, tree['pools'])


def _addresses(cloud: Cloud, tree: dict) -> list[str]:
    own = [tree['vip_address']] + [vip['ip_address'] for vip in tree['additional_vips']]
    return own + [f['floating_ip_address'] for f in cloud.floating_ips(port_id=tree['vip_port_id'])]


def _settings(seen: Northbound, pools: list[dict]) -> list[str]:
    """Algorithm and persistence: OVN has them once for each row, Octavia for each pool."""
    found = []
    for pool in pools:
        for row in seen.rows:
            if (row['protocol'] or 'tcp') != pool['protocol'].lower() or not pool['listeners']:
                continue
            wanted = SELECTION.get(pool['lb_algorithm'], set())
            if set(row['selection']) != wanted:
                found.append(f"{pool['lb_algorithm']} is {'+'.join(row['selection'])}")
            persistence = pool['session_persistence']
            timeout = str((persistence or {}).get('persistence_timeout') or 360) if persistence else None
            if row['affinity'] != timeout:
                found.append(f"persistence of {timeout} s is {row['affinity']}")
    return found


def _checks(seen: Northbound, expected: set[str], pools: list[dict]) -> list[str]:
    monitors = [pool['healthmonitor'] for pool in pools if pool['healthmonitor']]
    found, actual = [], {vip: options for row in seen.rows for vip, options in row['checks'].items()}
    if missing := expected - actual.keys():
        found.append(f'no health check of {" ".join(sorted(missing))}')
    if actual and not monitors:
        found.append(f'a health check of {" ".join(sorted(actual))} without a monitor')
    if len(monitors) == 1:
        monitor = monitors[0]
        wanted = {'interval': monitor['delay'], 'timeout': monitor['timeout'], 'success_count': monitor['max_retries'],
                  'failure_count': monitor['max_retries_down']}
        for vip in expected & actual.keys():
            if {k: str(v) for k, v in wanted.items()} != {k: actual[vip].get(k) for k in wanted}:
                found.append(f'health check of {vip}: {_short(actual[vip])}, not {_short(wanted)}')
    return found
