"""A load balancer that another client made becomes that of a stack, and a stack is renamed, under a steady stream of requests: no
request fails, and haproxy is reloaded for the owner's tags only. It alone counts failed requests while the owner changes."""
from harness import client
from harness.by_hand import made, states_apart
from harness.client import counts, serving
from harness.dataplane import Members
from harness.stacks import listener, member, monitor, pool, stack
from harness.stream import streaming
from harness.waiting import expect, same

traffic = True
cases = ['adopted', 'renamed']
CHECK = {'delay': 1, 'timeout': 1, 'max_retries': 2, 'url_path': '/healthz'}
BY_HAND = {
    'name': 'by-hand', 'tags': ['prod'],
    'listeners': [{'name': 'Front', 'protocol': 'HTTP', 'protocol_port': 80, 'default_pool': {'name': 'old blue'}},
                  {'name': 'admin', 'protocol': 'TCP', 'protocol_port': 8443}],
    'pools': [{'name': 'old blue', 'protocol': 'HTTP', 'lb_algorithm': 'ROUND_ROBIN', 'healthmonitor': {'name': 'blue', 'type': 'HTTP', **CHECK},
               'members': [{'address': f'10.20.0.{last}', 'protocol_port': 8080} for last in (11, 12)]}],
}


def run(t, case):
    with Members() as members:
        for last in (11, 12):
            members.start(last)
        globals()[case](t, members)


def shop(name, **spec):
    """The stack that is equal to `BY_HAND`, except for the listener `admin`."""
    health = monitor(delay='1s', timeout='1s', maxRetries=2, urlPath='/healthz')
    return stack(name, [listener('http', 80, defaultPool='blue', displayName='Front')],
                 [{**pool('blue', healthMonitor=health, displayName='old blue'), 'members': [member(11), member(12)]}], **spec)


def adopted(t, members):
    """Observe shows the adoption before it happens; a listener that the stack does not name is kept, listed, and pruned"""
    with made(t, members.here(BY_HAND)) as (lb_id,):
        vip = t.cloud.load_balancer(lb_id)['vip_address']
        serving('it serves', lambda: client.who(vip, 80))
        before = t.cloud.tree(lb_id)
        admin = next(one['id'] for one in before['listeners'] if one['name'] == 'admin')
        name = t.apply(members.here(shop('shop', adopt={'id': lb_id}, managementPolicy='Observe',
                                         load_balancer={'name': 'by-hand', 'tags': ['prod']})))
        status = t.condition(name, 'Ready', 'True', reason='OutOfSync')['status']
        steps = status['plan']['steps']
        expect(len(steps) == 3 and all('tags' in step for step in steps), f'not only tags: {steps}')
        foreign = [{'kind': 'listener', 'id': admin, 'name': 'admin'}]
        same('foreign children of the observed load balancer', status['foreignChildren'], foreign)
        same('the tree, observed', t.cloud.tree(lb_id)['tags'], before['tags'])

        with streaming(t, name, 'a load balancer is adopted', f'http://{vip}/', lb_id=lb_id) as row:
            t.edit(name, lambda spec: spec.update(managementPolicy='Managed'))
            t.ready(name)
            serving('both members serve', lambda: set(counts(vip, 80, 12)), lambda seen: seen == {'m11', 'm12'}, 15)
        same('writes of the adoption', row.writes, ['PUT loadbalancers', 'PUT pools', 'PUT listeners'])
        same('the tree, adopted', states_apart(t.cloud.tree(lb_id)), states_apart(before))
        same('foreign children of the adopted one', t.stack(name)['status']['foreignChildren'], foreign)

        with streaming(t, name, 'a foreign listener is pruned', f'http://{vip}/') as row:
            t.edit(name, lambda spec: spec.update(prunePolicy='All'))
            t.ready_and_right(name)
        same('writes of the pruning', row.writes, ['DELETE listeners'])
        same('foreign children afterwards', t.stack(name)['status'].get('foreignChildren'), None)
        t.note = f'{len(steps)} writes of tags, 0 failed requests'


def renamed(t, members):
    """A stack is deleted with Orphan and its load balancer adopted by one of another name: the same addresses, no failed
    request"""
    front = {'floatingIP': {'allocate': {'network': {'name': 'public'}}}}
    old = t.apply(members.here(shop('old', load_balancer=front, deletionPolicy='Orphan')))
    before = t.ready_and_right(old)['status']['loadBalancer']
    vip, lb_id = before['vipAddress'], before['id']
    serving('it serves', lambda: client.who(vip, 80))
    with streaming(t, old, 'a stack is renamed', f'http://{vip}/') as row:
        t.delete(old)
        new = t.apply(members.here(shop('new', load_balancer=front, adopt={'id': lb_id})))
        after = t.ready_and_right(new)['status']['loadBalancer']
    same('writes', row.writes, ['PUT loadbalancers'] * 2)
    for what in ('id', 'vipAddress', 'vipPortID', 'floatingIP'):
        same(what, after.get(what), before[what])
    t.note = f"{row.sent} requests on new connections and {row.kept_sent} on kept ones, none failed"
