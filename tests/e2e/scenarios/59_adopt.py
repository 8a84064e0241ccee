"""Load balancers that other clients made: `evenkeel export` describes them, a stack takes them by writing tags, and each that
cannot be taken is rejected with its reason. It alone lets stacks take load balancers that Evenkeel did not create."""
import json
import re
import subprocess
import time
from collections import Counter

import yaml

from harness import operator
from harness.by_hand import Hand, made, make, states_apart
from harness.command_line import evenkeel, plan
from harness.scenario import CLUSTER
from harness.stacks import web
from harness.waiting import expect, same

# Sixty random load balancers.
EXPORTED, TOGETHER = 60, 20
cases = ['rejected', 'tools', *(f'exported-{first}-{first + TOGETHER - 1}' for first in range(1, EXPORTED, TOGETHER))]
SERVICE = 'kube_service_kubernetes_shop_web'
WEB = {
    'name': 'by-hand', 'tags': ['prod'],
    'listeners': [{'name': 'http', 'protocol': 'HTTP', 'protocol_port': 80, 'default_pool': {'name': 'web'}}],
    'pools': [{'name': 'web', 'protocol': 'HTTP', 'lb_algorithm': 'ROUND_ROBIN',
               'healthmonitor': {'name': 'web', 'type': 'HTTP', 'delay': 5, 'timeout': 3, 'max_retries': 3},
               'members': [{'address': f'10.20.0.{last}', 'protocol_port': 8080} for last in (10, 11)]}],
}


def run(t, case):
    kind, *seeds = case.split('-')
    {'rejected': rejected, 'tools': tools, 'exported': exported}[kind](t, *map(int, seeds))


def adopting(name='web', load_balancer=None, /, **adopt):
    """The stack that is equal to `WEB`."""
    return web(name, adopt=adopt, load_balancer={'name': 'by-hand', 'tags': ['prod'], **(load_balancer or {})})


def rejected(t):
    """A load balancer that is missing, ambiguous, of another owner, shared, in another project, different or in ERROR is not
    adopted, and none is created in its place; one that is locked is adopted afterwards"""
    project = t.new_project()
    foreign = make(project.cloud, {'name': 'elsewhere'}, subnet=project.name)
    shared = {**WEB, 'name': 'shared', 'tags': [SERVICE], 'listeners': [{**WEB['listeners'][0], 'tags': [SERVICE + '2']}]}
    try:
        with made(t, WEB, {**WEB, 'name': 'twice'}, {**WEB, 'name': 'twice'}, shared) as (lb_id, one, other, of_services):
            owner = t.apply(web('owner'))
            uid = t.ready_and_right(owner)['metadata']['uid']
            since = time.time()
            ways = [
                ('ReferenceNotFound', {'name': f'{t.namespace}-none'}, ('spec.adopt', 'remove spec.adopt')),
                ('ReferenceAmbiguous', {'name': 'twice'}, (one, other)),
                ('OwnershipConflict', {'id': t.lb_id(owner)}, (f'{CLUSTER}/{uid}', 'fromOwner')),
                ('OwnershipConflict', {'id': t.lb_id(owner), 'fromOwner': SERVICE}, (f'{CLUSTER}/{uid}', f'not to {SERVICE}')),
                ('OwnershipConflict', {'id': of_services, 'fromOwner': SERVICE}, ('share', SERVICE + '2')),
                ('ReferenceUnusable', {'id': foreign}, ('another project',)),
            ]
            for number, (reason, adopt, words) in enumerate(ways):
                t.apply(adopting(f'way-{number}', **adopt))
                t.shows(f'way-{number}', reason, *words)
                t.condition(f'way-{number}', 'Stalled', 'True', reason=reason)
            t.apply(adopting('different', {'vip': {'subnet': {'name': 'tenant-v4b'}}}, id=lb_id))
            t.shows('different', 'ImmutableField', 'is not adopted', 'spec.loadBalancer.vip.subnet')
            operator.set_state(lb_id, 'ERROR')
            t.apply(adopting(id=lb_id))
            t.shows('web', 'LoadBalancerError', lb_id, 'failover')
            operator.set_state(lb_id, 'PENDING_UPDATE')
            t.shows('web', 'Locked', 'adopts it after that')
            same('writes', t.writes_since(since), [])
            operator.set_state(lb_id, 'ACTIVE')
            t.ready_and_right('web')
            same('load balancer', t.lb_id('web'), lb_id)
            same('creates', t.creates(), 1)     # that of the owner
            t.note = f'{len(ways) + 3} reasons, nothing written'
    finally:
        project.cloud.delete_load_balancer(foreign)


def tools(t):
    """Load balancers as the documentation of Terraform and of the OpenStack cloud provider makes them are exported and adopted"""
    with made(t, {'name': 'terraform'}, {'name': SERVICE, 'tags': [SERVICE], 'description': 'Kubernetes external service shop/web'}) as ids:
        terraform(t, ids[0])
        of_service(t, ids[1])
        for lb_id in ids:
            adopt_exported(t, lb_id)
        t.note = 'tags and nothing else'


def terraform(t, lb_id):
    """Makes the resources of the examples of openstack_lb_*_v2, one call each as Terraform does."""
    front = part(t, lb_id, 'listeners', 'listener', protocol='HTTP', protocol_port=8080, insert_headers={'X-Forwarded-For': 'true'})
    back = part(t, lb_id, 'pools', 'pool', protocol='HTTP', lb_algorithm='ROUND_ROBIN', listener_id=front,
                session_persistence={'type': 'APP_COOKIE', 'cookie_name': 'testCookie'})
    part(t, lb_id, f'pools/{back}/members', 'member', address='192.168.199.23', protocol_port=8080)
    part(t, lb_id, 'healthmonitors', 'healthmonitor', pool_id=back, type='PING', delay=20, timeout=10, max_retries=5)
    other = part(t, lb_id, 'pools', 'pool', name='pool_1', protocol='HTTP', lb_algorithm='ROUND_ROBIN', loadbalancer_id=lb_id)
    policy = part(t, lb_id, 'l7policies', 'l7policy', name='test', action='REDIRECT_TO_POOL', description='test l7 policy', position=1,
                  listener_id=front, redirect_pool_id=other)
    part(t, lb_id, f'l7policies/{policy}/rules', 'rule', type='PATH', compare_type='EQUAL_TO', value='/api')


def of_service(t, lb_id):
    """Makes the children of a Service of type LoadBalancer as the OpenStack cloud provider does (pkg/openstack/loadbalancer.go)."""
    front = part(t, lb_id, 'listeners', 'listener', name=f'listener_0_{SERVICE}', protocol='TCP', protocol_port=80, tags=[SERVICE],
                 connection_limit=-1, timeout_client_data=50_000, timeout_member_connect=5_000, timeout_member_data=50_000)
    back = part(t, lb_id, 'pools', 'pool', name=f'pool_0_{SERVICE}', protocol='TCP', lb_algorithm='ROUND_ROBIN', listener_id=front)
    for last in (10, 11):
        part(t, lb_id, f'pools/{back}/members', 'member', name=f'node-{last}', address=f'10.20.0.{last}', protocol_port=31234,
             subnet_id=t.cloud.id_of('subnet', 'members-v4'))
    part(t, lb_id, 'healthmonitors', 'healthmonitor', name=f'monitor_0_{SERVICE}', pool_id=back, type='TCP', delay=60, timeout=30,
         max_retries=1, max_retries_down=3)


def part(t, lb_id, path, kind, **fields) -> str:
    """Creates one object below a load balancer and returns its id."""
    if path == 'listeners':
        fields['loadbalancer_id'] = lb_id
    created = t.cloud.write('POST', path, {kind: fields})[kind]['id']
    t.cloud.active(lb_id)
    return created


def exported(t, first, last):
    """Random load balancers made with openstacksdk are exported: the plan has tags only, and nothing else is written"""
    bodies = [Hand(seed, t.certificates).load_balancer() for seed in range(first, last + 1)]
    rejected_fields = Counter()
    rejected_stacks = 0
    # A few at once: each is claimed by a data plane of its own.
    for start in range(0, len(bodies), 5):
        with made(t, *bodies[start:start + 5]) as ids:
            for lb_id in ids:
                fields = adopt_exported(t, lb_id)
                rejected_fields.update(fields)
                rejected_stacks += bool(fields)
    expect(rejected_stacks <= len(bodies) // 4, f'{rejected_stacks} of {len(bodies)} have fields without an effect: {rejected_fields}')
    t.note = f'seeds {first} to {last}; {rejected_stacks} have fields without an effect, and say so'


def adopt_exported(t, lb_id) -> list[str]:
    """Exports a load balancer, plans and applies the stack: only tags change. Returns the fields for which validation
    rejects it."""
    text = succeeded(evenkeel('export', lb_id, '--namespace', t.namespace))
    document = yaml.safe_load(text)
    document['spec'].update(managementPolicy='Managed', cloudCredentialsRef={'secretName': 'openstack', 'cloudName': 'openstack'})
    document['metadata']['name'] = name = f"{document['metadata']['name'][:50].rstrip('-')}-{lb_id[:8]}"
    if SERVICE in text:
        document['spec']['adopt']['fromOwner'] = SERVICE
    if fields := re.findall(r'^# (.*): the controller rejects it: ', text, re.MULTILINE):
        planned(t, document, 1)
        return [re.sub(r'\[.*?\]', '', field) for field in fields]
    before = t.cloud.tree(lb_id)
    steps = planned(t, document, 2)['stacks'][0]['steps']
    strange = [step for step in steps if not is_tag_or_first_name(step)]
    expect(not strange, f'not only tags: {strange} of {steps} for {text}')
    since = time.time()
    t.apply(document)
    t.ready_and_right(name)
    same('load balancer', t.lb_id(name), lb_id)
    writes = t.writes_since(since)
    expect(all(write.startswith('PUT ') for write in writes), f'{writes}')
    same('the tree', nameless(states_apart(t.cloud.tree(lb_id))), nameless(states_apart(before)))
    same('the plan afterwards', planned(t, document, 0)['stacks'][0]['steps'], [])
    return []


def is_tag_or_first_name(step: dict) -> bool:
    """True for a step that changes tags, or gives a name to an object that has none."""
    changes = step.get('changes', [])
    harmless = [change for change in changes if change['field'].split()[-1] == 'tags' or change['field'] == 'name' and not change['was']]
    return step['request'] == 'update' and harmless == changes


def nameless(tree):
    """The same tree without names and tags: an object without a name gets one, and odd tags go."""
    if isinstance(tree, list):
        return [nameless(one) for one in tree]
    if not isinstance(tree, dict):
        return tree
    return {key: nameless(value) for key, value in tree.items() if key not in ('name', 'tags')}


def planned(t, document: dict, code: int) -> dict:
    return json.loads(succeeded(plan(t, document, '-o', 'json'), code) or '{}')


def succeeded(done: subprocess.CompletedProcess, code: int = 0) -> str:
    same(f'exit code: {done.stderr}', done.returncode, code)
    return done.stdout
