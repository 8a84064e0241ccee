#!/usr/bin/env python3
"""The server of the lab's pods. It names its pod (env POD_NAME, else the host name that the kubelet gave).

HTTP on 8080, HTTP/1.1 with kept connections; every response has the header X-Member:

    GET /                  200, the name of the pod; any other path too
    GET /slow?seconds=2    the same after 2 s
    GET /ready             the response to the readiness probe: 200, or 503
    GET /fail-readiness    /ready responds with 503 from now on, all others as before; /pass-readiness undoes it
    GET /die?code=1        responds, then ends with this code; the container is started again
    GET /file?path=/x      the content of a file in a volume, 404 when there is none

TCP on 9000 sends the name and a newline, then echoes. UDP on 9001 sends back the name, a space and the datagram.

SIGTERM: it serves for another DRAIN_SECONDS (default 0) and closes each HTTP connection after its next response. Then it stops
listening, closes idle connections and the ones of TCP, finishes the open requests, and ends. READY=0 starts it not ready.

Hundreds of them run on a small machine: hence one thread, select.epoll, and no module beyond the interpreter's own.
"""
import _signal
import _socket
import posix
import select
import time

ENV = {k.decode(): v.decode() for k, v in posix.environ.items()}
NAME = ENV.get('POD_NAME') or ENV.get('HOSTNAME', 'pod')
DRAIN = float(ENV.get('DRAIN_SECONDS', 0))
HTTP, TCP, UDP = 8080, 9000, 9001
REASONS = {200: 'OK', 404: 'Not Found', 503: 'Service Unavailable'}


class State:
    ready = ENV.get('READY') != '0'
    ends = None         # time of the end of the drain, after SIGTERM


class Client:
    """One accepted connection, of HTTP or of TCP."""

    def __init__(self, fd, http):
        self.socket = _socket.socket(fileno=fd)
        self.socket.setblocking(False)
        self.socket.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        self.http, self.got, self.out = http, b'', b''
        self.due = None         # time of the response to a /slow
        self.close = False      # after the output

    @property
    def idle(self):
        return not self.out and self.due is None

    def read(self):
        """Takes the data that has arrived; false when the connection is over."""
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if not data:
            return False
        if not self.http:
            self.out += data
            return True
        self.got += data
        try:
            self.handle()
        except (ValueError, KeyError):      # no request of HTTP, or of this server
            return False
        return True

    def handle(self):
        """Handles the requests that are complete, one after the other."""
        while self.due is None and not self.close and b'\r\n\r\n' in self.got:
            head, rest = self.got.split(b'\r\n\r\n', 1)
            lines = head.decode('latin-1').split('\r\n')
            headers = {k.lower(): v.strip() for k, _, v in (line.partition(':') for line in lines[1:])}
            length = int(headers.get('content-length', 0))
            if len(rest) < length:
                return
            self.got = rest[length:]
            method, target, version = lines[0].split(' ', 2)
            self.close = State.ends is not None or headers.get('connection', '').lower() == 'close' or version == 'HTTP/1.0'
            self.serve(method, *target.partition('?')[::2])

    def serve(self, method, path, query):
        options = dict(part.partition('=')[::2] for part in query.split('&'))
        code, body = 200, f'{NAME}\n'.encode()
        if path == '/slow':
            self.due, self.slow = time.monotonic() + float(options['seconds']), (method, code, body)
            return
        if path == '/ready':
            code = 200 if State.ready else 503
        elif path in ('/fail-readiness', '/pass-readiness'):
            State.ready = path == '/pass-readiness'
        elif path == '/file':
            code, body = content(options['path'])
        self.respond(method, code, body)
        if path == '/die':
            self.socket.send(self.out)
            posix._exit(int(options.get('code', 1)))

    def respond(self, method, code, body):
        self.close = self.close or State.ends is not None
        head = (f'HTTP/1.1 {code} {REASONS[code]}\r\nContent-Type: text/plain\r\nX-Member: {NAME}\r\n'
                f'Content-Length: {len(body)}\r\n{"Connection: close" if self.close else "Connection: keep-alive"}\r\n\r\n')
        self.out += head.encode() + (b'' if method == 'HEAD' else body)

    def write(self):
        """Sends as much as possible; false when the connection is over."""
        try:
            self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return bool(self.out) or not self.close


def content(path):
    """A file in a volume. Volumes lie below the working directory."""
    try:
        with open(f'.{path}', 'rb') as f:
            return 200, f.read()
    except OSError:
        return 404, b''


def listening(kind, port):
    s = _socket.socket(_socket.AF_INET6, kind)
    s.setsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY, 0)
    s.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    s.setblocking(False)
    s.bind(('::', port))
    if kind == _socket.SOCK_STREAM:
        s.listen(1024)
    return s


class Server:
    def __init__(self):
        self.poll, self.clients = select.epoll(), {}
        self.listeners = {s.fileno(): (s, http) for s, http in (
            (listening(_socket.SOCK_STREAM, HTTP), True), (listening(_socket.SOCK_STREAM, TCP), False))}
        self.udp = listening(_socket.SOCK_DGRAM, UDP)
        for fd in (*self.listeners, self.udp.fileno()):
            self.poll.register(fd, select.EPOLLIN)

    def run(self):
        while not (State.ends and time.monotonic() >= State.ends and self.drained()):
            for fd, events in self.poll.poll(self.timeout()):
                if fd in self.listeners:
                    self.accept(*self.listeners[fd])
                elif fd == self.udp.fileno():
                    self.datagram()
                elif fd == reader:
                    posix.read(reader, 64)
                elif fd in self.clients:
                    self.handle(fd, events)
            self.slow_ones()

    def timeout(self):
        """Seconds until the next response that is due, or until the end of the drain; -1: no limit."""
        due = [c.due for c in self.clients.values() if c.due is not None]
        if State.ends and self.listeners:
            due.append(State.ends)
        return max(0, min(due) - time.monotonic()) if due else -1

    def accept(self, listener, http):
        try:
            fd, _ = listener._accept()
        except OSError:
            return
        self.clients[fd] = client = Client(fd, http)
        if not http:
            client.out = f'{NAME}\n'.encode()
        self.poll.register(fd, select.EPOLLIN)
        self.flush(fd)

    def handle(self, fd, events):
        if events & ~select.EPOLLOUT and not self.clients[fd].read():
            self.drop(fd)
        else:
            self.flush(fd)

    def flush(self, fd):
        client = self.clients[fd]
        if client.out and not client.write():
            self.drop(fd)
        else:
            self.poll.modify(fd, select.EPOLLIN | (select.EPOLLOUT if client.out else 0))

    def drop(self, fd):
        self.poll.unregister(fd)
        self.clients.pop(fd).socket.close()

    def slow_ones(self):
        now = time.monotonic()
        for fd, client in list(self.clients.items()):
            if client.due is not None and client.due <= now:
                client.due = None
                client.respond(*client.slow)
                client.handle()         # requests that came meanwhile
                self.flush(fd)

    def datagram(self):
        try:
            data, sender = self.udp.recvfrom(65535)
            self.udp.sendto(NAME.encode() + b' ' + data, sender)
        except OSError:
            pass

    def drained(self):
        """Stops listening and closes idle connections; true when none is left."""
        for fd in list(self.listeners):
            self.poll.unregister(fd)
            self.listeners.pop(fd)[0].close()
        for fd in [fd for fd, c in self.clients.items() if c.idle or not c.http]:
            self.drop(fd)
        return not self.clients


def terminate(signal, _frame):
    State.ends = State.ends or time.monotonic() + DRAIN


# A signal does not end a poll (PEP 475), but a byte in this pipe does.
reader, writer = posix.pipe()
posix.set_blocking(reader, False)
posix.set_blocking(writer, False)
_signal.set_wakeup_fd(writer)
_signal.signal(_signal.SIGTERM, terminate)
server = Server()
server.poll.register(reader, select.EPOLLIN)
server.run()
