"""Effects of `versions`, `ciphers` and `alpnProtocols` in Octavia, OpenSSL and the haproxy of this machine."""
import functools
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

from octavia.api.v2.controllers import listener as listener_api
from octavia.common import constants, validate
from octavia.db import prepare
from oslo_config import cfg
from wsme import types as wtypes

from harness import haproxy_config

CERTIFICATE = 'http://127.0.0.1:9311/v1/containers/00000000-0000-4000-8000-000000000001'
FIELDS = ('tls_ciphers', 'tls_versions', 'alpn_protocols')


def created(body: dict) -> dict:
    """The listener or pool that Octavia stores for this object of a single-call create. Raises the text of a 400 or 500 of
    the API."""
    stored = dict(body)
    if 'lb_algorithm' in body:
        prepared = prepare.create_pool({'tls_enabled': False, **body})
        stored.setdefault('tls_enabled', False)
    else:
        prepared = prepare.create_listener(dict(body), 'lb')
        if body['protocol'] == constants.PROTOCOL_PROMETHEUS and body.get('default_tls_container_ref'):
            prepared['tls_versions'], prepared['alpn_protocols']        # a missing one is a KeyError, and so a 500
    stored.update({field: prepared.get(field) for field in FIELDS})
    _validate(stored)
    return stored


def updated(stored: dict, body: dict) -> dict:
    """The stored object after a PUT (`put` in octavia/api/v2/controllers)."""
    _validate(body)
    given = SimpleNamespace(**{**{field: wtypes.Unset for field in _filled()}, **body})
    if 'lb_algorithm' in stored:
        if given.tls_versions is None:
            given.tls_versions = cfg.CONF.api_settings.default_pool_tls_versions
        if given.tls_ciphers is None:
            given.tls_ciphers = cfg.CONF.api_settings.default_pool_ciphers
    else:
        listener_api.ListenersController._set_default_on_none(None, given)
    return {**stored, **{field: value for field, value in vars(given).items() if value is not wtypes.Unset}}


def _filled() -> tuple:
    return ('connection_limit', 'timeout_client_data', 'timeout_member_connect', 'timeout_member_data', 'timeout_tcp_inspect',
            'client_authentication', 'hsts_include_subdomains', 'hsts_preload', *FIELDS)


def _validate(body: dict) -> None:
    if body.get('tls_ciphers'):
        validate.check_cipher_string(body['tls_ciphers'])
    validate.check_tls_version_list(body.get('tls_versions'))
    validate.check_alpn_protocols(body.get('alpn_protocols'))


@dataclass
class Line:
    """The options of haproxy's line."""
    keyword: str
    ciphers: str
    suites: str
    encrypts: bool

    def __init__(self, config: str, keyword: str):
        words = next(line.split() for line in config.splitlines() if line.split()[:1] == [keyword] and 'prometheus' not in line
                     and '127.0.0.1:9101' not in line)
        self.keyword = keyword
        after = dict(zip(words, words[1:]))
        self.ciphers, self.suites, self.encrypts = after.get('ciphers', ''), after.get('ciphersuites', ''), 'ssl' in words


@functools.cache
def openssl(ciphers: str) -> frozenset:
    """(name, version, key exchange) of each cipher up to TLS 1.2 in a list that OpenSSL knows and can negotiate with a
    certificate."""
    text = ciphers if not ciphers.startswith('-') else f':{ciphers}'        # not an option of the command
    done = subprocess.run(['openssl', 'ciphers', '-v', text], capture_output=True, text=True)
    rows = [line.split() for line in done.stdout.splitlines()] if done.returncode == 0 else []
    needs_a_certificate = {'Au=RSA', 'Au=ECDSA', 'Au=DSS'}
    return frozenset((row[0], row[1], row[2]) for row in rows if row[1] != 'TLSv1.3' and row[3] in needs_a_certificate
                     and row[4] != 'Enc=None' and 'PSK' not in row[2] and 'SRP' not in row[2])


def disobeyed(wanted: str, versions: list | None, line: Line) -> str:
    """The deviation of the data plane from a list of ciphers; empty for none."""
    found = openssl(line.ciphers) if line.ciphers else frozenset()
    if line.ciphers and found != openssl(wanted):
        return 'other ciphers than the list has'
    if line.keyword == 'bind':
        # haproxy 2.6 has no DHE parameters of its own, and Octavia gives it none.
        found = {cipher for cipher in found if cipher[2] != 'Kx=DH'}
    if line.ciphers and not found and not line.suites:
        return 'no cipher that can be negotiated'
    if versions and 'TLSv1.2' not in versions:
        found = {cipher for cipher in found if cipher[1] != 'TLSv1.2'}
    return '' if found or line.suites else 'no effect'


@dataclass
class Files(haproxy_config.Certificates):
    """Certificate files for a body with this number of listeners."""

    @classmethod
    def create(cls, directory: Path, listeners: int) -> 'Files':
        files = cls(directory)
        below = directory / haproxy_config.identity('loadbalancer')
        below.mkdir(parents=True)
        pem = directory / 'certificate.pem'
        key = directory / 'key.pem'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=tls.example',
                        '-keyout', key, '-out', pem], check=True, capture_output=True)
        pem.write_text(pem.read_text() + key.read_text())
        for index in range(listeners):
            (below / f'{haproxy_config.identity("listener", index)}.pem').write_text(f'{pem}\n')
        return files


def negotiated(port: int, version: str) -> str:
    """The cipher of a client that knows only this version; empty without a connection."""
    flag = {'TLSv1.1': '-tls1_1', 'TLSv1.2': '-tls1_2', 'TLSv1.3': '-tls1_3'}[version]
    done = subprocess.run(['openssl', 's_client', '-connect', f'{haproxy_config.VIP}:{port}', flag, '-cipher', 'ALL:@SECLEVEL=0'],
                          input='', capture_output=True, text=True, timeout=20)
    found = re.search(r'Cipher is (\S+)', done.stdout)
    return found.group(1) if found and found.group(1) != '(NONE)' else ''
