"""Certificates for Secrets and ConfigMaps of the cluster: authorities that issue pairs and revocation lists, and the wrong
ones among them."""
import base64
import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import config
from .certificates import DAY, NOW, PEM

# Lines of every private key in the cluster and of what Barbican has of it, for the search of leaked secrets.
key_material: set[str] = set()
WITHOUT_PASSWORD = serialization.NoEncryption()
TRADITIONAL = serialization.PrivateFormat.TraditionalOpenSSL


def pem(key, how=serialization.PrivateFormat.PKCS8, encryption=WITHOUT_PASSWORD) -> str:
    """A private key as text; its lines are known as secrets from now on."""
    text = key.private_bytes(PEM, how, encryption).decode()
    lines = [line for line in text.splitlines() if not line.startswith('-') and len(line) > 30]
    # The first line of an RSA key has its public modulus, and no more.
    key_material.update(lines[1:] if len(lines) > 4 else lines)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        number = key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, 'big')
        key_material.update((number.hex(), ', '.join(map(str, number))))
    return text


@dataclass
class Pair:
    """A certificate for a host, with its key and its issuers."""
    host: str
    key: object
    certificate: x509.Certificate
    issuers: list[x509.Certificate] = field(default_factory=list)

    @property
    def chain(self) -> list[x509.Certificate]:
        return [self.certificate, *self.issuers]

    @property
    def crt(self) -> str:
        return bundle(*self.chain)

    @property
    def data(self) -> dict[str, str]:
        return {'tls.crt': self.crt, 'tls.key': pem(self.key)}

    @property
    def fingerprint(self) -> str:
        """The certificate as the streams of requests name it."""
        return hashlib.sha256(self.certificate.public_bytes(serialization.Encoding.DER)).hexdigest()[:12]

    def files(self, name: str) -> tuple[Path, Path]:
        """Files with the chain and the key, for a client or a member."""
        return _file(f'{name}.crt', self.crt), _file(f'{name}.key', pem(self.key))


class Authority:
    """An authority, below `issuer` if there is one."""

    def __init__(self, name: str, issuer: 'Authority | None' = None, until=NOW + 365 * DAY):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.issuers = [] if issuer is None else [issuer.certificate, *issuer.issuers]
        above = issuer or self
        self.name = _subject(name)
        builder = _builder(self.name, above.name, self.key.public_key(), NOW - 2 * DAY, until)
        self.certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(above.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        return bundle(self.certificate)

    def file(self, name: str) -> Path:
        """A file with its certificate."""
        return _file(f'{name}.ca', self.pem)

    def pair(self, host: str, key=None, since=NOW - DAY, until=NOW + 90 * DAY, subject: x509.Name | None = None, names=None) -> Pair:
        """A pair for a host. `names` are its DNS names, and `subject` its subject, where they are not those of the host."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_subject(host) if subject is None else subject, self.name, key.public_key(), since, until)
        names = [host] if names is None else names
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        # Without a root, as cert-manager writes it.
        issuers = [self.certificate, *self.issuers][:-1]
        return Pair(host, key, builder.sign(self.key, hashes.SHA256()), issuers)

    def crl(self, *revoked: Pair, since=NOW - DAY, until=NOW + 30 * DAY) -> str:
        """A revocation list with these pairs."""
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(since).next_update(until)
        for pair in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(pair.certificate.serial_number).revocation_date(NOW).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(PEM).decode()


def bundle(*certificates: x509.Certificate) -> str:
    return ''.join(certificate.public_bytes(PEM).decode() for certificate in certificates)


def secret(name: str, data: dict[str, str], kind: str = 'kubernetes.io/tls') -> dict:
    """A Secret as cert-manager applies it: with `data`, which is base64."""
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': name}, 'type': kind, 'data': encoded}


def config_map(name: str, data: dict[str, str]) -> dict:
    return {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name}, 'data': data}


def _file(name: str, text: str) -> Path:
    path = config.HOME / 'certificates' / name
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    return path


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(subject: x509.Name, issuer: x509.Name, public_key, since, until) -> x509.CertificateBuilder:
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
            .serial_number(x509.random_serial_number()).not_valid_before(since).not_valid_after(until))
