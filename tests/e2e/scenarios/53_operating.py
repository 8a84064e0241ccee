"""Members that answer, and members that do not, show in the status; they never gate Ready."""
import subprocess
import sys

from harness import config
from harness.stacks import web
from harness.waiting import eventually, expect


def run(t):
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
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
