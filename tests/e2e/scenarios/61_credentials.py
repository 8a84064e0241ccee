"""Credentials missing, wrong, then right: the stack says so each time, wakes by itself, and keeps the Secret it needs."""
import time

from harness.proxy import expired
from harness.scenario import SECRET_FINALIZER, credentials
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['wrong_then_right', 'wrong_meanwhile', 'revoked', 'by_name_and_password', 'namespace_deleted']
WRONG = 'wrong-' + 'x' * 40
# Keystone's no, and what to do.
REFUSED = ('Keystone refuses the credentials of cloud "openstack"', 'POST /v3/auth/tokens: 401',
           'check the Secret of spec.cloudCredentialsRef, and the roles of its user')


def run(t, case):
    globals()[case](t)


def wrong_then_right(t):
    stack = web()
    stack['spec']['cloudCredentialsRef'] = {'secretName': 'mine', 'cloudName': 'openstack'}
    name = t.apply(stack)
    says(t, name, 'CredentialsMissing', 'spec.cloudCredentialsRef', 'Secret mine does not exist', 'make it, with a key clouds.yaml')
    t.told_once(name, 'CredentialsMissing')
    put(t, plain(token='of something else'))
    says(t, name, 'CredentialsInvalid', 'spec.cloudCredentialsRef', 'Secret mine has no key clouds.yaml')
    put(t, plain(**{'clouds.yaml': 'clouds: {other: {}}'}))
    says(t, name, 'CredentialsInvalid', 'spec.cloudCredentialsRef', 'Secret mine', 'clouds.yaml has no cloud "openstack"; it has other')
    put(t, credentials('mine', application_credential_secret=WRONG))
    says(t, name, 'CredentialsInvalid', *REFUSED)
    t.told_once(name, 'CredentialsInvalid')
    put(t, credentials('mine', auth_url='http://127.0.0.1:9/v3'))
    t.shows(name, 'CloudUnreachable', 'cannot reach 127.0.0.1:9', 'POST /v3/auth/tokens')
    same('load balancers so far', t.cloud.load_balancers(t.namespace), [])
    put(t, credentials('mine'))
    t.ready_and_right(name)
    t.told_once(name, 'CloudUnreachable')
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
    says(t, name, 'CredentialsInvalid', *REFUSED)
    t.edit(name, lambda spec: spec['pools'][0]['members'][0].update(weight=7))
    says(t, name, 'CredentialsInvalid', *REFUSED)
    put(t, credentials())
    t.ready_and_right(name)
    same('writes', t.writes_since(since), ['PUT members'])
    put(t, credentials(application_credential_secret=WRONG))
    t.delete(name, wait=False)
    says(t, name, 'CredentialsInvalid', *REFUSED, 'evenkeel.dev/deletion-policy=Orphan')
    t.told_once(name, 'CredentialsInvalid', states=4)   # of the stack, of its edit, once more of the stack, of its deletion
    put(t, credentials())
    eventually('the deletion goes on', lambda: t.stack(name), lambda s: s is None, 90)


def revoked(t):
    """The application credential is deleted in Keystone under a living stack, and another one comes"""
    first = t.cloud.make_application_credential(f'{t.namespace}-first')
    t.access = first
    octavia, = t.behind('octavia')
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    second = t.cloud.make_application_credential(f'{t.namespace}-second')
    since = time.time()
    t.cloud.delete_application_credential(first)
    try:
        # Its tokens went with it. Octavia remembers for five minutes that this one was good.
        octavia.breaks(expired(octavia.asked('GET')[-1].headers['x-auth-token']))
        says(t, name, 'CredentialsInvalid', 'Could not find Application Credential', 'POST /v3/auth/tokens',
             'check the Secret of spec.cloudCredentialsRef')
        t.told_once(name, 'CredentialsInvalid')
        put(t, credentials(proxies=t.proxies, **second))
        t.ready_and_right(name)
        same('writes', t.writes_since(since), [])
    finally:
        put(t, credentials())
        t.cloud.delete_application_credential(second)


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


def says(t, name, reason, *words):
    """Somebody has to do something, and the stack says what."""
    t.stalled(name, 'ResolvedRefs', reason, *words)


def plain(**data):
    return {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'mine'}, 'stringData': data}


def put(t, secret):
    t.kube.apply(secret, namespace=t.namespace)
