"""Members are added, removed and re-weighted, all at once: always one write, only to the changed pool. It alone shows
that members that stay keep their ids, and edits faster than Octavia works."""
import time

from harness.stacks import listener, member, monitor, pool, stack, web
from harness.waiting import expect, same

cases = ['changes', 'in_a_hurry']
EDITS = 20


def run(t, case):
    globals()[case](t)


def in_a_hurry(t):
    """Twenty edits, nearly all of them during the change before: one end state, few writes"""
    name = t.apply(web())
    t.ready_and_right(name)
    since = time.time()
    for n in range(EDITS):
        t.edit(name, lambda spec: next_edit(spec['pools'][0]['members'], n))
    t.ready_and_right(name)
    writes = t.writes_since(since)
    expect(set(writes) == {'PUT members'} and len(writes) <= EDITS // 2, f'{len(writes)} writes for {EDITS} edits: {writes}')
    same('creates', t.creates(), 1)
    t.note = f'{len(writes)} writes for {EDITS} edits'


def next_edit(members, n):
    if n % 2:
        members[0].update(weight=n)
    else:
        members.append(member(20 + n))


def changes(t):
    """Members are added, removed and re-weighted, all at once: always one write, only to the changed pool"""
    name = t.apply(stack('web', [listener('http', 80, defaultPool='web'), listener('api', 81, defaultPool='api')],
                         [pool('web', members=3, healthMonitor=monitor()), pool('api', members=2)]))
    t.ready_and_right(name)
    api = members_of(t, name, 'api')

    def on(change):
        return lambda spec: change(spec['pools'][0]['members'])
    one = ['PUT members']
    t.change(name, 'two more', on(lambda ms: ms.extend([member(20), member(21, subnet={'name': 'members-v4'})])), one)
    kept = ids(t, name, {'10.20.0.11', '10.20.0.12'})
    t.change(name, 'weights', on(lambda ms: [m.update(weight=9) for m in ms[1:3]]), one)
    t.change(name, 'one less', on(lambda ms: ms.pop(0)), ['DELETE members'])
    t.change(name, 'everything at once', on(lambda ms: (ms.pop(), ms[0].update(weight=0), ms.append(member(30, backup=True)))), one)
    t.change(name, 'order only', on(lambda ms: ms.reverse()), [])
    same('ids of the members that stayed', ids(t, name, {'10.20.0.11', '10.20.0.12'}), kept)
    t.change(name, 'none left', lambda spec: spec['pools'][0].pop('members'), one)
    t.change(name, 'IPv6 and back', lambda spec: spec['pools'][0].update(members=[{'address': 'fd00:10:10::7', 'port': 80}, member(10)]), one)
    same('the other pool', members_of(t, name, 'api'), api)


def members_of(t, name, pool_name):
    found = next(p for p in t.cloud.tree(t.lb_id(name))['pools'] if p['name'] == pool_name)
    return {m['id']: m['updated_at'] for m in found['members']}


def ids(t, name, addresses):
    found = next(p for p in t.cloud.tree(t.lb_id(name))['pools'] if p['name'] == 'web')
    return {m['address']: m['id'] for m in found['members'] if m['address'] in addresses}
