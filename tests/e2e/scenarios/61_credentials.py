"""Credentials are missing, wrong, then right: the stack reports each, retries by itself, and keeps the Secret that it
needs. It alone logs in to a genuine Keystone with wrong, revoked and differently written credentials."""
import json
import time

import yaml
from harness import openstacksdk
from harness.certificates import PEM
from harness.credentials import credentials
from harness.proxy import expired
from harness.scenario import SECRET_FINALIZER
from harness.stacks import web
from harness.tls import Front, self_signed
from harness.waiting import eventually, expect, same

cases = ['wrong_then_right', 'wrong_meanwhile', 'revoked', 'by_name_and_password', 'spellings', 'like_openstacksdk', 'untrusted',
         'namespace_deleted']
WRONG = 'wrong-' + 'x' * 40
# Keystone's rejection, and the remedy.
REFUSED = ('Keystone rejects the credentials of cloud "openstack"', 'POST /v3/auth/tokens: 401',
           'check the Secret of spec.cloudCredentialsRef, and the roles of its user')


def run(t, case):
    globals()[case](t)


def wrong_then_right(t):
    stack = web()
    stack['spec']['cloudCredentialsRef'] = {'secretName': 'mine', 'cloudName': 'openstack'}
    name = t.apply(stack)
    says(t, name, 'CredentialsMissing', 'spec.cloudCredentialsRef', 'Secret mine does not exist', 'make it, with a key clouds.yaml')
    t.reported_once(name, 'CredentialsMissing')
    put(t, plain(token='of something else'))
    says(t, name, 'CredentialsInvalid', 'spec.cloudCredentialsRef', 'Secret mine has no key clouds.yaml')
    put(t, plain(**{'clouds.yaml': 'clouds: {other: {}}'}))
    says(t, name, 'CredentialsInvalid', 'spec.cloudCredentialsRef', 'Secret mine', 'clouds.yaml has no cloud "openstack"; it has other')
    put(t, credentials('mine', application_credential_secret=WRONG))
    says(t, name, 'CredentialsInvalid', *REFUSED)
    t.reported_once(name, 'CredentialsInvalid')
    put(t, credentials('mine', auth_url='http://127.0.0.1:9/v3'))
    t.shows(name, 'CloudUnreachable', 'cannot reach 127.0.0.1:9', 'POST /v3/auth/tokens')
    same('load balancers so far', t.cloud.load_balancers(t.namespace), [])
    put(t, credentials('mine'))
    t.ready_and_right(name)
    t.reported_once(name, 'CloudUnreachable')
    # the Secret stays while the stack needs it
    t.kube.kubectl('delete', 'secret', 'mine', '-n', t.namespace, '--wait=false')
    expect(SECRET_FINALIZER in t.kube.secret(t.namespace, 'mine')['metadata']['finalizers'], 'the Secret lacks the finalizer')
    t.delete(name)
    eventually('the Secret is deleted after the stack', lambda: t.kube.secret(t.namespace, 'mine'), lambda s: s is None, 90)


def wrong_meanwhile(t):
    """They become wrong for an existing stack, and once more during its deletion; corrected, both continue"""
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
    t.reported_once(name, 'CredentialsInvalid', states=4)   # of the stack, of its edit, once more of the stack, of its deletion
    put(t, credentials())
    eventually('the deletion ends', lambda: t.stack(name), lambda s: s is None, 90)


def revoked(t):
    """The application credential of an existing stack is deleted in Keystone, and replaced"""
    first = t.cloud.make_application_credential(f'{t.namespace}-first')
    t.access = first
    octavia, = t.behind('octavia')
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    second = t.cloud.make_application_credential(f'{t.namespace}-second')
    since = time.time()
    t.cloud.delete_application_credential(first)
    try:
        # Its tokens are revoked too. Octavia caches this one as valid for five minutes.
        octavia.inject(expired(octavia.requests('GET')[-1].headers['x-auth-token']))
        says(t, name, 'CredentialsInvalid', 'Could not find Application Credential', 'POST /v3/auth/tokens',
             'check the Secret of spec.cloudCredentialsRef')
        t.reported_once(name, 'CredentialsInvalid')
        put(t, credentials(proxies=t.proxies, **second))
        t.ready_and_right(name)
        same('writes', t.writes_since(since), [])
    finally:
        put(t, credentials())
        t.cloud.delete_application_credential(second)


def by_name_and_password(t):
    """Other forms of clouds.yaml: an application credential by name, a user and password."""
    for cloud in ('by-name', 'demo'):
        put(t, credentials(cloud, cloud))
        stack = web(cloud)
        stack['spec']['cloudCredentialsRef']['secretName'] = cloud
        t.apply(stack)
    for name in ('by-name', 'demo'):
        t.ready_and_right(name)


def spellings(t):
    """Forms of clouds.yaml that openstacksdk reads, against the genuine Keystone; an unsupported key is named."""
    entry = yaml.safe_load(credentials(cloud='demo')['stringData']['clouds.yaml'])['clouds']['openstack']
    entry.pop('auth_type')
    auth = entry.pop('auth')
    login = {key: auth[key] for key in ('auth_url', 'username', 'password')}
    scope = {key: auth[key] for key in ('project_name', 'user_domain_id', 'project_domain_id')}
    forms = {
        'beside': {**entry, 'auth': login, **scope},
        'toplevel': {**entry, **auth},
        'hyphens': {**entry, 'auth': {key.replace('_', '-'): value for key, value in auth.items()}},
        'default-domain': {**entry, 'auth': {**login, 'project_name': auth['project_name'], 'default_domain': 'default'}},
        'regions': {**entry, 'auth': auth, 'region_name': None, 'regions': [entry['region_name'], 'RegionTwo']},
    }
    refused = {
        'trust-id': ({**entry, 'auth': {**login, 'trust_id': 'x', 'user_domain_id': 'default'}}, 'has trust_id'),
        'system-scope': ({**entry, 'auth': {**auth, 'system_scope': 'all'}}, 'has system_scope'),
        'websso': ({**entry, 'auth_type': 'v3websso', 'auth': auth}, 'has auth_type "v3websso"'),
        'profile': ({**entry, 'profile': 'vexxhost', 'auth': auth}, 'has profile'),
    }
    # No stack uses these.
    neighbours = {'broken': {'auth': 'text', 'regions': 7}, 'empty': None}
    for name, form in {**forms, **{name: form for name, (form, _) in refused.items()}}.items():
        observed(t, name, {'clouds.yaml': yaml.safe_dump({'clouds': {**neighbours, 'openstack': form}})})
    for name in forms:
        t.ready(name)
    for name, (_, words) in refused.items():
        says(t, name, 'CredentialsInvalid', words)


def like_openstacksdk(t):
    """openstacksdk reads the files of tests/clouds_yaml as recorded there, which Evenkeel's own tests rely on"""
    recorded = json.loads(openstacksdk.RECORDED.read_text())
    same('readings', openstacksdk.readings(), recorded)
    t.note = f'{len(recorded)} files'


def untrusted(t):
    """An untrusted certificate of Keystone is reported as such; the right CA is accepted, even with a byte order mark"""
    authority = t.certificates.ca.public_bytes(PEM).decode()
    right, own = Front('keystone', *t.certificates.files('localhost')), self_signed('localhost')
    wrong = Front('keystone', *own)
    own = own[0].read_text()
    try:
        observed(t, 'byte-order-mark', {**over_tls(right), 'cacert': '\ufeff' + authority})
        faults = {
            'no-ca': (right, {}, 'none of the usual authorities has signed it'),
            'wrong-ca': (right, {'cacert': own}, 'neither the usual authorities nor those of cacert have signed it'),
            'self-signed': (wrong, {'cacert': own}, "the server shows a CA's certificate as its own"),
            'trusted': (right, {'cacert': authority.replace(' CERT', ' TRUSTED CERT')}, 'cacert has a TRUSTED CERTIFICATE'),
            'damaged': (right, {'cacert': authority + '-----BEGIN CERTIFICATE-----\n'}, 'certificate 2 of cacert is damaged'),
        }
        for name, (front, cacert, _) in faults.items():
            observed(t, name, {**over_tls(front), **cacert})
        for name, (front, _, words) in faults.items():
            says(t, name, 'CredentialsInvalid', words)
            t.reported_once(name, 'CredentialsInvalid')
        t.ready('byte-order-mark')
        put(t, {**plain(**over_tls(right), cacert=authority), 'metadata': {'name': 'wrong-ca'}})
        t.ready('wrong-ca')
        for name in [*faults, 'byte-order-mark']:
            t.delete(name)
    finally:
        right.close()
        wrong.close()


def over_tls(front):
    return {'clouds.yaml': credentials(auth_url=f'{front.url}/v3')['stringData']['clouds.yaml']}


def observed(t, name, data):
    """Applies an observed stack with a Secret of its own: it is Ready once the cloud can be read."""
    put(t, {**plain(**data), 'metadata': {'name': name}})
    stack = web(name, managementPolicy='Observe')
    stack['spec']['cloudCredentialsRef']['secretName'] = name
    t.apply(stack)


def namespace_deleted(t):
    """A deleted namespace deletes its Secrets first; the stack's Secret outlives the stack."""
    name = t.apply(web(load_balancer={'floatingIP': {'allocate': {'network': {'name': 'public'}}}}))
    t.ready_and_right(name)
    t.kube.kubectl('delete', 'namespace', t.namespace, '--timeout', '300s')


def says(t, name, reason, *words):
    """Checks that the stack is stalled and reports the cause."""
    t.stalled(name, 'ResolvedRefs', reason, *words)


def plain(**data):
    return {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'mine'}, 'stringData': data}


def put(t, secret):
    t.kube.apply(secret, namespace=t.namespace)
