"""The CRD changes while the controller runs: missing at the start, it is waited for; a rule tightened over a stored
stack blocks neither its status nor its deletion. It alone changes the CRD."""
import json

from harness import config
from harness.stacks import web
from harness.waiting import eventually, expect, same

serial = True
cases = ['tightened', 'missing']
CRD = 'crd/loadbalancerstacks.evenkeel.dev'


def run(t, case):
    try:
        globals()[case](t)
    finally:
        install(t)


def install(t):
    t.kube.kubectl('apply', '--server-side', '--force-conflicts', '-k', str(config.ROOT / 'deploy'))
    t.kube.kubectl('wait', '--for=condition=Established', CRD, '--timeout=300s')


def tightened(t):
    """Every value of the stored stack becomes invalid."""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    crd = json.loads(t.kube.kubectl('get', CRD, '-o', 'json'))
    spec = crd['spec']['versions'][0]['schema']['openAPIV3Schema']['properties']['spec']['properties']
    spec['listeners']['items']['properties']['port']['minimum'] = 1000
    spec['pools']['items'].setdefault('x-kubernetes-validations', []).append(
        {'rule': "self.name != 'web'", 'message': 'no pool may have this name'})
    t.kube.kubectl('replace', '-f', '-', stdin=json.dumps(crd))
    eventually('the rule holds', lambda: refused(t), bool, 30)
    t.kube.kubectl('patch', 'loadbalancerstack', name, '-n', t.namespace, '--subresource=status', '--type=json', '-p', '[{"op": "remove", "path": "/status"}]')
    t.ready(name)
    t.delete(name)
    same('load balancers', t.cloud.load_balancers(t.namespace), [])


def refused(t):
    try:
        t.apply(web('another'), '--dry-run=server')
        return False
    except Exception as error:
        return 'no pool may have this name' in str(error)


def missing(t):
    """The controller does not crash, and is not ready until the CRD exists."""
    t.controller.stop()
    same('stacks left', json.loads(t.kube.kubectl('get', 'loadbalancerstacks', '-A', '-o', 'json'))['items'], [])
    t.kube.kubectl('delete', CRD, '--timeout=300s')
    t.controller.start(ready=False)
    response = eventually('a response of /readyz', lambda: t.controller.get('/readyz'), lambda a: a is not None and 'loadbalancerstacks' in a.text, 30)
    expect(response.status_code != 200, 'ready without its CRD')
    same('healthz', t.controller.get('/healthz').status_code, 200)
    install(t)
    t.controller.wait_ready()
    name = t.apply(web())
    t.ready_and_right(name)
