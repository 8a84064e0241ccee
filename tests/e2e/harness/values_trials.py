"""Trials of spellings of policies: many in one haproxy, distinguished by a header."""
import re
import socket
from dataclasses import dataclass, field

from . import haproxy_config as haproxy

FIRST_PORT = 21000
PER_LISTENER = 120
PER_PROCESS = 3000
NONE = 'http://none.example/'


@dataclass
class Trial:
    cell: object
    # The reason why Evenkeel rejects the cell; empty where `policy` is what Evenkeel sends.
    reason: str
    policy: dict
    fault: str = ''
    number: int = 0

    @property
    def proves(self) -> bool:
        """True when some request has to match."""
        return bool(self.cell.hits) or (not self.cell.misses and 'matches no request' not in self.reason)

    def __str__(self) -> str:
        policy = self.policy
        return str(policy.get('redirect_prefix') or policy['redirect_url'] if self.cell.location else policy['rules'])


def run_trials(trials: list[Trial]) -> None:
    """Runs the trials and records the fault of each."""
    for trial in trials:
        trial.fault = haproxy.api_refusal({'listeners': [listener(0, [trial.policy])]})
        if trial.fault:
            trial.fault = f'Octavia refuses it: {trial.fault[-160:]}'
    accepted = [trial for trial in trials if not trial.fault]
    for first in range(0, len(accepted), PER_PROCESS):
        run_in_one_process(accepted[first:first + PER_PROCESS])


def listener(place: int, policies: list[dict]) -> dict:
    return {'name': f'l{place}', 'protocol': 'HTTP', 'protocol_port': FIRST_PORT + place, 'connection_limit': 20, 'l7policies': policies}


def run_in_one_process(trials: list[Trial]) -> None:
    for number, trial in enumerate(trials):
        trial.number = number
    valid, config = trials, ''
    # One fault hides others.
    while True:
        config, by_id = rendered(valid)
        found = haproxy.faults(config, set(by_id))
        if not found:
            break
        for i, error in found.items():
            by_id[i].fault = by_id[i].fault or f'haproxy refuses it: {error}'
        valid = [trial for trial in valid if not trial.fault]
    with haproxy.running(config):
        for place, some in enumerate(listeners_of(valid)):
            with Line(FIRST_PORT + place) as line:
                for trial in some:
                    trial.fault = treatment_fault(trial, line)


def rendered(trials: list[Trial]) -> tuple[str, dict[str, Trial]]:
    """The configuration, and the trial of each rule id."""
    listeners, by_id = [], {}
    for index, some in enumerate(listeners_of(trials)):
        policies = [{**t.policy, 'position': n, 'rules': [marked(t.number), *t.policy['rules']]} for n, t in enumerate(some, 1)]
        policies.append({'action': 'REDIRECT_TO_URL', 'redirect_url': NONE, 'redirect_http_code': 302, 'position': len(some) + 1,
                         'rules': [{'type': 'HEADER', 'key': 'X-Cell', 'compare_type': 'REGEX', 'value': '.'}]})
        listeners.append(listener(index, policies))
        for place, trial in enumerate(some):
            by_id.update({haproxy.identity('l7rule', index, place, rule): trial for rule in range(len(trial.policy['rules']) + 1)})
    return haproxy.render({'listeners': listeners}), by_id


def listeners_of(trials: list[Trial]) -> list[list[Trial]]:
    """Groups of trials that share a listener. A redirect that Evenkeel would not send stands alone: a condition that became
    a comment matches every request."""
    alone = [[trial] for trial in trials if trial.reason and trial.cell.location]
    others = [trial for trial in trials if not (trial.reason and trial.cell.location)]
    return [others[at:at + PER_LISTENER] for at in range(0, len(others), PER_LISTENER)] + alone


def marked(number: int) -> dict:
    return {'type': 'HEADER', 'key': 'X-Cell', 'compare_type': 'EQUAL_TO', 'value': str(number)}


def treatment_fault(trial: Trial, line: 'Line') -> str:
    """The first wrong treatment of a request of a cell by haproxy; empty for none."""
    wanted = trial.cell.location or 'http://matched.example/'
    for request in trial.cell.hits:
        if (location := line.ask(request, trial.number)) != wanted:
            return f'{request!r} gets the response {location!r} instead of {wanted!r}'
    for request in trial.cell.misses:
        if line.ask(request, trial.number) == wanted:
            return f'{request!r} matches'
    return ''


@dataclass
class Line:
    """Sends requests one after the other, on one connection as long as it lives."""
    port: int
    connection: socket.socket | None = field(default=None)
    buffer: bytes = b''

    def __enter__(self) -> 'Line':
        return self

    def __exit__(self, *failure) -> None:
        self.close()

    def close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection, self.buffer = None, b''

    def ask(self, request: bytes, number: int) -> str:
        """The Location of the response, or its status code."""
        whole = request + b'\r\nX-Cell: %d\r\n\r\n' % number
        for again in (True, False):
            try:
                return self._ask(whole)
            except OSError:
                self.close()
                if not again:
                    raise
        raise AssertionError

    def _ask(self, whole: bytes) -> str:
        if not self.connection:
            self.connection = socket.create_connection(('127.0.0.1', self.port), 10)
        self.connection.sendall(whole)
        while b'\r\n\r\n' not in self.buffer:
            more = self.connection.recv(65536)
            if not more:
                raise ConnectionError('closed')
            self.buffer += more
        head, self.buffer = self.buffer.split(b'\r\n\r\n', 1)
        text = head.decode('latin-1')
        if not text.startswith('HTTP/1.1 3') or 'connection: close' in text.lower():
            self.close()
        found = re.search(r'^location: (.*)$', text, re.I | re.M)
        return found.group(1).rstrip('\r').encode('latin-1').decode('utf-8', 'replace') if found else text[9:12]
