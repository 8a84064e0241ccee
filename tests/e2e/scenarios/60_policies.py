"""Observe writes nothing and shows its plan; Orphan releases the load balancer in one write; both by field and by
annotation. It alone shows drift under Observe, and lets the annotation win over the spec."""
import time

from harness.scenario import FINALIZER
from harness.stacks import web
from harness.waiting import expect, same, steadily

cases = ['observe', 'observe_then_manage', 'orphan', 'orphan_by_annotation']


def run(t, case):
    globals()[case](t)


def observe(t):
    """A managed load balancer becomes observed: drift is shown and not corrected, and the deletion of the stack keeps it."""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    t.edit(name, lambda spec: spec.update(managementPolicy='Observe'))
    t.condition(name, 'Ready', 'True', reason='InSync')
    t.cloud.write('PUT', f'loadbalancers/{lb_id}', {'loadbalancer': {'name': 'touched', 'admin_state_up': False}})
    t.cloud.active(lb_id)
    since = time.time()
    stack = t.condition(name, 'Ready', 'True', reason='OutOfSync')
    expect('admin_state_up' in stack['status']['plan']['summary'] + str(stack['status']['plan']['steps']),
           f"the plan does not say what differs: {stack['status']['plan']}")
    t.condition(name, 'Programmed', 'False')
    steadily('nothing is written', lambda: not t.writes_since(since), 12)
    t.edit(name, lambda spec: spec.update(managementPolicy='Managed'))
    t.ready_and_right(name)


def observe_then_manage(t):
    """Observe from the start creates nothing and adds no finalizer; later the stack becomes managed."""
    name = t.apply(web(managementPolicy='Observe'))
    stack = t.condition(name, 'Ready', 'True', reason='OutOfSync')
    expect(stack['status']['plan']['steps'], 'no plan')
    expect(FINALIZER not in stack['metadata'].get('finalizers', []), "a stack that is only observed has Evenkeel's finalizer")
    same('load balancers', t.cloud.load_balancers(t.namespace), [])
    t.edit(name, lambda spec: spec.update(managementPolicy='Managed'))
    t.ready_and_right(name)


def delete_and_expect_orphaned(t, name, lb_id, fip):
    """Deletes a stack that orphans: load balancer and floating IP stay, without owner tags."""
    since = time.time()
    t.delete(name)
    lb = t.cloud.active(lb_id)
    try:
        same('writes', t.writes_since(since), ['PUT loadbalancers'])
        same('owner tags', [tag for tag in lb['tags'] if tag.startswith('evenkeel:')], [])
        same("the user's tags", lb['tags'], ['mine'])
        if fip:
            left = t.cloud.floating_ips(port_id=lb['vip_port_id'])
            same('the floating IP stays where it is', [f['id'] for f in left], [fip['id']])
            expect('evenkeel' not in left[0]['description'], f"its description still names the owner: {left[0]['description']}")
    finally:
        t.cloud.delete_load_balancer(lb_id)
        if fip:
            t.cloud.delete_floating_ip(fip['id'])


def orphan(t):
    floating = {'allocate': {'network': {'name': 'public'}}}
    name = t.apply(web(deletionPolicy='Orphan', load_balancer={'tags': ['mine'], 'floatingIP': floating}))
    status = t.ready_and_right(name)['status']['loadBalancer']
    delete_and_expect_orphaned(t, name, status['id'], t.cloud.floating_ips(port_id=status['vipPortID'])[0])


def orphan_by_annotation(t):
    """The annotation, which no schema can reject, wins over the spec."""
    name = t.apply(web(load_balancer={'tags': ['mine']}))
    t.ready_and_right(name)
    t.kube.kubectl('annotate', 'loadbalancerstack', name, '-n', t.namespace, 'evenkeel.dev/deletion-policy=Orphan')
    delete_and_expect_orphaned(t, name, t.lb_id(name), None)
