#!/usr/bin/env python3
"""Replaces the heartbeats of amphora agents: sends signed UDP heartbeats to octavia-health-manager, so that operating_status
has the values that a real data plane would report (ONLINE, DEGRADED, ERROR, DRAINING, OFFLINE).

    heartbeat.py once        one round for every load balancer
    heartbeat.py loop [s]    a round every s seconds (default 3)

Members whose address is listed under "down_members" in the faults file report DOWN; pools follow.

With LAB_DATAPLANE=haproxy nothing is invented: Octavia's own health daemon code asks the stats socket of every haproxy. UDP
and SCTP listeners, which haproxy does not serve, are still reported OPEN with members "no check". up.sh starts it then.
"""
import glob
import hashlib
import hmac
import json
import os
import socket
import sys
import threading
import time
import zlib

import openstack

LAB_HOME = os.environ['LAB_HOME']
KEY = os.environ['LAB_PW']
DEST = ('127.0.0.1', int(os.environ['OCTAVIA_HM_PORT']))
NO_TRAFFIC = {'tx': 0, 'rx': 0, 'conns': 0, 'totconns': 0, 'ereq': 0}


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ''


def envelope(msg):
    payload = zlib.compress(json.dumps(msg).encode(), 9)
    return payload + hmac.new(KEY.encode(), payload, hashlib.sha256).hexdigest().encode()


def invented_rounds(seq):
    """One round of heartbeats in which everything is up, apart from the members in the faults file."""
    faults = json.loads(read(f'{LAB_HOME}/etc/octavia/faults.json') or '{}')
    down, silent = set(faults.get('down_members', [])), set(faults.get('silent_listeners', []))
    api = openstack.connect(cloud='admin').load_balancer
    sock, sent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0
    for amphora in api.get('/octavia/amphorae').json()['amphorae']:
        if amphora['status'] != 'ALLOCATED':
            continue
        lb = {'loadbalancer_id': amphora['loadbalancer_id']}
        listeners = {li['id']: {'status': 'OPEN', 'stats': NO_TRAFFIC}
                     for li in api.get('/lbaas/listeners', params=lb).json()['listeners']
                     if li['admin_state_up'] and li['name'] not in silent}
        pools = {}
        for pool in api.get('/lbaas/pools', params=lb).json()['pools']:
            if pool['listeners'] and pool['admin_state_up']:
                members = {m['id']: member_state(m, pool, down)
                           for m in api.get(f"/lbaas/pools/{pool['id']}/members").json()['members']}
                up = not members or set(members.values()) - {'DOWN', 'MAINT'}
                pools.update({f"{pool['id']}:{li['id']}": {'status': 'UP' if up else 'DOWN', 'members': members}
                              for li in pool['listeners']})
        sock.sendto(envelope({'id': amphora['id'], 'seq': seq, 'listeners': listeners, 'pools': pools, 'ver': 3}), DEST)
        sent += 1
    return sent


def member_state(member, pool, down):
    if not member['admin_state_up']:
        return 'MAINT'
    if member['weight'] == 0:
        return 'DRAIN'
    if not pool.get('healthmonitor_id'):
        return 'no check'
    return 'DOWN' if member['address'] in down else 'UP'


def true_rounds(seq):
    """One round of heartbeats from the haproxy processes."""
    from octavia.amphorae.backends.health_daemon import health_daemon, health_sender
    from octavia.common import config
    conf = config.cfg.CONF
    if seq == 1:
        config.init(['--config-file', f'{LAB_HOME}/etc/octavia/octavia.conf', '--log-file', f'{LAB_HOME}/log/heartbeat.log'])
    sender = health_sender.UDPStatusSender()
    sent = 0
    for f in glob.glob(f'{LAB_HOME}/dp/*/amphora_id'):
        d = os.path.dirname(f)
        if read(d + '/role') == 'BACKUP':       # not started, so there is nothing to report
            continue
        conf.set_override('base_path', d, 'haproxy_amphora')
        conf.set_override('amphora_id', read(f), 'amphora_agent')
        health_daemon.COUNTERS = health_daemon.COUNTERS_FILE = None
        health_daemon.SEQ = seq
        try:
            msg = health_daemon.build_stats_message()
        except OSError:                         # deleted meanwhile
            continue
        finally:
            if health_daemon.COUNTERS_FILE:
                health_daemon.COUNTERS_FILE.close()
        for li, u in json.loads(read(d + '/udp.json') or '{}').items():
            msg['listeners'][li] = {'status': 'OPEN', 'stats': NO_TRAFFIC}
            for po, members in u['pools'].items():
                msg['pools'][f'{po}:{li}'] = {'status': 'UP', 'members': {m: 'no check' for m in members}}
        sender.dosend(msg)
        sent += 1
    sender.v4sock.close()
    sender.v6sock.close()
    return sent


def keep_log():
    """Stores haproxy's log lines, which a real amphora sends to its rsyslog."""
    from labnet import inside
    with inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(('127.0.0.1', 5140))
    with open(f'{LAB_HOME}/log/haproxy.log', 'ab', buffering=0) as f:
        while True:
            f.write(s.recv(65535).rstrip(b'\n') + b'\n')


def main():
    haproxy = read(f'{LAB_HOME}/etc/dataplane').strip() == 'haproxy'
    loop = sys.argv[1] == 'loop'
    if haproxy and loop:
        threading.Thread(target=keep_log, daemon=True).start()
    seq = 0
    while True:
        seq += 1
        try:
            sent = true_rounds(seq) if haproxy else invented_rounds(seq)
        except (openstack.exceptions.SDKException, OSError) as e:      # a service restarts
            if not loop:
                raise
            print('heartbeat:', e, file=sys.stderr, flush=True)
        if not loop:
            return print(sent, 'heartbeats')
        time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 3.0)


if __name__ == '__main__':
    main()
