"""What failed in Octavia is shown and healed as soon as Octavia can: a child in ERROR, a load balancer that never came up."""
from harness.faults import failing
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['child', 'load_balancer']


def run(t, case):
    globals()[case](t)


def child(t):
    """The API shows the new values although they were never applied: only the state tells."""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    with failing(f'{t.namespace}/{name}'):
        t.edit(name, lambda spec: spec['pools'][0].update(algorithm='SOURCE_IP'))
        eventually('the pool is in ERROR', lambda: t.cloud.all('pools', loadbalancer_id=lb_id)[0]['provisioning_status'], lambda s: s == 'ERROR', 60)
        t.condition(name, 'Ready', 'False')
    t.ready_and_right(name)


def load_balancer(t):
    """A tenant cannot mend it: the stack says so, and can always be deleted."""
    with failing(f'{t.namespace}/web'):
        name = t.apply(web())
        stack = t.condition(name, 'Ready', 'False', reason='LoadBalancerError')
        same('state shown', stack['status']['loadBalancer']['provisioningStatus'], 'ERROR')
        expect(any(c['type'] == 'Stalled' for c in stack['status']['conditions']), 'the stack does not say that it is stuck')
    t.delete(name)
