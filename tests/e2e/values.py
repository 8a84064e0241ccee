#!/usr/bin/env python3
"""The matrix of values: every text field that reaches the data plane, with every class of characters.

    values.py [PLANNED]       PLANNED: the binary of simulators/src/bin/planned.rs; it is built if none is given

Each cell passes through the CRD's rules and Evenkeel's translation, Octavia's own validators and templates, `haproxy -c`, and
a running haproxy. An accepted value must be valid, and haproxy must treat every request as the stack says. A rejected value
must not work in any spelling; `harness/values.py` lists the exceptions with their reasons. The matrix needs no control plane,
only the virtual environment of the lab (Octavia) and haproxy.
"""
import collections
import os
import sys
import time
import warnings

warnings.filterwarnings('ignore')

from harness import haproxy_config as haproxy  # noqa: E402
from harness import planned, values, values_fuzz, values_pools, values_tls  # noqa: E402
from harness.values_trials import Trial, run_trials  # noqa: E402


class Matrix:
    def __init__(self, binary: str):
        self.binary = binary
        self.wrong: list[str] = []
        self.counts: collections.Counter = collections.Counter()
        self.exceptions: collections.Counter = collections.Counter()

    def rejections(self, specs: list[dict], names: list[str]) -> list[str]:
        """For each spec the reason why Evenkeel rejects it, empty where it accepts it. Keeps the bodies of the creates.

        The translation must reject everything that the CRD's rules reject.
        """
        reasons = []
        self.bodies = []
        for name, result in zip(names, planned.creates(specs, self.binary), strict=True):
            if result['schema'] and not result['problems']:
                self.wrong.append(f'{name}: the CRD refuses it, the translation does not: {result["schema"]}')
            self.bodies.append(result['create'])
            reasons.append(planned.reason(result))
        return reasons

    def policies(self, cells: list[values.Cell]) -> None:
        """Cells of L7 policies: rules, keys, redirects, regular expressions."""
        reasons = self.rejections([cell.spec for cell in cells], list(map(str, cells)))
        trials = []
        for cell, reason, body in zip(cells, reasons, self.bodies, strict=True):
            sent = cell.others if reason else [body['listeners'][0]['l7policies'][0]]
            trials += [Trial(cell, reason, policy) for policy in sent]
        run_trials(trials)
        by_cell = collections.defaultdict(list)
        for trial in trials:
            by_cell[id(trial.cell)].append(trial)
        for cell, reason in zip(cells, reasons, strict=True):
            self.settle(str(cell), reason, by_cell[id(cell)])

    def settle(self, name: str, reason: str, trials: list) -> None:
        """Counts a cell, and records a mismatch between Evenkeel and the data plane.

        `trials`: one object per spelling, with `fault` (empty where it worked) and `proves`.
        """
        if not reason:
            self.counts['accepted'] += 1
            self.wrong += [f'{name}: accepted, but {t.fault}; sent as {t}' for t in trials if t.fault]
            return
        self.counts['rejected'] += 1
        working = [t for t in trials if not t.fault and t.proves]
        exception = next((why for why, applies in values.EXCEPTIONS if applies(reason)), None)
        if working and exception:
            self.exceptions[exception] += 1
        elif working:
            self.wrong.append(f'{name}: rejected ({reason}), but it works as {working[0]}')


def main() -> int:
    started = time.monotonic()
    matrix = Matrix(sys.argv[1] if len(sys.argv) > 1 else planned.binary())
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
        print(f'rejected on purpose, {number}: {why}')
    for wrong in matrix.wrong[:60]:
        print(f'WRONG {wrong}')
    print(f"values: {matrix.counts['accepted']} accepted and as the stack says, {matrix.counts['rejected']} rejected, "
          f"{sum(matrix.exceptions.values())} of them on purpose; {len(matrix.wrong)} wrong; {time.monotonic() - started:.0f} s")
    return 1 if matrix.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
