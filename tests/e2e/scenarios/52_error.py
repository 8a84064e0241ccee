"""What failed in Octavia is shown and healed as soon as Octavia can: a child in ERROR, a load balancer that never came up."""
import time

from harness import operator
from harness.faults import failing
from harness.stacks import web
from harness.waiting import eventually, same

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
        # Sent once as a change and twice to heal it.
        t.shows(name, 'ChangeFailed', 'does not take effect', '~ pool web (heal)', 'sent again ever more rarely',
                "ask the operator of the cloud what the log of Octavia's worker says")
        t.condition(name, 'Reconciling', 'True', reason='ChangeFailed')
    t.ready_and_right(name)
    t.told_once(name, 'ChangeFailed')


def load_balancer(t):
    """The data plane refuses the create, then a change: ERROR, until the operator makes a failover. Deleted while it is in ERROR"""
    with failing(f'{t.namespace}/web'):
        name = t.apply(web())
        in_error(t, name)
        lb_id = t.lb_id(name)
        same('state shown', t.stack(name)['status']['loadBalancer']['provisioningStatus'], 'ERROR')
        t.told_once(name, 'LoadBalancerError')
    operator.failover(lb_id)
    t.ready_and_right(name)
    same('creates', t.creates(), 1)
    since = time.time()
    with failing(f'{t.namespace}/{name}'):
        t.edit(name, lambda spec: spec['loadBalancer'].update(description='changed'))
        in_error(t, name)
        t.told_once(name, 'LoadBalancerError', states=2)
    operator.failover(lb_id)
    t.ready_and_right(name)
    same('writes', t.writes_since(since), ['PUT loadbalancers'])
    with failing(f'{t.namespace}/{name}'):
        t.edit(name, lambda spec: spec['loadBalancer'].update(description='changed again'))
        in_error(t, name)
        t.told_once(name, 'LoadBalancerError', states=3)
    t.delete(name)
    t.note = 'LoadBalancerError, told once each time, with the words of the failover; Ready after it, nothing written twice'


def in_error(t, name):
    """A tenant cannot mend it: the stack says so."""
    t.shows(name, 'LoadBalancerError', 'is in ERROR', 'delete the stack and apply it again')
    lb_id = t.lb_id(name)
    t.shows(name, 'LoadBalancerError', f'load balancer {lb_id} is in ERROR', f'openstack loadbalancer failover {lb_id}')
    t.condition(name, 'Stalled', 'True', reason='LoadBalancerError', saying=lb_id)
