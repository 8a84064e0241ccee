#!/usr/bin/env python3
"""The cost of Evenkeel, measured on running control planes (e2e.sh bench) and written to docs/operations/performance.md.

    bench.py AT_REST     AT_REST: the binary that measures an idle controller (simulators)

A bare script (one POST, a poll each second) and the controller create the reference stack in turns, on the same Octavia. The
services count the requests, never the client that sends them.
"""
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

from harness import config, performance
from harness.certificates import Certificates
from harness.cloud import Cloud
from harness.kube import STACKS, conditions
from harness.requests_log import Count, RequestLog
from harness.scenario import Scenario
from harness.stacks import reference
from harness.waiting import eventually, expect
from run import prepare

TURNS = int(os.environ.get('BENCH_TURNS', '7'))
SCRIPT = 'bare-script'
RESYNC_SECONDS = 30     # longer than lists are shared, so that one resync reads them again
SETTLED = 3             # seconds after an operation until the controller has asked all that it asks because of it


@dataclass
class Create:
    seconds: float
    octavia: int
    others: int         # Neutron, Keystone, Barbican
    writes: int

    @classmethod
    def of(cls, seconds: float, count: Count) -> 'Create':
        return cls(seconds, len(count.octavia), count.total - len(count.octavia), len(count.writes))


def main() -> None:
    at_rest = sys.argv[1]
    controller = prepare()
    # No other replica runs, and a machine too slow to renew a Lease in time can be measured too.
    controller.start(leader_elect='false')
    t = Scenario('bench', controller, Certificates(Cloud()))
    try:
        t.begin()
        by_script, by_stack = in_turns(t)
        costs = what_changes_cost(t)
        t.finish()
    finally:
        controller.stop()
    print('at rest, on the simulators (some minutes)', flush=True)
    *rest, memory, flapping = [json.loads(line) for line in output([at_rest, '--controller', str(config.BINARY)]).splitlines()]
    measured = {'script': by_script, 'stack': by_stack, 'costs': costs, 'rest': rest,
                'endpoint_memory': memory['endpoint_memory'], 'churn': flapping['churn']}
    (config.REPORT / 'bench.json').write_text(json.dumps(measured, default=vars, indent=1))
    text = performance.page(**measured)
    (config.ROOT / 'docs/operations/performance.md').write_text(text)
    print(text)
    if (ratio := performance.ratio(by_script, by_stack)) > performance.GOAL:
        sys.exit(f'the goal is missed: {ratio:.2f} is more than {performance.GOAL}')


def in_turns(t: Scenario) -> tuple[list[Create], list[Create]]:
    # Not measured: the controller logs in and resolves the names, as for the first stack after its start.
    create_by_stack(t, 'first')
    by_script, by_stack = [], []
    for n in range(TURNS):
        by_script.append(create_by_script(t.cloud))
        by_stack.append(create_by_stack(t, f'turn-{n}'))
        print(f'turn {n + 1}: script {by_script[-1].seconds:.2f} s, stack {by_stack[-1].seconds:.2f} s', flush=True)
    return by_script, by_stack


def create_by_script(cloud: Cloud) -> Create:
    """Time of a bare script: logged in already, ids resolved, only the POST and the polls."""
    cloud.connection.session.get_token()
    log, body = RequestLog(), octavia_form(reference('bare'), cloud)
    agent = {'User-Agent': SCRIPT}
    started = time.monotonic()
    lb = cloud.octavia.post('/lbaas/loadbalancers', json={'loadbalancer': body}, headers=agent).json()['loadbalancer']
    while lb['provisioning_status'] != 'ACTIVE':
        expect(lb['provisioning_status'] == 'PENDING_CREATE', f"the script's load balancer is {lb['provisioning_status']}")
        time.sleep(1)
        lb = cloud.octavia.get(f"/lbaas/loadbalancers/{lb['id']}", headers=agent).json()['loadbalancer']
    create = Create.of(time.monotonic() - started, log.count(SCRIPT))
    cloud.delete_load_balancer(lb['id'])
    return create


def create_by_stack(t: Scenario, name: str) -> Create:
    """Time from the request to the API server until Ready is visible there."""
    log, url = RequestLog(), t.kube.server + STACKS.format(namespace=t.namespace)
    # A watch, because polling would take processor time from Octavia.
    watch = t.kube.session.get(url, params={'watch': '1', 'fieldSelector': f'metadata.name={name}', 'timeoutSeconds': '180'}, stream=True)
    with watch:
        started = time.monotonic()
        t.kube.session.post(url, json=reference(name)).raise_for_status()
        versions = (json.loads(line)['object'] for line in watch.iter_lines(chunk_size=None))
        expect(any(conditions(stack).get('Ready', {}).get('status') == 'True' for stack in versions), f'{name} is not Ready within 180 s')
        create = Create.of(time.monotonic() - started, log.count())
    t.check(name)
    t.delete(name)
    return create


def octavia_form(stack: dict, cloud: Cloud) -> dict:
    """The reference stack as the body of Octavia's single-call create."""
    spec = stack['spec']
    pools = {p['name']: {
        'name': p['name'], 'protocol': p['protocol'], 'lb_algorithm': p['algorithm'],
        'members': [{'address': m['address'], 'protocol_port': m['port']} for m in p['members']],
        'healthmonitor': {'type': p['healthMonitor']['type'], 'delay': 5, 'timeout': 3, 'max_retries': 3}} for p in spec['pools']}
    return {'name': 'bare', 'vip_subnet_id': cloud.id_of('subnet', 'tenant-v4'), 'listeners': [
        {'name': li['name'], 'protocol': li['protocol'], 'protocol_port': li['port'], 'default_pool': pools[li['defaultPool']]}
        for li in spec['listeners']]}


def what_changes_cost(t: Scenario) -> dict[str, Count]:
    """Requests of the controller for each change of one stack."""
    costs, name = {}, 'costs'

    def counted(what: str, do) -> None:
        log = RequestLog()
        do(log)
        time.sleep(SETTLED)
        costs[what] = log.count()

    def edited(what: str, change) -> None:
        counted(what, lambda _: (t.edit(name, change), t.ready(name)))
        t.check(name)
    counted('create', lambda _: (t.apply(reference(name)), t.ready(name)))
    edited('one member changes', lambda spec: spec['pools'][1]['members'][1].update(weight=5))
    edited('a listener and a pool change', lambda spec: (
        spec['listeners'][0].update(connectionLimit=100), spec['pools'][0].update(algorithm='SOURCE_IP')))
    edited("the stack's resync period changes", lambda spec: spec.update(resyncPeriod=f'{RESYNC_SECONDS}s'))

    def resync(log: RequestLog) -> None:
        eventually('the end of the resync period', lambda: log.count().octavia, bool, 2 * RESYNC_SECONDS)
    counted('a resync with nothing to do', resync)
    counted('delete', lambda _: t.delete(name))
    return costs


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


if __name__ == '__main__':
    main()
