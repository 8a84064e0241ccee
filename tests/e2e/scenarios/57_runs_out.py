"""What a project has too little of: the stack says of what, how much is missing, and goes on by itself when there is more."""
import time

from harness import operator
from harness.project import Project
from harness.scenario import credentials
from harness.stacks import listener, pool, stack, web
from harness.waiting import eventually, same

cases = ['quotas', 'addresses', 'floating_ips', 'queue']
# What each quota stops, with its words: (quota, noun, needed by `everything`).
KINDS = {'load_balancer': ('load balancer', 1), 'listener': ('listener', 1), 'pool': ('pool', 1), 'member': ('member', 2),
         'health_monitor': ('health monitor', 1)}


def run(t, case):
    globals()[case](t)


def here(project, **load_balancer):
    return {'vip': {'subnet': {'name': project.name}}, **load_balancer}


def quotas(t):
    """The quota of each kind is met, then raised"""
    projects = {}
    try:
        for kind in KINDS:
            projects[kind] = project = Project()
            project.limit(**{kind: 0})
            name = kind.replace('_', '-')
            t.kube.apply(credentials(name, 'demo', **project.auth), namespace=t.namespace)
            document = web(name, load_balancer=here(project))
            document['spec']['cloudCredentialsRef']['secretName'] = name
            t.apply(document)
        for kind, (noun, needs) in KINDS.items():
            t.shows(kind.replace('_', '-'), 'QuotaExceeded', f'{noun} 0 of 0 used, {needs} more needed', 'ask the operator of the cloud to raise it')
        for kind, project in projects.items():
            t.told_once(kind.replace('_', '-'), 'QuotaExceeded')
            project.limit()
        for kind, project in projects.items():
            t.ready(kind.replace('_', '-'))
            same(f'load balancers with the quota of {kind} raised', len(project.cloud.load_balancers(t.namespace)), 1)
            t.delete(kind.replace('_', '-'), wait=False)
        for kind, project in projects.items():
            eventually('nothing is left', lambda: project.cloud.load_balancers(t.namespace), lambda left: not left, 90)
        t.note = 'QuotaExceeded with kind, use, limit and need, told once; Ready by itself within a minute'
    finally:
        for name in t.kube.stacks(t.namespace):
            t.kube.kubectl('delete', 'loadbalancerstack', name['metadata']['name'], '-n', t.namespace, '--timeout=300s')
        for project in projects.values():
            project.remove()


def addresses(t):
    """A subnet has no address left, until somebody gives one back"""
    project = t.own_project(addresses='10.30.0.0/24', pool=('10.30.0.10', '10.30.0.10'))
    port = project.cloud.make_port(project.name, name='holds the only address')
    name = t.apply(web(load_balancer=here(project)))
    t.shows(name, 'QuotaExceeded', 'No more IP addresses available')
    time.sleep(5)
    project.cloud.delete_port(port['id'])
    # VRRP ports need addresses too
    project.admin.neutron.update_subnet(project.subnet, allocation_pools=[{'start': '10.30.0.10', 'end': '10.30.0.20'}])
    t.ready_and_right(name)
    t.told_once(name, 'QuotaExceeded')
    same('creates', t.creates(), 1)


def floating_ips(t):
    """The project's floating IPs are used up: the load balancer is made and serves, the floating IP follows"""
    project = t.own_project()
    project.limit_floating_ips(0)
    name = t.apply(web(load_balancer=here(project, floatingIP={'allocate': {'network': {'name': 'public'}}})))
    t.shows(name, 'QuotaExceeded', 'floatingip', 'POST /v2.0/floatingips')
    project.limit_floating_ips(1)
    t.ready_and_right(name)
    t.told_once(name, 'QuotaExceeded')
    same('creates', t.creates(), 1)


def queue(t):
    """Eight creates queue on a project's quota row, which somebody holds for 15 seconds"""
    project = t.own_project()
    project.limit()
    names = [f'web-{n}' for n in range(8)]
    with operator.quota_row_held(project.id):
        for name in names:
            t.apply(stack(name, [listener('http', 80, defaultPool='web')], [pool('web')], here(project)))
        time.sleep(15)
    for name in names:
        t.ready_and_right(name)
        same(f'load balancers of {name}', len(t.cloud.load_balancers(t.namespace, name)), 1)
    same('creates', t.creates(), 8)
