"""A load balancer deleted by hand is made again, with its address and its floating IP."""
from harness.stacks import web
from harness.waiting import eventually, same


def run(t):
    name = t.apply(web(load_balancer={'floatingIP': {'allocate': {'network': {'name': 'public'}}}}, resyncPeriod='10s'))
    before = t.ready_and_right(name)['status']['loadBalancer']
    t.cloud.delete_load_balancer(before['id'])
    eventually('another load balancer', lambda: t.stack(name)['status']['loadBalancer'].get('id'), lambda i: i not in (None, before['id']), 90)
    eventually('everything is as before', lambda: t.differences(name), lambda d: not d, 90, every=1)
    after = t.ready(name)['status']['loadBalancer']
    same('address and floating IP', (after['vipAddress'], after['floatingIP']), (before['vipAddress'], before['floatingIP']))
    same('load balancers', [lb['id'] for lb in t.cloud.load_balancers(t.namespace)], [after['id']])
