#!/usr/bin/env python3
"""Runs the scenarios on running control planes (e2e.sh) and prints one table.

    run.py [SCENARIO...]      all of scenarios/, or these (`examples`, `10_examples`, `examples-tcp`)
    run.py --check            prints the content of the gate tier and of each of four parts, and runs nothing

TIER=gate selects the scenarios of the gate tier, PART=2/4 the second of four parts (harness/plays.py).

A scenario is a file `scenarios/NN_name.py`: its docstring describes the behaviour, and `run(t)` demonstrates it. With
`serial = True` it runs alone after the others, because it stops the controller or counts every request.
`beside = ('name',)`, or `{'case': ('name',)}`, names a serial scenario that it may accompany (the first that is played). With `cases`,
a list of names, it is several scenarios, `run(t, case)`. With `traffic = True` it needs load balancers that serve
(LAB_DATAPLANE=haproxy). `gate = ['kind']`, or `{'case': ['kind']}`, puts it into the gate tier. With `everywhere = True` it
belongs to every part.
"""
import itertools
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from harness import config, dataplane, plays as selection, report, stream
from harness.certificates import Certificates
from harness.cloud import Cloud
from harness.controller import Controller
from harness.kube import Kube, Rejected, service_account_kubeconfig
from harness.plays import AT_ONCE, Play, is_serial, title
from harness.report import Result
from harness.scenario import Scenario
from harness.waiting import Failed, waits

CRD = 'loadbalancerstacks.evenkeel.dev'


def can_play(module: ModuleType) -> bool:
    return dataplane.serves() or not getattr(module, 'traffic', False)


def one_by_one(plays: list[Play], play_it) -> list[Result]:
    """Runs the serial scenarios, each with those that accompany it."""
    names = {m.__name__[3:] for m, _ in plays}
    companions = {p: name for p in plays if (name := selection.beside(*p, names))}
    results = []
    for module, group in itertools.groupby((p for p in plays if p not in companions), key=lambda p: p[0]):
        with ThreadPoolExecutor(1) as pool:
            beside = [pool.submit(play_it, *p) for p, name in companions.items() if name == module.__name__[3:]]
            results += [play_it(*p) for p in group]
        results += [r.result() for r in beside]
    return results


def prepare() -> Controller:
    """Installs from deploy/ as an administrator does. The controller gets the rights of its service account."""
    kube = Kube()
    kube.kubectl('apply', '--server-side', '--force-conflicts', '-k', str(config.ROOT / 'deploy'))
    kube.kubectl('wait', '--for=condition=Established', f'crd/{CRD}', '--timeout=60s')
    kubeconfig = service_account_kubeconfig(kube, 'evenkeel-system', 'evenkeel', config.HOME / 'controller.kubeconfig')
    return Controller(kubeconfig)


def play(module: ModuleType, case: str | None, controller: Controller, certificates: Certificates) -> Result:
    name, serial = title(module, case), is_serial(module)
    started, t, observation, passed = time.monotonic(), None, '', False
    try:
        t = Scenario(name, controller, certificates)
        t.begin()
        module.run(t, case) if case else module.run(t)
        t.finish()
        passed, observation = True, t.observation()
    except Exception as error:
        observation = _what_went_wrong(error)
        if t:
            _after_failure(t)
    if t:
        _close(t)
    count = t.log.count() if t else None
    result = Result(name, passed, time.monotonic() - started, len(t.log.writes_of(t.namespace)) if t else 0,
                    len(count.octavia) if serial and count else None, t.leaks if t else None, _action(module, case), observation,
                    dict(waits()))
    print(report.row(result), flush=True)
    return result


def _what_went_wrong(error: Exception) -> str:
    if isinstance(error, (Failed, Rejected)):
        line = next((f'{Path(f.filename).name}:{f.lineno}' for f in reversed(traceback.extract_tb(error.__traceback__))
                     if '/scenarios/' in f.filename), '')
        return f'{error} ({line})' if line else str(error)
    return ''.join(traceback.format_exception(error)[-3:]).strip()


def _action(module: ModuleType, case: str | None) -> str:
    """The first sentence of the case, or else of the scenario."""
    docstring = getattr(getattr(module, (case or '').replace('-', '_'), None), '__doc__', None) or module.__doc__ or ''
    return ' '.join(docstring.split()).split('. ')[0].rstrip('.')


def _close(t: Scenario) -> None:
    """Closes a scenario. An error does not stop the run; the last scenario searches for leftovers."""
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
    every = selection.load()
    checked = selection.check(every)
    if sys.argv[1:] == ['--check']:
        print(checked)
        return 0
    wanted = selection.select(every, sys.argv[1:], os.environ.get('TIER', ''), os.environ.get('PART', ''))
    plays = [p for p in wanted if can_play(p[0])]
    config.REPORT.mkdir(parents=True, exist_ok=True)
    try:
        certificates, controller = Certificates(Cloud()), prepare()
        controller.start()
    except Exception as error:
        print(report.write([Result('prepare', False, 0, 0, None, None, '', _what_went_wrong(error), {})]))
        return 1
    print(report.HEAD, flush=True)
    spent = report.Spent()
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [pool.submit(play, m, case, controller, certificates) for m, case in selection.longest_first(plays) if not is_serial(m)]
            results = [r.result() for r in running]
        results += one_by_one([p for p in plays if is_serial(p[0])], lambda m, case: play(m, case, controller, certificates))
    finally:
        if os.environ.get('KEEP') == '1':
            (config.HOME / 'controller.pid').write_text(str(controller.process.pid))
        else:
            controller.stop()
        certificates.delete_all()
    verdict = report.write(results)
    if traffic := stream.table():
        print(f'{traffic}\n', flush=True)
    for text in report.appendix:
        print(f'{text}\n', flush=True)
    print(f'{report.times(results, spent)}\n', flush=True)
    if left_out := [title(*p) for p in wanted if p not in plays]:
        print(f'NOT RUN, no traffic in this lab (LAB_DATAPLANE=noop): {", ".join(left_out)}\n', flush=True)
    print(verdict, flush=True)
    return 0 if all(r.passed for r in results) else 1


if __name__ == '__main__':
    sys.exit(main())
