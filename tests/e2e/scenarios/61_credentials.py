"""Credentials missing, wrong, then right: the stack says so each time, wakes by itself, and keeps the Secret it needs."""
import time

from harness.scenario import SECRET_FINALIZER, credentials
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['wrong_then_right', 'wrong_meanwhile', 'by_name_and_password', 'namespace_deleted']
WRONG = 'wrong-' + 'x' * 40


def run(t, case):
    globals()[case](t)


def wrong_then_right(t):
    stack = web()
    stack['spec']['cloudCredentialsRef'] = {'secretName': 'mine', 'cloudName': 'openstack'}
    name = t.apply(stack)
    t.condition(name, 'ResolvedRefs', 'False', saying='mine')
    t.condition(name, 'Stalled', 'True')
    put(t, {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'mine'}, 'stringData': {'clouds.yaml': 'clouds: {other: {}}'}})
    t.condition(name, 'Ready', 'False', saying='openstack')
    put(t, credentials('mine', application_credential_secret=WRONG))
    t.condition(name, 'Ready', 'False', reason='CredentialsInvalid')
    put(t, credentials('mine', auth_url='http://127.0.0.1:9/v3'))
    t.condition(name, 'Ready', 'False', reason='CloudUnreachable', saying='127.0.0.1:9')
    same('load balancers so far', t.cloud.load_balancers(t.namespace), [])
    put(t, credentials('mine'))
    t.ready_and_right(name)
    # the Secret stays while the stack needs it
    t.kube.kubectl('delete', 'secret', 'mine', '-n', t.namespace, '--wait=false')
    expect(SECRET_FINALIZER in t.kube.secret(t.namespace, 'mine')['metadata']['finalizers'], 'the Secret has no finalizer of ours')
    t.delete(name)
    eventually('the Secret goes after the stack', lambda: t.kube.secret(t.namespace, 'mine'), lambda s: s is None, 90)


def wrong_meanwhile(t):
    """They become wrong under a living stack, and once more while it is deleted; right again, both go on"""
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    since = time.time()
    put(t, credentials(application_credential_secret=WRONG))
    t.shows(name, 'CredentialsInvalid', 'spec.cloudCredentialsRef')
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
    t.shows(name, 'CredentialsInvalid', 'spec.cloudCredentialsRef')
    put(t, credentials())
    t.ready_and_right(name)
    same('writes', t.writes_since(since), ['PUT members'])
    put(t, credentials(application_credential_secret=WRONG))
    t.delete(name, wait=False)
    t.shows(name, 'CredentialsInvalid', 'evenkeel.dev/deletion-policy=Orphan')
    t.told_once(name, 'CredentialsInvalid', states=4)   # of the stack, of its edit, once more of the stack, of its deletion
    put(t, credentials())
    eventually('the deletion goes on', lambda: t.stack(name), lambda s: s is None, 90)


def by_name_and_password(t):
    """The other ways that clouds.yaml knows: an application credential by name, a user and password."""
    for cloud in ('by-name', 'demo'):
        put(t, credentials(cloud, cloud))
        stack = web(cloud)
        stack['spec']['cloudCredentialsRef']['secretName'] = cloud
        t.apply(stack)
    for name in ('by-name', 'demo'):
        t.ready_and_right(name)


def namespace_deleted(t):
    """A namespace deletes its Secrets first; the stack's outlives it long enough."""
    name = t.apply(web(load_balancer={'floatingIP': {'allocate': {'network': {'name': 'public'}}}}))
    t.ready_and_right(name)
    t.kube.kubectl('delete', 'namespace', t.namespace, '--timeout', '300s')


def put(t, secret):
    t.kube.apply(secret, namespace=t.namespace)
