"""The Helm charts: the same objects as deploy/, values that the schema rejects, and a life with install, upgrade, rollback and
uninstall while a stack lives. It alone runs Helm."""
import json
import tempfile

import yaml

from harness import config, tools
from harness.controller import Controller
from harness.kube import service_account_kubeconfig
from harness.stacks import web
from harness.waiting import expect, same

serial = True
cases = ['equal', 'rejected', 'installed']
CHART, CRDS = (str(config.ROOT / 'deploy/charts' / name) for name in ('evenkeel', 'evenkeel-crds'))
NAME = 'evenkeel-chart'
PORT = config.CONTROLLER_PORT + 1
# Labels of Helm, and those that deploy/ gives to every object.
LABELS = {'app.kubernetes.io/instance', 'app.kubernetes.io/version', 'app.kubernetes.io/managed-by', 'helm.sh/chart',
          'app.kubernetes.io/name', 'app.kubernetes.io/part-of'}
EVERYTHING = {
    'metrics': {'service': {'enabled': True}, 'serviceMonitor': {'enabled': True}, 'prometheusRule': {'enabled': True}},
    'networkPolicy': {'enabled': True, 'apiServer': [{'cidr': '192.0.2.10/32', 'port': 6443}], 'clouds': [{'cidr': '198.51.100.0/24', 'port': 443}]}}


def run(t, case):
    globals()[case](t)


def equal(t):
    """With their defaults the charts render what `kubectl apply -k deploy` applies, and with everything enabled all of deploy/."""
    kustomized = lambda folder: objects(t.kube.kubectl('kustomize', str(config.ROOT / folder)))    # noqa: E731
    differ(objects(template(CHART)), kustomized('deploy/base'))
    differ(objects(template(CHART, EVERYTHING)), {**kustomized('deploy/base'), **kustomized('deploy/monitoring'), **kustomized('deploy/network-policy')})
    definitions = objects(template(CRDS))
    for definition in definitions.values():
        same('policy of a definition', definition['metadata'].pop('annotations'), {'helm.sh/resource-policy': 'keep'})
    differ(definitions, kustomized('crds'))
    expect(all('annotations' not in d['metadata'] for d in objects(template(CRDS, {'keep': False})).values()), 'keep: false keeps')
    tools.helm('lint', '--strict', CHART, CRDS)
    other = template(CHART, {**EVERYTHING, 'fullnameOverride': NAME, 'userRoles': {'create': False}}, namespace='elsewhere')
    expect('evenkeel-system' not in other, 'an object stays in the default namespace')
    same('names', {name.split('-metrics')[0].split('-leader')[0] for _, name in objects(other)}, {NAME})


def rejected(t):
    """A wrong value is rejected with its name, before anything reaches the cluster."""
    wrong = {
        'replica': {'replica': 2}, '/replicas': {'replicas': '2'}, '/image/digest': {'image': {'digest': 'latest'}},
        'leaderElect': {'flags': {'leaderElect': False}}, '/networkPolicy': {'networkPolicy': {'enabled': True}},
        '/metrics': {'metrics': {'serviceMonitor': {'enabled': True}}}, '/networkPolicy/clouds/0/cidr': {'networkPolicy': {'clouds': [{'cidr': 'octavia', 'port': 443}]}}}
    for words, values in wrong.items():
        message = tools.refusal(lambda: template(CHART, values))    # noqa: B023
        expect("don't meet the specifications of the schema" in message and words in message, f'{values}: {message}')
    t.note = f'{len(wrong)} values'


def installed(t):
    """A stack lives through install, upgrade, rollback and uninstall, and the definitions stay."""
    t.controller.stop()
    controller = None
    try:
        helm(t, 'install', 'crds', CRDS, '--take-ownership', '--force-conflicts')
        helm(t, 'install', NAME, CHART, values={'fullnameOverride': NAME, 'userRoles': {'create': False}})
        kubeconfig = service_account_kubeconfig(t.kube, t.namespace, NAME, config.HOME / 'chart.kubeconfig')
        controller = Controller(kubeconfig, 'chart', PORT, POD_NAMESPACE=t.namespace)
        controller.start()
        name = t.apply(web())
        lb = t.ready_and_right(name)['status']['loadBalancer']['id']
        helm(t, 'upgrade', NAME, CHART, values={'fullnameOverride': NAME, 'userRoles': {'create': False}, 'replicas': 2, 'flags': {'log-format': 'json', 'stuck-after': '10m'}})
        same('replicas after the upgrade', deployment(t)['replicas'], 2)
        expect('10m' in deployment(t)['template']['spec']['containers'][0]['args'], 'the flag is not set')
        helm(t, 'upgrade', 'crds', CRDS, '--force-conflicts')
        t.change(name, 'after the upgrade', lambda spec: spec['pools'][0].update(algorithm='SOURCE_IP'))
        helm(t, 'rollback', NAME, '1')
        same('replicas after the rollback', deployment(t)['replicas'], 1)
        t.change(name, 'after the rollback', lambda spec: spec['pools'][0].update(algorithm='ROUND_ROBIN'))
        controller.stop()
        for release in (NAME, 'crds'):
            helm(t, 'uninstall', release)
        same('load balancer after the uninstall', t.lb_id(name), lb)
        same('deployments', json.loads(t.kube.kubectl('get', 'deployments', '-n', t.namespace, '-o', 'json'))['items'], [])
    finally:
        if controller and controller.running():
            controller.stop()
        t.kube.kubectl('apply', '--server-side', '--force-conflicts', '-k', str(config.ROOT / 'deploy'))
        t.controller.start()
    t.ready_and_right(name)


def helm(t, *args, values=None):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        given = ['--values', file.name] if values else []
        return tools.helm(*args, *given, '--namespace', t.namespace, '--kubeconfig', str(t.kube.kubeconfig))


def template(chart, values=None, namespace='evenkeel-system'):
    with tempfile.NamedTemporaryFile('w', suffix='.yaml') as file:
        yaml.safe_dump(values or {}, file)
        file.flush()
        return tools.helm('template', 'evenkeel', chart, '--namespace', namespace, '--values', file.name)


def objects(text):
    """The objects of a stream of documents by kind and name, without the namespace itself and the labels of tools."""
    found = {}
    for one in yaml.safe_load_all(text):
        if one and one['kind'] != 'Namespace':
            places = [one['metadata'], *([one['spec']['template']['metadata']] if one['kind'] == 'Deployment' else [])]
            for place in places:
                place['labels'] = {k: v for k, v in place.get('labels', {}).items() if k not in LABELS}
            found[one['kind'], one['metadata']['name']] = one
    return found


def differ(got, want):
    same('objects', sorted(got), sorted(want))
    for key, one in want.items():
        same(' '.join(key), got[key], one)


def deployment(t):
    return json.loads(t.kube.kubectl('get', 'deployment', NAME, '-n', t.namespace, '-o', 'json'))['spec']
