"""The lab's data plane (lab/openstack/dp.sh): member servers inside its network namespace, and counts of haproxy's reloads."""
import itertools
import json
import subprocess
from pathlib import Path

from . import client, config
from .waiting import expect

SCRIPT = config.E2E / 'lab/openstack/dp.sh'
RELOADS = config.SERVICE_LOGS / 'reloads.jsonl'
_nets = itertools.count(100)


def serves() -> bool:
    """True when the load balancers of this lab carry traffic."""
    kind = config.HOME / 'openstack/etc/dataplane'
    return kind.exists() and kind.read_text().strip() == 'haproxy'


def dp(*command: str) -> str:
    done = subprocess.run([str(SCRIPT), *command], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise RuntimeError(f'dp.sh {" ".join(command)}: {done.stderr.strip()}')
    return done.stdout


def reloads(lb_id: str, since: float) -> int:
    """Number of reloads of a load balancer's haproxy. Fails without a record: it is only called after a change, and a
    missing file must not count as no reload."""
    expect(RELOADS.exists(), f'reloads are not counted: there is no {RELOADS}')
    lines = map(json.loads, RELOADS.read_text().splitlines())
    return sum(line['lb'] == lb_id and line['t'] > since for line in lines)


def udp_configuration(lb_id: str) -> str:
    """Octavia's configuration for keepalived, which serves UDP in an amphora; the lab only stores it."""
    homes = (f.parent for f in (config.HOME / 'openstack/dp').glob(f'*/{lb_id}'))
    return '\n'.join(conf.read_text() for home in homes for conf in home.glob('udp/*.conf'))


class Members:
    """The member servers of one scenario. Scenarios run at the same time, so each has a net of its own, which stands for
    10.20.0.0/24 of its stacks. A member responds with its name, `m11` for 10.20.0.11."""

    def __init__(self):
        self.net = f'10.20.{next(_nets)}.'
        self.running: set[tuple[str, int]] = set()

    def __enter__(self) -> 'Members':
        return self

    def __exit__(self, *failure) -> None:
        for address, port in self.running:
            dp('member-stop', address, str(port), '--host')

    def address(self, last: int) -> str:
        return f'{self.net}{last}'

    def here(self, stack: dict) -> dict:
        """The same stack with its members in this net."""
        return json.loads(json.dumps(stack).replace('10.20.0.', self.net))

    def serve(self, stack: dict, tls: tuple[Path, ...] | None = None) -> dict:
        """Starts every member of a stack and returns the stack to apply. `tls`: certificate and key of the members, and perhaps
        the authority of the clients that they serve."""
        moved = self.here(stack)
        for pool in moved['spec']['pools']:
            for member in pool['members']:
                self.start(int(member['address'].rsplit('.', 1)[1]), member['port'], tls)
        return moved

    def start(self, last: int, port: int = 8080, tls: tuple[Path, ...] | None = None) -> None:
        key = self.address(last), port
        if key not in self.running:
            dp('member', key[0], str(port), f'm{last}', *map(str, tls or ()))
            self.running.add(key)

    def health(self, last: int, code: int, port: int = 8080) -> None:
        """Sets the response of a member to health checks."""
        client.get(self.address(last), port, '/_lab/health', method='PUT', body=str(code))

    def held(self, port: int) -> dict[int, int]:
        """Number of waiting requests for /hold at each member on this port."""
        there = [int(a.rsplit('.', 1)[1]) for a, p in self.running if p == port]
        return {last: client.get(self.address(last), port, '/_lab/health').body['held'] for last in there}

    def release(self, last: int, port: int) -> None:
        client.get(self.address(last), port, '/_lab/release', method='PUT')
