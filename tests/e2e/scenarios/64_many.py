"""Twenty stacks at once; and hostile stacks among healthy ones, which they must not delay. It alone has stacks in
numbers and of the largest size."""
import time

from harness.credentials import credentials
from harness.kube import Rejected, conditions
from harness.scenario import is_create
from harness.stacks import listener, pool, stack, web
from harness.waiting import eventually, expect, same

# Serial: other scenarios would wait for Octavia's worker behind these stacks.
serial = True
cases = ['twenty', 'hostile']
NAME = 'ü' * 200 + '"\'<>&%s' + 'x' * 48     # 255 characters
ODD = [NAME, 'one\r\ntwo', 'a"b', "a'b", 'a\\b', 'http://x.example/\nX-Evil: 1', 'ünïcödé', '\x00']

CORRECTABLE_BY_THE_USER = {'InvalidSpec', 'UnsupportedByCloud', 'RequestRejected'}


def run(t, case):
    globals()[case](t)


def twenty(t):
    """Twenty stacks are applied in one go, in a project of their own"""
    here = {'vip': {'subnet': {'name': t.own_project().name}}}
    names = [f'web-{n:02}' for n in range(20)]
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
    # All of them add the finalizer to the one Secret at the same moment: a conflict is not reported.
    same('warnings about the Secret', [about for about in t.events('Warning') if about[1].startswith('Credentials')], [])
    for name in names[::5]:
        t.check(name)
    t.note = f'all Ready after {took:.0f} s, one create each'


def texts(name, value, vip):
    """Fields with free text: names and descriptions."""
    return stack(name, [listener('http', 80, defaultPool='web', description=value, displayName=value)],
                 [pool('web', description=value)], {'vip': vip, 'name': value, 'description': value})


def orders(name, value, vip):
    """Fields that Octavia writes into the configuration of a proxy."""
    watch = {'type': 'HTTP', 'delay': '5s', 'timeout': '3s', 'urlPath': f'/{value}', 'domainName': value, 'httpVersion': '1.1'}
    policy = {'name': 'a', 'action': 'REDIRECT_TO_URL', 'redirectURL': f'http://x.example/{value}',
              'rules': [{'type': 'HEADER', 'key': 'X-Test', 'compareType': 'EQUAL_TO', 'value': value}]}
    return stack(name, [listener('http', 80, defaultPool='web', l7Policies=[policy])], [pool('web', healthMonitor=watch)], {'vip': vip})


def hostile(t):
    """1,024 members, 64 listeners, names of 255 odd characters, line breaks and quotes in all texts, among healthy stacks"""
    project = t.new_project()
    alone = apply_healthy(t, 'alone')
    for name in healthy('alone'):
        t.ready_and_right(name)
    accepted, refused = apply_hostile(t, project)
    started = time.monotonic()
    among = apply_healthy(t, 'healthy')
    expect(verdict(t.stack('members')) is None, 'the largest hostile stack is settled already: it delayed no other stack')
    expect(among < 2 * alone + 10, f'Octavia was asked for healthy ones after {among:.1f} s, while they were alone after {alone:.1f} s')
    for name in healthy('healthy'):
        t.ready_and_right(name)
    took = time.monotonic() - started
    for name in ('members', 'listeners'):
        t.ready_and_right(name, timeout=400, cloud=project.cloud)
    big = time.monotonic() - started
    verdicts = [settled(t, name, project.cloud) for name in accepted]
    expect('Ready' in verdicts, 'no odd stack is Ready')
    t.note = (f'healthy ones: Octavia asked after {among:.1f} s (alone {alone:.1f} s), Ready after {took:.0f} s; big ones after {big:.0f} s; '
              f'of {2 * len(ODD)} odd ones {refused} refused by the API server, {verdicts.count("Ready")} Ready, others: '
              f'{", ".join(sorted(set(verdicts) - {"Ready"})) or "none"}')


def healthy(kind):
    return [f'{kind}-{n}' for n in range(3)]


def apply_healthy(t, kind):
    """Seconds until Octavia got the create of the second of three stacks. The third waits for its turn, since a project has
    two creates in flight. The duration of Octavia's own work, beside hostile stacks, does not count."""
    started, tags = time.time(), {f'evenkeel:name={name}' for name in healthy(kind)}
    t.kube.apply(*[web(name) for name in healthy(kind)], namespace=t.namespace)

    def create_times():
        return sorted(w['t'] - w['seconds'] for w in t.log.writes_of(t.namespace) if is_create(w) and tags.intersection(w['tags']))
    return eventually('Octavia is asked for two of them', create_times, lambda times: len(times) >= 2, 180)[1] - started


def settled(t, name, cloud):
    """Waits until a stack is Ready with every field right, or rejected for a reason that the user can correct; never a load
    balancer in ERROR."""
    result = eventually(f'{name} is Ready or says why not', lambda: verdict(t.stack(name)), bool, 120)
    if result == 'Ready':
        t.check(name, cloud)
    else:
        expect(result in CORRECTABLE_BY_THE_USER, f'{name}: {result}')
    return result


def apply_hostile(t, project):
    """Applies hostile stacks in a project of their own, since Octavia itself serialises the creates of one project. The big
    ones come last, so that they are in flight when the healthy ones are applied. Returns the accepted stacks, and the number
    of rejected ones."""
    t.kube.apply(credentials('theirs', 'demo', **project.auth), namespace=t.namespace)
    vip = {'subnet': {'name': project.name}}

    def apply(document):
        document['spec']['cloudCredentialsRef']['secretName'] = 'theirs'
        t.apply(document)
    accepted = []
    for n, value in enumerate(ODD):
        for make in (texts, orders):
            name = f'{make.__name__}-{n}'
            try:
                apply(make(name, value, vip))
                accepted.append(name)
            except Rejected as rejection:
                expect('spec.' in str(rejection) or 'yaml' in str(rejection), f'refused without saying what: {rejection}')
    apply(stack('listeners', [listener(f'l{n}', 1000 + n, 'TCP', tags=['x' * 60]) for n in range(64)], load_balancer={'vip': vip}))
    members = [{'address': f'10.30.{n // 250}.{n % 250 + 1}', 'port': 8080} for n in range(1024)]
    apply(stack('members', [listener('tcp', 80, 'TCP', defaultPool='big')], [{**pool('big', protocol='TCP'), 'members': members}], {'vip': vip}))
    return accepted, 2 * len(ODD) - len(accepted)


def verdict(stack):
    """Ready, or the reason of Stalled."""
    found = conditions(stack)
    if found.get('Ready', {}).get('status') == 'True':
        return 'Ready'
    return found['Stalled']['reason'] if 'Stalled' in found else None
