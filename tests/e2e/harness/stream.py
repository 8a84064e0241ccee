"""A steady stream of requests while a stack changes, and the table of its results."""
import json
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Iterator

from . import config, dataplane
from .waiting import Failed, expect, same

LOAD = config.E2E / 'lab/openstack/dp_load.py'
KEPT_CONNECTIONS = 10
AFTER = 1.0     # seconds that the stream continues after the last effect


class Stream:
    """Requests on new connections, or on kept ones, at a steady rate that no response changes (dp_load.py)."""

    def __init__(self, url: str, *options: str):
        self.url = url
        self.process = subprocess.Popen(
            [str(dataplane.SCRIPT), 'exec', sys.executable, str(LOAD), url, '--seconds', '300', *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_until_flowing(self) -> None:
        if self.process.stdout.readline().strip() != 'flowing':
            self.process.kill()
            raise Failed(f'{self.url} does not respond: {self.process.communicate()[1]}')

    def stop(self) -> dict:
        self.process.terminate()
        out, error = self.process.communicate(timeout=30)
        if not out:
            raise Failed(f'the stream to {self.url} broke: {error}')
        return json.loads(out)


@dataclass
class Row:
    """The effect of one change on the traffic."""
    change: str
    sent: int = 0
    failed: int = 0
    kept_sent: int = 0
    kept_failed: int = 0        # failed again on a new connection
    kept_closed: int = 0        # found closed before the request was sent
    responders: list[str] = field(default_factory=list)       # the members that responded on new connections
    certificates: list[str] = field(default_factory=list)     # those served on new connections, in the order of their first use
    reloads: int = 0
    writes: list[str] = field(default_factory=list)


_rows: list[Row] = []
_lock = threading.Lock()


@contextmanager
def traffic(url: str, new: int = 60, kept: int = 40, options: tuple[str, ...] = ()) -> Iterator[list[dict]]:
    """Sends so many requests per second on new connections, and on kept ones, around the block. Afterwards the list has the
    results of both, as dp_load.py prints them."""
    results: list[dict] = []
    streams = [Stream(url, '--rate', str(new), *options), Stream(url, '--rate', str(kept), '--keepalive', str(KEPT_CONNECTIONS), *options)]
    try:
        for stream in streams:
            stream.wait_until_flowing()
        yield results
        time.sleep(AFTER)
    finally:
        results += [stream.stop() for stream in streams]


@contextmanager
def streaming(t, name: str, change: str, url: str, new: int = 40, kept: int = 20, others: int = 0, options: tuple[str, ...] = (),
              lb_id: str = ''):
    """Runs a stream of new connections and one of kept connections around the block. Afterwards no new connection may have
    failed. haproxy may not have been reloaded more often than there were writes, but must have been where there were some:
    Octavia reloads it for any change that it accepts. `others`: number of writes of other clients. `lb_id`: the load balancer, if
    the stack has none yet."""
    row, lb_id, started = Row(change), lb_id or t.lb_id(name), time.time()
    with traffic(url, new, kept, options) as results:
        yield row
    new_result, kept_result = results
    row.sent, row.failed, row.responders = new_result['sent'], new_result['failed'], sorted(new_result['members'])
    row.certificates = sorted(new_result['certs'], key=lambda seen: new_result['certs'][seen]['first'])
    row.kept_sent, row.kept_closed, row.kept_failed = kept_result['sent'], kept_result['closed_idle'], kept_result['failed'] - kept_result['retried_ok']
    row.reloads, row.writes = dataplane.reloads(lb_id, started), t.writes_since(started)
    with _lock:
        _rows.append(row)
    same(f'failed new connections: {change}', (row.failed, new_result['failures']), (0, []))
    same(f'failed requests on kept connections: {change}', (row.kept_failed, kept_result['kinds'] if row.kept_failed else {}), (0, {}))
    written = len(row.writes) + others
    expect(min(written, 1) <= row.reloads <= written, f'{change}: {row.reloads} reloads for {row.writes} and {others} writes of others')


HEAD = f"{'change under traffic':<46} {'sent':>5} {'failed':>6} {'kept':>5} {'failed':>6} {'closed':>6} {'reloads':>7}  writes"


def table() -> str:
    """One line per change, kept in the report as well; empty without streams."""
    if not _rows:
        return ''
    lines = [f'{r.change:<46} {r.sent:>5} {r.failed:>6} {r.kept_sent:>5} {r.kept_failed:>6} {r.kept_closed:>6} {r.reloads:>7}  '
             f"{len(r.writes)}{': ' if r.writes else ''}{', '.join(r.writes)}" for r in _rows]
    total = (f"{'all':<46} {sum(r.sent for r in _rows):>5} {sum(r.failed for r in _rows):>6} {sum(r.kept_sent for r in _rows):>5} "
             f"{sum(r.kept_failed for r in _rows):>6} {sum(r.kept_closed for r in _rows):>6} {sum(r.reloads for r in _rows):>7}  "
             f'{sum(len(r.writes) for r in _rows)}')
    text = '\n'.join([HEAD, '-' * len(HEAD), *lines, total])
    (config.REPORT / 'traffic.txt').write_text(text + '\n')
    (config.REPORT / 'traffic.json').write_text(json.dumps([asdict(r) for r in _rows], indent=1))
    return text
