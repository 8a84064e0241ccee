"""A proxy between the controller and one service, which injects faults for a scenario.

    octavia, = t.behind('octavia')                       # from now on this namespace's Secret leads through it
    octavia.inject(cut_short, 'POST', '/loadbalancers$', times=1)
    octavia.down(); ...; octavia.up()

A fault is a function of an `Exchange`: it may forward the request, and may set the response.
"""
import contextlib
import http.client
import os
import re
import socket
import socketserver
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Callable

HOP_BY_HOP = {'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'host'}
# Every token that passed, for the search of leaked secrets.
tokens: set[str] = set()


@dataclass
class Response:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b''


@dataclass
class Exchange:
    """One request in flight. `response` stays None when the client gets none."""
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int
    at: float = field(default_factory=time.time)
    response: Response | None = None
    body_limit: int | None = None       # number of body bytes that reach the client

    def send(self) -> http.client.HTTPConnection:
        upstream = http.client.HTTPConnection('127.0.0.1', self.port, timeout=150)
        upstream.request(self.method, self.path, self.body or None, self.headers)
        return upstream

    def forward(self) -> Response:
        upstream = self.send()
        got = upstream.getresponse()
        self.response = Response(got.status, [h for h in got.getheaders() if h[0].lower() not in HOP_BY_HOP], got.read())
        upstream.close()
        return self.response


Fault = Callable[[Exchange], object]


# -- faults
def respond_with(status: int, body: str = '', **headers: str) -> Fault:
    """Responds in place of the service, which never sees the request."""
    def fault(exchange: Exchange) -> None:
        exchange.response = Response(status, [(n.replace('_', '-'), v) for n, v in headers.items()], body.encode())
    return fault


def lost(exchange: Exchange) -> None:
    """The request is executed, and its response is lost."""
    exchange.forward()
    exchange.response = None


def cut_short(exchange: Exchange) -> None:
    """The request is executed, and the connection ends in the middle of the body."""
    exchange.body_limit = len(exchange.forward().body) // 2


def gone_after(seconds: float) -> Fault:
    """The client hangs up while the service works."""
    def fault(exchange: Exchange) -> None:
        upstream = exchange.send()
        time.sleep(seconds)
        upstream.close()
    return fault


def never(exchange: Exchange) -> None:
    """The request is lost on the way to the service, which the client cannot know."""


def arrives_late(seconds: float) -> Fault:
    """The request is delayed on the way, and executed even if the client waits no more."""
    def fault(exchange: Exchange) -> None:
        time.sleep(seconds)
        exchange.forward()
    return fault


def expired(token: str) -> Fault:
    """The service sees an expired token, until the client sends another one."""
    def fault(exchange: Exchange) -> None:
        if exchange.headers.get('x-auth-token') == token:
            exchange.headers['x-auth-token'] = 'expired'
        exchange.forward()
    return fault


# -- the proxy
@dataclass
class InjectedFault:
    fault: Fault
    method: str
    path: re.Pattern
    times: float
    after: int

    def applies_to(self, exchange: Exchange) -> bool:
        matches = self.times > 0 and self.method in ('', exchange.method) and bool(self.path.search(exchange.path))
        if matches and self.after:
            self.after -= 1
            return False
        return matches


class Proxy:
    def __init__(self, service: str):
        self.service, self.upstream = service, int(os.environ[f'{service.upper()}_PORT'])
        self.exchanges: list[Exchange] = []
        self.faults: list[InjectedFault] = []
        self.lock = threading.Lock()
        self.connections: set[socket.socket] = set()
        self.port = 0
        self.up()

    @property
    def address(self) -> str:
        return f'127.0.0.1:{self.port}'

    @property
    def url(self) -> str:
        return f'http://{self.address}' + ('/v3' if self.service == 'keystone' else '')

    def inject(self, fault: Fault, method: str = '', path: str = '', times: float = float('inf'), after: int = 0) -> None:
        """Injects a fault from now on, until `clear_faults`; the first `after` requests pass. A newer fault comes before an older
        one."""
        with self.lock:
            self.faults.insert(0, InjectedFault(fault, method, re.compile(path), times, after))

    def clear_faults(self) -> None:
        with self.lock:
            self.faults.clear()

    def up(self) -> None:
        self.server = _Server(('127.0.0.1', self.port), _handler(self))
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def down(self) -> None:
        """Refuses connections, and cuts the open ones."""
        self.server.shutdown()
        self.server.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def requests(self, method: str = '', path: str = '') -> list[Exchange]:
        """The requests that have passed."""
        return [e for e in list(self.exchanges) if method in ('', e.method) and re.search(path, e.path)]

    def handle(self, exchange: Exchange) -> None:
        if token := exchange.headers.get('x-auth-token'):
            tokens.add(token)
        self.exchanges.append(exchange)
        with self.lock:
            injected = next((b for b in self.faults if b.applies_to(exchange)), None)
            if injected:
                injected.times -= 1
        if injected:
            injected.fault(exchange)
        else:
            exchange.forward()
        if exchange.response:
            tokens.update(value for name, value in exchange.response.headers if name.lower() == 'x-subject-token')


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address) -> None:
        """Ignores clients that hang up."""


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'

        def setup(self) -> None:
            super().setup()
            proxy.connections.add(self.connection)

        def finish(self) -> None:
            proxy.connections.discard(self.connection)
            super().finish()

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get('content-length') or 0))
            headers = {n.lower(): v for n, v in self.headers.items() if n.lower() not in HOP_BY_HOP}
            exchange = Exchange(self.command, self.path, headers, body, proxy.upstream)
            try:
                proxy.handle(exchange)
            except OSError:
                exchange.response = None
            self.close_connection = exchange.response is None or exchange.body_limit is not None
            if exchange.response:
                self.give(exchange.response, exchange.body_limit)

        def give(self, response: Response, body_limit: int | None) -> None:
            self.send_response_only(response.status)
            for name, value in response.headers:
                self.send_header(name, value)
            if response.status != 204:
                self.send_header('content-length', str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body[:body_limit])

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = pass_on
    return Handler
