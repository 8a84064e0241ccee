"""Cost of each operation, counted by the services: create 1 write and at most 4 requests besides polls, a member's
change 1 write, a resync without drift none, delete 1 write. It alone bounds the reads; other scenarios count writes."""
import time

from harness.requests_log import RequestLog
from harness.stacks import reference
from harness.waiting import expect, pause, same

serial = True


def run(t):
    log = RequestLog()
    started = time.monotonic()
    stack = reference()
    stack['spec']['resyncPeriod'] = '10s'
    name = t.apply(stack)
    t.ready(name)
    took, create = time.monotonic() - started, log.count()
    t.check(name)
    same('writes of a create', len(create.writes), 1)
    expect(len(create.calls) <= 4, f'a create takes more than 4 calls besides polls: {create}')

    log = RequestLog()
    t.change(name, "one member's weight", lambda spec: spec['pools'][1]['members'][1].update(weight=5))
    changed = log.count()
    same('writes of a change of one member', [w['path'].split('/')[-1] for w in changed.writes], ['members'])

    log = RequestLog()
    pause(25)
    quiet = log.count()
    same('writes of a resync with nothing to do', len(quiet.writes), 0)
    expect(quiet.octavia, 'no resync happened')

    log = RequestLog()
    t.delete(name)
    gone = log.count()
    same('writes of a delete', [w['method'] for w in gone.writes], ['DELETE'])
    t.note = (f'create {took:.1f} s: 1 write, {len(create.calls)} calls, {len(create.polls)} polls, {len(create.others)} others; '
              f'member {len(changed.writes)} write, {len(changed.octavia)} requests, {len(changed.others)} others; '
              f'two resyncs {len(quiet.octavia)} requests, {len(quiet.others)} others; '
              f'delete {len(gone.octavia)} requests, {len(gone.others)} others')
    for what, cost in {'create': create, 'member': changed, 'resyncs': quiet, 'delete': gone}.items():
        t.note += f'\nothers of {what}: {", ".join(cost.others) or "none"}'
