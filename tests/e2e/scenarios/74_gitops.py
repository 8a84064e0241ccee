"""Stacks as GitOps tools see them: kstatus (Flux, Helm) and the health check for Argo CD in each state, and the owners of
fields. It alone asks these tools; 98_verdicts asks them about every stack of the run."""
import yaml

from harness import tools
from harness.stacks import web
from harness.tenants import Tenants
from harness.waiting import eventually, expect, same

cases = ['states', 'paused', 'owners', 'argocd', 'clouds']
gate = {'states': ['verdicts of GitOps tools']}
OURS = 'evenkeel'


def run(t, case):
    globals()[case](t)


def states(t):
    """A stack goes through its states, and a pipeline waits, goes on or fails."""
    name = t.apply(web())
    sees(t, name, 'InProgress', 'Progressing')
    t.ready(name)
    sees(t, name, 'Current', 'Healthy')
    t.edit(name, lambda spec: spec['loadBalancer']['vip'].update(qosPolicy={'name': 'no-such-policy'}))
    sees(t, name, 'Failed', 'Degraded')
    expect('no-such-policy' in verdict(t, name)['message'], 'the pipeline does not say why')
    t.edit(name, lambda spec: spec.update(paused=True))
    t.delete(name, wait=False)
    sees(t, name, 'Terminating', 'Progressing')
    expect('paused' in verdict(t, name)['argo']['message'], 'Argo CD does not say that the deletion waits')
    t.patch(name, {'spec': {'paused': False}})


def paused(t):
    """A stack is paused through Git, edited, and continues: no pipeline waits for it."""
    name = t.apply(web())
    t.ready(name)
    for change in (lambda spec: spec.update(paused=True), lambda spec: spec['pools'][0].update(algorithm='SOURCE_IP')):
        t.edit(name, change)
        sees(t, name, 'Current', 'Suspended')
        same('generation of Ready', ready(t, name)['observedGeneration'], 1)
    new = t.apply(web('new', paused=True))
    sees(t, new, 'Current', 'Suspended')
    t.edit(name, lambda spec: spec.update(paused=False))
    t.ready_and_right(name)
    sees(t, name, 'Current', 'Healthy')


def owners(t):
    """Every field that Evenkeel writes to stack, Secret, Lease and Event is its own in `managedFields`."""
    name = t.apply(web())
    t.ready(name)
    everything = {
        'stack': t.stack(name), 'Secret': t.kube.secret(t.namespace, 'openstack'),
        'Lease': t.kube.read('/apis/coordination.k8s.io/v1/namespaces/evenkeel-system/leases/evenkeel'),
        'Event': t.kube.events(t.namespace, name)[0]}
    for kind, thing in everything.items():
        managers = {m['manager'] for m in thing['metadata']['managedFields']}
        expect(OURS in managers, f'{kind}: {managers}')
        expect(managers <= {OURS, 'kubectl-client-side-apply'}, f'{kind}: {managers}')
    finalizers = [m['manager'] for m in everything['stack']['metadata']['managedFields']
                  if 'f:finalizers' in m['fieldsV1'].get('f:metadata', {})]
    same('owners of the finalizer', finalizers, [OURS])


def argocd(t):
    """The health check of each kind gives the verdicts of its own test file."""
    tried = 0
    for folder in sorted(tools.ARGO_CD.iterdir()):
        checks = yaml.safe_load((folder / 'health_test.yaml').read_text())['tests']
        objects = [yaml.safe_load((folder / check['inputPath']).read_text()) for check in checks]
        for check, got in zip(checks, tools.verdicts(objects, folder.name)):
            same(f"{folder.name}: {check['inputPath']}", got['argo'], check['healthStatus'])
        tried += len(checks)
    expect(tried >= 20, 'the test files have not been found')
    t.note = f'{tried} objects'


def clouds(t):
    """A ClusterOpenStackCloud without its Secret fails a pipeline, and goes on with it."""
    shared = Tenants(t)
    try:
        shared.cloud({})
        judged = lambda: tools.verdicts([shared.seen()], 'ClusterOpenStackCloud')[0]    # noqa: E731
        seen = lambda v: (v['kstatus'], v['argo']['status'])    # noqa: E731
        eventually('Failed', judged, lambda v: seen(v) == ('Failed', 'Degraded') and shared.secret in v['message'], 60)
        shared.begin()
        eventually('Current', judged, lambda v: seen(v) == ('Current', 'Healthy'), 60)
    finally:
        shared.end()


def verdict(t, name):
    return tools.verdicts([t.stack(name)])[0]


def sees(t, name, kstatus, argo):
    """Waits for both verdicts about the current spec."""
    eventually(f'{kstatus}, {argo}', lambda: verdict(t, name), lambda v: (v['kstatus'], v['argo']['status']) == (kstatus, argo), 60)


def ready(t, name):
    return next(c for c in t.stack(name)['status']['conditions'] if c['type'] == 'Ready')
