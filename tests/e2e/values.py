#!/usr/bin/env python3
"""The matrix of values: every text that reaches the data plane, with every class of characters.

    values.py [VERDICT]       VERDICT: the binary of simulators/src/bin/verdict.rs; it is built if none is named

Each cell goes through Evenkeel's rules and intake, Octavia's own validators and templates, `haproxy -c`, and a haproxy that
runs. What Evenkeel accepts has to be valid and to treat every request as the stack says; what it refuses must not work in any
spelling, but for the exceptions of `harness/values.py`, each with its reason. Needs no control plane: only the virtual
environment of the lab (Octavia) and haproxy.
"""
import collections
import json
import os
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

warnings.filterwarnings('ignore')

from harness import haproxy_config as haproxy  # noqa: E402
from harness import values, values_fuzz, values_pools, values_tls  # noqa: E402
from harness.values_trials import Trial, carry_out  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def verdict_binary() -> str:
    if len(sys.argv) > 1:
        return sys.argv[1]
    subprocess.run(['cargo', 'build', '--locked', '--quiet', '-p', 'evenkeel-simulators', '--bin', 'verdict'], cwd=ROOT, check=True)
    return str(Path(os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')) / 'debug/verdict')


def judged(binary: str, specs: list[dict]) -> list[dict]:
    """What Evenkeel says of each spec."""
    def some(part: list[dict]) -> list[dict]:
        text = '\n'.join(json.dumps(spec) for spec in part)
        said = subprocess.run([binary], input=text, capture_output=True, text=True, check=True).stdout
        return [json.loads(line) for line in said.splitlines()]
    middle = len(specs) // 2
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(some, (specs[:middle], specs[middle:]))
    return first + second


class Matrix:
    def __init__(self, binary: str):
        self.binary = binary
        self.wrong: list[str] = []
        self.counts: collections.Counter = collections.Counter()
        self.exceptions: collections.Counter = collections.Counter()

    def verdicts(self, specs: list[dict], names: list[str]) -> list[str]:
        """For each: why Evenkeel refuses it; empty where it does not. Rules and intake have to agree."""
        reasons = []
        self.bodies = []
        for name, verdict in zip(names, judged(self.binary, specs), strict=True):
            if verdict['schema'] and not verdict['intake']:
                self.wrong.append(f'{name}: the CRD refuses it, intake does not: {verdict["schema"]}')
            self.bodies.append(verdict['body'])
            reasons.append('; '.join(f"{p['field']}: {p['message']}" for p in verdict['intake']))
        return reasons

    def policies(self, cells: list[values.Cell]) -> None:
        """Rules, keys, redirects, regular expressions."""
        reasons = self.verdicts([cell.spec for cell in cells], list(map(str, cells)))
        trials = []
        for cell, reason, body in zip(cells, reasons, self.bodies, strict=True):
            sent = cell.others if reason else [body['listeners'][0]['l7policies'][0]]
            trials += [Trial(cell, reason, policy) for policy in sent]
        carry_out(trials)
        by_cell = collections.defaultdict(list)
        for trial in trials:
            by_cell[id(trial.cell)].append(trial)
        for cell, reason in zip(cells, reasons, strict=True):
            self.settle(str(cell), reason, by_cell[id(cell)])

    def settle(self, name: str, reason: str, trials: list) -> None:
        """`trials`: what became of each spelling, an object with `fault` (empty where it worked) and `proves`."""
        if not reason:
            self.counts['accepted'] += 1
            self.wrong += [f'{name}: accepted, but {t.fault}; sent as {t}' for t in trials if t.fault]
            return
        self.counts['refused'] += 1
        working = [t for t in trials if not t.fault and t.proves]
        exception = next((why for why, applies in values.EXCEPTIONS if applies(reason)), None)
        if working and exception:
            self.exceptions[exception] += 1
        elif working:
            self.wrong.append(f'{name}: refused ({reason}), but it works as {working[0]}')


def main() -> int:
    started = time.monotonic()
    matrix = Matrix(verdict_binary())
    parts = {
        'rules': lambda: matrix.policies(values.rule_cells()),
        'keys': lambda: matrix.policies(values.key_cells()),
        'redirects': lambda: matrix.policies(values.redirect_cells()),
        'regular expressions': lambda: matrix.policies(values.regex_cells()),
        'random regular expressions': lambda: matrix.policies(values_fuzz.cells(int(os.environ.get('E2E_SEED', '1')), 1500)),
        'fields of certificates': lambda: values_tls.run(matrix),
        'monitors, cookies, names': lambda: values_pools.run(matrix),
    }
    print(f"haproxy {'.'.join(haproxy.versions())}")
    only = os.environ.get('VALUES', '')
    for part, run in [(part, run) for part, run in parts.items() if only in part]:
        before, wrong, at = sum(matrix.counts.values()), len(matrix.wrong), time.monotonic()
        run()
        print(f'{part:30} {sum(matrix.counts.values()) - before:5} cells, {len(matrix.wrong) - wrong} wrong, {time.monotonic() - at:.1f} s', flush=True)
    for why, number in matrix.exceptions.items():
        print(f'refused on purpose, {number}: {why}')
    for wrong in matrix.wrong[:60]:
        print(f'WRONG {wrong}')
    print(f"values: {matrix.counts['accepted']} accepted and as the stack says, {matrix.counts['refused']} refused, "
          f"{sum(matrix.exceptions.values())} of them on purpose; {len(matrix.wrong)} wrong; {time.monotonic() - started:.0f} s")
    return 1 if matrix.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
