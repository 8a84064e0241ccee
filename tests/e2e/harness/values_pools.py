"""Texts of pools in the matrix of values: paths, codes and host names of monitors, and names of cookies. Names and
descriptions are included, which must not reach the data plane at all."""
import contextlib
import copy
import http.client
import http.server
import re
import socketserver
import threading
import time
from dataclasses import dataclass

from . import haproxy_config as haproxy
from . import values
from .values import PRINTABLE, hexadecimal, stack

PORT = 22000
MEMBERS = 23080
EVERY_CODE = [str(code) for code in range(100, 600)]


@dataclass
class Tried:
    """A spelling and its result."""
    what: str
    fault: str = ''
    proves: bool = True

    def __str__(self) -> str:
        return self.what


def run(matrix) -> None:
    members = Members()
    with members:
        monitors(matrix, members)
        cookies(matrix)
    datagram_paths(matrix)
    codes(matrix)
    names(matrix)
    ciphers(matrix)


# -- monitors
def monitor(**more) -> dict:
    return {'type': 'HTTP', 'delay': '1s', 'timeout': '1s', 'maxRetries': 1, **more}


def body_pool(monitor_fields: dict) -> dict:
    return {'name': 'w', 'protocol': 'HTTP', 'lb_algorithm': 'ROUND_ROBIN',
            'healthmonitor': {'type': 'HTTP', 'delay': 1, 'timeout': 1, 'max_retries': 1, **monitor_fields}}


def monitors(matrix, members: 'Members') -> None:
    """Checks that each path and each host name arrives at a member of its own, exactly as in the stack."""
    paths = [f'/a{c}b' for c in PRINTABLE] + [f'/x?a{c}b' for c in PRINTABLE] + ["/health?a=1&b='2'", '/%26', '/$HOME', '/%[src]', '/x' * 200, '/ü', '/-i', '//host', r'/\x26']
    hosts = [f'a{c}b.example' for c in PRINTABLE] + ['a.example.', '_a.example', 'A.Example', 'a' * 63 + '.example', 'a' * 64 + '.example', '-a.example', 'ü.example']
    cells = [('urlPath', text, {'urlPath': text}, {'url_path': text}, {'url_path': ''.join(c if c.isalnum() and c.isascii() or c in '/?' else hexadecimal(c) for c in text)})
             for text in paths]
    cells += [('domainName', text, {'httpVersion': '1.1', 'domainName': text}, {'http_version': 1.1, 'domain_name': text}, None) for text in hosts]
    specs = [stack(pool={'healthMonitor': monitor(**settings)}) for _, _, settings, _, _ in cells]
    labels = [f'{field} {text!r}' for field, text, *_ in cells]
    reasons = matrix.rejections(specs, labels)
    tried = []
    for (field, text, _, *others), reason, body in zip(cells, reasons, matrix.bodies, strict=True):
        sent = [body_pool(other) for other in others if other] if reason else [body['pools'][0]]
        tried.append([(Tried(str(pool['healthmonitor'].get('url_path' if field == 'urlPath' else 'domain_name'))), pool, field, text) for pool in sent])
    check_monitors([one for some in tried for one in some], members)
    for label, reason, some in zip(labels, reasons, tried, strict=True):
        matrix.settle(label, reason, [t for t, *_ in some])


def check_monitors(tried: list, members: 'Members') -> None:
    """Runs haproxy, whose health checks reach a member for each pool, and compares the request that each member received."""
    for one, pool, *_ in tried:
        one.fault = haproxy.api_refusal(body_of([pool]))[-160:]
    valid = [t for t in tried if not t[0].fault]
    while True:
        config = haproxy.render(body_of([with_member(pool, at) for at, (_, pool, *_) in enumerate(valid)]))
        by_id = {haproxy.identity('pool', at): one for at, (one, *_) in enumerate(valid)}
        found = haproxy.faults(config, set(by_id))
        if not found:
            break
        for i, error in found.items():
            by_id[i].fault = f'haproxy refuses it: {error}'
        valid = [t for t in valid if not t[0].fault]
    pools = [with_member(pool, at) for at, (_, pool, *_) in enumerate(valid)]
    members.requests.clear()
    with haproxy.running(haproxy.render(body_of(pools))):
        members.wait_for_checks(len(pools))
    for at, (one, _, field, text) in enumerate(valid):
        path, host = members.requests.get(members.address(at), (None, None))
        got = path if field == 'urlPath' else host
        one.fault = '' if got == text else f'the member received {got!r}'


def with_member(pool: dict, at: int) -> dict:
    return {**pool, 'name': f'w{at}', 'members': [{'address': Members.address(at), 'protocol_port': MEMBERS}]}


def body_of(pools: list[dict]) -> dict:
    policies = [{'action': 'REDIRECT_TO_POOL', 'redirect_pool': {'name': pool['name']},
                 'rules': [{'type': 'PATH', 'compare_type': 'EQUAL_TO', 'value': f'/{at}'}]} for at, pool in enumerate(pools)]
    return {'listeners': [{'name': 'l', 'protocol': 'HTTP', 'protocol_port': PORT, 'connection_limit': 100, 'l7policies': policies}], 'pools': pools}


class Members(contextlib.AbstractContextManager):
    """One server for every member of 127.1.0.0/16. It records the requests for each, and sets a cookie on request."""

    def __init__(self):
        self.requests: dict[str, tuple[str, str | None]] = {}

    @staticmethod
    def address(at: int) -> str:
        return f'127.1.{at // 250}.{at % 250 + 1}'

    def __enter__(self) -> 'Members':
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_GET(self):
                here = self.connection.getsockname()[0]
                path = self.requestline.split(' ', 1)[1].rsplit(' HTTP/', 1)[0]
                owner.requests.setdefault(here, (path, self.headers.get('Host')))
                self.send_response(200)
                if name := self.headers.get('X-Set'):
                    self.send_header('Set-Cookie', f'{name}={here}; Path=/')
                self.send_header('X-Member', here)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 512

            def handle_error(self, *_):     # a check that haproxy aborts
                pass
        self.server = Server(('0.0.0.0', MEMBERS), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def wait_for_checks(self, number: int) -> None:
        """Waits until all members have been checked, or no new one is: some spellings lead to requests that no server gets."""
        last, end = 0, time.monotonic() + 4
        while last < number and time.monotonic() < end:
            time.sleep(0.2)
            if len(self.requests) > last:
                last, end = len(self.requests), time.monotonic() + 4

    def __exit__(self, *failure) -> None:
        self.server.shutdown()
        self.server.server_close()


# -- names of cookies
def cookies(matrix) -> None:
    """Checks that a client that returns the cookie stays with its member."""
    texts = [f'a{c}b' for c in PRINTABLE] + ['ü', '-a', 'sid', 'k' * 255]
    specs = [stack(pool={'sessionPersistence': {'type': 'APP_COOKIE', 'cookieName': text}}) for text in texts]
    labels = [f'cookieName {text!r}' for text in texts]
    reasons = matrix.rejections(specs, labels)
    tried = [(Tried(text), text) for text in texts]
    for one, text in tried:
        one.fault = haproxy.api_refusal(persistent([text]))[-160:]
    known = [t for t in tried if not t[0].fault]
    by_id = {haproxy.identity('pool', at): one for at, (one, _) in enumerate(known)}
    for i, error in haproxy.faults(haproxy.render(persistent([text for _, text in known])), set(by_id)).items():
        by_id[i].fault = error
    valid = [t for t in tried if not t[0].fault]
    with haproxy.running(haproxy.render(persistent([text for _, text in valid]))):
        for at, (one, text) in enumerate(valid):
            one.fault = persistence_fault(PORT + at, text)
    for label, reason, (one, _) in zip(labels, reasons, tried, strict=True):
        matrix.settle(label, reason, [one])


def persistent(texts: list[str]) -> dict:
    pools = [{'name': f'w{at}', 'protocol': 'HTTP', 'lb_algorithm': 'ROUND_ROBIN', 'session_persistence': {'type': 'APP_COOKIE', 'cookie_name': text},
              'members': [{'address': Members.address(n), 'protocol_port': MEMBERS} for n in range(3)]} for at, text in enumerate(texts)]
    listeners = [{'name': f'l{at}', 'protocol': 'HTTP', 'protocol_port': PORT + at, 'connection_limit': 20, 'default_pool': {'name': pool['name']}}
                 for at, pool in enumerate(pools)]
    return {'listeners': listeners, 'pools': pools}


def persistence_fault(port: int, name: str) -> str:
    """The fault of a cookie: not set, or a client that returns it reaches another member; empty for none."""
    def ask(headers: dict) -> tuple[str, str | None]:
        connection = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
        connection.request('GET', '/', headers=headers)
        response = connection.getresponse()
        response.read()
        connection.close()
        return response.headers['X-Member'], response.headers['Set-Cookie']
    first, cookie = ask({'X-Set': name})
    if not cookie:
        return 'no cookie is set'
    later = {ask({'Cookie': cookie.split(';')[0]})[0] for _ in range(5)}
    return '' if later == {first} else f'a client of {first} comes to {sorted(later)}'


# -- without haproxy
def datagram_paths(matrix) -> None:
    """Checks paths of datagram monitors. keepalived's configuration has no escapes, so an accepted path must not need any."""
    texts = [f'/a{c}b' for c in PRINTABLE]
    specs = []
    for text in texts:
        document = stack(pool={'protocol': 'UDP', 'healthMonitor': monitor(urlPath=text)})
        document['listeners'] = [{'name': 'u', 'protocol': 'UDP', 'port': 53, 'defaultPool': 'w'}]
        document['pools'][0]['members'] = [{'address': '10.0.0.1', 'port': 53}]
        specs.append(document)
    labels = [f'urlPath of a UDP pool {text!r}' for text in texts]
    reasons = matrix.rejections(specs, labels)
    accepted = next(body for body in matrix.bodies if body)
    for text, label, reason, body in zip(texts, labels, reasons, matrix.bodies, strict=True):
        sent = body or with_path(accepted, text)
        one = Tried(text, haproxy.api_refusal(body_of(sent['pools']))[-160:])
        if not one.fault:
            lines = re.findall(r'^ *path (.*)$', '\n'.join(haproxy.render_lvs(sent)), re.M)
            one.fault = '' if lines == [text] and not set('!#$"\'') & set(text) else f'keepalived reads {lines}'
        matrix.settle(label, reason, [one])


def with_path(body: dict, path: str) -> dict:
    changed = copy.deepcopy(body)
    changed['pools'][0]['healthmonitor']['url_path'] = path
    return changed


def codes(matrix) -> None:
    texts = ['200', '200,202', '200, 202', '200 ,202', '200-204', '100-599', '204-200', '200,', '200-', '099', '600', '200,201-204', '2xx', '200|202', '20', '2000',
             ','.join(EVERY_CODE[:16]), '', '200-200']
    reasons = matrix.rejections([stack(pool={'healthMonitor': monitor(expectedCodes=text)}) for text in texts], [f'expectedCodes {t!r}' for t in texts])
    for text, reason, body in zip(texts, reasons, matrix.bodies, strict=True):
        pool = {**(body['pools'][0] if body else body_pool({'expected_codes': text})), 'name': 'w'}
        one = Tried(str(pool['healthmonitor']['expected_codes']))
        one.fault = haproxy.api_refusal(body_of([pool]))[-160:] or codes_fault(text, pool)
        # Codes that no server responds with prove nothing.
        one.proves = wanted_codes(text) != set()
        matrix.settle(f'expectedCodes {text!r}', reason, [one])


def wanted_codes(text: str) -> set[str]:
    if found := re.fullmatch(r'(\d{3})-(\d{3})', text):
        return {code for code in EVERY_CODE if found.group(1) <= code <= found.group(2)}
    return set(EVERY_CODE) & {code.strip() for code in text.split(',')}


def codes_fault(text: str, pool: dict) -> str:
    config = haproxy.render(body_of([pool]))
    if error := haproxy.check(config):
        return f'haproxy refuses it: {error}'
    pattern = re.search(r'http-check expect rstatus (\S*)', config).group(1)
    healthy = {code for code in EVERY_CODE if re.search(pattern, code)}
    return '' if healthy == wanted_codes(text) else f'healthy are {len(healthy)} codes'


def names(matrix) -> None:
    """Checks that no letter of names, descriptions and tags of any object reaches haproxy.cfg."""
    texts = ('plain', 'it\'s "<b>" & #', 'Ünïcode ✓', '%[src] ${HOME} \\', '    user root', 'x' * 255)
    specs = []
    for text in texts:
        named = {'description': f'{text[:200]}\n    user root', 'tags': [text.replace('/', '')]}
        document = stack({'displayName': text, 'defaultPool': 'w', **named, 'l7Policies': [{
            'name': 'p', 'displayName': text, 'action': 'REJECT', **named, 'rules': [{**values.rule('PATH', 'EQUAL_TO', '/a'), 'tags': named['tags']}]}]},
            {'displayName': text, **named, 'members': [{'address': '10.0.0.1', 'port': 80, 'name': text, 'tags': named['tags']}],
             'healthMonitor': monitor(displayName=text, tags=named['tags'])})
        document['loadBalancer'].update(name=text, **named)
        specs.append(document)
    labels = [f'names {text!r}' for text in texts]
    reasons = matrix.rejections(specs, labels)
    plain = haproxy.render(matrix.bodies[0])
    for label, reason, body in zip(labels, reasons, matrix.bodies, strict=True):
        # Evenkeel must accept all of them: a text that is not rendered harms nothing.
        config = haproxy.render(body) if body else plain
        matrix.settle(label, reason, [Tried(label, '' if config == plain else 'it is in haproxy.cfg')])


def ciphers(matrix) -> None:
    """Checks lists of ciphers with other characters: Octavia silently drops such a list and uses its default."""
    from octavia.common import validate
    texts = [f'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE{c}RSA' for c in PRINTABLE]
    documents = [stack({'protocol': 'TERMINATED_HTTPS', 'tls': {'certificate': {'barbicanRef': values.CERTIFICATE}, 'ciphers': text}}) for text in texts]
    for text, reason in zip(texts, matrix.rejections(documents, texts), strict=True):
        taken = bool(validate.VALID_CIPHER_RE.match(text))
        characters = 'letters, digits and' in reason
        matrix.settle(f'ciphers {text!r}', reason if characters else '', [Tried(text, '' if taken else 'Octavia drops it')])
