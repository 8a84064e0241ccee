"""Transport faults on the way to a service and back: no duplicate, no loss, and the stack names the service that it
waits for. It alone breaks each service by itself, before and after it has executed a request."""
import time

from harness.credentials import credentials
from harness.proxy import Proxy, arrives_late, cut_short, expired, gone_after, lost, never, respond_with
from harness.stacks import listener, pool, stack, web
from harness.waiting import eventually, expect, pause, same, steadily

cases = ['octavia_down', 'neutron_down', 'keystone_down', 'barbican_down', 'cut_answers', 'hung_up', 'answer_lost', 'never_arrived',
         'late_answers', 'retry_after', 'server_errors', 'busy_create', 'token_expired']
FLOATING = {'floatingIP': {'allocate': {'network': {'name': 'public'}}}}
HTML = '<html><body><h1>Bad Gateway</h1></body></html>'
FAULT = '{"faultcode": "Server", "faultstring": "Something is broken here.", "debuginfo": null}'


def run(t, case):
    globals()[case](t)


def heavier(spec):
    spec['pools'][0]['members'][0]['weight'] = spec['pools'][0]['members'][0].get('weight', 1) + 1


def one_create(t):
    same('load balancers', len(t.cloud.load_balancers(t.namespace)), 1)
    same('creates', t.creates(), 1)


def expect_event(t, name, reason, *words):
    """Checks that one Event has all these words. An Event keeps the text of a condition that lasted only a second."""
    eventually(f'an Event {reason} about {name} with {words}', lambda: [e['note'] for e in t.events_about(name, reason)],
               lambda notes: any(all(word in note for word in words) for note in notes), 15)


def no_warnings(t, name):
    same(f'warnings about {name}', [reason for about, reason in t.events('Warning') if about == name], [])


def unreachable(t, *services):
    """A stack to change, one to create and one to delete, while the services refuse connections."""
    proxies = t.behind(*services)
    changed, deleted = t.apply(web('changed', load_balancer=FLOATING)), t.apply(web('deleted'))
    for name in (changed, deleted):
        t.ready_and_right(name)
    for proxy in proxies:
        proxy.down()
    t.edit(changed, heavier)
    created = t.apply(web('created'))
    t.delete(deleted, wait=False)
    messages = [t.shows(name, 'CloudUnreachable', 'cannot reach 127.0.0.1:', 'Connection refused') for name in (changed, created)]
    messages.append(t.shows(deleted, 'Deleting', 'cannot reach 127.0.0.1:', 'Connection refused', 'evenkeel.dev/deletion-policy=Orphan'))
    for message in messages:
        expect(any(proxy.address in message for proxy in proxies), f'not the address of a service: {message}')
    t.condition(deleted, 'Reconciling', 'True', reason='CloudUnreachable')
    steadily('it is not stalled', lambda: 'Stalled' not in [c['type'] for c in t.stack(changed)['status']['conditions']], 8)
    for proxy in proxies:
        proxy.up()
    for name in (changed, created):
        t.ready_and_right(name)
    eventually('the deletion ends', lambda: t.stack(deleted), lambda s: s is None, 120)
    for name in (changed, created, deleted):
        t.reported_once(name, 'CloudUnreachable')
    same('creates', t.creates(), 3)
    t.note = 'CloudUnreachable with host and port, reported once; Ready by itself afterwards'


def octavia_down(t):
    """Octavia refuses connections for a while"""
    unreachable(t, 'octavia')


def neutron_down(t):
    """Neutron refuses connections for a while"""
    unreachable(t, 'neutron')


def keystone_down(t):
    """Keystone refuses connections: stacks with a token continue, those without one wait"""
    keystone, = t.behind('keystone')
    name = t.apply(web())
    t.ready_and_right(name)
    keystone.down()
    t.change(name, 'a change without Keystone', heavier, ['PUT members'])
    t.kube.apply(credentials('later', proxies={'keystone': keystone}), namespace=t.namespace)
    other = web('other')
    other['spec']['cloudCredentialsRef']['secretName'] = 'later'
    t.apply(other)
    t.shows('other', 'CloudUnreachable', 'POST /v3/auth/tokens', keystone.address)
    pause(6)
    keystone.up()
    t.ready_and_right('other')
    t.reported_once('other', 'CloudUnreachable')
    no_warnings(t, name)


def barbican_down(t):
    """Barbican refuses connections: a stack with a certificate waits, one without continues"""
    barbican, = t.behind('barbican')
    plain = t.apply(web('plain'))
    t.ready_and_right(plain)
    barbican.down()
    tls = {'certificate': {'barbicanRef': 'https://barbican.example/v1/secrets/shop'}}
    https = listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls=tls)
    name = t.apply(t.with_certificates(stack('tls', [https], [pool('web')])))
    t.shows(name, 'CloudUnreachable', f'cannot reach {barbican.address}', 'Connection refused', 'GET /v1/secrets/')
    t.change(plain, 'a change without Barbican', heavier, ['PUT members'])
    same('creates without Barbican', t.creates(), 1)
    barbican.up()
    t.ready_and_right(name)
    t.reported_once(name, 'CloudUnreachable')
    no_warnings(t, plain)


def cut_answers(t):
    """Responses end in the middle of their body: of the create, of reads, of a change"""
    octavia, = t.behind('octavia')
    octavia.inject(cut_short, 'POST', '/loadbalancers$', times=1)
    name = t.apply(web())
    t.ready_and_right(name)
    one_create(t)
    expect_event(t, name, 'CreateInDoubt', f'no answer from {octavia.address}', 'POST /v2/lbaas/loadbalancers', 'is looked for')
    t.reported_once(name, 'CreateInDoubt')
    octavia.inject(cut_short, 'GET', times=2)
    octavia.inject(cut_short, 'PUT', '/members', times=1)
    t.change(name, 'a change whose response is cut', heavier, ['PUT members'])
    expect_event(t, name, 'CloudUnreachable', f'no answer from {octavia.address}', 'GET /v2/lbaas/')
    t.reported_once(name, 'CloudUnreachable')
    t.note = 'each write was found executed, none was sent twice'


def hung_up(t):
    """The client hangs up 50 ms into a create that Octavia commits seconds later"""
    octavia, = t.behind('octavia')
    octavia.inject(gone_after(0.05), 'POST', '/loadbalancers$', times=1)
    name = t.apply(web())
    t.shows(name, 'CreateInDoubt', 'may still appear')
    t.ready_and_right(name)
    one_create(t)
    same('POSTs of a load balancer', len(octavia.requests('POST', '/loadbalancers$')), 1)
    t.reported_once(name, 'CreateInDoubt')


def answer_lost(t):
    """The responses to a create, a change and a deletion are lost"""
    octavia, neutron = t.behind('octavia', 'neutron')
    octavia.inject(lost, 'POST', '/loadbalancers$', times=1)
    neutron.inject(lost, 'POST', '/floatingips', times=1)
    name = t.apply(web(load_balancer=FLOATING))
    t.ready_and_right(name)
    one_create(t)
    expect_event(t, name, 'CreateInDoubt', f'no answer from {octavia.address}', 'is looked for')
    expect_event(t, name, 'CloudUnreachable', f'no answer from {neutron.address}', 'POST /v2.0/floatingips')
    t.reported_once(name, 'CreateInDoubt')
    octavia.inject(lost, 'PUT', '/members', times=1)
    t.change(name, 'a change whose response is lost', heavier, ['PUT members'])
    octavia.inject(lost, 'DELETE', '/loadbalancers', times=1)
    neutron.inject(lost, 'DELETE', '/floatingips', times=1)
    t.delete(name)
    same('floating IPs created', len([r for r in neutron.requests('POST', '/floatingips')]), 1)
    # of the floating IP, of the change, and of the two deletions
    t.reported_once(name, 'CloudUnreachable', states=4)


def never_arrived(t):
    """A create never reaches Octavia, which the controller cannot know: no create before the quiet period is over"""
    octavia, = t.behind('octavia')
    octavia.inject(never, 'POST', '/loadbalancers$', times=1)
    started = time.monotonic()
    name = t.apply(web())
    t.shows(name, 'CreateInDoubt', 'so the load balancer may still appear; no other one is created until')
    t.ready_and_right(name)
    took = time.monotonic() - started
    expect(took > 75, f'recreated after {took:.0f} s, within the quiet period')
    one_create(t)
    t.reported_once(name, 'CreateInDoubt', states=2)    # of the create, and of the deletion that comes soon after it
    t.note = f'CreateInDoubt, reported once; created after {took:.0f} s, with a quiet period of 75 s'


def late_answers(t):
    """Every response of Octavia and Neutron takes a second"""
    for proxy in t.behind('octavia', 'neutron'):
        proxy.inject(arrives_late(1))
    name = t.apply(web(load_balancer=FLOATING))
    t.ready_and_right(name)
    t.change(name, 'a change', heavier, ['PUT members'])
    one_create(t)
    no_warnings(t, name)


def rejected(t, rejections, attempts, **headers):
    """Creates stacks that each have their own way to Octavia, where every request gets one error, until each has made
    `attempts`. Returns the gaps between the attempts of each."""
    proxies = {name: own_way(t, name) for name in rejections}
    for name in proxies:
        t.ready_and_right(name)
    for name, (status, body, words) in rejections.items():
        proxies[name].inject(respond_with(status, body, **headers))
        t.edit(name, heavier)
    for name, (status, _, words) in rejections.items():
        t.shows(name, 'CloudUnreachable', words, f'GET /v2/lbaas/loadbalancers/{t.lb_id(name)}: {status}')
    gaps = {name: eventually(f'{attempts} attempts', lambda: gaps_of(proxy, rejections[name][0]), lambda g: len(g) >= attempts - 1, 60)
            for name, proxy in proxies.items()}
    for name, proxy in proxies.items():
        proxy.clear_faults()
        t.ready_and_right(name)
        t.reported_once(name, 'CloudUnreachable')
    t.note = f'Ready by itself afterwards; retried after {gaps} s'
    return gaps


def own_way(t, name):
    """Applies a stack with a Secret and a proxy of its own."""
    proxy = t.proxies[name] = Proxy('octavia')
    t.kube.apply(credentials(name, proxies={'octavia': proxy}), namespace=t.namespace)
    document = web(name)
    document['spec']['cloudCredentialsRef']['secretName'] = name
    t.apply(document)
    return proxy


def gaps_of(proxy, status):
    """The seconds between rejected requests."""
    times = [e.at for e in proxy.requests() if e.response and e.response.status == status]
    return [round(later - earlier, 1) for earlier, later in zip(times, times[1:])]


def retry_after(t):
    """503, 500 and 429 with Retry-After: 7: no request before that time"""
    words = 'Something is broken here.'
    gaps = rejected(t, {'unavailable': (503, FAULT, words), 'internal': (500, FAULT, words), 'too-many': (429, FAULT, words)},
                    attempts=3, Retry_After='7')
    expect(all(gap >= 6.9 for g in gaps.values() for gap in g), f'retried too soon: after {gaps} s')


def server_errors(t):
    """500 and 503 of Octavia, 502 and 429 of a proxy, without Retry-After: requests back off"""
    words = 'Something is broken here.'
    gaps = rejected(t, {'internal': (500, FAULT, words), 'unavailable': (503, FAULT, words),
                        'between': (502, HTML, 'something that is not OpenStack answered 502'),
                        'too-many': (429, HTML, 'something that is not OpenStack answered 429')}, attempts=4)
    expect(all(max(g[:-1]) < g[-1] and 2 * g[0] < g[-1] for g in gaps.values()), f'no backoff: after {gaps} s')


def busy_create(t):
    """Octavia responds to a create with 503: a clear rejection, so there is no quiet period"""
    octavia, = t.behind('octavia')
    octavia.inject(respond_with(503, FAULT, Retry_After='3'), 'POST', '/loadbalancers$', times=2)
    started = time.monotonic()
    name = t.apply(web())
    t.shows(name, 'CloudUnreachable', 'Something is broken here.', 'POST /v2/lbaas/loadbalancers: 503')
    t.ready_and_right(name)
    expect(time.monotonic() - started < 60, 'it waited for a quiet period')
    one_create(t)
    t.reported_once(name, 'CloudUnreachable')
    same('warnings', t.events('Warning'), {(name, 'CloudUnreachable'): 1})


def token_expired(t):
    """The token expires between two requests of one reconcile"""
    keystone, octavia = t.behind('keystone', 'octavia')
    name = t.apply(web())
    t.ready_and_right(name)
    before = len(octavia.exchanges)
    token = octavia.requests('GET')[-1].headers['x-auth-token']
    octavia.inject(expired(token), after=1)
    t.change(name, 'a change with an expired token', heavier, ['PUT members'])
    same('responses to the first two calls', [e.response.status for e in octavia.exchanges[before:before + 2]], [200, 401])
    same('log-ins', len(keystone.requests('POST', '/auth/tokens')), 2)
    no_warnings(t, name)
