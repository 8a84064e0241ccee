"""What can happen on the way to a service and back: nothing is made twice, nothing is lost, and the stack says what it waits for."""
import time

from harness.proxy import answers, arrives_late, cut_short, expired, gone_after, lost, never
from harness.scenario import credentials
from harness.stacks import web
from harness.waiting import eventually, expect, same, steadily

cases = ['octavia_down', 'neutron_down', 'keystone_down', 'all_down', 'cut_answers', 'hung_up', 'answer_lost', 'never_arrived',
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


def unreachable(t, *services):
    """A stack that has to change and one that has to be made, while the services refuse connections."""
    proxies = t.behind(*services)
    changed = t.apply(web('changed', load_balancer=FLOATING))
    t.ready_and_right(changed)
    for proxy in proxies:
        proxy.down()
    t.edit(changed, heavier)
    made = t.apply(web('made'))
    for name in (changed, made):
        message = t.shows(name, 'CloudUnreachable', 'cannot reach 127.0.0.1:', 'Connection refused')
        expect(any(proxy.address in message for proxy in proxies), f'not the address of a service: {message}')
    steadily('it is not stalled', lambda: 'Stalled' not in [c['type'] for c in t.stack(changed)['status']['conditions']], 8)
    for proxy in proxies:
        proxy.up()
    for name in (changed, made):
        t.ready_and_right(name)
        t.told_once(name, 'CloudUnreachable')
    same('creates', t.creates(), 2)
    t.note = 'CloudUnreachable with host and port, told once; Ready by itself afterwards'


def octavia_down(t):
    """Octavia refuses connections for a while"""
    unreachable(t, 'octavia')


def neutron_down(t):
    """Neutron refuses connections for a while"""
    unreachable(t, 'neutron')


def all_down(t):
    """The whole cloud refuses connections for a while"""
    unreachable(t, 'octavia', 'neutron', 'barbican')


def keystone_down(t):
    """Keystone refuses connections: who has a token works on, who needs one waits"""
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
    time.sleep(6)
    keystone.up()
    t.ready_and_right('other')
    t.told_once('other', 'CloudUnreachable')


def cut_answers(t):
    """Answers end in the middle of their body: of the create, of reads, of a change"""
    octavia, = t.behind('octavia')
    octavia.breaks(cut_short, 'POST', '/loadbalancers$', times=1)
    name = t.apply(web())
    t.ready_and_right(name)
    one_create(t)
    octavia.breaks(cut_short, 'GET', times=2)
    octavia.breaks(cut_short, 'PUT', '/members', times=1)
    t.change(name, 'a change whose answer is cut', heavier, ['PUT members'])
    t.note = 'each was found done, nothing was sent twice'


def hung_up(t):
    """The client is gone 50 ms into a create that Octavia commits seconds later"""
    octavia, = t.behind('octavia')
    octavia.breaks(gone_after(0.05), 'POST', '/loadbalancers$', times=1)
    name = t.apply(web())
    t.shows(name, 'CreateInDoubt', 'looked for')
    t.ready_and_right(name)
    one_create(t)
    t.told_once(name, 'CreateInDoubt')


def answer_lost(t):
    """The answers to a create, a change and a deletion never arrive"""
    octavia, neutron = t.behind('octavia', 'neutron')
    octavia.breaks(lost, 'POST', '/loadbalancers$', times=1)
    neutron.breaks(lost, 'POST', '/floatingips', times=1)
    name = t.apply(web(load_balancer=FLOATING))
    t.ready_and_right(name)
    one_create(t)
    octavia.breaks(lost, 'PUT', '/members', times=1)
    t.change(name, 'a change whose answer is lost', heavier, ['PUT members'])
    octavia.breaks(lost, 'DELETE', '/loadbalancers', times=1)
    neutron.breaks(lost, 'DELETE', '/floatingips', times=1)
    t.delete(name)
    same('floating IPs made', len([r for r in neutron.asked('POST', '/floatingips')]), 1)


def never_arrived(t):
    """A create never reaches Octavia, and nobody can know: nothing is made before the quiet period is over"""
    octavia, = t.behind('octavia')
    octavia.breaks(never, 'POST', '/loadbalancers$', times=1)
    started = time.monotonic()
    name = t.apply(web())
    t.shows(name, 'CreateInDoubt', 'it may still appear, so nothing is made until it has been looked for in vain')
    t.ready_and_right(name)
    took = time.monotonic() - started
    expect(took > 75, f'made again after {took:.0f} s, within the quiet period')
    one_create(t)
    t.told_once(name, 'CreateInDoubt')
    t.note = f'CreateInDoubt, told once; made after {took:.0f} s, with a quiet period of 75 s'


def late_answers(t):
    """Every answer of Octavia and Neutron takes a second"""
    for proxy in t.behind('octavia', 'neutron'):
        proxy.breaks(arrives_late(1))
    name = t.apply(web(load_balancer=FLOATING))
    t.ready_and_right(name)
    t.change(name, 'a change', heavier, ['PUT members'])
    one_create(t)


def retry_after(t):
    """503 with Retry-After: 7: nobody asks again before"""
    octavia, = t.behind('octavia')
    name = t.apply(web())
    t.ready_and_right(name)
    octavia.breaks(answers(503, FAULT, Retry_After='7'))
    since = time.time()
    t.edit(name, heavier)
    t.shows(name, 'CloudUnreachable', 'Something is broken here.', '503')
    eventually('two more attempts', lambda: len(refusals(octavia, since)), lambda n: n >= 3, 40)
    octavia.heals()
    t.ready_and_right(name)
    times = refusals(octavia, since)
    gaps = [round(b - a, 1) for a, b in zip(times, times[1:])]
    expect(all(gap >= 6.9 for gap in gaps), f'asked again too soon: after {gaps} s')
    t.told_once(name, 'CloudUnreachable')
    t.note = f'asked again after {gaps} s'


def refusals(proxy, since):
    return [e.at for e in proxy.asked() if e.at > since and e.answer and e.answer.status >= 500]


def server_errors(t):
    """500 of Octavia and 502 of somebody in between, without Retry-After: asked ever more rarely"""
    octavia, = t.behind('octavia')
    name = t.apply(web())
    t.ready_and_right(name)
    for status, body, words in ((500, FAULT, 'Something is broken here.'), (502, HTML, 'something that is not OpenStack answered 502')):
        octavia.breaks(answers(status, body))
        since = time.time()
        t.edit(name, heavier)
        t.shows(name, 'CloudUnreachable', words, str(status))
        time.sleep(8)
        octavia.heals()
        t.ready_and_right(name)
        tries = len(refusals(octavia, since))
        expect(tries <= 8, f'{tries} attempts in 8 s')
    t.note = f'Ready by itself after both; {tries} attempts in 8 s'


def busy_create(t):
    """Octavia answers a create with 503: a clear no, so that nobody has to wait for a quiet period"""
    octavia, = t.behind('octavia')
    octavia.breaks(answers(503, FAULT, Retry_After='3'), 'POST', '/loadbalancers$', times=2)
    started = time.monotonic()
    name = t.apply(web())
    t.ready_and_right(name)
    expect(time.monotonic() - started < 60, 'it waited for a quiet period')
    one_create(t)


def token_expired(t):
    """The token expires between two calls of one pass"""
    keystone, octavia = t.behind('keystone', 'octavia')
    name = t.apply(web())
    t.ready_and_right(name)
    token = octavia.asked('GET')[-1].headers['x-auth-token']
    octavia.breaks(expired(token))
    t.change(name, 'a change with an expired token', heavier, ['PUT members'])
    same('log-ins', len(keystone.asked('POST', '/auth/tokens')), 2)
    expect(not [e for e in t.events() if e[1].startswith('Credentials')], 'an expired token is no news')
