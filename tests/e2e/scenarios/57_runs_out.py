"""Exhausted quotas and addresses: the stack names the resource and the missing amount, and continues by itself when
there is room. It alone exhausts them, and makes creates queue in Octavia's database."""
import json
import time
from concurrent.futures import ThreadPoolExecutor

from harness import operator
from harness.credentials import credentials
from harness.stacks import listener, member, pool, stack, web
from harness.waiting import eventually, expect, pause, same

cases = ['quotas', 'l7', 'addresses', 'floating_ips', 'queue', 'crowd']
# The effect of each quota, with its words: (noun, number that `web` needs).
KINDS = {'load_balancer': ('load balancer', 1), 'listener': ('listener', 1), 'pool': ('pool', 1), 'member': ('member', 2),
         'health_monitor': ('health monitor', 1)}


def run(t, case):
    globals()[case](t)


def here(project, **load_balancer):
    return {'vip': {'subnet': {'name': project.name}}, **load_balancer}


def apply_in(t, project, name):
    """Applies a stack with a Secret of its own that leads to the project."""
    t.kube.apply(credentials(name, 'demo', **project.auth), namespace=t.namespace)
    document = web(name, load_balancer=here(project))
    document['spec']['cloudCredentialsRef']['secretName'] = name
    t.apply(document)


def quotas(t):
    """The quota of each kind is exhausted, then raised. An existing stack exceeds the quota of members, and one is deleted
    while its quota is exhausted"""
    living = t.new_project()
    apply_in(t, living, 'living')
    projects = {kind.replace('_', '-'): t.new_project() for kind in KINDS}
    for (kind, _), (name, project) in zip(KINDS.items(), projects.items()):
        project.limit(**{kind: 0})
        apply_in(t, project, name)
    t.ready_and_right('living', cloud=living.cloud)
    living.limit(member=2)
    t.edit('living', lambda spec: spec['pools'][0]['members'].append(member(12)))
    for name, (noun, needs) in zip(projects, KINDS.values()):
        t.shows(name, 'QuotaExceeded', f'{noun} 0 of 0 used, {needs} more needed', 'ask the operator of the cloud to raise it')
    t.shows('living', 'QuotaExceeded', 'Quota has been met for resources: Member', '/members: 403')
    t.condition('living', 'Reconciling', 'True', reason='QuotaExceeded')
    never_created(t, projects['load-balancer'])
    for project in (living, *projects.values()):
        project.limit()
    t.ready_and_right('living', cloud=living.cloud)
    for name, project in projects.items():
        t.ready_and_right(name, cloud=project.cloud)
        same(f'load balancers with the quota of {name} raised', len(project.cloud.load_balancers(t.namespace)), 1)
    for name in ('living', *projects):
        t.reported_once(name, 'QuotaExceeded')
    t.note = 'QuotaExceeded with kind, use, limit and need, reported once; Ready by itself within a minute'


def never_created(t, project):
    """A stack that waits for quota can be deleted at once."""
    apply_in(t, project, 'never-created')
    t.shows('never-created', 'QuotaExceeded', 'load balancer 0 of 0 used, 1 more needed')
    started = time.monotonic()
    t.delete('never-created')
    took = time.monotonic() - started
    expect(took < 20, f'deleted after {took:.0f} s only')


def l7(t):
    """An edit exceeds the quotas of L7 policies and of L7 rules, which are then raised"""
    project = t.own_project()
    policy = {'name': 'private', 'action': 'REJECT', 'rules': [{'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': '/private'}]}
    rule = {'type': 'HOST_NAME', 'compareType': 'EQUAL_TO', 'value': 'shop.example'}
    for name, policies in (('policy', []), ('rule', [policy])):
        t.apply(stack(name, [listener('http', 80, defaultPool='web', l7Policies=policies)], [pool('web')], here(project)))
    for name in ('policy', 'rule'):
        t.ready_and_right(name)
    project.limit(l7policy=0, l7rule=0)
    t.edit('policy', lambda spec: spec['listeners'][0].update(l7Policies=[policy]))
    t.edit('rule', lambda spec: spec['listeners'][0]['l7Policies'][0]['rules'].append(rule))
    t.shows('policy', 'QuotaExceeded', 'Quota has been met for resources: L7 Policy', 'POST /v2/lbaas/l7policies: 403')
    t.shows('rule', 'QuotaExceeded', 'Quota has been met for resources: L7 Rule', 'POST /v2/lbaas/l7policies/', '/rules: 403')
    project.limit()
    for name in ('policy', 'rule'):
        t.ready_and_right(name)
        t.reported_once(name, 'QuotaExceeded')
    same('creates', t.creates(), 2)
    t.note = "QuotaExceeded with Octavia's words, reported once; Ready by itself within a minute"


def addresses(t):
    """A subnet has no address left, until another client releases one"""
    project = t.own_project(addresses='10.30.0.0/24', pool=('10.30.0.10', '10.30.0.10'))
    port = project.cloud.make_port(project.name, name='holds the only address')
    name = t.apply(web(load_balancer=here(project)))
    t.shows(name, 'QuotaExceeded', 'No more IP addresses available')
    pause(5)
    project.cloud.delete_port(port['id'])
    # VRRP ports need addresses too
    project.admin.neutron.update_subnet(project.subnet, allocation_pools=[{'start': '10.30.0.10', 'end': '10.30.0.20'}])
    t.ready_and_right(name)
    t.reported_once(name, 'QuotaExceeded')
    same('creates', t.creates(), 1)


def floating_ips(t):
    """The project's floating IPs are used up: the load balancer is created and serves, the floating IP follows"""
    project = t.own_project()
    project.limit_floating_ips(0)
    name = t.apply(web(load_balancer=here(project, floatingIP={'allocate': {'network': {'name': 'public'}}})))
    t.shows(name, 'QuotaExceeded', 'floatingip', 'POST /v2.0/floatingips')
    project.limit_floating_ips(1)
    t.ready_and_right(name)
    t.reported_once(name, 'QuotaExceeded')
    same('creates', t.creates(), 1)


def queue(t):
    """Eight creates queue on a project's quota row, which another client holds for 15 seconds"""
    project = t.own_project()
    octavia, = t.behind('octavia')
    project.limit()
    names = [f'web-{n}' for n in range(8)]
    with operator.quota_row_held(project.id):
        for name in names:
            t.apply(stack(name, [listener('http', 80, defaultPool='web')], [pool('web')], here(project)))
        pause(15)
        # Two of a project at a time (src/openstack/quota.rs), and no third one has arrived meanwhile.
        waiting = octavia.requests('POST', '/loadbalancers$')
        same('responses to the creates that were sent', [e.response for e in waiting], [None, None])
        sent = [json.loads(e.body)['loadbalancer']['name'] for e in waiting]
        for name in names:
            if f'{t.namespace}/{name}' not in sent:
                t.shows(name, 'Queued', 'other writes that take quota of this project are in flight', timeout=20)
                t.condition(name, 'Reconciling', 'True', reason='Queued')
        same('load balancers while the row is held', t.cloud.load_balancers(t.namespace), [])
        same('creates that were sent', len(octavia.requests('POST', '/loadbalancers$')), 2)
    for name in names:
        t.ready_and_right(name)
        same(f'load balancers of {name}', len(t.cloud.load_balancers(t.namespace, name)), 1)
    same('creates', t.creates(), 8)
    same('Events about waiting for a turn', [event for event in t.events() if event[1] == 'Queued'], [])
    t.note = f'{len(waiting)} creates with Octavia while the row was held, the others reported Queued'


def crowd(t):
    """Creates of other clients queue on the project's quota row beside a stack's: the result is one load balancer"""
    project = t.own_project()
    octavia, = t.behind('octavia')
    project.limit()
    same('load balancers at first', project.cloud.all('loadbalancers'), [])
    body = {'loadbalancer': {'name': 'of another client', 'vip_subnet_id': project.subnet.id}}
    # Four: with the stack's own, five of the eight threads of the lab's Octavia API wait for the row.
    with ThreadPoolExecutor(4) as others:
        with operator.quota_row_held(project.id):
            futures = [others.submit(project.cloud.write, 'POST', 'loadbalancers', body) for _ in range(4)]
            name = t.apply(web(load_balancer=here(project)))
            eventually('the create is on its way', lambda: octavia.requests('POST', '/loadbalancers$'), bool, 60)
            pause(3)
            same('load balancers while the row is held', project.cloud.all('loadbalancers'), [])
        bare = [future.result()['loadbalancer']['id'] for future in futures]
        try:
            t.ready_and_right(name)
            same('load balancers', len(t.cloud.load_balancers(t.namespace)), 1)
            same('creates that were sent', len(octavia.requests('POST', '/loadbalancers$')), 1)
        finally:
            list(others.map(project.cloud.delete_load_balancer, bare))
