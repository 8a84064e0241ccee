"""The report: one table of all scenarios, and the time that they took."""
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
import json
import os
import time

from . import config
from .waiting import WAITS


@dataclass
class Result:
    scenario: str
    passed: bool
    seconds: float
    writes: int
    calls: int | None       # known only when no other scenario ran
    leaks: int | None       # resources left in the cloud; unknown when the scenario ended before the check
    action: str             # the action under test, in the words of the scenario
    observation: str
    waits: dict[str, float]     # seconds by kind of waiting (harness/waiting.py)


# Tables of single scenarios, printed after the main one at the end.
appendix: list[str] = []

HEAD = (f"{'scenario':<34} {'result':<7} {'seconds':>7} {'writes':>6} {'leaks':>5} {'calls':>5}  "
        f"{'fault or change':<80}  observation")


def row(result: Result) -> str:
    def known(number: int | None) -> str:
        return '' if number is None else str(number)
    observation = _shortened(result.observation.splitlines()[0], 160) if result.observation else ''
    return (f"{result.scenario:<34} {'ok' if result.passed else 'FAILED':<7} {result.seconds:>7.1f} {result.writes:>6} "
            f'{known(result.leaks):>5} {known(result.calls):>5}  {_shortened(result.action, 80):<80}  {observation}')


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[:width - 1] + '…'


def write(results: list[Result]) -> str:
    """Prints the table, keeps it in the report, and returns the summary line."""
    failed = [r for r in results if not r.passed]
    verdict = f'{len(results) - len(failed)} passed, {len(failed)} failed'
    table = '\n'.join([HEAD, '-' * len(HEAD), *map(row, results)])
    details = ''.join(f'\n{r.scenario}:\n  {r.observation}\n' for r in failed)
    (config.REPORT / 'results.txt').write_text(f'{table}\n{details}\n{verdict}\n')
    (config.REPORT / 'results.json').write_text(json.dumps([asdict(r) for r in results], indent=1))
    (config.REPORT / 'verdict').write_text(verdict + '\n')
    print(f'\n{table}\n{details}', flush=True)
    return verdict


class Spent:
    """The processor time of the whole machine from now on, by /proc: wall clock, busy time, and the share of each service."""

    def __init__(self):
        self.started, self.busy, self.services = time.monotonic(), _busy(), _services()

    def __str__(self) -> str:
        wall = time.monotonic() - self.started
        used = Counter(_services())
        used.subtract(self.services)
        shares = ', '.join(f'{name} {seconds:.0f}' for name, seconds in used.most_common() if seconds >= 1)
        return (f'{wall:.0f} s; {100 * (_busy() - self.busy) / wall / os.cpu_count():.0f} % of {os.cpu_count()} processors were busy; '
                f'seconds of processors by service: {shares}')


def times(results: list[Result], spent: Spent) -> str:
    """The ten slowest scenarios, and the waits of all. Scenarios run at the same time, so the sums are longer than the run."""
    slowest = sorted(results, key=lambda r: -r.seconds)[:10]
    head = f"{'the ten slowest':<34} {'seconds':>7} " + ' '.join(f'{kind:>10}' for kind in (*WAITS, 'the rest'))
    total = Counter()
    for r in results:
        total.update(r.waits)
    lines = [_times(r.scenario, r.seconds, r.waits) for r in slowest]
    lines.append(_times(f'all {len(results)}', sum(r.seconds for r in results), total))
    text = '\n'.join([head, '-' * len(head), *lines, f'scenarios: {spent}'])
    (config.REPORT / 'times.txt').write_text(text + '\n')
    (config.REPORT / 'seconds.json').write_text(json.dumps({r.scenario: round(r.seconds) for r in results}, indent=0, sort_keys=True) + '\n')
    return text


def _times(name: str, seconds: float, waits: dict[str, float]) -> str:
    rest = seconds - sum(waits.values())
    return f'{name:<34} {seconds:>7.1f} ' + ' '.join(f'{s:>10.1f}' for s in (*(waits.get(kind, 0) for kind in WAITS), rest))


TICKS = os.sysconf('SC_CLK_TCK')


def _busy() -> float:
    """Busy seconds of all processors."""
    user, nice, system, idle, iowait, irq, softirq, *_ = map(int, Path('/proc/stat').read_text().split('\n')[0].split()[1:])
    return (user + nice + system + irq + softirq) / TICKS


def _services() -> dict[str, float]:
    """Processor seconds of the lab's processes with their children, by pid file."""
    parents, used = {}, {}
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rsplit(')', 1)[1].split()
        except OSError:
            continue        # it has just ended
        pid = int(stat.parent.name)
        parents[pid], used[pid] = int(fields[1]), sum(map(int, fields[11:15])) / TICKS
    names = {}
    for file in [*(config.HOME / 'openstack/run').glob('*.pid'), *(config.HOME / 'kube/run').glob('*.pid')]:
        if (text := file.read_text().strip()).isdigit():
            names[int(text)] = file.stem
    names[os.getpid()] = 'these tests and their children'
    sums = Counter()
    for pid, seconds in used.items():
        owner = pid
        while owner in parents and owner not in names:
            owner = parents[owner]
        if owner in names:
            sums[names[owner]] += seconds
    return sums
