"""Floating IPs: allocated and released, kept, borrowed and given back."""
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['allocated', 'retained', 'borrowed', 'changed']
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
