"""Selection of the scenarios of a run: all, those of a tier, one part of several, or some by name.

A play is a scenario file with one of its cases. `check` verifies the selection against its documentation; every run begins
with it, and `e2e.sh check` does nothing else.
"""
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from . import config

Play = tuple[ModuleType, str | None]

# Each kind needs one scenario in TIER=gate: these behaviours need genuine services.
KINDS = ('example', 'change in place', 'replacement', 'drift', 'floating IP', 'TLS', 'certificate of a Secret', 'kill before the create',
         'kill after the create', 'deletion', 'change under traffic', 'conformance of the cloud', 'conformance of the cluster',
         'rules of the API server', 'values that reach haproxy', 'verdicts of GitOps tools', 'verdicts about every state',
         'metrics and alerts of tools', 'nothing left')
TIERS = ('gate', 'all')
# Parts by name: the scenarios of one topic.
TOPICS = {'deploy': ('kubectl', 'gitops', 'user_roles', 'manifests', 'admission', 'charts', 'controller')}
# Duration of each play in a whole run, in seconds. The report has a newer one (seconds.json).
MEASURED = json.loads((config.E2E / 'seconds.json').read_text())
UNMEASURED = 60
AT_ONCE = int(os.environ.get('E2E_AT_ONCE', '4'))


def load() -> list[Play]:
    """Every play, in the order of the file numbers."""
    modules = [_module(f) for f in sorted((config.E2E / 'scenarios').glob('[0-9][0-9]_*.py'))]
    return [(m, case) for m in modules for case in getattr(m, 'cases', [None])]


def title(module: ModuleType, case: str | None) -> str:
    return module.__name__[3:] + (f'-{case}' if case else '')


def is_serial(module: ModuleType) -> bool:
    return getattr(module, 'serial', False)


def select(plays: list[Play], names: Iterable[str], tier: str = '', part: str = '') -> list[Play]:
    """The plays by name, or else by tier and part."""
    wanted = {n for word in names for n in word.split(',') if n}
    known = {n for play in plays for n in _names(*play)}
    if unknown := wanted - known:
        sys.exit(f'no such scenario: {", ".join(sorted(unknown))}; there are: {", ".join(title(*p) for p in plays)}')
    if wanted:
        return [p for p in plays if wanted.intersection(_names(*p))]
    if part in TOPICS:
        return [p for p in plays if p[0].__name__[3:] in TOPICS[part] or _is_everywhere(*p)]
    if tier not in ('', *TIERS):
        sys.exit(f'no such tier: {tier}; there are: {", ".join(TIERS)}')
    chosen = [p for p in plays if tier != 'gate' or kinds(*p)]
    return _part(chosen, *_number_of_parts(part)) if part else chosen


def kinds(module: ModuleType, case: str | None) -> list[str]:
    """The kinds that a play shows in the gate tier. A file says `gate = ['kind']` for all of its cases, or `{'case':
    ['kind']}`."""
    declared = getattr(module, 'gate', [])
    return declared.get(case, []) if isinstance(declared, dict) else declared


def longest_first(plays: list[Play]) -> list[Play]:
    """Sorts the longest plays first, so that the run does not end with a single long one."""
    return sorted(plays, key=lambda p: -MEASURED.get(title(*p), UNMEASURED))


def check(plays: list[Play]) -> str:
    """Checks that the parts hold every play once and the gate tier one of each kind, and that every named case exists."""
    everywhere = {title(*p) for p in plays if _is_everywhere(*p)}
    for parts in range(1, 9):
        split = [[title(*p) for p in _part(plays, number, parts)] for number in range(1, parts + 1)]
        assert all(everywhere <= set(part) for part in split), f'not in every one of {parts} parts: {everywhere}'
        once = sorted([name for part in split for name in part if name not in everywhere] + list(everywhere))
        assert once == sorted(title(*p) for p in plays), f'{parts} parts do not hold every scenario once'
    shown = [kind for p in plays for kind in kinds(*p)]
    assert set(shown) == set(KINDS), f'TIER=gate: missing {set(KINDS) - set(shown)}, unknown {set(shown) - set(KINDS)}'
    for module in {m.__name__: m for m, _ in plays}.values():
        named = getattr(module, 'gate', [])
        stray = set(named) - set(getattr(module, 'cases', [])) if isinstance(named, dict) else set()
        assert not stray, f'{module.__name__}: gate names cases that are not there: {stray}'
    known = {name for p in plays for name in _names(*p)}
    assert all(known.issuperset(names) for names in TOPICS.values()), f'a topic names missing scenarios: {TOPICS}'
    documented = re.findall(r'`([\w-]+)`', (config.ROOT / 'docs/development/testing.md').read_text().split('| scenarios |')[1])
    assert not set(documented) - known, f'docs/development/testing.md names missing scenarios: {sorted(set(documented) - known)}'
    chosen = select(plays, [], 'gate')
    lines = [f'TIER=gate: {", ".join(title(*p) for p in chosen)}']
    lines += [f'PART={n}/4: about {_load(_part(plays, n, 4)) / 60:.0f} minutes, {", ".join(title(*p) for p in _part(plays, n, 4))}'
              for n in range(1, 5)]
    return '\n'.join(lines)


def beside(module: ModuleType, case: str | None, present: Iterable[str]) -> str | None:
    """The serial file that a play may accompany: of those that it names, the first one that is played."""
    declared = getattr(module, 'beside', ())
    named = declared.get(case, ()) if isinstance(declared, dict) else declared
    return next((name for name in named if name in present), None)


def _names(module: ModuleType, case: str | None) -> set[str]:
    return {module.__name__, module.__name__[3:], title(module, case)}


def _is_everywhere(module: ModuleType, case: str | None) -> bool:
    """True for the final checks, which belong to every run."""
    return getattr(module, 'everywhere', False)


def _number_of_parts(part: str) -> tuple[int, int]:
    found = re.fullmatch(r'([1-9]\d?)/([1-9]\d?)', part)
    number, parts = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= parts:
        sys.exit(f'PART={part}: it is one of several, as 2/4, or a topic: {", ".join(TOPICS)}')
    return number, parts


def _part(plays: list[Play], number: int, parts: int) -> list[Play]:
    """The plays of one part. The longest go first, each to the part with the least work, so every run has the same parts."""
    shares, taken = [0.0] * parts, set()
    units = _units([p for p in plays if not _is_everywhere(*p)])
    for unit in sorted(units, key=lambda u: (-_load(u), title(*u[0]))):
        least = shares.index(min(shares))
        shares[least] += _load(unit)
        if least == number - 1:
            taken.update(title(*p) for p in unit)
    return [p for p in plays if title(*p) in taken or _is_everywhere(*p)]


def _units(plays: list[Play]) -> list[list[Play]]:
    """Groups of plays that stay together: the cases of a serial file, and the plays that run beside them."""
    units: dict[str, list[Play]] = {}
    present = {m.__name__[3:] for m, _ in plays}
    for module, case in plays:
        name = title(module, case)
        if is_serial(module):
            name = beside(module, case, present) or module.__name__[3:]
        units.setdefault(name, []).append((module, case))
    return list(units.values())


def _load(plays: list[Play]) -> float:
    """Seconds that these plays add to a run: several at once, serial ones one after the other, others beside them."""
    def took(chosen: list[Play]) -> float:
        return sum(MEASURED.get(title(*p), UNMEASURED) for p in chosen)
    serial = [p for p in plays if is_serial(p[0])]
    companions = [p for p in serial if hasattr(p[0], 'beside')]
    alone = [p for p in serial if p not in companions]
    return took([p for p in plays if p not in serial]) / AT_ONCE + max(took(alone), took(companions))


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
