"""What somebody changes behind our back is found within the resync period and put right, with an Event."""
from harness.stacks import listener, monitor, pool, stack
from harness.waiting import eventually, expect


def run(t):
    policies = [{'name': n, 'action': 'REDIRECT_TO_POOL', 'redirectPool': 'web',
                 'rules': [{'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': f'/{n}'}]} for n in ('a', 'b')]
    name = t.apply(stack('web', [listener('http', 80, defaultPool='web', connectionLimit=1000, l7Policies=policies),
                                 listener('tcp', 81, 'TCP', defaultPool='web')],
                         [pool('web', healthMonitor=monitor())], {'name': 'shop', 'floatingIP': {'allocate': {'network': {'name': 'public'}}}},
                         resyncPeriod='10s'))
    t.ready_and_right(name)
    lb_id = t.lb_id(name)
    for what, break_it in DRIFTS.items():
        break_it(t, t.cloud.tree(lb_id))
        t.cloud.active(lb_id)
        expect(t.differences(name), f'breaking it changed nothing: {what}')
        eventually(f'put right: {what}', lambda: t.differences(name), lambda d: not d, 60, every=1)
    found = eventually('an Event about drift', lambda: [e for e in t.kube.events(t.namespace, name) if 'rift' in e['reason']], bool, 20)
    t.note = f'{len(DRIFTS)} kinds of drift; {found[0]["reason"]}: {found[0]["note"][:80]}'


def put(t, kind, body, path=''):
    root = {'loadbalancers': 'loadbalancer', 'listeners': 'listener', 'pools': 'pool', 'healthmonitors': 'healthmonitor', 'l7policies': 'l7policy'}[kind]
    t.cloud.write('PUT', f'{kind}/{path}', {root: body})


def first(tree, name='http'):
    return next(li for li in tree['listeners'] if li['name'] == name)



DRIFTS = {
    'name of the load balancer': lambda t, lb: put(t, 'loadbalancers', {'name': 'mine'}, lb['id']),
    'a tag of somebody else': lambda t, lb: put(t, 'loadbalancers', {'tags': [*lb['tags'], 'stray']}, lb['id']),
    'fields of a listener': lambda t, lb: put(t, 'listeners', {'connection_limit': 5, 'allowed_cidrs': ['192.0.2.0/24']}, first(lb)['id']),
    'default pool': lambda t, lb: put(t, 'listeners', {'default_pool_id': None}, first(lb)['id']),
    'algorithm': lambda t, lb: put(t, 'pools', {'lb_algorithm': 'SOURCE_IP'}, lb['pools'][0]['id']),
    'monitor': lambda t, lb: put(t, 'healthmonitors', {'delay': 30}, lb['pools'][0]['healthmonitor']['id']),
    'monitor deleted': lambda t, lb: t.cloud.write('DELETE', f"healthmonitors/{lb['pools'][0]['healthmonitor']['id']}"),
    'member deleted': lambda t, lb: t.cloud.write('DELETE', f"pools/{lb['pools'][0]['id']}/members/{lb['pools'][0]['members'][0]['id']}"),
    'member added': lambda t, lb: t.cloud.write('POST', f"pools/{lb['pools'][0]['id']}/members", {'member': {'address': '10.20.9.9', 'protocol_port': 1}}),
    'policies reordered': lambda t, lb: put(t, 'l7policies', {'position': 2}, first(lb)['l7policies'][0]['id']),
    'rule deleted': lambda t, lb: t.cloud.write(
        'DELETE', f"l7policies/{first(lb)['l7policies'][0]['id']}/rules/{first(lb)['l7policies'][0]['rules'][0]['id']}"),
    'listener deleted': lambda t, lb: t.cloud.write('DELETE', f"listeners/{first(lb, 'tcp')['id']}"),
    'floating IP taken away': lambda t, lb: t.cloud.neutron.update_ip(t.cloud.floating_ips(port_id=lb['vip_port_id'])[0]['id'], port_id=None),
}
