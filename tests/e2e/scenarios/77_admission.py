"""The policies of deploy/policies hold in the namespaces that they name, and the controller still deletes a stack that is older
than they are. It alone applies admission policies and a quota for stacks."""
import yaml

from harness import config
from harness.kube import Rejected
from harness.stacks import web
from harness.waiting import eventually, expect

POLICIES = config.ROOT / 'deploy/policies'
cases = ['policies', 'quota']


def run(t, case):
    globals()[case](t)


def policies(t):
    """Each policy denies a stack for its own reason, and one that keeps to all of them becomes Ready."""
    older = t.apply(web('older'))
    t.ready(older)
    objects = [d for name in kustomized() for d in yaml.safe_load_all((POLICIES / name).read_text())]
    for one in objects:                     # under other names, and for the namespace of this scenario only
        one['metadata']['name'] += f'-{t.namespace}'
        if one['kind'].endswith('Binding'):
            one['spec']['policyName'] += f'-{t.namespace}'
    try:
        t.kube.kubectl('label', 'namespace', t.namespace, 'evenkeel.dev/policies=enforced')
        t.kube.apply(*objects, namespace=t.namespace)
        denied = {
            'provider must be amphora': stack('web-dev', lambda spec: spec['loadBalancer'].pop('provider')),
            'floatingIP is not allowed': stack('web-dev', lambda spec: spec['loadBalancer'].update(floatingIP={'allocate': {'network': {'name': 'public'}}})),
            '6 listeners; this namespace allows 5': stack('web-dev', lambda spec: spec.update(
                listeners=[{'name': f'l{n}', 'protocol': 'HTTP', 'port': 80 + n, 'defaultPool': 'web'} for n in range(6)])),
            'must end with -dev, -test or -prod': stack('web')}
        for words, wrong in denied.items():
            eventually(f'denied: {words}', lambda: denial(t, wrong), lambda got: words in got, 30)
        name = t.apply(stack('web-dev'))
        t.ready_and_right(name)
        t.rejected(lambda: t.edit(name, lambda spec: spec['loadBalancer'].update(floatingIP={'allocate': {'network': {'name': 'public'}}})), 'is not allowed')
        # its name is not allowed any more
        t.delete(older)
    finally:
        t.kube.kubectl('delete', '-f', '-', '--ignore-not-found', stdin=yaml.safe_dump_all(objects))
    t.note = f'{len(denied)} denials'


def quota(t):
    """One stack more than the quota is denied, and taken once another one is gone."""
    limit = yaml.safe_load((POLICIES / 'resource-quota.yaml').read_text())
    limit['spec']['hard'] = {name: '1' for name in limit['spec']['hard']}
    t.kube.apply(limit, namespace=t.namespace)
    read = f'/api/v1/namespaces/{t.namespace}/resourcequotas/evenkeel'
    eventually('the quota is counted', lambda: t.kube.read(read).get('status', {}).get('used'), bool, 30)
    first = t.apply(stack('first', lambda spec: spec.update(paused=True)))
    second = stack('second', lambda spec: spec.update(paused=True))
    expect('exceeded quota' in eventually('denied', lambda: denial(t, second), bool, 30), 'denied for another reason')
    t.delete(first)
    eventually('the second is taken', lambda: not denial(t, second), bool, 60)


def kustomized():
    return yaml.safe_load((POLICIES / 'kustomization.yaml').read_text())['resources']


def stack(name, change=lambda spec: None):
    """A stack that keeps to every policy, changed."""
    made = web(name)
    made['spec']['loadBalancer']['provider'] = 'amphora'
    change(made['spec'])
    return made


def denial(t, wrong):
    """The message of the API server about a stack; empty if it takes it."""
    try:
        t.apply(wrong, '--dry-run=server')
        return ''
    except Rejected as rejection:
        return str(rejection)
