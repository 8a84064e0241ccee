"""The data plane of a create body, without a load balancer. Octavia's own API types and validators judge the body, Octavia's
own templates render haproxy.cfg, and the haproxy of this machine checks and runs it.

    body = Body({'listeners': [...], 'pools': [...]})     # the content of "loadbalancer" in the POST
    api_refusal(body)                                     # the error of Octavia's API, or ''
    config = render(body, certificates)                   # haproxy.cfg
    check(config)                                         # {line number: haproxy's error}
    with running(config): ...                             # the load balancer listens on 127.0.0.1

Sources: octavia/api/v2/controllers/load_balancer.py (the single-call create), octavia/common/validate.py,
octavia/amphorae/drivers/haproxy/rest_api_driver.py (the input of the templates).
"""
import contextlib
import functools
import os
import re
import signal
import subprocess
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from octavia.api.v2.types import load_balancer as lb_types
from octavia.common import config as octavia_config  # noqa: F401  registers the options that the templates read
from octavia.common import constants, data_models, validate
from octavia.common.jinja.haproxy.combined_listeners import jinja_cfg
from octavia.common.jinja.lvs import jinja_cfg as lvs_jinja_cfg
from oslo_config import cfg
from wsme.rest import json as wsme_json

VIP = '127.0.0.1'
ID = re.compile(r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}')
ALERT = re.compile(r'\[ALERT\].*?\[[^\]:]+:(\d+)\]\s*:?\s*(.*)')


@dataclass
class Certificates:
    """Files that stand for those that the amphora agent would receive, by the references in the body."""
    directory: Path
    # Reference of a CA, a revocation list or a client certificate: path below the directory of the load balancer.
    by_reference: dict[str, str] = field(default_factory=dict)


def api_refusal(body: dict) -> str:
    """The text of the 400 of Octavia's API; empty when it accepts the body."""
    try:
        parsed = wsme_json.fromjson(lb_types.LoadBalancerRootPOST, {'loadbalancer': with_vip(body)}).loadbalancer
        for listener in parsed.to_dict().get('listeners') or []:
            for policy in listener.get('l7policies') or []:
                validate.sanitize_l7policy_api_args(dict(policy), create=True)
                for rule in policy.get('rules') or []:
                    validate.l7rule_data(_object(rule))
        for pool in _pools_of(parsed.to_dict()):
            persistence = pool.get('session_persistence')
            if persistence:
                validate.check_session_persistence({'cookie_name': None, **persistence})
    except Exception as refusal:        # the API turns any exception into a response
        return f'{type(refusal).__name__}: {refusal}'
    return ''


def _pools_of(load_balancer: dict) -> list[dict]:
    listeners = load_balancer.get('listeners') or []
    named = [listener.get('default_pool') for listener in listeners]
    named += [policy.get('redirect_pool') for listener in listeners for policy in listener.get('l7policies') or []]
    return [pool for pool in [*(load_balancer.get('pools') or []), *named] if pool]


class _object:
    def __init__(self, values: dict):
        self.__dict__ = {'key': None, 'value': None, **values}


def with_vip(body: dict) -> dict:
    where = {'vip_subnet_id': str(uuid.UUID(int=1))}
    return body if any(name.startswith('vip_') and name.endswith('_id') for name in body) else {**where, **body}


@functools.cache
def versions() -> tuple[str, ...]:
    output = subprocess.run(['haproxy', '-v'], capture_output=True, text=True, check=True).stdout
    return tuple(re.search(r'version (\d+)\.(\d+)\.(\d+)', output).groups())


def render(body: dict, certificates: Certificates | None = None, vip: str = VIP, socket: str | None = None) -> str:
    """haproxy.cfg of a create body. Every id follows from the place of its object in the body: `identity('listener', 0)`."""
    lb = load_balancer(body, vip)
    certificates = certificates or Certificates(Path('/nonexistent'))
    listeners = [one for one in lb.listeners if one.protocol not in constants.LVS_PROTOCOLS]
    cfg.CONF.set_override('base_cert_dir', str(certificates.directory), group='haproxy_amphora')
    templater = jinja_cfg.JinjaTemplater(
        base_amp_path=str(certificates.directory), base_crt_dir=str(certificates.directory), connection_logging=False)
    return templater.build_config(
        host_amphora=lb.amphorae[0], listeners=listeners, tls_certs=_tls_certificates(lb, certificates),
        haproxy_versions=list(versions()), amp_details={}, socket_path=socket or f'/tmp/evenkeel-{os.getpid()}.sock')


def render_lvs(body: dict, vip: str = VIP) -> list[str]:
    """keepalived's configuration of each UDP and SCTP listener."""
    lb = load_balancer(body, vip)
    templater = lvs_jinja_cfg.LvsJinjaTemplater()
    return [templater.build_config(listener=one) for one in lb.listeners if one.protocol in constants.LVS_PROTOCOLS]


def identity(kind: str, *place) -> str:
    """The id of an object, from its place in the body."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, '/'.join(map(str, (kind, *place)))))


def _tls_certificates(lb, certificates: Certificates) -> dict:
    found = dict(certificates.by_reference)
    for pool in lb.pools:
        files = {'client_cert': pool.tls_certificate_id, 'ca_cert': pool.ca_tls_certificate_id, 'crl': pool.crl_container_id}
        there = {kind: str(certificates.directory / lb.id / found[ref]) for kind, ref in files.items() if ref in found}
        if there:
            found[pool.id] = there
    return found


def load_balancer(body: dict, vip: str = VIP) -> data_models.LoadBalancer:
    lb = data_models.LoadBalancer(
        id=identity('loadbalancer'), project_id=identity('project').replace('-', ''), name=body.get('name'),
        description=body.get('description'), enabled=body.get('admin_state_up', True), topology=constants.TOPOLOGY_SINGLE,
        vip=data_models.Vip(ip_address=vip), provisioning_status=constants.PENDING_CREATE)
    lb.amphorae = [data_models.Amphora(
        id=identity('amphora'), status=constants.AMPHORA_ALLOCATED, role=constants.ROLE_STANDALONE, vrrp_ip=vip)]
    lb.pools = [_pool(pool, index, lb) for index, pool in enumerate(body.get('pools') or [])]
    by_name = {pool.name: pool for pool in lb.pools}
    lb.listeners = [_listener(one, index, lb, by_name) for index, one in enumerate(body.get('listeners') or [])]
    return lb


def _pool(body: dict, index: int, lb) -> data_models.Pool:
    same = ('name', 'description', 'protocol', 'lb_algorithm', 'tls_enabled', 'tls_ciphers', 'tls_versions', 'alpn_protocols')
    pool = data_models.Pool(
        id=identity('pool', index), load_balancer=lb, enabled=body.get('admin_state_up', True),
        tls_certificate_id=body.get('tls_container_ref'), ca_tls_certificate_id=body.get('ca_tls_container_ref'),
        crl_container_id=body.get('crl_container_ref'), **_some(body, same))
    if persistence := body.get('session_persistence'):
        pool.session_persistence = data_models.SessionPersistence(pool=pool, **persistence)
    pool.members = [_member(member, place, index, pool) for place, member in enumerate(body.get('members') or [])]
    if monitor := body.get('healthmonitor'):
        pool.health_monitor = _monitor(monitor, index, pool)
    return pool


def _member(body: dict, place: int, pool_index: int, pool) -> data_models.Member:
    same = ('name', 'protocol_port', 'subnet_id', 'monitor_address', 'monitor_port')
    return data_models.Member(
        id=identity('member', pool_index, place), pool=pool, ip_address=body['address'], weight=body.get('weight', 1),
        backup=body.get('backup', False), enabled=body.get('admin_state_up', True), **_some(body, same))


def _monitor(body: dict, index: int, pool) -> data_models.HealthMonitor:
    http = {'http_method': 'GET', 'url_path': '/', 'expected_codes': '200'} if body['type'] in ('HTTP', 'HTTPS') else {}
    same = ('name', 'type', 'delay', 'timeout', 'http_method', 'url_path', 'expected_codes', 'http_version', 'domain_name')
    values = {**http, **_some(body, same)}
    if values.get('http_version'):
        values['http_version'] = float(values['http_version'])
    return data_models.HealthMonitor(
        id=identity('healthmonitor', index), pool=pool, rise_threshold=body.get('max_retries'),
        fall_threshold=body.get('max_retries_down', 3), enabled=body.get('admin_state_up', True), **values)


def _listener(body: dict, index: int, lb, by_name: dict) -> data_models.Listener:
    same = ('name', 'description', 'protocol', 'protocol_port', 'connection_limit', 'insert_headers', 'timeout_client_data',
            'timeout_member_connect', 'timeout_member_data', 'timeout_tcp_inspect', 'client_authentication', 'allowed_cidrs',
            'tls_ciphers', 'tls_versions', 'alpn_protocols', 'hsts_max_age', 'hsts_include_subdomains', 'hsts_preload')
    listener = data_models.Listener(
        id=identity('listener', index), load_balancer=lb, enabled=body.get('admin_state_up', True),
        tls_certificate_id=body.get('default_tls_container_ref'), peer_port=1025,
        client_ca_tls_certificate_id=body.get('client_ca_tls_container_ref'),
        client_crl_container_id=body.get('client_crl_container_ref'), **_some(body, same))
    if pool := body.get('default_pool'):
        listener.default_pool = _use(listener, by_name[pool['name']])
        listener.default_pool_id = listener.default_pool.id
    in_order = sorted(enumerate(body.get('l7policies') or []), key=lambda at: at[1].get('position', 0))
    listener.l7policies = [_policy(policy, index, place, listener, by_name) for place, policy in in_order]
    return listener


def _use(listener, pool):
    if pool not in listener.pools:
        listener.pools.append(pool)
        pool.listeners.append(listener)
    return pool


def _policy(body: dict, index: int, place: int, listener, by_name: dict) -> data_models.L7Policy:
    same = ('name', 'description', 'action', 'position', 'redirect_url', 'redirect_prefix', 'redirect_http_code')
    policy = data_models.L7Policy(
        id=identity('l7policy', index, place), listener=listener, enabled=body.get('admin_state_up', True), **_some(body, same))
    if pool := body.get('redirect_pool'):
        policy.redirect_pool = _use(listener, by_name[pool['name']])
    policy.l7rules = [_rule(rule, (index, place, at), policy) for at, rule in enumerate(body.get('rules') or [])]
    return policy


def _rule(body: dict, place: tuple, policy) -> data_models.L7Rule:
    return data_models.L7Rule(
        id=identity('l7rule', *place), l7policy=policy, enabled=body.get('admin_state_up', True),
        **_some(body, ('type', 'compare_type', 'key', 'value', 'invert')))


def _some(body: dict, names: tuple) -> dict:
    return {name: body[name] for name in names if body.get(name) is not None}


def check(config: str) -> dict[int, str]:
    """haproxy's errors by line number; empty for a valid configuration. Line 0 is the configuration as a whole."""
    with _file(config) as path:
        done = subprocess.run(['haproxy', '-c', '-f', path], capture_output=True, text=True, errors='replace', timeout=120)
    found = {int(line): error for line, error in ALERT.findall(done.stdout + done.stderr)}
    if done.returncode and not found:
        found[0] = (done.stdout + done.stderr).strip()
    return found if done.returncode else {}


def faults(config: str, known: set[str]) -> dict[str, str]:
    """haproxy's errors by id: that of these ids which stands in the line, or in one before it."""
    lines, found = config.split('\n'), {}
    for number, error in check(config).items():
        for line in reversed(lines[:number]):
            if ids := [i for i in ID.findall(line) if i in known]:
                found.setdefault(ids[0], error)
                break
        else:
            raise RuntimeError(f'haproxy rejects a line of no known object: line {number}: {error}')
    return found


def rejected_listeners(config: str, names: list[str]) -> dict[str, str]:
    """haproxy's error for each listener of the body (in its order) whose lines it rejects, by name."""
    by_id = {identity('listener', index): name for index, name in enumerate(names)}
    return {by_id[i]: error for i, error in faults(config, set(by_id)).items()}


@contextlib.contextmanager
def _file(config: str):
    with tempfile.NamedTemporaryFile('w', suffix='.cfg', errors='surrogateescape') as kept:
        kept.write(config)
        kept.flush()
        yield kept.name


@contextlib.contextmanager
def running(config: str):
    """Runs haproxy with this configuration in the foreground until the block ends."""
    # `user nobody` needs root, and no other user is needed here.
    config = re.sub(r'^    (daemon|user nobody)\n', '', config, flags=re.M)
    with _file(config) as path, tempfile.TemporaryFile('w+', errors='replace') as output:
        process = subprocess.Popen(['haproxy', '-db', '-f', path], stdout=output, stderr=output)
        try:
            _until_it_listens(process, config, output)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(10)


def _until_it_listens(process, config: str, output) -> None:
    ports = {int(port) for port in re.findall(rf'^\s*bind {re.escape(VIP)}:(\d+)', config, flags=re.M)}
    for _ in range(100):
        if process.poll() is not None:
            output.seek(0)
            raise RuntimeError(f'haproxy does not start: {output.read()[-2000:]}')
        if ports <= _listening():
            return
        time.sleep(0.1)
    raise RuntimeError(f'haproxy does not listen at {sorted(ports - _listening())[:5]}')


def _listening() -> set[int]:
    rows = [line.split() for line in Path('/proc/net/tcp').read_text().splitlines()[1:]]
    return {int(row[1].rsplit(':', 1)[1], 16) for row in rows if row[3] == '0A'}
