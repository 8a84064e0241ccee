"""Every change under a steady stream of requests: no new connection fails, haproxy is reloaded no more often than
there are writes, and a resync without drift reloads nothing. It alone counts failed requests and reloads of each
change."""
import time

from harness import client
from harness.client import counts, serving
from harness.dataplane import Members
from harness.stacks import listener, member, monitor, named, pool, stack
from harness.stream import streaming
from harness.waiting import eventually, expect, pause, same

traffic = True
cases = ['members', 'pools', 'policies', 'listeners', 'nothing', 'drift']
gate = {'members': ['change under traffic'], 'drift': ['drift']}


def run(t, case):
    with Members() as members:
        for last in (11, 12, 13, 21, 22):
            members.start(last)
        shop = Shop(t, members)
        globals()[case](shop)
        t.note = f'{shop.changes} changes under traffic'


class Shop:
    """A stack with a stream of requests at its port 80."""

    def __init__(self, t, members):
        self.t, self.members, self.changes = t, members, 0
        health = monitor(delay='1s', timeout='1s', maxRetries=2, urlPath='/healthz')
        self.name = t.apply(members.here(stack(
            'shop', [listener('http', 80, defaultPool='blue')],
            [{**pool('blue', healthMonitor=health), 'members': [member(11), member(12)]},
             {**pool('green', healthMonitor=health), 'members': [member(21), member(22)]}], resyncPeriod='10s')))
        self.vip = t.ready_and_right(self.name)['status']['loadBalancer']['vipAddress']
        serving('it serves', lambda: client.who(self.vip, 80))

    def change(self, what, change, writes=None, serves=None, url=None, **how):
        """Makes one change. `serves`: the members that serve afterwards, each with its share of 14 requests where it
        matters."""
        self.changes += 1
        with streaming(self.t, self.name, what, url or f'http://{self.vip}/', **how) as row:
            self.t.edit(self.name, change)
            self.t.ready_and_right(self.name)
            if serves:
                self.serves(what, serves)
        if writes is not None:
            same(f'writes for: {what}', row.writes, writes)
        return row

    def serves(self, what, wanted):
        """`wanted`: names, or each name's share of the requests."""
        shares = isinstance(wanted, dict)
        serving(what, lambda: counts(self.vip, 80, sum(wanted.values()) if shares else 12),
                lambda n: (n if shares else set(n)) == wanted, 15)

    def pool(self, key, change):
        return lambda spec: change(named(spec['pools'], key))

    def member(self, last, **more):
        return {**member(last), 'address': self.members.address(last), **more}


def members(shop):
    """Members are added, removed, re-weighted and drained under a stream of requests."""
    one = ['PUT members']

    def edit(change):
        return shop.pool('blue', lambda p: change(p['members']))
    shop.change('a member is added', edit(lambda m: m.append(shop.member(13))), one, {'m11': 4, 'm12': 4, 'm13': 4})
    shop.change('members are re-weighted', edit(lambda m: m[0].update(weight=5)), one, {'m11': 10, 'm12': 2, 'm13': 2})
    shop.change('a member is drained (weight 0)', edit(lambda m: m[0].update(weight=0)), one, {'m12': 6, 'm13': 6})
    shop.change('a member is removed', edit(lambda m: m.pop(0)), ['DELETE members'], {'m12': 6, 'm13': 6})
    shop.change('one is added, one removed, one re-weighted', edit(lambda m: (
        m.pop(0), m[0].update(weight=2), m.append(shop.member(11)))), one, {'m13': 8, 'm11': 4})


def pools(shop):
    """Pools are switched, replaced, removed and monitored otherwise under a stream of requests."""
    shop.change('the default pool is switched', lambda spec: named(spec['listeners'], 'http').update(defaultPool='green'),
                ['PUT listeners'], {'m21', 'm22'})
    shop.change("a monitor's type changes", shop.pool('green', lambda p: p.update(healthMonitor=monitor('TCP', delay='1s', timeout='1s'))),
                ['DELETE healthmonitors', 'POST healthmonitors'], {'m21', 'm22'})
    shop.change("the default pool's protocol changes", shop.pool('green', lambda p: p.update(protocol='PROXY')),
                ['POST pools', 'PUT members', 'POST healthmonitors', 'PUT listeners', 'DELETE pools'], {'m21', 'm22'})
    same('the PROXY protocol names the client', client.get(shop.vip, 80, source='198.18.0.1').body['client'], '198.18.0.1')
    shop.change("a pool's algorithm changes", shop.pool('green', lambda p: p.update(algorithm='LEAST_CONNECTIONS')), ['PUT pools'], {'m21', 'm22'})
    shop.change('an unused pool is removed', lambda spec: spec['pools'].pop(0), ['DELETE pools'], {'m21', 'm22'})


def policies(shop):
    """Policies are added, removed, reordered and changed under a stream of requests that they route; all others keep their
    pool."""
    def front(change):
        return lambda spec: change(named(spec['listeners'], 'http'))

    def policy(name, to):
        return {'name': name, 'action': 'REDIRECT_TO_POOL', 'redirectPool': to,
                'rules': [{'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': '/shop'}]}

    blue, green = {'m11', 'm12'}, {'m21', 'm22'}

    def moves(what, change, writes, to):
        """/shop moves from one pool to the other under requests."""
        row = shop.change(what, front(change), writes, blue, url=f'http://{shop.vip}/shop')
        same(f'members that served /shop before and after: {what}', set(row.responders), blue | green)
        serving(f'/shop is served by {to}', lambda: set(counts(shop.vip, 80, 6, '/shop')), lambda seen: seen == to, 15)
    moves('policies come', lambda li: li.update(l7Policies=[policy('first', 'green'), policy('second', 'blue')]),
          2 * ['POST l7policies', 'POST rules'], green)
    moves('policies are reordered', lambda li: li['l7Policies'].reverse(), ['PUT l7policies'], blue)
    moves("a policy's rule changes", lambda li: li['l7Policies'][0]['rules'][0].update(value='/else'), ['PUT rules'], green)
    moves('policies go', lambda li: li.update(l7Policies=[]), 2 * ['DELETE l7policies'], blue)


def listeners(shop):
    """Listeners are added, removed and changed, and a certificate is rotated, under a stream of requests. The stream of the
    rotation goes to the TLS listener."""
    certificates = shop.t.certificates
    secret = {host: {'barbicanRef': certificates.certificate(host)} for host in ('shop.example', 'new-shop.example')}
    https = listener('https', 443, 'TERMINATED_HTTPS', defaultPool='blue', tls={'certificate': secret['shop.example']})
    shop.change('a listener is added', lambda spec: spec['listeners'].append(https), ['POST listeners'], {'m11', 'm12'})
    trust = certificates.trust(check_hostname=False)

    def served(host):
        serving(f'the certificate of {host}', lambda: client.certificate(shop.vip, 443, trust, host), lambda seen: seen == host, 15)
    served('shop.example')
    shop.change('a certificate is rotated', lambda spec: named(spec['listeners'], 'https')['tls'].update(certificate=secret['new-shop.example']),
                ['PUT listeners'], {'m11', 'm12'}, url=f'https://{shop.vip}/', options=('--sni', 'shop.example'))
    served('new-shop.example')
    shop.change('headers and time-outs', lambda spec: named(spec['listeners'], 'http').update(
        insertHeaders=['X-Forwarded-For'], timeouts={'clientData': '1m'}), ['PUT listeners'], {'m11', 'm12'})
    shop.change('a listener is removed', lambda spec: spec['listeners'].pop(1), ['DELETE listeners'], {'m11', 'm12'})


def nothing(shop):
    """Changes that haproxy need not know of, and resyncs, under a stream of requests."""
    # Only this stack's requests pass here; the services count those of all.
    octavia, = shop.t.behind('octavia')
    shop.change('an unrelated field (description)', lambda spec: spec['loadBalancer'].update(description='changed'), ['PUT loadbalancers'], {'m11', 'm12'})
    row = shop.change('a field that is not for Octavia', lambda spec: spec.update(deletionPolicy='Orphan'), [], {'m11', 'm12'})
    same('reloads', row.reloads, 0)
    shop.change('and back', lambda spec: spec.update(deletionPolicy='Delete'), [])
    with streaming(shop.t, shop.name, 'two resyncs with nothing to do', f'http://{shop.vip}/') as row:
        since = time.time()
        pause(21)      # of 10 s each
        # Lists are used until they are 20 s old: the next resync reads them again then.
        eventually('a resync reads the cloud', lambda: [e for e in octavia.requests('GET') if e.at > since], bool, 30)
    same('reloads and writes of a resync', (row.reloads, row.writes), (0, []))


def drift(shop):
    """Drift occurs and is corrected under a stream of requests."""
    t, lb_id = shop.t, shop.t.lb_id(shop.name)

    def tree(kind, name):
        return next(o for o in t.cloud.all(kind, loadbalancer_id=lb_id) if o['name'] == name)

    def heal(what, path, body, writes):
        with streaming(t, shop.name, f'drift, and healed: {what}', f'http://{shop.vip}/', others=1) as row:
            t.cloud.write('DELETE' if body is None else 'PUT', path, body)
            expect(t.differences(shop.name), f'breaking it changed nothing: {what}')
            eventually(f'corrected: {what}', lambda: t.differences(shop.name), lambda d: not d, 60, every=1)
            shop.serves(what, {'m11', 'm12'})
        shop.changes += 1
        same(f'writes for: {what}', row.writes, writes)
    blue = tree('pools', 'blue')
    first = t.cloud.all(f"pools/{blue['id']}/members")[0]
    heal('a member deleted', f"pools/{blue['id']}/members/{first['id']}", None, ['PUT members'])
    heal('default pool', f"listeners/{tree('listeners', 'http')['id']}", {'listener': {'default_pool_id': tree('pools', 'green')['id']}}, ['PUT listeners'])
    heal('algorithm', f"pools/{blue['id']}", {'pool': {'lb_algorithm': 'SOURCE_IP'}}, ['PUT pools'])
    t.reported_once(shop.name, 'DriftCorrected', states=3)
