"""Members that answer, and members that do not, show in the status; they never gate Ready."""
import contextlib
import subprocess
import sys

from harness import config, dataplane
from harness.dataplane import Members
from harness.stacks import web
from harness.waiting import eventually, expect


def run(t):
    with Members() if dataplane.serves() else contextlib.nullcontext() as members:
        stack = web(resyncPeriod='10s')
        operating(t, t.apply(members.serve(stack) if members else stack))


def operating(t, name):
    t.ready_and_right(name)
    # Of the haproxies where there are some, else invented; beside what the lab sends by itself.
    beat = [sys.executable, str(config.E2E / 'lab/openstack/heartbeat.py'), 'once']

    def status():
        subprocess.run(beat, check=True, capture_output=True, timeout=60)
        return t.stack(name)['status']
    seen = eventually('ONLINE', status, lambda s: s['loadBalancer']['operatingStatus'] == 'ONLINE', 60, every=2)
    members = seen['pools'][0]['members']
    expect(members['total'] == members['online'] == 2, f'members: {members}')
    t.condition(name, 'MembersHealthy', 'True')
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=0))
    t.ready(name)
    eventually('one is draining', lambda: status()['pools'][0]['members']['draining'], lambda n: n == 1, 60, every=2)
    t.check(name)
