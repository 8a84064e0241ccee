"""The files in deploy/ and examples/, as the tools of a platform take them: PodSecurity `restricted`, strict schemas, metrics
and alerts. It alone runs these tools, and a genuine Prometheus."""
import contextlib
import json
import re
import socket
import subprocess
import tempfile
from pathlib import Path

import requests
import yaml

from harness import config, tools
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['restricted', 'schemas', 'alerts', 'fired']
gate = {'alerts': ['metrics and alerts of tools']}
RULES = config.ROOT / 'deploy/monitoring'


def run(t, case):
    globals()[case](t)


def restricted(t):
    """The API server takes every object of deploy/ without a warning, and the pod in a namespace with PodSecurity `restricted`."""
    manifests = t.kube.kubectl('kustomize', str(config.ROOT / 'deploy'))
    t.kube.kubectl('apply', '--server-side', '--force-conflicts', '--dry-run=server', '--validate=strict', '-f', '-', stdin=manifests)
    deployment = next(d for d in yaml.safe_load_all(manifests) if d['kind'] == 'Deployment')
    pod = {'apiVersion': 'v1', 'kind': 'Pod', **deployment['spec']['template']}
    pod['metadata'] = {'name': 'evenkeel', 'namespace': 'evenkeel-system', **pod['metadata']}
    create = lambda: t.kube.kubectl('create', '--dry-run=server', '-f', '-', stdin=json.dumps(pod))    # noqa: E731
    create()
    pod['spec']['securityContext']['runAsNonRoot'] = False
    t.rejected(create, 'violates PodSecurity "restricted')


def schemas(t):
    """Every example is valid by a schema in which nothing but the fields of the CRD may stand."""
    crd = yaml.safe_load((config.ROOT / 'crds/evenkeel.dev_loadbalancerstacks.yaml').read_text())
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / 'loadbalancerstack.json').write_text(json.dumps(strict(crd['spec']['versions'][0]['schema']['openAPIV3Schema'])))
        conform = lambda path: tools.run('kubeconform', '-schema-location', f'{folder}/{{{{ .ResourceKind }}}}.json', '-skip', 'Secret,Namespace',    # noqa: E731
                                         '-output', 'json', '-summary', str(path))
        summary = json.loads(conform(config.ROOT / 'examples'))['summary']
        expect(summary['valid'] >= 9, summary)
        wrong = Path(folder) / 'wrong.yaml'
        for place in (lambda s: s, lambda s: s['spec'], lambda s: s['spec']['pools'][0]['members'][0]):
            stack = {'apiVersion': 'evenkeel.dev/v1alpha1', 'kind': 'LoadBalancerStack', **web()}
            place(stack)['unknown'] = 1
            wrong.write_text(yaml.safe_dump(stack))
            expect('unknown' in tools.refusal(lambda: conform(wrong)), 'kubeconform accepts a field that the CRD does not have')
    t.note = f"{summary['valid']} examples"


def strict(schema):
    """The schema without room for other fields."""
    if isinstance(schema, list):
        return [strict(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get('properties'), dict) and schema.get('type') == 'object':
        closed['additionalProperties'] = False
    return closed


def alerts(t):
    """promtool finds no fault in /metrics and in the alerts, each alert fires when it should, and every metric of an alert exists."""
    metrics = requests.get(f'http://127.0.0.1:{t.controller.port}/metrics', headers={'Accept': 'text/plain'}, timeout=10).text
    tools.run('promtool', 'check', 'metrics', stdin=metrics)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / 'rules.yaml').write_text(yaml.safe_dump(rules()))
        (Path(folder) / 'tests.yaml').write_text((RULES / 'tests.yaml').read_text())
        tools.run('promtool', 'check', 'rules', '--lint-fatal', 'rules.yaml', cwd=Path(folder))
        tools.run('promtool', 'test', 'rules', 'tests.yaml', cwd=Path(folder))
    every = [rule for group in rules()['groups'] for rule in group['rules']]
    tested = {check['alertname'] for case in yaml.safe_load((RULES / 'tests.yaml').read_text())['tests'] for check in case['alert_rule_test'] if check['exp_alerts']}
    same('alerts that a test fires', tested, {rule['alert'] for rule in every})
    for rule in every:
        for metric in re.findall(r'evenkeel_\w+', rule['expr']):
            expect(f'# TYPE {metric} ' in metrics, f"{rule['alert']}: /metrics has no {metric}")
    t.note = f'{len(every)} alerts'


def fired(t):
    """A genuine Prometheus scrapes the controller and fires the alert of a stalled stack, and no other."""
    stack = web()
    stack['spec']['loadBalancer']['vip']['qosPolicy'] = {'name': 'no-such-policy'}
    name = t.apply(stack)
    t.shows(name, 'ReferenceNotFound')
    with prometheus(t) as server:
        firing = lambda: {a['labels']['alertname'] for a in api(server, 'alerts')['alerts'] if a['state'] == 'firing'}    # noqa: E731
        eventually('the alert fires', firing, lambda names: 'EvenkeelStackStalled' in names, 60)
        same('type of the gauge', [m['type'] for m in api(server, 'metadata?metric=evenkeel_stacks')['evenkeel_stacks']], ['gauge'])
        expect(not firing() & {'EvenkeelAbsent', 'EvenkeelPanics'}, firing())
        t.delete(name)
        eventually('the alert ends', firing, lambda names: 'EvenkeelStackStalled' not in names, 60)


def rules():
    return yaml.safe_load((RULES / 'prometheus-rule.yaml').read_text())['spec']


@contextlib.contextmanager
def prometheus(t):
    """A Prometheus that scrapes the controller each second, with alerts that wait for seconds instead of minutes."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        server = f'127.0.0.1:{free.getsockname()[1]}'
    with tempfile.TemporaryDirectory() as folder:
        quick = rules()
        for rule in quick['groups'][0]['rules']:
            rule.update({'for': '3s'} if 'for' in rule else {})
        (Path(folder) / 'rules.yaml').write_text(yaml.safe_dump(quick))
        (Path(folder) / 'prometheus.yaml').write_text(yaml.safe_dump({
            'global': {'scrape_interval': '1s', 'evaluation_interval': '1s'}, 'rule_files': ['rules.yaml'],
            'scrape_configs': [{'job_name': 'evenkeel', 'static_configs': [{'targets': [f'127.0.0.1:{t.controller.port}']}]}]}))
        with (config.REPORT / 'prometheus.log').open('ab') as log:
            process = subprocess.Popen([str(tools.BIN / 'prometheus'), '--config.file=prometheus.yaml', '--storage.tsdb.path=data',
                                        f'--web.listen-address={server}'], cwd=folder, stdout=log, stderr=log)
            try:
                yield server
            finally:
                process.terminate()
                process.wait(30)


def api(server, path):
    def ask():
        with contextlib.suppress(requests.ConnectionError):
            response = requests.get(f'http://{server}/api/v1/{path}', timeout=5)
            return response.json()['data'] if response.status_code == 200 else None
    return eventually(f'Prometheus answers {path}', ask, lambda data: data is not None, 30)
