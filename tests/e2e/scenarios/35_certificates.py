"""Certificates come from Secrets and ConfigMaps that are renewed, broken and removed. It alone has contents of the cluster
behind TLS fields; all others name secrets that Barbican has already."""
import re

import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from harness import client, config
from harness.client import serving
from harness.dataplane import Members
from harness.issuer import TRADITIONAL, Authority, bundle, config_map, pem, secret
from harness.leaks import expect_no_keys
from harness.proxy import lost
from harness.stacks import listener, monitor, named, pool, stack
from harness.stream import streaming
from harness.tls import trusting
from harness.waiting import eventually, expect, pause, same
from harness.wrong_certificates import wrong_config_maps, wrong_secrets

traffic = True
cases = ['renewed', 'rotation', 'wrong', 'trust', 'interrupted']
gate = {'renewed': ['certificate of a Secret']}
HOST = 'shop.example'


def run(t, case):
    with Members() as members:
        globals()[case](t, members)
        searched = expect_no_keys(t)
        t.note = f'{t.note}; {searched} forms of keys are in no output'


class Shop:
    """A stack with a listener of HTTPS on port 443 and one of HTTP on port 80."""

    def __init__(self, t, members, tls=None, pool_tls=None, member_tls=None):
        health = monitor(delay='2s', timeout='1s', maxRetries=1, urlPath='/healthz')
        front = listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls={'certificate': in_secret('shop-tls'), **(tls or {})})
        back = pool('web', **({'tls': pool_tls} if pool_tls is not None else {'healthMonitor': health}))
        self.create(t, members.serve(stack('web', [front, listener('http', 80, defaultPool='web')], [back]), member_tls))
        self.is_ready()

    def create(self, t, document):
        self.t, self.name = t, t.apply(document)

    def is_ready(self):
        self.vip = self.t.ready_and_right(self.name)['status']['loadBalancer']['vipAddress']

    def serves(self, pair, root, timeout=30):
        """Waits until clients get this certificate."""
        serving(f'the certificate {pair.fingerprint}', lambda: self.served(root), lambda seen: seen == pair.fingerprint, timeout)

    def served(self, root):
        return client.fingerprint(self.vip, 443, trusting(root.pem), HOST)

    def only_secret(self, *before):
        """Waits until Barbican has one secret of the stack, and no earlier one. Returns its reference."""
        stored = eventually('one secret in Barbican', lambda: [s['secret_ref'] for s in self.t.stored_secrets(self.name)],
                            lambda refs: len(refs) == 1 and refs[0] not in before, 30, every=0.2)
        return stored[0]

    def without_secrets(self):
        self.t.delete(self.name)
        same('secrets in Barbican', self.t.stored_secrets(self.name), [])


def in_secret(name, **more):
    return {'secretRef': {'name': name, **more}}


def in_config_map(name, **more):
    return {'configMapRef': {'name': name, **more}}


def put(t, *documents):
    """Applies objects as controllers do: all keys in one request."""
    t.kube.apply(*documents, namespace=t.namespace, options=('--server-side', '--force-conflicts', '--field-manager=issuer'))


def update(t, name, texts):
    """Changes some keys of a Secret, as people do."""
    t.kube.patch('secret', name, t.namespace, {'stringData': texts})


class DocumentedShop(Shop):
    """The stack of the user guide."""

    def __init__(self, t, members):
        guide = (config.ROOT / 'docs/user-guide/certificates.md').read_text()
        documents = [d for text in re.findall(r'```yaml\n(apiVersion.*?)```', guide, re.DOTALL) for d in yaml.safe_load_all(text)]
        document = next(d for d in documents if d['kind'] == 'LoadBalancerStack')
        del document['metadata']['namespace']
        self.create(t, members.serve(document))


def renewed(t, members):
    """The stack of the user guide waits for its Secret, serves it, and serves the renewed one; Barbican has one secret, then none"""
    root = Authority('root')
    first, second = root.pair(HOST), root.pair(HOST)
    shop = DocumentedShop(t, members)
    t.shows(shop.name, 'ReferenceNotFound', 'spec.listeners[https].tls.certificate', 'Secret shop-tls does not exist')
    put(t, secret('shop-tls', first.data))
    shop.is_ready()
    shop.serves(first, root)
    stored = shop.only_secret()
    put(t, secret('shop-tls', second.data))
    shop.serves(second, root)
    shop.only_secret(stored)
    t.ready_and_right(shop.name)
    shop.without_secrets()
    t.note = 'it waits, serves and is renewed; one secret, then none'


def rotation(t, members):
    """A certificate is renewed twenty times under handshakes, in one update and in two: none fails, and one secret is left"""
    root = Authority('root')
    issuing = Authority('issuing', root)
    pair = issuing.pair(HOST)
    put(t, secret('shop-tls', pair.data))
    shop = Shop(t, members)
    shop.serves(pair, root)
    stored, seen = shop.only_secret(), [pair.fingerprint]
    with streaming(t, shop.name, 'a certificate is renewed twenty times', f'https://{shop.vip}/', new=30, kept=20, options=('--sni', HOST)) as row:
        for n in range(20):
            pair, old = issuing.pair(HOST, key=rsa.generate_private_key(65537, 2048) if n % 4 == 3 else None), pair
            if n % 2:
                in_two_updates(t, shop, pair, old, root, key_first=n % 4 == 1, is_seen=n in (9, 11))
            else:
                put(t, secret('shop-tls', pair.data))
            shop.serves(pair, root)
            stored = shop.only_secret(stored)
            t.ready(shop.name)
            seen.append(pair.fingerprint)
    same('certificates on new connections, in order', row.certificates, seen)
    same('writes', row.writes, 20 * ['PUT listeners'])
    t.reported_once(shop.name, 'ReferenceUnusable', states=2)
    t.check(shop.name)
    shop.without_secrets()
    t.note = f'{row.sent} handshakes, {row.failed} failed, {row.reloads} reloads, one secret left, then none'


def in_two_updates(t, shop, pair, old, root, key_first, is_seen):
    """Writes key and certificate one after the other. `is_seen`: not before the stack says that they do not match."""
    halves = [{'tls.key': pem(pair.key)}, {'tls.crt': pair.crt}]
    first, second = halves if key_first else reversed(halves)
    update(t, 'shop-tls', first)
    if is_seen:
        t.shows(shop.name, 'ReferenceUnusable', 'spec.listeners[https].tls.certificate', 'belongs to no certificate in key tls.crt')
    else:
        pause(1.5)
    same('the certificate that is served between the updates', shop.served(root), old.fingerprint)
    update(t, 'shop-tls', second)


def wrong(t, members):
    """Every wrong Secret and ConfigMap is reported with its field; the old contents serve on, and other listeners change"""
    root, clients = Authority('root'), Authority('clients')
    pair, visitor = root.pair(HOST), clients.pair('visitor')
    right = secret('shop-tls', pair.data, 'Opaque'), config_map('clients', {'ca.crt': clients.pem, 'ca.crl': clients.crl()})
    put(t, *right)
    shop = Shop(t, members, {'clientAuthentication': 'OPTIONAL', 'clientCA': in_config_map('clients'), 'clientCRL': in_config_map('clients')})
    shop.serves(pair, root)
    as_visitor = trusting(root.pem, visitor.files(t.namespace))

    def references():
        return sorted(s['secret_ref'] for s in t.stored_secrets(shop.name))
    before = references()
    kinds = [*wrong_secrets(root, pair), *wrong_config_maps(right[0], clients)]
    for limit, kind in enumerate(kinds, 1000):
        if kind.deleted:
            t.kube.kubectl('delete', *kind.deleted, '-n', t.namespace)
        put(t, *kind.documents) if kind.documents else None
        said = f'spec.listeners[https].tls.{kind.field}: ', kind.words
        t.shows(shop.name, kind.reason, *said)
        t.edit(shop.name, lambda spec: named(spec['listeners'], 'http').update(connectionLimit=limit))
        eventually('the other listener is changed', lambda: connection_limit(t, shop.name), lambda seen: seen == limit, 30, every=0.2)
        t.shows(shop.name, kind.reason, *said)
        t.condition(shop.name, 'ResolvedRefs', 'False', reason=kind.reason, saying=kind.words)
        same(f'the certificate that is served beside: {kind.words}', shop.served(root), pair.fingerprint)
        same(f'response to a client with a certificate beside: {kind.words}', client.get(shop.vip, 443, tls=as_visitor, sni=HOST).status, 200)
        same(f'secrets in Barbican beside: {kind.words}', references(), before)
    t.reported_once(shop.name, 'CertificateExpires', states=3)
    # One for each content, and one for each generation.
    for reason in ('ReferenceUnusable', 'ReferenceNotFound'):
        t.reported_once(shop.name, reason, states=2 * sum(kind.reason == reason for kind in kinds))
    put(t, *right)
    t.ready_and_right(shop.name)
    same('secrets in Barbican at the end', references(), before)
    t.note = f'{len(kinds)} wrong contents reported, the old ones served on'


def connection_limit(t, name):
    listeners = t.cloud.all('listeners', loadbalancer_id=t.lb_id(name))
    return next(li['connection_limit'] for li in listeners if li['name'] == 'http')


def trust(t, members):
    """Authorities, revocation lists, SNI and the certificate for members come from the cluster, and serve as they change"""
    root, staff, guests, backs = (Authority(name) for name in ('root', 'staff', 'guests', 'backs'))
    issuing = Authority('issuing', root)
    pair, api, www = issuing.pair(HOST), issuing.pair('api.example'), issuing.pair('www.example')
    ann, bob, stranger = staff.pair('ann'), guests.pair('bob'), Authority('elsewhere').pair('eve')
    # haproxy compares the certificate of a member with the host that the client has asked for.
    revoked, balancer, member_pair = staff.pair('mallory'), backs.pair('balancer'), backs.pair('member', names=[HOST])

    def clients(*of_staff):
        # The list of the second authority stands first: Evenkeel puts them in order.
        return config_map('clients', {'ca.crt': staff.pem + guests.pem, 'ca.crl': guests.crl() + staff.crl(*of_staff)})
    # The chain is in the wrong order, with a root and a stray.
    mixed = bundle(root.certificate, issuing.certificate, stranger.certificate, pair.certificate)
    put(t, secret('shop-tls', {**pair.data, 'tls.crt': mixed}), secret('api-tls', api.data), secret('www-tls', www.data),
        secret('balancer', {'cert.pem': balancer.crt, 'key.pem': pem(balancer.key, TRADITIONAL)}, 'Opaque'), clients(revoked),
        config_map('backs', {'bundle.pem': backs.pem}))
    member_tls = (*member_pair.files(f'{t.namespace}-member'), backs.file(f'{t.namespace}-backs'))
    shop = Shop(t, members, {
        'sniCertificates': [in_secret('api-tls'), in_secret('www-tls')], 'clientAuthentication': 'MANDATORY',
        'clientCA': in_config_map('clients'), 'clientCRL': in_config_map('clients')}, {
        'ca': in_config_map('backs', key='bundle.pem'),
        'clientCertificate': in_secret('balancer', keys={'certificate': 'cert.pem', 'privateKey': 'key.pem'})}, member_tls)
    same('secrets in Barbican', len(t.stored_secrets(shop.name)), 7)

    def client_of(one):
        return trusting(root.pem, one and one.files(f'{t.namespace}-{one.host}'))
    as_ann, as_bob = client_of(ann), client_of(bob)

    def ask(tls):
        return client.get(shop.vip, 443, tls=tls, sni=HOST)

    def certificates(*hosts):
        return [client.fingerprint(shop.vip, 443, as_bob, host) for host in hosts]
    # These clients trust the root alone, so they get the chain.
    serving('it serves', lambda: ask(as_ann).status, lambda status: status == 200)
    same('certificates', certificates(HOST, 'api.example', 'www.example'), [pair.fingerprint, api.fingerprint, www.fingerprint])
    same('the clients that the member sees', [ask(tls).body['peer'] for tls in (as_ann, as_bob)], 2 * ['balancer'])
    for one in (None, stranger, revoked):
        expect(client.is_rejected(shop.vip, 443, client_of(one), HOST), f'not rejected: {one and one.host}')

    put(t, clients(revoked, ann))
    serving('the newly revoked client is rejected', lambda: client.is_rejected(shop.vip, 443, as_ann, HOST))
    same('response to a client of the other authority', ask(as_bob).status, 200)

    balancer, www = backs.pair('balancer-2'), issuing.pair('www.example')
    put(t, secret('balancer', {'cert.pem': balancer.crt, 'key.pem': pem(balancer.key, TRADITIONAL)}, 'Opaque'), secret('www-tls', www.data))
    t.edit(shop.name, lambda spec: named(spec['listeners'], 'https')['tls']['sniCertificates'].pop(0))
    serving('the renewed certificates', lambda: [ask(as_bob).body['peer'], *certificates('www.example')],
            lambda seen: seen == ['balancer-2', www.fingerprint])
    connection = trusting(root.pem, bob.files(f'{t.namespace}-bob'))
    connection.check_hostname = False
    same('the certificate of a host without one', client.fingerprint(shop.vip, 443, connection, 'api.example'), pair.fingerprint)
    t.ready_and_right(shop.name)
    same('secrets in Barbican after the changes', len(t.stored_secrets(shop.name)), 6)

    put(t, config_map('backs', {'bundle.pem': staff.pem}))
    serving('members of another authority get no requests', lambda: ask(as_bob).status, lambda status: status == 503)
    put(t, config_map('backs', {'bundle.pem': backs.pem}))
    serving('it serves again', lambda: ask(as_bob).status, lambda status: status == 200)
    t.ready_and_right(shop.name)
    shop.without_secrets()
    t.note = 'clients, members and hosts are told apart by contents of the cluster'


def interrupted(t, members):
    """Barbican's responses are lost, and it is down for a while: the old certificate serves on, and one secret is left"""
    root = Authority('root')
    pairs = [root.pair(HOST) for _ in range(3)]
    barbican, = t.behind('barbican')
    barbican.inject(lost, 'POST', '/secrets$', times=1)
    put(t, secret('shop-tls', pairs[0].data))
    shop = Shop(t, members)
    shop.serves(pairs[0], root)
    stored = shop.only_secret()
    for method in ('POST', 'DELETE'):
        barbican.inject(lost, method, '/secrets', times=1)
    put(t, secret('shop-tls', pairs[1].data))
    shop.serves(pairs[1], root)
    stored = shop.only_secret(stored)
    t.ready(shop.name)
    barbican.down()
    put(t, secret('shop-tls', pairs[2].data))
    t.shows(shop.name, 'ReferenceUnusable', 'spec.listeners', 'the key manager cannot be read')
    same('the certificate that is served meanwhile', shop.served(root), pairs[1].fingerprint)
    barbican.up()
    # It is tried again each minute.
    shop.serves(pairs[2], root, 90)
    shop.only_secret(stored)
    t.ready_and_right(shop.name)
    shop.without_secrets()
    t.reported_once(shop.name, 'CloudUnreachable', states=3)
    t.note = f"{len(barbican.requests('POST', '/secrets$'))} secrets stored for three certificates, one left, then none"
