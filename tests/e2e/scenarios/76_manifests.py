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
from harness.waiting import eventually, expect, pause, same

cases = ['restricted', 'schemas', 'alerts', 'fired', 'dashboard']
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
    with tempfile.TemporaryDirectory() as folder:
        for path in (config.ROOT / 'crds').glob('evenkeel.dev_*.yaml'):
            crd = yaml.safe_load(path.read_text())['spec']
            (Path(folder) / f"{crd['names']['kind'].lower()}.json").write_text(json.dumps(strict(crd['versions'][0]['schema']['openAPIV3Schema'])))
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
    tools.run('promtool', 'check', 'metrics', stdin=requests.get(
        f'http://127.0.0.1:{t.controller.port}/metrics', headers={'Accept': 'text/plain'}, timeout=10).text)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / 'rules.yaml').write_text(yaml.safe_dump(rules()))
        (Path(folder) / 'tests.yaml').write_text((RULES / 'tests.yaml').read_text())
        tools.run('promtool', 'check', 'rules', '--lint-fatal', 'rules.yaml', cwd=Path(folder))
        tools.run('promtool', 'test', 'rules', 'tests.yaml', cwd=Path(folder))
    every = [rule for group in rules()['groups'] for rule in group['rules']]
    tested = {check['alertname'] for case in yaml.safe_load((RULES / 'tests.yaml').read_text())['tests'] for check in case['alert_rule_test'] if check['exp_alerts']}
    same('alerts that a test fires', tested, {rule['alert'] for rule in every})
    exist([rule['expr'] for rule in every])
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
        same('type of the gauge', [m['type'] for m in api(server, 'metadata', metric='evenkeel_stacks')['evenkeel_stacks']], ['gauge'])
        expect(not firing() & {'EvenkeelAbsent', 'EvenkeelPanics'}, firing())
        t.delete(name)
        eventually('the alert ends', firing, lambda names: 'EvenkeelStackStalled' not in names, 60)


def dashboard(t):
    """A genuine Prometheus that scrapes the controller evaluates every query of the dashboard, and draws the stacks."""
    name = t.apply(web())
    t.ready(name)
    panels = json.loads((RULES / 'dashboard.json').read_text())['panels']
    queries = [target['expr'].replace('$__rate_interval', '1m') for panel in panels for target in panel['targets']]
    drawn = 0
    with prometheus(t) as server:
        eventually('the stack is drawn', lambda: api(server, 'query', query='sum(evenkeel_stacks{state="Ready"})')['result'], lambda r: r and float(r[0]['value'][1]) >= 1, 30)
        pause(3)
        for query in queries:
            drawn += bool(api(server, 'query', query=query)['result'])
    exist(queries)
    expect(drawn >= 8, f'only {drawn} of {len(queries)} queries draw anything')
    t.note = f'{drawn} of {len(queries)} queries draw something'


def exist(queries):
    """Checks that every metric in a query is documented. A counter that has counted nothing yet is not in /metrics."""
    documented = (config.ROOT / 'docs/reference/metrics.md').read_text()
    for query in queries:
        for metric in re.findall(r'evenkeel_\w+', query):
            expect(f"| `{re.sub('_bucket$', '', metric)}` |" in documented, f'{query}: there is no {metric}')


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


def api(server, path, **parameters):
    def ask():
        with contextlib.suppress(requests.ConnectionError):
            response = requests.get(f'http://{server}/api/v1/{path}', params=parameters, timeout=5)
            expect(response.status_code != 400, f'{parameters}: {response.text}')
            return response.json()['data'] if response.status_code == 200 else None
    return eventually(f'Prometheus answers {path}', ask, lambda data: data is not None, 30)
