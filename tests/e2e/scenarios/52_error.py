"""What failed in Octavia is shown and healed as soon as Octavia can: a child in ERROR, a load balancer that never came up."""
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
    """A tenant cannot mend it: the stack says so, and can always be deleted."""
    with failing(f'{t.namespace}/web'):
        name = t.apply(web())
        stack = t.condition(name, 'Ready', 'False', reason='LoadBalancerError')
        same('state shown', stack['status']['loadBalancer']['provisioningStatus'], 'ERROR')
        lb_id = stack['status']['loadBalancer']['id']
        t.shows(name, 'LoadBalancerError', f'load balancer {lb_id} is in ERROR', f'openstack loadbalancer failover {lb_id}',
                'delete the stack and apply it again')
        t.condition(name, 'Stalled', 'True', reason='LoadBalancerError', saying=lb_id)
        t.told_once(name, 'LoadBalancerError')
    t.delete(name)
