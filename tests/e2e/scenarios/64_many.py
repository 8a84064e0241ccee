"""Fifty stacks at once; and hostile ones among healthy ones, which must not delay the others."""
import time

from harness.kube import conditions
from harness.stacks import listener, member, pool, stack, web
from harness.waiting import eventually, expect, same

cases = ['fifty', 'hostile']
NAME = 'ü' * 200 + '"\'<>&%s' + 'x' * 48     # 255 characters
LINES = ['one\r\ntwo', 'a"b', "a'b", 'a\\b', 'http://x.example/\nX-Evil: 1', 'ünïcödé', '\x00']


def run(t, case):
    globals()[case](t)


def fifty(t):
    """Fifty stacks are applied in one go"""
    names = [f'web-{n:02}' for n in range(50)]
    started = time.monotonic()
    t.kube.apply(*[stack(name, [listener('tcp', 80, 'TCP')]) for name in names], namespace=t.namespace)

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
    polls = len([r for r in t.log.count().polls])
    t.note = f'all Ready after {took:.0f} s, one create each, {polls} polls of the whole run meanwhile'


def odd(name, value):
    """One field of each kind that carries free text to Octavia."""
    return stack(name, [listener('http', 80, defaultPool='web', description=value, tags=[value[:60]], l7Policies=[
        {'name': 'a', 'action': 'REDIRECT_TO_URL', 'redirectURL': f'http://x.example/{value}',
         'rules': [{'type': 'HEADER', 'key': 'X-Test', 'compareType': 'EQUAL_TO', 'value': value}]}])],
        [pool('web', healthMonitor={'type': 'HTTP', 'delay': '5s', 'timeout': '3s', 'urlPath': f'/{value}', 'domainName': value, 'httpVersion': '1.1'})],
        {'name': value, 'description': value})


def hostile(t):
    """1,024 members, 64 listeners, names of 255 odd characters, line breaks and quotes wherever text goes"""
    healthy = [f'healthy-{n}' for n in range(3)]
    t.apply(stack('members', [listener('tcp', 80, 'TCP', defaultPool='big')], [
        {**pool('big', protocol='TCP', members=0), 'members': [{'address': f'10.20.{n // 250}.{n % 250 + 1}', 'port': 8080} for n in range(1024)]}]))
    t.apply(stack('listeners', [listener(f'l{n}', 1000 + n, 'TCP', tags=['x' * 60]) for n in range(64)]))
    refused = []
    for n, value in enumerate([NAME, *LINES]):
        try:
            t.apply(odd(f'odd-{n}', value))
        except Exception as refusal:
            expect('odd-' in str(refusal) or 'invalid' in str(refusal).lower() or 'yaml' in str(refusal), f'refused without saying what: {refusal}')
            refused.append(n)
    started = time.monotonic()
    t.kube.apply(*[web(name) for name in healthy], namespace=t.namespace)
    for name in healthy:
        t.ready_and_right(name)
    took = time.monotonic() - started
    big = {}
    for name in ('members', 'listeners'):
        t.ready(name, timeout=400)
        t.check(name)
        big[name] = time.monotonic() - started
    told = {}
    for n in set(range(len(LINES) + 1)) - set(refused):
        told[n] = eventually(f'odd-{n} is Ready or says why not', lambda: verdict(t.stack(f'odd-{n}')), bool, 120)
    t.note = (f'healthy ones Ready after {took:.0f} s, {", ".join(f"{n} after {s:.0f} s" for n, s in big.items())}; of {len(LINES) + 1} '
              f'odd stacks the API server refused {len(refused)}, {sum(v == "Ready" for v in told.values())} are Ready, the rest say why not: '
              + ', '.join(sorted(set(told.values()) - {"Ready"})))


def verdict(stack):
    """Ready, or the reason for which it is stalled."""
    said = conditions(stack)
    if said.get('Ready', {}).get('status') == 'True':
        return 'Ready'
    return said['Stalled']['reason'] if 'Stalled' in said else None
