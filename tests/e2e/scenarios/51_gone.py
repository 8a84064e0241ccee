"""A load balancer that another client deleted is recreated with its addresses and its floating IP. It alone loses a
load balancer without any sign beforehand, one with an additional VIP."""
from harness.stacks import web
from harness.waiting import eventually, expect, same


def run(t):
    vip = {'subnet': {'name': 'tenant-v4'}, 'additional': [{'subnet': {'name': 'tenant-v6'}}]}
    name = t.apply(web(load_balancer={'vip': vip, 'floatingIP': {'allocate': {'network': {'name': 'public'}}}}, resyncPeriod='10s'))
    before = t.ready_and_right(name)['status']['loadBalancer']
    t.cloud.delete_load_balancer(before['id'])
    message = t.shows(name, 'Locked', 'Octavia works on load balancer', 'PENDING_CREATE')
    eventually('another load balancer', lambda: t.stack(name)['status']['loadBalancer'].get('id'), lambda i: i not in (None, before['id']), 90)
    eventually('everything is as before', lambda: t.differences(name), lambda d: not d, 90, every=1)
    after = t.ready(name)['status']['loadBalancer']
    expect(after['id'] in message, f'the message is not about the new load balancer: {message}')
    expect(len(before['additionalVIPs']) == 1, f'not one additional address: {before}')
    same('addresses and floating IP', *(
        (lb['vipAddress'], [(v['subnetID'], v['address']) for v in lb['additionalVIPs']], lb['floatingIP']) for lb in (after, before)))
    same('load balancers', [lb['id'] for lb in t.cloud.load_balancers(t.namespace)], [after['id']])
    same('Events Creating', notes(t, name, 'Creating'), [f'+ load balancer {t.namespace}/{name}'] * 2)
    words = [after[field] for field in ('id', 'vipAddress', 'floatingIP')]
    eventually(f'an Event Ready with {words}', lambda: notes(t, name, 'Ready'),
               lambda found: any(all(word in note for word in words) for note in found), 15)


def notes(t, name, reason):
    return [e['note'] for e in t.events_about(name, reason)]
