"""Floating IPs: allocated and released, kept, borrowed and given back; on a subnet that no router leads to yet."""
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['allocated', 'retained', 'borrowed', 'changed', 'no_router']
gate = {'allocated': ['floating IP', 'deletion']}


def run(t, case):
    globals()[case](t)


def allocate(**more):
    return {'allocate': {'network': {'name': 'public'}, **more}}


def fip_of(t, name):
    return t.cloud.floating_ips(port_id=t.cloud.load_balancer(t.lb_id(name))['vip_port_id'])[0]


def allocated(t):
    """Made with the stack, released with it."""
    name = t.apply(web(load_balancer={'floatingIP': allocate()}))
    t.ready_and_right(name)
    fip = fip_of(t, name)
    t.delete(name)
    same('floating IP after the stack', t.cloud.floating_ips(id=fip['id']), [])


def retained(t):
    """Kept when the stack goes, and nobody's then."""
    name = t.apply(web(load_balancer={'floatingIP': allocate(reclaim='Retain')}))
    t.ready_and_right(name)
    fip = fip_of(t, name)
    t.delete(name)
    try:
        left = t.cloud.floating_ips(id=fip['id'])
        expect(left, 'the floating IP is gone')
        same('its port', left[0]['port_id'], None)
        expect('evenkeel' not in left[0]['description'], f"it still says whose it is: {left[0]['description']}")
    finally:
        t.cloud.delete_floating_ip(fip['id'])


def borrowed(t):
    """Used by address, marked, and given back as it was."""
    fip = t.cloud.make_floating_ip(description="somebody's")
    try:
        name = t.apply(web(load_balancer={'floatingIP': {'existing': {'address': fip['floating_ip_address']}}}))
        t.ready_and_right(name)
        t.delete(name)
        left = t.cloud.floating_ips(id=fip['id'])[0]
        same('port, description, tags afterwards', (left['port_id'], left['description'], left['tags']), (None, "somebody's", []))
    finally:
        t.cloud.delete_floating_ip(fip['id'])


def changed(t):
    """From none to one of our own, to a borrowed one (which interrupts whoever comes by the first), to none."""
    name = t.apply(web(disruptionPolicy='Allow'))
    t.ready_and_right(name)
    t.change(name, 'one of our own', lambda spec: spec['loadBalancer'].update(floatingIP=allocate()), [])
    own = fip_of(t, name)
    fip = t.cloud.make_floating_ip()
    try:
        t.change(name, 'a borrowed one', lambda spec: spec['loadBalancer'].update(floatingIP={'existing': {'id': fip['id']}}), [])
        eventually('our own is released', lambda: t.cloud.floating_ips(id=own['id']), lambda f: not f, 30)
        t.change(name, 'none', lambda spec: spec['loadBalancer'].pop('floatingIP'), [])
        left = t.cloud.floating_ips(id=fip['id'])[0]
        same('port and tags of the borrowed one', (left['port_id'], left['tags']), (None, []))
    finally:
        t.cloud.delete_floating_ip(fip['id'])


def no_router(t):
    """Neutron's 404 names network, subnet and port, and all of them are there: none is told as gone, and a router mends it"""
    neutron, name = t.cloud.neutron, t.namespace
    network = neutron.create_network(name=name)
    subnet = neutron.create_subnet(name=name, network_id=network.id, ip_version=4, cidr='10.77.0.0/24', is_dhcp_enabled=False)
    router = None
    try:
        stack = t.apply(web(load_balancer={'vip': {'subnet': {'name': name}}, 'floatingIP': allocate()}))
        message = t.shows(stack, 'ReferenceUnusable', 'spec.loadBalancer.floatingIP', 'is not reachable from subnet', subnet.id)
        expect('was deleted' not in message and 'loadbalancer delete' not in message, f'it says that something has gone: {message}')
        t.condition(stack, 'ResolvedRefs', 'False', reason='ReferenceUnusable')
        t.told_once(stack, 'ReferenceUnusable')
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
