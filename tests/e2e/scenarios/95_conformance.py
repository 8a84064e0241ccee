"""Conformance of the simulators: the genuine services and API server give the same responses to the scripts as the
simulators. It alone tests no Evenkeel, but the ground of all other tests. It is serial, because it reduces quotas and
makes the data plane fail; the scenarios beside it have projects of their own."""
import os
import re
import subprocess

import yaml

from harness import config, report
from harness.waiting import expect

serial = True
# Quotas and failures only beside scenarios with their own project; the other parts do not affect scenarios that count their own
# writes.
beside = {'cloud_fast': ('clock', 'failpoints'), 'cluster': ('clock', 'failpoints'), 'cloud': ('failpoints',)}
cases = ['cloud_fast', 'cloud', 'cluster']
gate = {'cloud_fast': ['conformance of the cloud'], 'cluster': ['conformance of the cluster']}
# Scripts that need no load balancer of their own, or hardly one.
FAST = 'identity,requests,other_users'
LIMIT = 1500    # seconds; most of it only where the tests are not built yet
# From the head of a table to the last line of the parts that are not compared.
TABLE = re.compile(r'(?:script|section) +agree .*?^not compared:\n(?: {4}[^\n]*\n)*', re.MULTILINE | re.DOTALL)


def run(t, case):
    globals()[case](t)


def cloud_fast(t):
    """Some scripts of the cloud: logins, malformed requests, other users"""
    ask(t, EVENKEEL_CONFORMANCE_ONLY=FAST)


def cloud(t):
    """All other scripts of the cloud"""
    ask(t, EVENKEEL_CONFORMANCE_EXCEPT=FAST)


def ask(t, **scripts):
    clouds = config.REPORT / 'conformance-clouds.yaml'
    _clouds(clouds)
    try:
        printed = _suite('cloud_conformance', 'genuine_cloud', EVENKEEL_CONFORMANCE_CLOUD=f'{clouds}:e2e-appcred',
                         EVENKEEL_CONFORMANCE_FAILURES=config.FAULTS, **scripts)
    finally:
        config.FAULTS.write_text('{}')
        clouds.unlink()
    script, agree, known, skipped, different = re.search(r'^(all) +(\d+) +(\d+) +(\d+) +(\d+)$', printed, re.M).groups()
    expect(skipped == '0', f'{skipped} cases were not asked')
    t.note = f'{agree} cases agree, {different} differ'


def cluster(t):
    """The simulated cluster and a genuine API server"""
    printed = _suite('cluster_conformance', 'genuine_api_server', EVENKEEL_CONFORMANCE_KUBECONFIG=config.ADMIN_KUBECONFIG)
    t.note = re.search(r'^\d+ cases agree.*$', printed, re.M).group()


def _suite(name: str, test: str, **variables) -> str:
    """Runs one test of the simulators against the genuine service, and keeps its output in the report. Its table is printed
    at the end, for any result. Without a backtrace, so that the differences come last."""
    # Built for the whole workspace, so that the binaries of `cargo test` are used.
    command = ['cargo', 'test', '--locked', '--test', name, '--', '--nocapture', test]
    environment = {**os.environ, 'RUST_BACKTRACE': '0', **{k: str(v) for k, v in variables.items()}}
    ran = subprocess.run(command, cwd=config.ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                         timeout=LIMIT)
    with (config.REPORT / f'{name}.txt').open('a') as kept:
        kept.write(ran.stdout)
    if table := TABLE.search(ran.stdout):
        report.appendix.append(f'{name}: the simulated and the genuine one\n{table.group().rstrip()}')
    expect(ran.returncode == 0 and ' 1 passed' in ran.stdout, f'{name}.txt in the report; it ends with\n{ran.stdout[-1500:]}')
    return ran.stdout


def _clouds(path) -> None:
    """The lab's clouds, renamed as the suite expects the tenant and the others."""
    known = yaml.safe_load(config.CLOUDS_YAML.read_text())['clouds']
    names = {'e2e-appcred': 'openstack', 'e2e-admin': 'admin', 'e2e-demo2': 'demo2', 'e2e-reader': 'reader'}
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump({'clouds': {name: known[cloud] for name, cloud in names.items()}}))
