"""A real data plane without VMs: every amphora is a directory and a haproxy process in one network namespace.

LabHaproxyAmphoraDriver is Octavia's own haproxy REST driver. Only its HTTP client is replaced, by Agent, which does on this
machine what the amphora agent does in a VM: store the uploaded files, check them with `haproxy -c`, start, reload, stop.
LabHaproxyNetworkDriver enforces with nftables the security groups that Octavia wrote in Neutron (allowed_cidrs).
LabHaproxyComputeDriver stops the process when Octavia deletes the "server".
"""
import contextlib
import fcntl
import functools
import glob
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

from octavia.amphorae.backends.utils import haproxy_query
from octavia.amphorae.drivers.haproxy import exceptions as exc
from octavia.amphorae.drivers.haproxy import rest_api_driver as rest
from octavia.common import constants as consts
from octavia.common import utils
from oslo_log import log as logging

import oslab_drivers

LOG = logging.getLogger(__name__)
DP = os.environ.get('OSLAB_DP', '')
NETNS = os.environ.get('OSLAB_DP_NETNS', 'evenkeel-dp')
RELOADS = os.environ.get('OSLAB_LOG', '') + '/reloads.jsonl'
LOG_TO = '127.0.0.1:5140'          # heartbeat.py listens there, inside the namespace


def home(amphora_id):
    return f'{DP}/{amphora_id[:8]}'     # short: the path of a UNIX socket may have 97 characters


def loopback(amphora_id):
    """One address of 127.0.0.0/8 per amphora: the internal ports 9101 and 9102 would collide in the shared namespace."""
    return '127.' + '.'.join(str(1 + int(amphora_id[i:i + 2], 16) % 254) for i in (0, 2, 4))


def run(*cmd):
    return subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except FileNotFoundError:
        return ''


def write(path, data, mode=0o600):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = f'{path}.{threading.get_ident()}.tmp'      # two flows may write the same file
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), 'wb') as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    os.rename(new, path)


@contextlib.contextmanager
def locked():
    with open(f'{DP}/lock', 'w') as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def address(action, ip):
    v6 = ':' in ip
    run('ip', '-n', NETNS, 'addr', action, f'{ip}/{128 if v6 else 32}', 'dev', 'lo', *(['nodad'] if v6 and action != 'del' else []))


def master(d, lb_id):
    """The pid of the haproxy master, None when it does not run (the pid alone could belong to another process by now)."""
    pid = read(f'{d}/{lb_id}/{lb_id}.pid').split('\n')[0]
    return int(pid) if pid and f'{d}/{lb_id}/' in read(f'/proc/{pid}/cmdline') else None


def stop(pid, seconds=5):
    if not pid:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(seconds * 50):
            if not read(f'/proc/{pid}/cmdline'):       # gone, or waits to be reaped
                return
            time.sleep(0.02)
        os.kill(pid, signal.SIGKILL)


def destroy(compute_id):
    """Ends the process of a deleted server, without grace for connections."""
    with locked():
        for f in glob.glob(f'{DP}/*/compute_id'):
            d = os.path.dirname(f)
            if read(f) != compute_id:
                continue
            for pidfile in glob.glob(f'{d}/*/*.pid'):
                stop(master(d, os.path.basename(os.path.dirname(pidfile))))
            prom = read(f'{d}/prometheus.pid')
            if prom and d in read(f'/proc/{prom}/cmdline'):
                stop(int(prom))
            vips = read(f'{d}/vips').split()
            shutil.rmtree(d, ignore_errors=True)
            others = {v for o in glob.glob(f'{DP}/*/vips') for v in read(o).split()}   # the new amphora of a failover
            for v in set(vips) - others:
                address('del', v)


def one_at_a_time(method):
    """Serialises calls as the agent's single worker does (octavia/cmd/agent.py): Octavia may run flows side by side."""
    @functools.wraps(method)
    def served(self, amp, *args, **kwargs):
        with self.busy.setdefault(amp.id, threading.RLock()):
            return method(self, amp, *args, **kwargs)
    return served


class Agent:
    """The methods of rest_api_driver.AmphoraAPIClient1_0 that a load balancer needs, done locally as the amphora agent does."""
    busy = {}      # a lock for each amphora

    # -- information
    def get_api_version(self, amp, timeout_dict=None, raise_retry_exception=False):
        return {'api_version': '1.0'}

    def get_info(self, amp, raise_retry_exception=False, timeout_dict=None):
        v = re.search(r'version (\d+\.\d+\.\d+)', run('haproxy', '-v').stdout)
        return {'api_version': '1.0', 'hostname': amp.id, 'haproxy_version': v.group(1)}

    def get_details(self, amp):
        return {}      # without "memory" the template keeps haproxy's default TLS session cache (5 MB)

    def get_interface(self, amp, ip, timeout_dict=None, log_error=True):
        return {'interface': 'lo'}

    # -- network
    def plug_vip(self, amp, vip, net_info):
        d, vips = home(amp.id), [vip] + [v['ip_address'] for v in net_info['additional_vips']]
        with locked():
            write(f'{d}/compute_id', amp.compute_id)
            write(f'{d}/amphora_id', amp.id)
            write(f'{d}/vips', '\n'.join(vips) + '\n')
            for v in vips:
                address('replace', v)

    def plug_network(self, amp, port):
        pass           # every subnet is reachable in the namespace

    def set_interface_rules(self, amp, ip_address, rules, timeout_dict=None):
        pass           # SR-IOV only

    # -- files
    def get_cert_md5sum(self, amp, lb_id, name, ignore=()):
        pem = read(f'{home(amp.id)}/certs/{lb_id}/{name}')
        if not pem:
            raise exc.NotFound()
        return hashlib.md5(pem.encode(), usedforsecurity=False).hexdigest()

    @one_at_a_time
    def upload_cert_pem(self, amp, lb_id, name, pem):
        d, pem = home(amp.id), pem if isinstance(pem, bytes) else pem.encode()
        if pem.startswith(b'/var/lib/octavia'):      # a crt-list: names of files in the amphora
            pem = pem.replace(b'/var/lib/octavia', d.encode())
        write(f'{d}/certs/{lb_id}/{name}', pem)

    @one_at_a_time
    def delete_cert_pem(self, amp, lb_id, name):
        with contextlib.suppress(FileNotFoundError):
            os.remove(f'{home(amp.id)}/certs/{lb_id}/{name}')

    def update_cert_for_rotation(self, amp, pem):
        pass           # the agent's own server certificate

    def update_agent_config(self, amp, config, timeout_dict=None):
        pass

    # -- haproxy
    @one_at_a_time
    def upload_config(self, amp, lb_id, config, timeout_dict=None):
        d, lo = home(amp.id), loopback(amp.id)
        for a, b in (('/var/lib/octavia', d), ('/run/rsyslog/octavia/log', LOG_TO),
                     ('127.0.0.1:9101', f'{lo}:9101'), ('127.0.0.1:9102', f'{lo}:9102')):
            config = config.replace(a, b)
        if 'external-check command' in config:              # other users may not enter $LAB_HOME to run the wrapper
            config = config.replace('user nobody', 'user root', 1)
            write(f'{d}/ping-wrapper.sh', '#!/bin/sh\nexec ping -q -n -w 1 -c 1 "$HAPROXY_SERVER_ADDR" >/dev/null 2>&1\n', 0o755)
        peer = utils.base64_sha1_string(amp.id).rstrip('=')
        cfg, group = f'{d}/{lb_id}/haproxy.cfg', f'{d}/haproxy-default-user-group.conf'
        # an amphora may open 2.6 million files, this machine perhaps fewer than the sum of all connection limits
        write(group, 'global\n    group nogroup\n    no strict-limits\n')
        write(cfg + '.new', config)
        r = run('haproxy', '-c', '-L', peer, '-f', cfg + '.new', '-f', group)
        if r.returncode:
            LOG.error('oslab: haproxy refuses the configuration of %s: %s', lb_id, r.stdout)
            os.rename(cfg + '.new', cfg + '.new-failed')
            raise exc.InvalidRequest()
        os.rename(cfg + '.new', cfg)
        write(f'{d}/role', amp.role or '')
        # the systemd unit of the agent (there: -Ws, not a daemon); dp.sh starts it again after a stop of the lab
        write(f'{d}/{lb_id}/start.sh', f'exec ip netns exec {NETNS} haproxy -W -D -f {cfg} -f {group} '
              f'-p {d}/{lb_id}/{lb_id}.pid -L {peer}\n')
        if 'prometheus-exporter-internal' in config:
            self._prometheus(d, lo)

    def _prometheus(self, d, lo):
        prom = read(f'{d}/prometheus.pid')
        if prom and d in read(f'/proc/{prom}/cmdline'):
            return
        write(f'{d}/prometheus.sh', f'exec setsid -f ip netns exec {NETNS} {sys.executable} -m oslab_prometheus {lo} {d} '
              '>/dev/null 2>&1\n')
        run('sh', f'{d}/prometheus.sh')

    @one_at_a_time
    def start_listener(self, amp, lb_id, timeout_dict=None):
        d = home(amp.id)
        if os.path.exists(f'{d}/udp/{lb_id}.conf'):      # the id of a UDP or SCTP listener
            return
        if not os.path.exists(f'{d}/{lb_id}/haproxy.cfg'):
            raise exc.NotFound()
        if amp.role == consts.ROLE_BACKUP or master(d, lb_id):   # both amphorae of a pair live in one namespace: one serves
            return
        r = run('sh', f'{d}/{lb_id}/start.sh')
        if r.returncode:
            LOG.error('oslab: haproxy of %s does not start: %s', lb_id, r.stdout)
            raise exc.InternalServerError()

    @one_at_a_time
    def reload_listener(self, amp, lb_id, timeout_dict=None):
        d = home(amp.id)
        pid = master(d, lb_id)
        if not pid:
            return self.start_listener(amp, lb_id)
        haproxy_query.HAProxyQuery(f'{d}/{lb_id}.sock').save_state(f'{d}/{lb_id}/servers-state')
        os.kill(pid, signal.SIGUSR2)      # like `systemctl reload` in an amphora: does not wait for the new worker
        with open(RELOADS, 'a') as f:     # one line in one write: several workers may append
            f.write(json.dumps({'t': time.time(), 'lb': lb_id}) + '\n')

    @one_at_a_time
    def delete_listener(self, amp, obj_id):
        d = home(amp.id)
        stop(master(d, obj_id))
        for p in (f'{d}/{obj_id}', f'{d}/certs/{obj_id}'):
            shutil.rmtree(p, ignore_errors=True)
        with contextlib.suppress(FileNotFoundError):
            os.remove(f'{d}/{obj_id}.sock')
        with contextlib.suppress(FileNotFoundError):
            os.remove(f'{d}/udp/{obj_id}.conf')
            left = json.loads(read(f'{d}/udp.json') or '{}')
            left.pop(obj_id, None)
            write(f'{d}/udp.json', json.dumps(left))

    # -- not served: SCTP, VRRP; UDP only by dp_udp.py
    @one_at_a_time
    def upload_udp_config(self, amp, listener_id, config, timeout_dict=None):
        write(f'{home(amp.id)}/udp/{listener_id}.conf', config)

    def upload_vrrp_config(self, amp, config):
        write(f'{home(amp.id)}/keepalived.conf', config)

    def start_vrrp(self, amp, timeout_dict=None):
        pass

    stop_vrrp = reload_vrrp = start_vrrp


class LabHaproxyAmphoraDriver(oslab_drivers.Faults, rest.HaproxyAmphoraLoadBalancerDriver):
    def __init__(self):
        super().__init__()
        agent = Agent()
        self.clients = {'base': agent, '1.0': agent}
        self._depth = threading.local()

    def _inject(self, loadbalancer):
        # Octavia's driver calls its own public methods: only the outermost call is delayed or failed
        if not getattr(self._depth, 'n', 0):
            super()._inject(loadbalancer)

    @contextlib.contextmanager
    def _once(self):
        self._depth.n = getattr(self._depth, 'n', 0) + 1
        try:
            yield
        finally:
            self._depth.n -= 1

    def update_amphora_listeners(self, loadbalancer, amphora, timeout_dict=None):
        if amphora is not None and amphora.status != consts.DELETED:
            # for heartbeat.py, which reports them, and for dp_udp.py
            def there(o):
                return o.enabled and o.provisioning_status != consts.PENDING_DELETE
            vips = [loadbalancer.vip.ip_address] + [v.ip_address for v in loadbalancer.additional_vips]
            write(f'{home(amphora.id)}/udp.json', json.dumps({li.id: {
                'protocol': li.protocol, 'port': li.protocol_port, 'vips': vips,
                'pools': {p.id: [m.id for m in p.members] for p in li.pools},
                'members': [[m.ip_address, m.protocol_port, m.weight] for m in li.default_pool.members if there(m)] if li.default_pool else [],
                'sticky': bool(li.default_pool and (li.default_pool.session_persistence or
                                                    li.default_pool.lb_algorithm == consts.LB_ALGORITHM_SOURCE_IP))}
                for li in loadbalancer.listeners if there(li) and li.protocol in consts.LVS_PROTOCOLS}))
        super().update_amphora_listeners(loadbalancer, amphora, timeout_dict)

    def update(self, loadbalancer):
        self._inject(loadbalancer)
        with self._once():
            super().update(loadbalancer)

    def delete(self, listener):
        self._inject(listener.load_balancer)
        with self._once():
            super().delete(listener)


class LabHaproxyComputeDriver(oslab_drivers.LabComputeDriver):
    def delete(self, compute_id):
        destroy(compute_id)
        super().delete(compute_id)


class LabHaproxyNetworkDriver(oslab_drivers.LabNetworkDriver):
    def _update_security_group_rules(self, load_balancer, sec_grp_id):
        super()._update_security_group_rules(load_balancer, sec_grp_id)

        def rules_of(group):
            return list(self.network_proxy.security_group_rules(security_group_id=group))
        own = rules_of(sec_grp_id)
        if not own:         # an existing group keeps Neutron's own egress rules; without them a delete was faster than this update
            return
        rules = [{k: r.get(k) for k in ('ether_type', 'protocol', 'port_range_min', 'port_range_max', 'remote_ip_prefix')}
                 for r in own + [r for group in load_balancer.vip.sg_ids or [] for r in rules_of(group)]
                 if r.get('direction') == 'ingress' and not r.get('remote_group_id')]
        vips = [load_balancer.vip.ip_address] + [v.ip_address for v in load_balancer.additional_vips]
        with locked():
            for f in glob.glob(f'{DP}/sg/*.json'):      # an address has one owner: remove the file of an earlier one
                if set(json.loads(read(f))['vips']) & set(vips):
                    os.remove(f)
            write(f'{DP}/sg/{load_balancer.id}.json', json.dumps({'vips': vips, 'rules': rules}))
            firewall()

    def deallocate_vip(self, vip):
        with locked():
            with contextlib.suppress(FileNotFoundError):
                os.remove(f'{DP}/sg/{vip.load_balancer_id}.json')
            firewall()
        super().deallocate_vip(vip)


def firewall():
    """Renders the Neutron security groups of all VIPs as one nftables table. Traffic that is not allowed is dropped without
    a response."""
    jumps, chains = [], []
    for f in sorted(glob.glob(f'{DP}/sg/*.json')):
        sg, chain = json.loads(read(f)), 'lb_' + os.path.basename(f)[:8]
        for v in sg['vips']:
            jumps.append(f"{'ip6' if ':' in v else 'ip'} daddr {v} meta l4proto {{ tcp, udp, sctp }} jump {chain}")
        lines = set()
        for r in sg['rules']:
            fam = 'ip6' if r['ether_type'] == 'IPv6' else 'ip'
            src = f"{fam} saddr {r['remote_ip_prefix']}" if r['remote_ip_prefix'] else f"meta nfproto ipv{fam[2:] or 4}"
            if r['protocol'] is None:
                lines.add(f'{src} accept')
            elif r['protocol'] in ('tcp', 'udp', 'sctp'):
                ports = f"{r['port_range_min']}-{r['port_range_max']}" if r['port_range_min'] else '0-65535'
                lines.add(f"{src} {r['protocol']} dport {ports} accept")
        chains.append(f'chain {chain} {{\n ' + '\n '.join(sorted(lines) + ['drop']) + '\n}')
    text = ('table inet oslab\ndelete table inet oslab\ntable inet oslab {\n' + '\n'.join(chains) +
            '\nchain input {\n type filter hook input priority 0; policy accept;\n ct state established,related accept\n ' +
            '\n '.join(jumps) + '\n}\n}\n')
    write(f'{DP}/nft.rules', text)
    r = run('ip', 'netns', 'exec', NETNS, 'nft', '-f', f'{DP}/nft.rules')
    if r.returncode:
        LOG.error('oslab: nft: %s', r.stdout)
