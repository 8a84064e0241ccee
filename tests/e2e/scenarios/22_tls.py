"""TLS: every field of a terminating listener and of a pool that encrypts, changed and taken back."""
from harness.stacks import listener, pool, stack

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
