"""Contents that Evenkeel has stored in Barbican: their names, and their comparison with the Secrets and ConfigMaps of a
stack. Written from the description of the resource, not from the controller."""
import base64
import hashlib
import re

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from . import issuer
from .cloud import Cloud
from .kube import Kube

# Beginning of the names of all secrets of stacks.
NAMES = 'evenkeel-'
DER = serialization.Encoding.DER
BLOCK = re.compile(r'-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)-----END', re.DOTALL)


def prefix(cluster: str, namespace: str, name: str) -> str:
    """Beginning of the names of a stack's secrets."""
    tags = [f'evenkeel:cluster={cluster}', f'evenkeel:namespace={namespace}', f'evenkeel:name={name}']
    return f"{NAMES}{hashlib.sha256(chr(10).join(tags).encode()).hexdigest()[:16]}-"


class Contents:
    """Contents that the TLS fields of one stack name."""

    def __init__(self, kube: Kube, cloud: Cloud, namespace: str):
        self.kube, self.cloud, self.namespace = kube, cloud, namespace

    def of(self, field: str, reference: dict) -> 'str | StoredPair | StoredText':
        """The expected reference in Octavia."""
        if url := reference.get('barbicanRef'):
            return url
        if field in ('clientCA', 'ca', 'clientCRL', 'crl'):
            key = 'ca.crl' if field.lower().endswith('crl') else 'ca.crt'
            named = reference.get('secretRef') or reference['configMapRef']
            return StoredText(self.cloud, self._data('secretRef' in reference, named['name'])[named.get('key', key)])
        named = reference['secretRef']
        data, keys = self._data(True, named['name']), named.get('keys', {})
        return StoredPair(self.cloud, data[keys.get('certificate', 'tls.crt')], data[keys.get('privateKey', 'tls.key')])

    def _data(self, is_secret: bool, name: str) -> dict[str, str]:
        kind = 'secrets' if is_secret else 'configmaps'
        data = self.kube.read(f'/api/v1/namespaces/{self.namespace}/{kind}/{name}')['data']
        return {key: base64.b64decode(text).decode() for key, text in data.items()} if is_secret else data


class StoredPair:
    """Equal to the reference of a secret with this certificate, its issuers in order, and this key."""

    def __init__(self, cloud: Cloud, certificates: str, key: str):
        self.cloud = cloud
        self.key = _public(serialization.load_pem_private_key(key.encode(), None).public_key())
        given = x509.load_pem_x509_certificates(certificates.encode())
        self.leaf = last = next(one for one in given if _public(one.public_key()) == self.key)
        self.issuers = []
        while last := next((one for one in given if one.subject == last.issuer != one.issuer), None):
            self.issuers.append(last)

    def __eq__(self, other):
        if not isinstance(other, str):
            return NotImplemented
        payload = self.cloud.payload(other)
        text = base64.b64encode(payload).decode()
        issuer.key_material.update(text[at:at + 60] for at in range(0, len(text), 400))
        stored = pkcs12.load_pkcs12(payload, None)
        rest = [one.certificate for one in stored.additional_certs]
        return (_public(stored.key.public_key()), stored.cert.certificate, rest) == (self.key, self.leaf, self.issuers)

    def __repr__(self):
        return f'a secret with certificate {self.leaf.subject.rfc4514_string()} and {len(self.issuers)} issuers'


class StoredText:
    """Equal to the reference of a secret with these authorities or revocation lists."""

    def __init__(self, cloud: Cloud, text: str):
        self.cloud, self.blocks = cloud, _blocks(text)

    def __eq__(self, other):
        return _blocks(self.cloud.payload(other).decode()) == self.blocks if isinstance(other, str) else NotImplemented

    def __repr__(self):
        return f'a secret with {len(self.blocks)} blocks of PEM'


def _public(key) -> bytes:
    return key.public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _blocks(text: str) -> set[tuple[str, str]]:
    return {(label, ''.join(body.split())) for label, body in BLOCK.findall(text)}
