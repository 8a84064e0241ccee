"""Certificates in Barbican, created once per run and shared by all scenarios."""
import copy
import datetime
import ssl
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from . import config
from .cloud import Cloud

PEM = serialization.Encoding.PEM
NOW = datetime.datetime.now(datetime.timezone.utc)
DAY = datetime.timedelta(days=1)


class Certificates:
    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self.references: dict[str, str] = {}
        self.parts: list[str] = []      # secrets inside containers
        self.lock = threading.Lock()
        self.key_material: set[str] = set()     # lines of every private key, for the search of leaked secrets
        self.ca_key, self.ca = _authority()

    def certificate(self, host: str) -> str:
        """Stores certificate and key as one PKCS#12 secret."""
        def make() -> str:
            key, certificate = self._issue(host)
            bundle = pkcs12.serialize_key_and_certificates(host.encode(), key, certificate, None, serialization.NoEncryption())
            return self.cloud.store_secret(f'e2e {host}', bundle)
        return self._once(host, make)

    def container(self, host: str) -> str:
        """Stores certificate and key as a certificate container of two secrets."""
        def make() -> str:
            key, certificate = self._issue(host)
            text = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            parts = {'certificate': certificate.public_bytes(PEM), 'private_key': text}
            secrets = [{'name': n, 'secret_ref': self.cloud.store_secret(f'e2e {host} {n}', c)} for n, c in parts.items()]
            self.parts += [s['secret_ref'] for s in secrets]
            return self.cloud.store_container(f'e2e {host}', secrets)
        return self._once(f'container {host}', make)

    def authority(self) -> str:
        """Stores the CA's certificate."""
        return self._once('ca', lambda: self.cloud.store_secret('e2e ca', self.ca.public_bytes(PEM)))

    def revocations(self) -> str:
        """Stores an empty revocation list of that CA."""
        def make() -> str:
            crl = (x509.CertificateRevocationListBuilder().issuer_name(self.ca.subject).last_update(NOW - DAY)
                   .next_update(NOW + 365 * DAY).sign(self.ca_key, hashes.SHA256()))
            return self.cloud.store_secret('e2e crl', crl.public_bytes(PEM))
        return self._once('crl', make)

    def files(self, host: str) -> tuple[Path, Path]:
        """Files with certificate and key, for a member that terminates TLS itself."""
        key, certificate = self._issue(host)
        paths = config.HOME / f'{host}.crt', config.HOME / f'{host}.key'
        text = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        for path, content in zip(paths, (certificate.public_bytes(PEM), text)):
            path.touch(mode=0o600)
            path.write_bytes(content)
        return paths

    def trust(self, check_hostname: bool = True) -> ssl.SSLContext:
        """The TLS context of a client that trusts the CA."""
        context = ssl.create_default_context(cadata=self.ca.public_bytes(PEM).decode())
        context.check_hostname = check_hostname
        return context

    def host_of(self, reference: str) -> str:
        """The host name of the certificate with this reference."""
        return next(name for name, stored in self.references.items() if stored == reference).removeprefix('container ')

    def with_existing_references(self, document: dict) -> dict:
        """A copy of a stack in which every Barbican reference leads to an existing certificate."""
        copied = copy.deepcopy(document)
        self._substitute(copied)
        return copied

    def _substitute(self, value, field: str = '') -> None:
        if isinstance(value, dict):
            if 'barbicanRef' in value:
                value['barbicanRef'] = self._suitable(field, value['barbicanRef'])
            for key, inner in value.items():
                self._substitute(inner, key)
        elif isinstance(value, list):
            for inner in value:
                self._substitute(inner, field)

    def _suitable(self, field: str, reference: str) -> str:
        """The reference for a field: of a CA, of a revocation list, else of a certificate with its key."""
        if field in ('clientCA', 'ca'):
            return self.authority()
        if field in ('clientCRL', 'crl'):
            return self.revocations()
        host = f"{reference.rstrip('/').rsplit('/', 1)[-1]}.example"
        return self.container(host) if '/containers/' in reference else self.certificate(host)

    def delete_all(self) -> None:
        """Deletes all certificates, containers before their secrets."""
        for reference in sorted(self.references.values(), key=lambda r: '/containers/' not in r) + self.parts:
            self.cloud.delete_certificate(reference)

    def _once(self, name: str, make) -> str:
        with self.lock:
            if name not in self.references:
                self.references[name] = make()
            return self.references[name]

    def _issue(self, host: str):
        key = ec.generate_private_key(ec.SECP256R1())
        text = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
        self.key_material.update(line for line in text.splitlines() if not line.startswith('---') and len(line) > 30)
        certificate = (builder(host, self.ca.subject, key.public_key())
                       .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
                       .sign(self.ca_key, hashes.SHA256()))
        return key, certificate


def _authority():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'evenkeel e2e CA')])
    certificate = (builder('evenkeel e2e CA', name, key.public_key())
                   .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
                   .sign(key, hashes.SHA256()))
    return key, certificate


def builder(common_name: str, issuer: x509.Name, public_key) -> x509.CertificateBuilder:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(NOW - DAY).not_valid_after(NOW + 365 * DAY))
