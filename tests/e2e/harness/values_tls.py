"""Rules on client certificates in the matrix of values: one listener that terminates TLS, and a client for each text."""
import datetime
import socket
import ssl
import tempfile
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from . import haproxy_config as haproxy
from .values import CERTIFICATE, COMPARES, PRINTABLE, body_policy, body_rule, matches, hexadecimal, pattern, rule, stack
from .values_pools import Tried
from .values_trials import NONE, marked

PORT = 24443
AUTHORITY = 'http://keys.example/v1/secrets/00000000-0000-4000-8000-000000000002'
TEXTS = [f'a{c}b' for c in PRINTABLE] + ['-i', '#a', '"a"', 'a ', ' a', 'Acme Sync, Ltd.', "R&D <joe's>", 'a\\']
FIELDS = ('CN', 'cn', 'OU', 'O', 'emailAddress', 'commonName', 'organizationalUnitName', 'email')


def run(matrix) -> None:
    cells = [('CN', compare, text) for text in TEXTS for compare in (COMPARES if len(text) != 3 else ('EQUAL_TO', 'CONTAINS'))]
    cells += [('CN', 'REGEX', text) for text in ('^R&D$', "^a'b$", '^Acme Sync', '-b')] + [(field, 'EQUAL_TO', 'shop') for field in FIELDS]
    labels = [f'SSL_DN_FIELD {key} {compare} {text!r}' for key, compare, text in cells]
    reasons = matrix.rejections([of_rule(key, compare, text) for key, compare, text in cells], labels)
    trials = []
    for (key, compare, text), reason, body in zip(cells, reasons, matrix.bodies, strict=True):
        spellings = [(compare, text)] + ([] if compare == 'REGEX' else [('REGEX', pattern('SSL_DN_FIELD', compare, text, hexadecimal))])
        others = [body_policy([body_rule('SSL_DN_FIELD', c, v, key)]) for c, v in spellings]
        sent = others if reason else [body['listeners'][0]['l7policies'][0]]
        trials.append([(Tried(str(policy['rules'])), policy, key, compare, text) for policy in sent])
    with tempfile.TemporaryDirectory() as directory:
        run_trials([one for some in trials for one in some], Authority(Path(directory)))
    for label, reason, some in zip(labels, reasons, trials, strict=True):
        matrix.settle(label, reason, [t for t, *_ in some])


def of_rule(key: str, compare: str, text: str) -> dict:
    policy = {'name': 'p', 'action': 'REDIRECT_TO_URL', 'redirectURL': 'http://matched.example/', 'rules': [rule('SSL_DN_FIELD', compare, text, key)]}
    return stack({'protocol': 'TERMINATED_HTTPS', 'tls': {'certificate': {'barbicanRef': CERTIFICATE}, 'clientCA': {'barbicanRef': CERTIFICATE},
                                                          'clientAuthentication': 'OPTIONAL'}, 'l7Policies': [policy]})


def run_trials(trials: list, authority: 'Authority') -> None:
    for one, policy, *_ in trials:
        one.fault = haproxy.api_refusal(body_of([policy], []))[-160:]
    valid = [(at, t) for at, t in enumerate(trials) if not t[0].fault]
    while True:
        config = haproxy.render(body_of([t[1] for _, t in valid], [at for at, _ in valid]), authority.certificates)
        by_id = {haproxy.identity('l7rule', 0, place, rule): t[0] for place, (_, t) in enumerate(valid) for rule in range(2)}
        found = haproxy.faults(config, set(by_id))
        if not found:
            break
        for i, error in found.items():
            by_id[i].fault = error
        valid = [v for v in valid if not v[1][0].fault]
    with haproxy.running(config):
        for at, (one, _, key, compare, text) in valid:
            one.fault = treatment_fault(authority, at, key, compare, text)


def body_of(policies: list[dict], numbers: list[int]) -> dict:
    rendered = [{**policy, 'position': n, 'rules': [*(marked(at) for at in numbers[n - 1:n]), *policy['rules']]} for n, policy in enumerate(policies, 1)]
    rendered.append({'action': 'REDIRECT_TO_URL', 'redirect_url': NONE, 'redirect_http_code': 302, 'position': len(rendered) + 1,
                     'rules': [{'type': 'HEADER', 'key': 'X-Cell', 'compare_type': 'REGEX', 'value': '.'}]})
    return {'listeners': [{'name': 'l', 'protocol': 'TERMINATED_HTTPS', 'protocol_port': PORT, 'connection_limit': 50, 'l7policies': rendered,
                           'default_tls_container_ref': CERTIFICATE, 'client_ca_tls_container_ref': AUTHORITY, 'client_authentication': 'OPTIONAL'}]}


def treatment_fault(authority: 'Authority', number: int, key: str, compare: str, text: str) -> str:
    if compare == 'REGEX':
        subjects = {'^R&D$': ('R&D', 'RD'), "^a'b$": ("a'b", 'ab'), '^Acme Sync': ('Acme Sync', 'Acme'), '-b': ('a-b', 'ab')}[text]
        wanted = {subjects[0]: True, subjects[1]: False}
    else:
        wanted = {s: matches('SSL_DN_FIELD', compare, s, text) for s in (text, f'{text}z', f'z{text}', 'z')}
    for subject, hit in wanted.items():
        if (authority.asks(key, subject, number) == 'http://matched.example/') != hit:
            return f'{key}={subject!r} {"does not match" if hit else "matches"}'
    return ''


class Authority:
    """A CA that signs the server's certificate and those of the clients."""
    NAMES = {'cn': NameOID.COMMON_NAME, 'ou': NameOID.ORGANIZATIONAL_UNIT_NAME, 'o': NameOID.ORGANIZATION_NAME, 'emailaddress': NameOID.EMAIL_ADDRESS,
             'commonname': NameOID.COMMON_NAME, 'organizationalunitname': NameOID.ORGANIZATIONAL_UNIT_NAME, 'email': NameOID.EMAIL_ADDRESS}

    def __init__(self, directory: Path):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, 'values')])
        home = directory / haproxy.identity('loadbalancer')
        home.mkdir()
        self.authority = self._signed(self.name, True)
        (home / 'ca.pem').write_bytes(self.authority)
        private = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        (home / 'server.pem').write_bytes(self._signed(self.name, False) + private)
        (home / f"{haproxy.identity('listener', 0)}.pem").write_text(f'{home}/server.pem\n')
        self.certificates = haproxy.Certificates(directory, {CERTIFICATE: 'server.pem', AUTHORITY: 'ca.pem'})
        self.directory, self.private, self.contexts = directory, private, {}

    def _signed(self, subject: x509.Name, authority: bool) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        certificate = x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(self.key.public_key())
        certificate = certificate.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(days=1))
        certificate = certificate.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        return certificate.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _context(self, key: str, text: str) -> ssl.SSLContext:
        name = self.NAMES[key.lower()]
        if (name, text) not in self.contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            path = self.directory / f'client{len(self.contexts)}.pem'
            path.write_bytes(self._signed(x509.Name([x509.NameAttribute(name, text)]), False) + self.private)
            context.load_cert_chain(path)
            self.contexts[name, text] = context
        return self.contexts[name, text]

    def asks(self, key: str, text: str, number: int) -> str:
        with self._context(key, text).wrap_socket(socket.create_connection(('127.0.0.1', PORT), 10)) as line:
            line.sendall(b'GET / HTTP/1.1\r\nHost: values.example\r\nConnection: close\r\nX-Cell: %d\r\n\r\n' % number)
            received = b''
            while more := line.recv(65536):
                received += more
        return next((row[10:] for row in received.decode('latin-1').split('\r\n') if row.lower().startswith('location: ')), received[9:12].decode())
