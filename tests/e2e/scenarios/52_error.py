"""Failures in Octavia are reported, and healed as soon as Octavia can: a child in ERROR, a load balancer that never
came up. It alone makes Octavia's worker fail."""
import time

from harness import operator
from harness.faults import failing
from harness.stacks import web
from harness.waiting import eventually, expect, same, steadily

cases = ['child', 'load_balancer']


def run(t, case):
    globals()[case](t)


def child(t):
    """The API shows the new values although they were never applied: only the state differs."""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    with failing(f'{t.namespace}/{name}'):
        t.edit(name, lambda spec: spec['pools'][0].update(algorithm='SOURCE_IP'))
        eventually('the pool is in ERROR', lambda: t.cloud.all('pools', loadbalancer_id=lb_id)[0]['provisioning_status'], lambda s: s == 'ERROR', 60)
        # Sent once as a change and twice to heal it.
        message = t.shows(name, 'ProvisioningFailed', 'does not take effect', 'pool web is in ERROR since ~ pool web: lb_algorithm ROUND_ROBIN -> SOURCE_IP',
                          'sent again ever more rarely', "ask the operator of the cloud what the log of Octavia's worker says")
        expect('(heal)' not in message, message)
        t.condition(name, 'Reconciling', 'True', reason='ProvisioningFailed')
    t.ready_and_right(name)
    t.reported_once(name, 'ProvisioningFailed')


def load_balancer(t):
    """A load balancer that failed in its own create is recreated on the next spec change, and only then. One that failed in
    a change needs a failover. Both can be deleted in ERROR"""
    with failing(f'{t.namespace}/web'):
        name = t.apply(web())
        stack = t.condition(name, 'Ready', 'False', reason='LoadBalancerError')
        same('state shown', stack['status']['loadBalancer']['provisioningStatus'], 'ERROR')
        lb_id, address = (stack['status']['loadBalancer'][field] for field in ('id', 'vipAddress'))
        message = t.shows(name, 'LoadBalancerError', f'load balancer {lb_id} went into ERROR in its own create', 'never served',
                          'listener http', 'pool web', 'operator of the cloud', "log of Octavia's worker", 'recreated')
        expect('failover' not in message and 'delete the stack' not in message, message)
        t.condition(name, 'Stalled', 'True', reason='LoadBalancerError', saying=lb_id)
        t.reported_once(name, 'LoadBalancerError', states=2)     # of either load balancer
        t.edit(name, lambda spec: spec['loadBalancer'].update(description='still wrong'))
        t.shows(name, 'LoadBalancerError', 'went into ERROR in its own create')
        steadily('one create for each spec', lambda: t.creates() == 2, 5)
    t.edit(name, lambda spec: spec['loadBalancer'].update(description='right'))
    t.ready_and_right(name)
    same('creates', t.creates(), 3)
    same('address', t.stack(name)['status']['loadBalancer']['vipAddress'], address)
    since = time.time()
    with failing(f'{t.namespace}/{name}'):
        t.edit(name, lambda spec: spec['loadBalancer'].update(description='changed'))
        message = t.shows(name, 'LoadBalancerError', t.lb_id(name), 'since Evenkeel changed it', 'description', 'changed', 'listener http', 'correct the spec')
        expect('failover' not in message and 'delete the stack' not in message, message)
        t.condition(name, 'Stalled', 'True', reason='LoadBalancerError')
        t.reported_once(name, 'LoadBalancerError', states=3)
    operator.failover(t.lb_id(name))
    t.ready_and_right(name)
    same('writes', t.writes_since(since), ['PUT loadbalancers'])
    with failing(f'{t.namespace}/{name}'):
        t.edit(name, lambda spec: spec['loadBalancer'].update(description='changed again'))
        t.shows(name, 'LoadBalancerError', 'changed again')
        t.reported_once(name, 'LoadBalancerError', states=4)
    t.delete(name)
    t.note = 'LoadBalancerError, reported once each time: recreated when it never served, else Ready after a failover; nothing written twice'
