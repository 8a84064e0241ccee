"""Contents of Secrets and ConfigMaps that Evenkeel rejects: one of every kind."""
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from .certificates import DAY, NOW
from .issuer import TRADITIONAL, Authority, Pair, bundle, config_map, pem, secret

NOT_PEM = '-----BEGIN CERTIFICATE-----\nnothing of that kind\n'


@dataclass
class Wrong:
    """Contents that are rejected: what is written or deleted, and what the stack says about it."""
    words: str
    documents: tuple = ()
    deleted: tuple = ()
    field: str = 'certificate'
    reason: str = 'ReferenceUnusable'


def wrong_secrets(root: Authority, pair: Pair) -> Iterator[Wrong]:
    """Wrong ones in place of this pair."""
    host = pair.host
    other, key = root.pair(host), pem(pair.key)

    def with_key(text):
        return {**pair.data, 'tls.key': text}

    def issued(key=None, **how):
        return root.pair(host, key, **how).data
    dead = Authority('dead', root, until=NOW - DAY)
    password = serialization.BestAvailableEncryption(b'password')
    rsa_key = rsa.generate_private_key(65537, 2048)
    # Contents that the second of two updates may complete come first, together: the stack speaks of them after ten seconds.
    wrong_data = [
        ('it has no key tls.key', {'tls.crt': pair.crt}),
        ('key tls.crt has no CERTIFICATE in PEM', {**pair.data, 'tls.crt': ''}),
        ('key tls.key has no PRIVATE KEY in PEM', with_key('nothing of that kind')),
        ('belongs to no certificate in key tls.crt', with_key(pem(other.key))),
        ('key tls.crt is not valid PEM', {**pair.data, 'tls.crt': NOT_PEM}),
        ('blocks CERTIFICATE in key tls.crt cannot be read', {**pair.data, 'tls.crt': pair.crt.replace('MII', 'NII')}),
        ('more than one private key', with_key(key + pem(other.key))),
        ('the private key in key tls.key is encrypted', with_key(pem(pair.key, encryption=password))),
        ('the private key in key tls.key is encrypted:', with_key(pem(rsa_key, TRADITIONAL, password))),
        ('the private key is Ed25519: Octavia takes RSA and ECDSA keys only', issued(ed25519.Ed25519PrivateKey.generate())),
        ('the private key is Ed448', issued(ed448.Ed448PrivateKey.generate())),
        ('the private key is DSA', with_key(pem(dsa.generate_private_key(2048)))),
        ('the private key is on curve 1.3.132.0.10', issued(ec.generate_private_key(ec.SECP256K1()))),
        ('the RSA key has 1024 bits', issued(rsa.generate_private_key(65537, 1024))),
        ('has neither a DNS name nor a common name', issued(subject=x509.Name([]), names=[])),
        ('which haproxy rejects', {**pair.data, 'tls.crt': _signed_with_sha1(pair, key)}),
        (f'certificate "{host}" has expired on', issued(since=NOW - 9 * DAY, until=NOW - DAY)),
        (f'certificate "{host}" is not valid before', issued(since=NOW + DAY)),
        ('certificate "dead" has expired on', dead.pair(host).data),
        ('bytes in Barbican, which stores at most 18000', issued(names=[f'{n}.{host}' for n in range(1000)])),
        ('51 certificates or lists, and at most 50', {**pair.data, 'tls.crt': bundle(*(root.pair(str(n)).certificate for n in range(51)))}),
    ]
    yield from (Wrong(words, (secret('shop-tls', data, 'Opaque'),)) for words, data in wrong_data)
    yield Wrong('Secret shop-tls does not exist', deleted=('secret', 'shop-tls'), reason='ReferenceNotFound')


def wrong_config_maps(right: dict, clients: Authority) -> Iterator[Wrong]:
    """Wrong ones in place of a ConfigMap with these authorities; `right` is the Secret beside it."""
    others = [Authority(f'other {n}') for n in range(51)]
    both, one, other = clients.pem + others[0].pem, clients.crl(), others[0].crl()
    wrong_data = [
        ('clientCA', 'it has no key ca.crt', {'ca.crl': one}),
        ('clientCA', 'key ca.crt has no CERTIFICATE in PEM', {'ca.crt': '', 'ca.crl': one}),
        ('clientCA', 'key ca.crt is not valid PEM', {'ca.crt': NOT_PEM, 'ca.crl': one}),
        ('clientCA', 'all authorities in key ca.crt have expired', {'ca.crt': Authority('dead', until=NOW - DAY).pem, 'ca.crl': one}),
        ('clientCA', 'bytes in Barbican, which stores at most 20000', {'ca.crt': ''.join(a.pem for a in others[:45]), 'ca.crl': one}),
        ('clientCA', '51 certificates or lists, and at most 50', {'ca.crt': ''.join(a.pem for a in others), 'ca.crl': one}),
        ('clientCRL', 'it has no key ca.crl', {'ca.crt': clients.pem}),
        ('clientCRL', 'key ca.crl has no X509 CRL in PEM', {'ca.crt': clients.pem, 'ca.crl': clients.pem}),
        ('clientCRL', 'key ca.crl is not valid PEM', {'ca.crt': clients.pem, 'ca.crl': NOT_PEM}),
        ('clientCRL', 'is not signed by an authority of the stack', {'ca.crt': clients.pem, 'ca.crl': other}),
        ('clientCRL', 'has no revocation list', {'ca.crt': both, 'ca.crl': one}),
        ('clientCRL', 'so every client would be rejected: renew it', {'ca.crt': clients.pem, 'ca.crl': clients.crl(since=NOW - 9 * DAY, until=NOW - DAY)}),
        ('clientCRL', 'is not valid before', {'ca.crt': clients.pem, 'ca.crl': clients.crl(since=NOW + DAY)}),
    ]
    yield from (Wrong(words, (right, config_map('clients', data)), field=field) for field, words, data in wrong_data)
    yield Wrong('ConfigMap clients does not exist', deleted=('configmap', 'clients'), field='clientCA', reason='ReferenceNotFound')


def _signed_with_sha1(pair: Pair, key: str) -> str:
    """A certificate for the key of a pair, signed with SHA-1: only the command line still does that."""
    weak = Authority('weak')
    with tempfile.TemporaryDirectory() as directory:
        paths = Path(directory, 'key'), Path(directory, 'ca')
        for path, text in zip(paths, (key, weak.pem + pem(weak.key))):
            path.touch(mode=0o600)
            path.write_text(text)
        request = _openssl('req', '-new', '-key', paths[0], '-subj', f'/CN={pair.host}')
        return _openssl('x509', '-req', '-sha1', '-CA', paths[1], '-CAkey', paths[1], '-set_serial', '7', stdin=request).decode()


def _openssl(*arguments, stdin: bytes = b'') -> bytes:
    return subprocess.run(['openssl', *arguments], input=stdin, check=True, capture_output=True).stdout
