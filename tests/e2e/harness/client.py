"""Requests of clients, from sockets inside the data plane's network namespace."""
import collections
import hashlib
import http.client
import json
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from lab.openstack.labnet import inside

from .waiting import TRAFFIC, Failed, eventually


@dataclass
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: dict | bytes

    @property
    def member(self) -> str:
        return self.headers['X-Member']

    @property
    def received(self) -> dict[str, str]:
        """The request headers that the member received, by lower-case name."""
        return {name.lower(): value for name, value in self.body['headers'].items()}

    def cookie(self) -> dict[str, str]:
        """The cookie of the response, as a request header."""
        return {'Cookie': self.headers['Set-Cookie'].split(';')[0]}


class Connection(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, source: str | None = None, tls: ssl.SSLContext | None = None, sni: str | None = None,
                 timeout: float = 5):
        super().__init__(host, port, timeout=timeout)
        self.source, self.tls, self.sni = source, tls, sni

    def connect(self) -> None:
        with inside():
            plain = socket.socket(socket.AF_INET6 if ':' in self.host else socket.AF_INET)
        plain.settimeout(self.timeout)
        if self.source:
            plain.bind((self.source, 0))
        plain.connect((self.host, self.port))
        self.sock = self.tls.wrap_socket(plain, server_hostname=self.sni) if self.tls else plain

    def ask(self, path: str = '/', headers: dict | None = None, method: str = 'GET', body: str | None = None) -> Response:
        self.request(method, path, body=body, headers=headers or {})
        response = self.getresponse()
        content = response.read()
        return Response(response.status, response.headers, json.loads(content) if content[:1] == b'{' else content)


def get(host: str, port: int, path: str = '/', headers: dict | None = None, method: str = 'GET', body: str | None = None, **how) -> Response:
    """One request on a connection of its own."""
    connection = Connection(host, port, **how)
    try:
        return connection.ask(path, headers, method, body)
    finally:
        connection.close()


def who(host: str, port: int, *request, **how) -> str:
    """The name of the member that responded."""
    response = get(host, port, *request, **how)
    if response.status != 200:
        raise Failed(f'{host}:{port} responded with {response.status}')
    return response.member


def counts(host: str, port: int, requests: int, *request, **how) -> dict[str, int]:
    """Number of these requests that each member served."""
    return dict(sorted(collections.Counter(who(host, port, *request, **how) for _ in range(requests)).items()))


def serving(what: str, read, accept=bool, timeout: float = 30):
    """`eventually`, for a port that may open some 100 ms after Octavia says ACTIVE: the reload is asynchronous."""
    def attempt():
        try:
            return True, read()
        except (OSError, Failed) as error:
            return False, error
    return eventually(what, attempt, lambda result: result[0] and accept(result[1]), timeout, every=0.2, kind=TRAFFIC)[1]


def certificate(host: str, port: int, tls: ssl.SSLContext, sni: str) -> str:
    """The host name of the served certificate, which is verified."""
    return _handshake(host, port, tls, sni, lambda sock: dict(sock.getpeercert()['subjectAltName'])['DNS'])


def fingerprint(host: str, port: int, tls: ssl.SSLContext, sni: str) -> str:
    """The served certificate, which is verified, as the streams of requests name it."""
    return _handshake(host, port, tls, sni, lambda sock: hashlib.sha256(sock.getpeercert(True)).hexdigest()[:12])


def _handshake(host: str, port: int, tls: ssl.SSLContext, sni: str, read: Callable[[ssl.SSLSocket], str]) -> str:
    connection = Connection(host, port, tls=tls, sni=sni)
    connection.connect()
    try:
        return read(connection.sock)
    finally:
        connection.close()


def is_rejected(host: str, port: int, tls: ssl.SSLContext, sni: str) -> bool:
    """True when the server ends the handshake. In TLS 1.3 a client sees that at its first read."""
    try:
        get(host, port, tls=tls, sni=sni)
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return True
    return False


def is_unreachable(host: str, port: int, **how) -> bool:
    """True when no server responds: a firewall drops the connection, or no process listens."""
    try:
        get(host, port, timeout=2, **how)
    except (TimeoutError, ConnectionRefusedError):
        return True
    return False


def datagrams(host: str, port: int, number: int, source: str) -> list[str]:
    """The members that responded to these datagrams of one flow."""
    with inside():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with s:
        s.settimeout(3)
        s.bind((source, 0))
        s.connect((host, port))
        found = []
        for n in range(number):
            s.send(f'hello {n}'.encode())
            member, rest = s.recv(100).decode().split(' ', 1)
            if rest != f'hello {n}':
                raise Failed(f'sent hello {n}, came back {rest!r}')
            found.append(member)
        return found
