"""Operating statuses of all parts and counts of members show in the status, and a draining member does not affect
Ready. It alone reads operating statuses, from the heartbeats of the data plane to the condition MembersHealthy."""
import contextlib
import subprocess
import sys

from harness import config, dataplane
from harness.dataplane import Members
from harness.stacks import web
from harness.waiting import HEARTBEAT, eventually, same


def run(t):
    with Members() if dataplane.serves() else contextlib.nullcontext() as members:
        stack = web(resyncPeriod='10s')
        operating(t, t.apply(members.serve(stack) if members else stack))


def operating(t, name):
    t.ready_and_right(name)
    # Heartbeats of the haproxies where there are some, else invented ones, beside those that the lab sends.
    beat = [sys.executable, str(config.E2E / 'lab/openstack/heartbeat.py'), 'once']

    def status():
        subprocess.run(beat, check=True, capture_output=True, timeout=60)
        return t.stack(name)['status']

    # Octavia counts the first heartbeat for the load balancer's own health, even from a data plane without a listener;
    # listeners and members follow with the next one.
    def online(status):
        operating = [part['operatingStatus'] for part in (status['loadBalancer'], *status['listeners'], *status['pools'])]
        return set(operating) == {'ONLINE'} and status['pools'][0]['members']['online'] == 2
    seen = eventually('all of it is ONLINE', status, online, 60, every=2, kind=HEARTBEAT)
    same('members', seen['pools'][0]['members'], {'total': 2, 'online': 2, 'error': 0, 'draining': 0})
    t.condition(name, 'MembersHealthy', 'True')
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=0))
    t.ready(name)
    eventually('one is draining', lambda: status()['pools'][0]['members']['draining'], lambda n: n == 1, 60, every=2, kind=HEARTBEAT)
    t.check(name)
