#!/usr/bin/env python3
"""Runs the scenarios against control planes that are up (e2e.sh), prints one table.

    run.py [SCENARIO...]      all of scenarios/, or these (`examples`, `10_examples`, `examples-tcp`)

A scenario is a file `scenarios/NN_name.py`: its docstring says what it shows, `run(t)` shows it. With `serial = True`
it runs alone, after the others: it stops the controller, or counts every call; `beside = 'name'` names the one that it
may accompany all the same. With `cases`, a list of names, it is several scenarios, `run(t, case)`. With
`traffic = True` it needs load balancers that serve (LAB_DATAPLANE=haproxy).
"""
import importlib.util
import itertools
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from harness import config, dataplane, report, stream
from harness.certificates import Certificates
from harness.cloud import Cloud
from harness.controller import Controller
from harness.kube import Kube, Refused, service_account_kubeconfig
from harness.report import Result
from harness.scenario import Scenario
from harness.waiting import Failed

AT_ONCE = int(os.environ.get('E2E_AT_ONCE', '4'))
CRD = 'loadbalancerstacks.evenkeel.dev'


def load(wanted: list[str]) -> list[tuple[ModuleType, str | None]]:
    """Scenarios with their cases, in the order of their numbers."""
    modules = [_module(f) for f in sorted((config.E2E / 'scenarios').glob('[0-9][0-9]_*.py'))]
    plays = [(m, case) for m in modules for case in getattr(m, 'cases', [None])]
    names = {w for word in wanted for w in word.split(',')}
    known = {n for m, case in plays for n in _names(m, case)}
    if unknown := names - known:
        sys.exit(f'no such scenario: {", ".join(sorted(unknown))}; there are: {", ".join(title(*p) for p in plays)}')
    return [p for p in plays if not names or names.intersection(_names(*p))]


def title(module: ModuleType, case: str | None) -> str:
    return module.__name__[3:] + (f'-{case}' if case else '')


def _names(module: ModuleType, case: str | None) -> set[str]:
    return {module.__name__, module.__name__[3:], title(module, case)}


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def can_play(module: ModuleType) -> bool:
    return dataplane.serves() or not getattr(module, 'traffic', False)


def is_serial(module: ModuleType) -> bool:
    return getattr(module, 'serial', False)


def one_by_one(plays: list, play_it) -> list[Result]:
    """Serial scenarios, each with those that run beside it."""
    names = {m.__name__[3:] for m, _ in plays}
    companions = [p for p in plays if getattr(p[0], 'beside', None) in names]
    results = []
    for module, group in itertools.groupby((p for p in plays if p not in companions), key=lambda p: p[0]):
        with ThreadPoolExecutor(1) as pool:
            beside = [pool.submit(play_it, *p) for p in companions if p[0].beside == module.__name__[3:]]
            results += [play_it(*p) for p in group]
        results += [r.result() for r in beside]
    return results


def prepare() -> Controller:
    """What an administrator does: installs from deploy/. The controller has the rights of its service account."""
    kube = Kube()
    kube.kubectl('apply', '--server-side', '--force-conflicts', '-k', str(config.ROOT / 'deploy'))
    kube.kubectl('wait', '--for=condition=Established', f'crd/{CRD}', '--timeout=60s')
    kubeconfig = service_account_kubeconfig(kube, 'evenkeel-system', 'evenkeel', config.HOME / 'controller.kubeconfig')
    return Controller(kubeconfig)


def play(module: ModuleType, case: str | None, controller: Controller, certificates: Certificates) -> Result:
    name, serial = title(module, case), is_serial(module)
    started, t, seen, passed = time.monotonic(), None, '', False
    try:
        t = Scenario(name, controller, certificates)
        t.begin()
        module.run(t, case) if case else module.run(t)
        t.finish()
        passed, seen = True, t.saw()
    except Exception as error:
        seen = _what_went_wrong(error)
        if t:
            _after_failure(t)
    if t:
        _close(t)
    count = t.log.count() if t else None
    result = Result(name, passed, time.monotonic() - started, len(t.log.writes_of(t.namespace)) if t else 0,
                    len(count.octavia) if serial and count else None, t.leaks if t else None, _broken(module, case), seen)
    print(report.row(result), flush=True)
    return result


def _what_went_wrong(error: Exception) -> str:
    if isinstance(error, (Failed, Refused)):
        line = next((f'{Path(f.filename).name}:{f.lineno}' for f in reversed(traceback.extract_tb(error.__traceback__))
                     if '/scenarios/' in f.filename), '')
        return f'{error} ({line})' if line else str(error)
    return ''.join(traceback.format_exception(error)[-3:]).strip()


def _broken(module: ModuleType, case: str | None) -> str:
    """The first sentence of the case, or else of the scenario."""
    told = getattr(getattr(module, (case or '').replace('-', '_'), None), '__doc__', None) or module.__doc__ or ''
    return ' '.join(told.split()).split('. ')[0].rstrip('.')


def _close(t: Scenario) -> None:
    """What cannot be taken down is no reason to stop the run; the last scenario looks for what is left."""
    try:
        t.close()
    except Exception as error:
        print(f'{t.name}: closing failed: {error}', file=sys.stderr)


def _after_failure(t: Scenario) -> None:
    try:
        t.keep_evidence()
        if not t.controller.running():
            t.controller.start()
        t.clean_up_by_force()
    except Exception as error:
        print(f'{t.name}: cleaning up failed too: {error}', file=sys.stderr)


def main() -> int:
    wanted = load(sys.argv[1:])
    plays = [p for p in wanted if can_play(p[0])]
    config.REPORT.mkdir(parents=True, exist_ok=True)
    try:
        certificates, controller = Certificates(Cloud()), prepare()
        controller.start()
    except Exception as error:
        print(report.write([Result('prepare', False, 0, 0, None, None, '', _what_went_wrong(error))]))
        return 1
    print(report.HEAD, flush=True)
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [pool.submit(play, m, case, controller, certificates) for m, case in plays if not is_serial(m)]
            results = [r.result() for r in running]
        results += one_by_one([p for p in plays if is_serial(p[0])], lambda m, case: play(m, case, controller, certificates))
    finally:
        if os.environ.get('KEEP') == '1':
            (config.HOME / 'controller.pid').write_text(str(controller.process.pid))
        else:
            controller.stop()
        certificates.forget()
    verdict = report.write(results)
    if traffic := stream.table():
        print(f'{traffic}\n', flush=True)
    for text in report.appendix:
        print(f'{text}\n', flush=True)
    if left_out := [title(*p) for p in wanted if p not in plays]:
        print(f'NOT RUN, no traffic in this lab (LAB_DATAPLANE=noop): {", ".join(left_out)}\n', flush=True)
    print(verdict, flush=True)
    return 0 if all(r.passed for r in results) else 1


if __name__ == '__main__':
    sys.exit(main())
