"""The simulators are honest: the scripts that the simulated cloud and the simulated cluster are held to are asked of the
genuine ones, and every answer is the same. Not among the others, because it takes quotas away and makes the data plane
fail; the scenario beside it has projects of its own."""
import os
import re
import subprocess

import yaml

from harness import config, report
from harness.waiting import expect

serial = True
# Quotas and failures only beside what has a project of its own; the other parts disturb nobody who counts his own writes.
beside = {'cloud_fast': ('clock', 'failpoints'), 'cluster': ('clock', 'failpoints'), 'cloud': ('failpoints',)}
cases = ['cloud_fast', 'cloud', 'cluster']
gate = {'cloud_fast': ['conformance of the cloud'], 'cluster': ['conformance of the cluster']}
# Scripts that need no load balancer of their own, or hardly one.
FAST = 'identity,requests,other_users'
LIMIT = 1500    # seconds; most of it only where the tests are not built yet
# From the head of a table to the last line of what is not compared.
TABLE = re.compile(r'(?:script|section) +agree .*?^not compared:\n(?: {4}[^\n]*\n)*', re.MULTILINE | re.DOTALL)


def run(t, case):
    globals()[case](t)


def cloud_fast(t):
    """Some scripts of the cloud: log-ins, malformed requests, other users"""
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
    """Runs one test of the simulators against the genuine thing; what it printed, also kept in the report. Its table is printed
    when everything is over, whatever it says. Without a backtrace, so that what differs is the last that is said."""
    # Of the whole workspace, so that it is what `cargo test` has built.
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
    """The lab's clouds under the names by which the suite finds the tenant and the others."""
    known = yaml.safe_load(config.CLOUDS_YAML.read_text())['clouds']
    names = {'e2e-appcred': 'openstack', 'e2e-admin': 'admin', 'e2e-demo2': 'demo2', 'e2e-reader': 'reader'}
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump({'clouds': {name: known[cloud] for name, cloud in names.items()}}))
