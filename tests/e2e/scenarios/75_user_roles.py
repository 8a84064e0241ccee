"""Service accounts of tenants: one bound to `edit` applies a stack, one bound to `view` reads it, and neither writes its
status nor reaches another namespace. It alone uses the roles of users, which the cluster aggregates."""
import json

from harness.kube import Rejected
from harness.stacks import web
from harness.waiting import eventually, expect, same


def run(t):
    tenant, reader = account(t, 'tenant', 'edit'), account(t, 'reader', 'view')
    eventually('edit includes stacks', lambda: may(t, tenant, 'create'), bool, 30)
    eventually('view includes stacks', lambda: may(t, reader, 'list'), bool, 30)
    stack = web()
    name = t.apply(stack, '--as', tenant)
    t.ready_and_right(name)
    read = json.loads(t.kube.kubectl('get', 'lbstack', name, '-n', t.namespace, '-o', 'json', '--as', reader))
    same('load balancer that the reader sees', read['status']['loadBalancer']['id'], t.lb_id(name))
    status = json.dumps({'status': {'loadBalancer': {'id': '00000000-0000-0000-0000-000000000000'}}})
    for user in (tenant, reader):
        forbidden(t, user, 'patch', 'lbstack', name, '--subresource=status', '--type=merge', '-p', status)
        expect(not may(t, user, 'list', namespace='evenkeel-system'), f'{user} sees another namespace')
        for verb in ('patch', 'update'):
            expect(not may(t, user, verb, '--subresource=status'), f'{user} may {verb} the status')
    forbidden(t, reader, 'patch', 'lbstack', name, '--type=merge', '-p', '{"spec": {"paused": true}}')
    forbidden(t, reader, 'delete', 'lbstack', name)
    t.kube.kubectl('delete', 'lbstack', name, '-n', t.namespace, '--as', tenant)


def account(t, name, role):
    """The user name of a new service account that is bound to a role of the cluster."""
    t.kube.kubectl('create', 'serviceaccount', name, '-n', t.namespace)
    t.kube.kubectl('create', 'rolebinding', name, '-n', t.namespace, f'--clusterrole={role}', f'--serviceaccount={t.namespace}:{name}')
    return f'system:serviceaccount:{t.namespace}:{name}'


def may(t, user, verb, *options, namespace=None):
    try:
        return t.kube.kubectl('auth', 'can-i', verb, 'loadbalancerstacks.evenkeel.dev', '-n', namespace or t.namespace, '--as', user, *options).strip() == 'yes'
    except Rejected:
        return False


def forbidden(t, user, *args):
    t.rejected(lambda: t.kube.kubectl(*args, '-n', t.namespace, '--as', user), 'forbidden')
