"""Floating IPs: allocated and released, retained, borrowed and returned, handed over; and on a subnet without a
router. It alone follows a floating IP from one owner to the next."""
import time
from contextlib import ExitStack, contextmanager

from harness.cloud import Cloud
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['allocated', 'retained', 'borrowed', 'changed', 'no_router', 'reallocated', 'handed_over']
gate = {'allocated': ['floating IP', 'deletion']}
# Seconds from the edit of the stack that gives a floating IP up until the waiting one is Ready. Any other stalled stack is
# checked once a minute; most of these seconds are the work of the lab's Neutron for four scenarios.
HAND_OVER = 30


def run(t, case):
    globals()[case](t)


def allocate(**more):
    return {'allocate': {'network': {'name': 'public'}, **more}}


def fip_of(t, name):
    return t.cloud.floating_ips(port_id=t.cloud.load_balancer(t.lb_id(name))['vip_port_id'])[0]


def allocated(t):
    """Created with the stack and released with it, even if another client changes its description."""
    name = t.apply(web(load_balancer={'floatingIP': allocate()}, resyncPeriod='10s'))
    t.ready_and_right(name)
    fip = fip_of(t, name)
    t.cloud.neutron.update_ip(fip['id'], description="the shop's")
    eventually('the description is restored', lambda: fip_of(t, name)['description'], lambda d: d == fip['description'], 60)
    t.ready_and_right(name)
    t.cloud.neutron.update_ip(fip['id'], description="the shop's")
    t.delete(name)
    same('floating IP after the stack', t.cloud.floating_ips(id=fip['id']), [])


def retained(t):
    """Kept after the deletion of the stack, without an owner."""
    name = t.apply(web(load_balancer={'floatingIP': allocate(reclaimPolicy='Retain')}))
    t.ready_and_right(name)
    fip = fip_of(t, name)
    t.delete(name)
    try:
        left = t.cloud.floating_ips(id=fip['id'])
        expect(left, 'the floating IP is gone')
        same('its port', left[0]['port_id'], None)
        expect('evenkeel' not in left[0]['description'], f"its description still names the owner: {left[0]['description']}")
    finally:
        t.cloud.delete_floating_ip(fip['id'])


def borrowed(t):
    """Used by address, tagged, and returned unchanged."""
    fip = t.cloud.make_floating_ip(description="another client's")
    try:
        name = t.apply(web(load_balancer={'floatingIP': {'existing': {'address': fip['floating_ip_address']}}}))
        t.ready_and_right(name)
        t.delete(name)
        left = t.cloud.floating_ips(id=fip['id'])[0]
        same('port, description, tags afterwards', (left['port_id'], left['description'], left['tags']), (None, "another client's", []))
    finally:
        t.cloud.delete_floating_ip(fip['id'])


def changed(t):
    """From none to an allocated one, to a borrowed one (which interrupts clients of the first), to none."""
    name = t.apply(web(disruptionPolicy='Allow'))
    t.ready_and_right(name)
    t.change(name, 'an allocated one', lambda spec: spec['loadBalancer'].update(floatingIP=allocate()), [])
    own = fip_of(t, name)
    fip = t.cloud.make_floating_ip()
    try:
        t.change(name, 'a borrowed one', lambda spec: spec['loadBalancer'].update(floatingIP={'existing': {'id': fip['id']}}), [])
        eventually('the allocated one is released', lambda: t.cloud.floating_ips(id=own['id']), lambda f: not f, 30)
        t.change(name, 'none', lambda spec: spec['loadBalancer'].pop('floatingIP'), [])
        left = t.cloud.floating_ips(id=fip['id'])[0]
        same('port and tags of the borrowed one', (left['port_id'], left['tags']), (None, []))
    finally:
        t.cloud.delete_floating_ip(fip['id'])


def no_router(t):
    """Neutron's 404 names network, subnet and port, and all of them exist: none is reported missing, and a router resolves
    it"""
    neutron, name = t.cloud.neutron, t.namespace
    network = neutron.create_network(name=name)
    subnet = neutron.create_subnet(name=name, network_id=network.id, ip_version=4, cidr='10.77.0.0/24', is_dhcp_enabled=False)
    router = None
    try:
        stack = t.apply(web(load_balancer={'vip': {'subnet': {'name': name}}, 'floatingIP': allocate()}))
        message = t.shows(stack, 'ReferenceUnusable', 'spec.loadBalancer.floatingIP', 'is not reachable from subnet', subnet.id)
        expect('was deleted' not in message and 'loadbalancer delete' not in message, f'it reports a missing object: {message}')
        t.condition(stack, 'ResolvedRefs', 'False', reason='ReferenceUnusable')
        t.reported_once(stack, 'ReferenceUnusable')
        lb_id = t.lb_id(stack)
        same('floating IPs meanwhile', t.cloud.floating_ips(port_id=t.cloud.load_balancer(lb_id)['vip_port_id']), [])
        router = neutron.create_router(name=name, external_gateway_info={'network_id': t.cloud.id_of('network', 'public')})
        neutron.add_interface_to_router(router, subnet_id=subnet.id)
        t.ready_and_right(stack, timeout=150)
        same('load balancer', t.lb_id(stack), lb_id)
        same('creates', t.creates(), 1)
        t.delete(stack)
    finally:
        if router:
            neutron.remove_interface_from_router(router, subnet_id=subnet.id)
            neutron.delete_router(router.id)
        neutron.delete_network(network.id)
    t.note = message[:150]


def reallocated(t):
    """Another network, and then another subnet, need another floating IP: held back until interruptions are allowed."""
    name = t.apply(web(load_balancer={'floatingIP': allocate(subnet={'name': 'public-v4'})}))
    t.ready_and_right(name)
    old = fip_of(t, name)
    with external_network(t, '198.18.40.0/24', '198.18.41.0/24') as (network, subnets):
        t.edit(name, lambda spec: spec['loadBalancer'].update(floatingIP={'allocate': {'network': {'id': network}}}))
        t.shows(name, 'DisruptionForbidden', old['floating_ip_address'])
        same('the floating IP meanwhile', fip_of(t, name)['id'], old['id'])
        t.change(name, 'another network', lambda spec: spec.update(disruptionPolicy='Allow'), [])
        for subnet in subnets:
            wanted = {'network': {'id': network}, 'subnet': {'id': subnet}}
            t.change(name, 'another subnet', lambda spec: spec['loadBalancer'].update(floatingIP={'allocate': wanted}), [])
        same('the old one', t.cloud.floating_ips(id=old['id']), [])
        t.delete(name)


@contextmanager
def external_network(t, *cidrs):
    """A network with these subnets, and a router from it to the VIPs. Yields the ids of network and subnets."""
    operator, tenant, v4 = Cloud('admin').neutron, t.cloud.id_of('network', 'tenant'), t.cloud.id_of('subnet', 'tenant-v4')
    with ExitStack() as away:
        network = operator.create_network(name=f'{t.namespace}-out', is_router_external=True)
        away.callback(operator.delete_network, network)
        subnets = [operator.create_subnet(network_id=network.id, cidr=cidr, ip_version=4).id for cidr in cidrs]
        port = operator.create_port(network_id=tenant, fixed_ips=[{'subnet_id': v4}])
        router = operator.create_router(name=f'{t.namespace}-out', project_id=t.cloud.neutron.get_subnet(v4).project_id,
                                        external_gateway_info={'network_id': network.id})
        away.callback(operator.delete_router, router)
        operator.add_interface_to_router(router, port_id=port.id)
        away.callback(operator.remove_interface_from_router, router, port_id=port.id)
        yield network.id, subnets


def handed_over(t):
    """Two stacks name one floating IP: one has it, the other names the owner, and gets it within seconds of its release."""
    fip = t.cloud.make_floating_ip()
    use = {'existing': {'address': fip['floating_ip_address']}}
    try:
        names = [t.apply(web(name)) for name in ('blue', 'green')]
        for name in names:
            t.ready(name)
        for name in names:
            t.edit(name, lambda spec: spec['loadBalancer'].update(floatingIP=use))
        first = eventually('one of them has it', lambda: [n for n in names if is_ready(t, n)], lambda ready: len(ready) == 1, 60)[0]
        second, = [name for name in names if name != first]
        for has, waits in ((first, second), (second, first)):
            t.shows(waits, 'ResourceConflict', fip['floating_ip_address'], f'stack {t.namespace}/{has}')
            t.ready_and_right(has)
            started = time.monotonic()
            t.edit(has, lambda spec: spec['loadBalancer'].pop('floatingIP'))
            t.ready(waits, HAND_OVER)
            took = time.monotonic() - started
            expect(took < HAND_OVER, f'{waits} has it after {took:.0f} s')
            t.ready_and_right(waits)
            if waits == second:
                t.edit(has, lambda spec: spec['loadBalancer'].update(floatingIP=use))
        for name in names:
            t.delete(name)
        same('its tags', t.cloud.floating_ips(id=fip['id'])[0]['tags'], [])
    finally:
        t.cloud.delete_floating_ip(fip['id'])


def is_ready(t, name):
    stack = t.stack(name)
    ready = next((c for c in stack.get('status', {}).get('conditions', []) if c['type'] == 'Ready'), {})
    return ready.get('status') == 'True' and ready.get('observedGeneration') == stack['metadata']['generation']
