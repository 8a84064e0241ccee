"""Octavia slow, failing, stuck: the stack says which object, why, and what comes next; it goes on by itself when it can."""
import time

from harness import operator
from harness.faults import failing, slow
from harness.stacks import web
from harness.waiting import expect, same

cases = ['slow_worker', 'update_fails', 'create_fails', 'stuck']


def run(t, case):
    globals()[case](t)


def slow_worker(t):
    """Each step of the worker takes 3 s longer"""
    with slow(f'{t.namespace}/web', 3):
        name = t.apply(web())
        t.shows(name, 'Locked', 'Octavia works on load balancer', 'PENDING_CREATE')
        t.ready_and_right(name)
        t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
        t.shows(name, 'Locked', t.lb_id(name), 'PENDING_UPDATE')
        t.ready_and_right(name)
    same('creates', t.creates(), 1)
    same('warnings', t.events('Warning'), {})


def update_fails(t):
    """The data plane refuses a change of the load balancer: ERROR, until the operator makes a failover"""
    name = t.apply(web())
    t.ready_and_right(name)
    lb_id, since = t.lb_id(name), time.time()
    with failing(f'{t.namespace}/{name}'):
        t.edit(name, lambda spec: spec['loadBalancer'].update(description='changed'))
        message = t.shows(name, 'LoadBalancerError', lb_id, 'since Evenkeel changed it', 'description', 'changed', 'listener http', 'correct the spec')
        expect('failover' not in message and 'delete the stack' not in message, message)
        t.condition(name, 'Stalled', 'True', reason='LoadBalancerError')
    t.told_once(name, 'LoadBalancerError')
    operator.failover(lb_id)
    t.ready_and_right(name)
    same('writes', t.writes_since(since), ['PUT loadbalancers'])
    t.note = 'LoadBalancerError, told once, with the change before; Ready after a failover, nothing written twice'


def create_fails(t):
    """The data plane refuses a create: ERROR, until the operator makes a failover"""
    with failing(f'{t.namespace}/web'):
        name = t.apply(web())
        message = t.shows(name, 'LoadBalancerError', 'in its own create', 'correct the spec')
        expect(t.lb_id(name) in message, f'not this load balancer: {message}')
        t.condition(name, 'Stalled', 'True', reason='LoadBalancerError')
        t.told_once(name, 'LoadBalancerError')
    operator.failover(t.lb_id(name))
    t.ready_and_right(name)
    same('creates', t.creates(), 1)


def stuck(t):
    """A worker died at work: PENDING_UPDATE for ever, until the operator frees it"""
    name = t.apply(web())
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    operator.set_state(lb_id, 'PENDING_UPDATE')
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
    t.shows(name, 'Locked', lb_id, 'PENDING_UPDATE')
    t.shows(name, 'StuckPending', lb_id, 'PENDING_UPDATE', 'only the operator of the cloud can free it')
    t.delete(name, wait=False)
    t.shows(name, 'Deleting', lb_id, 'only the operator of the cloud can free it')
    t.told_once(name, 'StuckPending', states=2)     # of the change, and of the deletion
    operator.set_state(lb_id, 'ACTIVE')
    t.kube.kubectl('wait', '--for=delete', f'loadbalancerstack/{name}', '-n', t.namespace, '--timeout=300s')
    t.note = 'StuckPending after a minute, told once; the deletion says the same and goes on when it is freed'
