"""kubectl for users: get with its columns, -o wide, explain, describe, wait, the short name, the category. It alone
reads what kubectl prints."""
from harness.stacks import web
from harness.waiting import expect


def run(t):
    name = t.apply(web())
    kubectl = lambda *args: t.kube.kubectl(*args, '-n', t.namespace)    # noqa: E731
    kubectl('wait', '--for=condition=Ready', f'lbstack/{name}', '--timeout=300s')
    lb = t.cloud.load_balancer(t.lb_id(name))
    head, row = kubectl('get', 'lbstack').splitlines()
    for column in ('NAME', 'READY', 'VIP', 'FLOATING', 'PROVISIONING', 'OPERATING', 'AGE'):
        expect(column in head, f'no column {column}: {head}')
    for value in (name, 'True', lb['vip_address'], 'ACTIVE'):
        expect(value in row.split(), f'{value} is not shown: {row}')
    wide = kubectl('get', 'evenkeel', '-o', 'wide')
    for value in ('REASON', 'PROVIDER', 'ID', 'amphora', lb['id']):
        expect(value in wide, f'{value} is not shown: {wide}')
    described = kubectl('describe', 'lbstack', name)
    expect('Creating' in described, f'describe shows no Events: {described[-500:]}')
    for field in ('', '.spec.loadBalancer.vip', '.spec.listeners.tls.hsts', '.spec.pools.healthMonitor.type', '.status.conditions'):
        text = t.kube.kubectl('explain', f'loadbalancerstack{field}')
        expect('DESCRIPTION' in text and '<no description>' not in text.lower(), f'explain {field} says nothing: {text}')
