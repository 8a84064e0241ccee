"""Fifty stacks at once; and hostile ones among healthy ones, which must not delay the others."""
import time

from harness.kube import Refused, conditions
from harness.scenario import credentials
from harness.stacks import listener, pool, stack, web
from harness.waiting import eventually, expect, same

# Alone: what else runs would wait for Octavia's worker behind them.
serial = True
cases = ['fifty', 'hostile']
NAME = 'ü' * 200 + '"\'<>&%s' + 'x' * 48     # 255 characters
ODD = [NAME, 'one\r\ntwo', 'a"b', "a'b", 'a\\b', 'http://x.example/\nX-Evil: 1', 'ünïcödé', '\x00']

MENDED_BY_THE_USER = {'InvalidSpec', 'UnsupportedByServer', 'Refused'}


def run(t, case):
    globals()[case](t)


def fifty(t):
    """Fifty stacks are applied in one go, in a project of their own"""
    here = {'vip': {'subnet': {'name': t.own_project().name}}}
    names = [f'web-{n:02}' for n in range(50)]
    started = time.monotonic()
    t.kube.apply(*[stack(name, [listener('tcp', 80, 'TCP')], load_balancer=here) for name in names], namespace=t.namespace)

    def ready():
        return {s['metadata']['name'] for s in t.kube.stacks(t.namespace) if conditions(s).get('Ready', {}).get('status') == 'True'}
    eventually('all are Ready', ready, lambda now: len(now) == len(names), 600, every=2)
    took = time.monotonic() - started
    found = t.cloud.load_balancers(t.namespace)
    same('load balancers', len(found), len(names))
    same('names', len({lb['name'] for lb in found}), len(names))
    same('creates', t.creates(), len(names))
    for name in names[::10]:
        t.check(name)
    t.note = f'all Ready after {took:.0f} s, one create each'


def texts(name, value, vip):
    """Where people write to people: names and descriptions."""
    return stack(name, [listener('http', 80, defaultPool='web', description=value, displayName=value)],
                 [pool('web', description=value)], {'vip': vip, 'name': value, 'description': value})


def orders(name, value, vip):
    """What Octavia writes into the configuration of a proxy."""
    watch = {'type': 'HTTP', 'delay': '5s', 'timeout': '3s', 'urlPath': f'/{value}', 'domainName': value, 'httpVersion': '1.1'}
    policy = {'name': 'a', 'action': 'REDIRECT_TO_URL', 'redirectURL': f'http://x.example/{value}',
              'rules': [{'type': 'HEADER', 'key': 'X-Test', 'compareType': 'EQUAL_TO', 'value': value}]}
    return stack(name, [listener('http', 80, defaultPool='web', l7Policies=[policy])], [pool('web', healthMonitor=watch)], {'vip': vip})


def hostile(t):
    """1,024 members, 64 listeners, names of 255 odd characters, line breaks and quotes wherever text goes, among healthy stacks"""
    project = t.new_project()
    accepted, refused = apply_hostile(t, project)
    started = time.monotonic()
    healthy = [f'healthy-{n}' for n in range(3)]
    t.kube.apply(*[web(name) for name in healthy], namespace=t.namespace)
    for name in healthy:
        t.ready_and_right(name)
    took = time.monotonic() - started
    for name in ('members', 'listeners'):
        t.ready_and_right(name, timeout=400, cloud=project.cloud)
    big = time.monotonic() - started
    told = [settled(t, name, project.cloud) for name in accepted]
    expect('Ready' in told, 'not one odd stack is Ready')
    t.note = (f'healthy ones Ready after {took:.0f} s, big ones after {big:.0f} s; of {2 * len(ODD)} odd ones {refused} refused by the '
              f'API server, {told.count("Ready")} Ready, others: {", ".join(sorted(set(told) - {"Ready"})) or "none"}')


def settled(t, name, cloud):
    """Taken on, with every field right, or refused for a reason that the user can mend; never a load balancer in ERROR."""
    told = eventually(f'{name} is Ready or says why not', lambda: verdict(t.stack(name)), bool, 120)
    if told == 'Ready':
        t.check(name, cloud)
    else:
        expect(told in MENDED_BY_THE_USER, f'{name}: {told}')
    return told


def apply_hostile(t, project):
    """In a project of their own: in Octavia itself the creates of one project wait for each other. Returns the odd ones that were
    taken, and how many were not."""
    t.kube.apply(credentials('theirs', 'demo', **project.auth), namespace=t.namespace)
    vip = {'subnet': {'name': project.name}}

    def apply(document):
        document['spec']['cloudCredentialsRef']['secretName'] = 'theirs'
        t.apply(document)
    members = [{'address': f'10.30.{n // 250}.{n % 250 + 1}', 'port': 8080} for n in range(1024)]
    apply(stack('members', [listener('tcp', 80, 'TCP', defaultPool='big')], [{**pool('big', protocol='TCP'), 'members': members}], {'vip': vip}))
    apply(stack('listeners', [listener(f'l{n}', 1000 + n, 'TCP', tags=['x' * 60]) for n in range(64)], load_balancer={'vip': vip}))
    accepted = []
    for n, value in enumerate(ODD):
        for make in (texts, orders):
            name = f'{make.__name__}-{n}'
            try:
                apply(make(name, value, vip))
                accepted.append(name)
            except Refused as refusal:
                expect('spec.' in str(refusal) or 'yaml' in str(refusal), f'refused without saying what: {refusal}')
    return accepted, 2 * len(ODD) - len(accepted)


def verdict(stack):
    """Ready, or the reason for which it is stalled."""
    said = conditions(stack)
    if said.get('Ready', {}).get('status') == 'True':
        return 'Ready'
    return said['Stalled']['reason'] if 'Stalled' in said else None
