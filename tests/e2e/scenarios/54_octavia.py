"""A slow or hung Octavia: the stack names the object, the cause and the next step, and continues by itself. It alone
distinguishes a slow worker, which is a wait, from a hung one, which only the operator can free."""
from harness import operator
from harness.faults import slow
from harness.stacks import web
from harness.waiting import same

cases = ['slow_worker', 'stuck']


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


def stuck(t):
    """A worker crashed during a change: PENDING_UPDATE until the operator resets it"""
    name = t.apply(web())
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    operator.set_state(lb_id, 'PENDING_UPDATE')
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
    t.shows(name, 'Locked', lb_id, 'PENDING_UPDATE')
    t.shows(name, 'StuckPending', lb_id, 'PENDING_UPDATE', 'only the operator of the cloud can free it')
    t.delete(name, wait=False)
    t.shows(name, 'Deleting', lb_id, 'only the operator of the cloud can free it')
    t.reported_once(name, 'StuckPending', states=2)     # of the change, and of the deletion
    operator.set_state(lb_id, 'ACTIVE')
    t.kube.kubectl('wait', '--for=delete', f'loadbalancerstack/{name}', '-n', t.namespace, '--timeout=300s')
    t.note = 'StuckPending after a minute, reported once; the deletion says the same and goes on when it is freed'
