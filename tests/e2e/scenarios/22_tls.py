"""TLS: every field of a terminating listener, of a PROMETHEUS listener and of a pool with TLS is changed and
reverted; ciphers unknown to OpenSSL are rejected. It alone changes them one by one in a load balancer; 73_tls_matrix
combines versions, ciphers and ALPN without one."""
from harness.kube import Rejected
from harness.stacks import listener, pool, stack
from harness.waiting import expect

BASE = 'https://barbican.example/v1/'


def secret(name):
    return {'barbicanRef': f'{BASE}secrets/{name}'}


def run(t):
    tls = {'certificate': secret('shop'), 'sniCertificates': [{'barbicanRef': f'{BASE}containers/www'}, secret('api')]}
    name = t.apply(t.with_certificates(stack('web', [listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls=tls)], [pool('web')])))
    t.ready_and_right(name)

    def on_listener(**fields):
        fields = t.with_certificates(fields)
        return lambda spec: spec['listeners'][0]['tls'].update(fields)

    def on_pool(tls):
        tls = t.with_certificates({'tls': tls})
        return lambda spec: spec['pools'][0].update(tls)
    one = ['PUT listeners']
    t.change(name, 'another certificate', on_listener(certificate=secret('new-shop')), one)
    t.change(name, 'fewer SNI certificates', on_listener(sniCertificates=[secret('api')]), one)
    t.change(name, 'client certificates', on_listener(clientCA=secret('ca'), clientCRL=secret('crl'), clientAuthentication='OPTIONAL'), one)
    t.change(name, 'mandatory', on_listener(clientAuthentication='MANDATORY'), one)
    t.change(name, 'parameters', on_listener(versions=['TLSv1.3'], ciphers='TLS_AES_128_GCM_SHA256', alpnProtocols=['http/1.1']), one)
    t.change(name, 'HSTS', on_listener(hsts={'maxAge': '8760h', 'includeSubdomains': True, 'preload': True}), one)
    t.change(name, 'HSTS shorter', on_listener(hsts={'maxAge': '1h'}), one)
    t.change(name, 'all of it back', lambda spec: [spec['listeners'][0]['tls'].pop(f) for f in (
        'clientCA', 'clientCRL', 'clientAuthentication', 'versions', 'ciphers', 'alpnProtocols', 'hsts')], one)
    one = ['PUT pools']
    t.change(name, 'encryption to the members', on_pool({'clientCertificate': secret('client'), 'ca': secret('ca'), 'crl': secret('crl'),
                                                         'versions': ['TLSv1.2', 'TLSv1.3'], 'ciphers': 'TLS_AES_256_GCM_SHA384',
                                                         'alpnProtocols': ['h2', 'http/1.1']}), one)
    t.change(name, 'other parameters', on_pool({'ca': secret('ca'), 'versions': ['TLSv1.3'], 'ciphers': 'TLS_AES_128_GCM_SHA256',
                                                'alpnProtocols': ['http/1.1']}), one)
    metrics(t)
    unknown_ciphers(t)


def metrics(t):
    """A PROMETHEUS listener: Octavia fills in no ciphers, and its worker crashes on versions without ciphers."""
    certificate = t.with_certificates({'certificate': secret('shop')})
    newest = listener('metrics', 9100, 'PROMETHEUS', tls={**certificate, 'versions': ['TLSv1.3']})
    name = t.apply(stack('metrics', [newest, listener('plain', 9101, 'PROMETHEUS')]))
    t.ready_and_right(name)

    def tls(at, **settings):
        return lambda spec: spec['listeners'][at].update(tls={**certificate, **settings})
    one = ['PUT listeners']
    t.change(name, 'other versions', tls(0, versions=['TLSv1.2']), one)
    t.change(name, 'ciphers of its own', tls(0, versions=['TLSv1.2'], ciphers='HIGH:!aNULL'), one)
    t.change(name, 'versions alone', tls(0, versions=['TLSv1.3']), one)
    t.change(name, 'no versions', tls(0), one)
    t.change(name, 'TLS that comes with versions', tls(1, versions=['TLSv1.3'], alpnProtocols=['http/1.1']), one)
    t.change(name, 'TLS is removed', lambda spec: spec['listeners'][1].pop('tls'), one)


def unknown_ciphers(t):
    names = 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'
    for number, (ciphers, words) in enumerate(((names, "OpenSSL's names"), ('RC4-SHA:DES-CBC3-SHA', 'no cipher that OpenSSL knows'), ('DEFAULT:!aNULL', 'Octavia sorts'))):
        tls = t.with_certificates({'certificate': secret('shop'), 'ciphers': ciphers})
        wrong = stack(f'wrong-{number}', [listener('https', 443, 'TERMINATED_HTTPS', tls=tls)])
        try:
            name = t.apply(wrong)
        except Rejected as rejection:
            expect(ciphers == names and words in str(rejection), f'{ciphers}: {rejection}')
        else:
            t.shows(name, 'InvalidSpec', 'ciphers', words)
            t.delete(name)
