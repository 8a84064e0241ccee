"""Every example becomes a load balancer with every field as in the example, and is deleted without a trace. It alone
applies the files of examples/, and verifies by requests of clients what each feature does to traffic."""
import threading

from harness import client, config, dataplane
from harness.client import counts, get, serving, who
from harness.dataplane import Members
from harness.waiting import eventually, expect, same

cases = sorted(p.stem for p in (config.ROOT / 'examples').glob('*.yaml') if 'kind: LoadBalancerStack' in p.read_text())
gate = {**{case: ['example'] for case in cases}, 'terminated-https-sni': ['example', 'TLS']}
CLIENTS = [f'198.18.0.{i}' for i in range(1, 31)]


def run(t, case):
    if not dataplane.serves():
        t.ready_and_right(t.apply(t.example(f'{case}.yaml')))
        return
    with Members() as members:
        tls = t.certificates.files('pass.example') if case == 'https-passthrough' else None
        name = t.apply(members.serve(t.example(f'{case}.yaml'), tls))
        vip = t.ready_and_right(name)['status']['loadBalancer']['vipAddress']
        t.note = globals()[case.replace('-', '_')](t, members, vip)


def reference(t, members, vip):
    """Round robin, least connections, and a TCP pool by source with a standby."""
    serving('it serves', lambda: who(vip, 80))
    shares = counts(vip, 80, 60)
    same('round robin', shares, {'m11': 20, 'm12': 20, 'm13': 20})
    same('the header that the member receives', get(vip, 80, source='198.18.0.1').received['x-forwarded-for'], '198.18.0.1')
    avoids_the_busy(members, vip, 8080, 8081)
    same('the standby waits', set(sticks_by_source(vip, 5432)), {'m31', 'm32'})
    return f'round robin {shares}; least connections; TCP by source'


def active_active(t, members, vip):
    """Members get requests by their weights, a drained one none."""
    shares = serving('by weight', lambda: counts(vip, 80, 30))
    same('weights 2 : 1 : 0', shares, {'m11': 20, 'm12': 10})
    return f'weights 2 : 1 : 0: {shares}'


def active_standby(t, members, vip):
    """The standby serves only while all the others are down."""
    same('the active one alone', serving('it serves', lambda: counts(vip, 80, 20)), {'m11': 20})
    members.start(12)
    t.edit('active-standby', lambda spec: spec['pools'][0]['members'].append({'address': members.address(12), 'port': 8080}))
    t.ready_and_right('active-standby')
    for what, last, code, serves in (('a second active one', 12, 200, ['m11', 'm12']), ('one is down, the standby waits', 11, 503, ['m12']),
                                     ('all are down, the standby serves', 12, 503, ['m19']), ('one is back, the standby waits', 11, 200, ['m11'])):
        members.health(last, code)
        serving(what, lambda: sorted(counts(vip, 80, 4)), lambda received, wanted=serves: received == wanted, 40)
        same(what, sorted(counts(vip, 80, 20)), serves)
    return 'the standby served only while both active ones were down'


def tcp(t, members, vip):
    """Only allowed networks are served; least connections."""
    allowed = members.address(31)       # in 10.0.0.0/8
    serving('an allowed client is served', lambda: who(vip, 5432, source=allowed))
    expect(client.is_unreachable(vip, 5432, source='198.18.0.1'), 'a client outside of allowedCIDRs is served')
    avoids_the_busy(members, vip, 5432, 5432, source=allowed)
    return 'served for 10.0.0.0/8, dropped for 198.18.0.1; least connections'


def floating_ip(t, members, vip):
    """Round robin behind a floating IP."""
    serving('it serves', lambda: who(vip, 80))
    shares = counts(vip, 80, 20)
    same('round robin', shares, {'m11': 10, 'm12': 10})
    return f'round robin {shares}, at the VIP: nothing translates floating IPs here'


def http_l7(t, members, vip):
    """Rejects, redirects, routes, an application cookie, headers for the members."""
    office = {'X-From-Office': 'yes'}
    serving('it serves', lambda: who(vip, 80))
    same('/admin from outside', get(vip, 80, '/admin/users').status, 403)
    expect(who(vip, 80, '/admin/users', office) in ('m11', 'm12'), '/admin from the office does not reach the web pool')
    old = get(vip, 80, '/a?b=c', {'Host': 'old-shop.example'})
    same('the old name', (old.status, old.headers['Location']), (301, 'https://shop.example/a?b=c'))
    moved = get(vip, 80, '/christmas')
    same('a moved page', (moved.status, moved.headers['Location']), (302, 'https://shop.example/sale'))
    same('/api', set(counts(vip, 80, 8, '/api/orders')), {'m21', 'm22'})
    same('pictures', counts(vip, 80, 8, '/a/b.jpeg'), {'m23': 8})
    same('the canary', set(counts(vip, 80, 8, '/', {'Cookie': 'canary=on'})), {'m21', 'm22'})
    same('the rest', counts(vip, 80, 20), {'m11': 10, 'm12': 10})
    received = get(vip, 80, source='198.18.0.1').received
    same('headers', [received[f'x-forwarded-{what}'] for what in ('for', 'port', 'proto')], ['198.18.0.1', '80', 'http'])
    for _ in range(4):
        login = get(vip, 80, '/login?cookie=cart')
        same("the application's cookie pins", counts(vip, 80, 6, '/', login.cookie()), {login.member: 6})
    odd_texts(t, vip)
    return 'reject, two redirects, three routes, cookie and headers; blanks, ampersands and quotes'


def odd_texts(t, vip):
    """Characters that Octavia breaks on their way into haproxy.cfg arrive unchanged."""
    url, agent = "https://shop.example/it's?from=christmas&lang=de#top", 'Acme Sync (R&D) <it\'s "#1">'

    def change(spec):
        policies = {p['name']: p for p in spec['listeners'][0]['l7Policies']}
        policies['moved']['redirectURL'] = url
        policies['canary']['rules'] = [{'type': 'HEADER', 'compareType': 'EQUAL_TO', 'key': 'User-Agent', 'value': agent}]
    t.edit('http-l7', change)
    t.ready_and_right('http-l7')
    serving('the odd URL', lambda: get(vip, 80, '/christmas').headers['Location'], lambda received: received == url)
    same('the odd agent', set(counts(vip, 80, 8, '/', {'User-Agent': agent})), {'m21', 'm22'})
    same('another agent', set(counts(vip, 80, 8, '/', {'User-Agent': agent.replace('&', '+')})), {'m11', 'm12'})


def https_passthrough(t, members, vip):
    """TLS passes through to the members, and each source stays with one member."""
    trust = t.certificates.trust()
    served = serving('it serves', lambda: client.certificate(vip, 443, trust, 'pass.example'))
    same("the member's own certificate", served, 'pass.example')
    same('the member sees the name', get(vip, 443, tls=trust, sni='pass.example').body['sni'], 'pass.example')
    found = sticks_by_source(vip, 443, tls=trust, sni='pass.example')
    same('members by source', set(found), {'m11', 'm12'})
    return f'TLS ends at the member; sources stick: {found}'


def terminated_https_sni(t, members, vip):
    """The right certificate for each name; HSTS, cookie, redirect."""
    trust, spec = t.certificates.trust(), t.example('terminated-https-sni.yaml')['spec']['listeners'][0]['tls']
    default = t.certificates.host_of(spec['certificate']['barbicanRef'])
    other = t.certificates.host_of(spec['sniCertificates'][0]['barbicanRef'])
    for host in (default, other):
        same(f'certificate for {host}', serving('it serves', lambda h=host: client.certificate(vip, 443, trust, h)), host)
    unknown = t.certificates.trust(check_hostname=False)
    same('certificate for an unknown name', client.certificate(vip, 443, unknown, 'who.example'), default)
    response = get(vip, 443, tls=trust, sni=default, source='198.18.0.1')
    same('HSTS', response.headers['Strict-Transport-Security'].replace(' ', ''), 'max-age=31536000;includeSubDomains;')
    same('headers', [response.received[f'x-forwarded-{what}'] for what in ('for', 'proto')], ['198.18.0.1', 'https'])
    same("the load balancer's cookie pins", counts(vip, 443, 6, '/', response.cookie(), tls=trust, sni=default), {response.member: 6})
    same('without a cookie', set(counts(vip, 443, 6, tls=trust, sni=default)), {'m11', 'm12'})
    plain = get(vip, 80, '/basket')
    same('plain HTTP', (plain.status, plain.headers['Location']), (301, 'https://shop.example/basket'))
    return 'the right certificate for each name; HSTS, cookie, redirect'


def udp(t, members, vip):
    """Datagrams come back, for each source from one member."""
    found = {source: set(serving('a response', lambda s=source: client.datagrams(vip, 53, 3, s))) for source in CLIENTS[:12]}
    expect(all(len(m) == 1 for m in found.values()), f'a source went to several members: {found}')
    same('members by source', set.union(*found.values()), {'m53', 'm54'})
    same('the same over TCP', serving('it serves', lambda: counts(vip, 53, 10)), {'m53': 5, 'm54': 5})
    rendered = dataplane.udp_configuration(t.lb_id('udp'))
    expect('persistence_timeout 60' in rendered and 'persistence_granularity 255.255.255.0' in rendered, f'keepalived got: {rendered}')
    return 'datagrams of 12 sources, each at one member; TCP in turns'


def avoids_the_busy(members, vip, port, members_port, **how):
    """Least connections: every member gets two waiting requests, then all but one member release theirs and get the next
    ones. (Two, because a connection that was just closed may still count as one.)"""
    serving('it serves', lambda: who(vip, port, **how))
    served = members_of(counts(vip, port, 12, **how))
    waiting = [threading.Thread(target=lambda: get(vip, port, '/hold', timeout=60, **how)) for _ in range(2 * len(served))]
    for number, request in enumerate(waiting, 1):
        request.start()
        eventually('the request waits', lambda: sum(members.held(members_port).values()), lambda n: n == number, 20, every=0.05)
    same('least connections: waiting requests', {m: n for m, n in members.held(members_port).items() if n}, {m: 2 for m in served})
    *free, busy = served
    for last in free:
        members.release(last, members_port)
    eventually('the others are free', lambda: sum(members.held(members_port).values()), lambda n: n == 2, 20, every=0.05)
    # The members release a request a moment before haproxy has counted its connection off.
    try:
        eventually('least connections: the busy one is left alone', lambda: members_of(counts(vip, port, 12, **how)),
                   lambda others: others == free, 20)
    finally:
        members.release(busy, members_port)
    for request in waiting:
        request.join()


def members_of(found):
    return sorted(int(name.removeprefix('m')) for name in found)


def sticks_by_source(vip, port, **how):
    """Sends from 30 sources, each of which must stay with its member; returns the number of sources per member."""
    found = [serving('it serves', lambda s=source: counts(vip, port, 3, source=s, **how)) for source in CLIENTS]
    expect(all(len(n) == 1 for n in found), f'a source went to several members: {found}')
    members = [next(iter(n)) for n in found]
    return {m: members.count(m) for m in sorted(set(members))}
