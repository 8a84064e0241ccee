"""The controller dies (SIGKILL) during a change: traffic is not affected, and the next controller finishes the
change. It alone kills the controller under traffic."""
from collections import Counter

from harness import client
from harness.client import counts, serving
from harness.dataplane import Members
from harness.requests_log import RequestLog
from harness.stacks import listener, member, monitor, named, pool, stack
from harness.stream import streaming
from harness.waiting import eventually, expect

serial = True
traffic = True
NEEDED = Counter(['PUT pools', 'POST pools', 'PUT members', 'POST healthmonitors', 'PUT listeners'])


def run(t):
    with Members() as members:
        health = monitor(delay='1s', timeout='1s', maxRetries=2, urlPath='/healthz')
        name = t.apply(members.serve(stack(
            'shop', [listener('http', 80, defaultPool='blue')],
            [{**pool('blue', healthMonitor=health), 'members': [member(11), member(12)]}])))
        vip = t.ready_and_right(name)['status']['loadBalancer']['vipAddress']
        members.start(21)
        serving('it serves', lambda: client.who(vip, 80))

        def much(spec):
            new = {**pool('green', healthMonitor=monitor('TCP')), 'members': [{**member(21), 'address': members.address(21)}]}
            spec['pools'].append(new)
            named(spec['pools'], 'blue').update(algorithm='LEAST_CONNECTIONS', description='old')
            spec['listeners'][0].update(defaultPool='green', insertHeaders=['X-Forwarded-For'])
        with streaming(t, name, 'SIGKILL during a change of several steps', f'http://{vip}/') as row:
            log = RequestLog()
            t.edit(name, much)
            eventually('the change has begun', lambda: log.begun('POST', '/lbaas/pools') or log.begun('PUT', '/lbaas/'), bool, 60, every=0.01)
            t.controller.kill()
            t.controller.start()
            t.ready_and_right(name)
            serving('the new pool serves', lambda: counts(vip, 80, 6), lambda n: n == {'m21': 6}, 15)
        written = Counter(row.writes)
        missing, more = NEEDED - written, written - NEEDED
        # The next controller may repeat the request that was in flight when the first one died.
        expect(not missing and more.total() <= 1, f'writes: {row.writes}; missing {dict(missing)}, too many {dict(more)}')
        t.note = f'{row.sent} sent, {row.failed} failed, {row.reloads} reloads, {len(row.writes)} writes'
