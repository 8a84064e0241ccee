"""Changes of another client are found within the resync period and corrected, with an Event. It alone has every kind
of drift, and shows that Ready stays True since the same time; 91_traffic_changes has three of them under traffic."""
import re

from harness.kube import conditions
from harness.stacks import listener, monitor, pool, stack
from harness.waiting import eventually, expect, same

# The beginnings of lines in an Event about drift.
OBJECT = re.compile(r'[~+-] (load balancer|listener|pool|members? of pool|member|health monitor|L7 policy|L7 rule|floating IP) \S')


def run(t):
    policies = [{'name': n, 'action': 'REDIRECT_TO_POOL', 'redirectPool': 'web',
                 'rules': [{'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': f'/{n}'}]} for n in ('a', 'b')]
    name = t.apply(stack('web', [listener('http', 80, defaultPool='web', connectionLimit=1000, l7Policies=policies),
                                 listener('tcp', 81, 'TCP', defaultPool='web')],
                         [pool('web', healthMonitor=monitor())], {'name': 'shop', 'floatingIP': {'allocate': {'network': {'name': 'public'}}}},
                         resyncPeriod='10s'))
    ready = conditions(t.ready_and_right(name))['Ready']
    lb_id = t.lb_id(name)

    def drift_events():
        return t.events_about(name, 'DriftCorrected')
    same('Events about drift before there is any', drift_events(), [])
    for what, cause in DRIFTS.items():
        cause(t, t.cloud.tree(lb_id))
        t.cloud.active(lb_id)
        expect(t.differences(name), f'the drift changed nothing: {what}')
        eventually(f'corrected: {what}', lambda: t.differences(name), lambda d: not d, 60, every=1)
    notes = [e['note'] for e in eventually('an Event about drift', drift_events, bool, 20)]
    # The Event of the first drift, before which the stack was in sync for sure. Drift that happens while the last one is corrected has no
    # Event of its own.
    first = [n for n in notes if 'load balancer' in n and 'name mine -> shop' in n]
    expect(first, f'no Event names the load balancer, what it had and what it has: {notes}')
    expect(all(OBJECT.match(n) for n in notes), f'an Event does not begin with the object: {notes}')
    same('types of these Events', {e['type'] for e in drift_events()}, {'Normal'})
    now = conditions(t.ready(name))['Ready']
    same('Ready since', now['lastTransitionTime'], ready['lastTransitionTime'])
    t.note = f'{len(DRIFTS)} kinds of drift, Ready all the time; DriftCorrected: {first[0][:80]}'


def put(t, kind, body, path=''):
    root = {'loadbalancers': 'loadbalancer', 'listeners': 'listener', 'pools': 'pool', 'healthmonitors': 'healthmonitor', 'l7policies': 'l7policy'}[kind]
    t.cloud.write('PUT', f'{kind}/{path}', {root: body})


def first(tree, name='http'):
    return next(li for li in tree['listeners'] if li['name'] == name)



DRIFTS = {
    'name of the load balancer': lambda t, lb: put(t, 'loadbalancers', {'name': 'mine'}, lb['id']),
    'a tag of another client': lambda t, lb: put(t, 'loadbalancers', {'tags': [*lb['tags'], 'stray']}, lb['id']),
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
