"""EndpointSlices that are many, contradictory or written by hand; rights and watches that are lost; pods that crash or turn not
ready. It alone writes EndpointSlices itself, and takes rights from the controller."""
import json
import os
import time
from contextlib import contextmanager

from harness import config, stream
from harness.client import serving, who
from harness.controller import Controller
from harness.pods import Pods, deployment, service
from harness.relay import Relay
from harness.sources import (
    endpoint, endpoint_slice, fronted, in_front_of, member_addresses, members, pod_addresses, ready_members, sourced,
    written_apart)
from harness.waiting import eventually, expect, pause, same

# Serial: it takes rights from the controller and cuts its connections.
serial = True
traffic = True
cases = ['by_hand', 'withdrawn', 'watch_lost', 'crash_looping', 'min_members']
# A pool of 1,000 members takes the lab's Octavia a minute for each change. FULL: most endpoints that the API server takes in a slice.
SLICES, EACH, FULL = 100, 3, 1000


def run(t, case):
    with Pods(t) as pods:
        globals()[case](t, pods)


def by_hand(t, pods):
    """A Service without a selector has 300 endpoints in 100 EndpointSlices; then all of them again, terminating, in a full slice,
    beside slices of IPv6 and of names"""
    here = [[f'10.20.{100 + n}.{m + 1}' for m in range(EACH)] for n in range(SLICES)]
    slices = [endpoint_slice(f'web-{n}', 'web', [endpoint(a) for a in addresses]) for n, addresses in enumerate(here)]
    pods.apply(service('web', selects=None), *slices)
    document = fronted(sourced('web'))
    del document['spec']['pools'][0]['healthMonitor']     # no one listens on these addresses
    started = time.monotonic()
    name = t.apply(document)
    t.ready(name)
    took, since = time.monotonic() - started, time.time()
    only_members(t, name, here, 0)
    # An endpoint that moves between slices is in both for a moment, and a pod with two addresses in one of each version.
    leaving = [endpoint(a, ready=False, serving=True, terminating=True) for addresses in here for a in addresses]
    gone = [endpoint(f'10.20.250.{n % 250 + 1}', ready=False, serving=False, terminating=True) for n in range(FULL - len(leaving))]
    pods.apply(
        endpoint_slice('full', 'web', leaving + gone),
        endpoint_slice('six', 'web', [endpoint(f'fd00:10:20::{m + 100:x}') for m in range(EACH)], 'IPv6'),
        endpoint_slice('names', 'web', [endpoint('web.example.org')], 'FQDN'))
    pause(5)
    same('writes', t.writes_since(since), [])
    started = time.monotonic()
    pods.apply(endpoint_slice('web-0', 'web', []))
    only_members(t, name, here[1:], 60)
    t.ready(name)
    change = time.monotonic() - started
    same('writes', t.writes_since(since), ['PUT members'])
    pods.apply(service('named', selects=None), endpoint_slice('named', 'named', [endpoint('web.example.org')], 'FQDN'))
    t.edit(name, lambda spec: spec['pools'][0]['memberSources'].append(sourced('named')))
    t.shows(name, 'ReferenceUnusable', 'spec.pools[web].memberSources[named]', 'addressType FQDN')
    only_members(t, name, here[1:], 0)
    t.note = f'{SLICES * EACH} members Ready after {took:.0f} s; one slice emptied: one write, Ready after {change:.0f} s'


def only_members(t, name, wanted, timeout):
    """Waits until the members are exactly these addresses."""
    wanted = {a for addresses in wanted for a in addresses}
    eventually('number of wrong members', lambda: len(wanted ^ member_addresses(t, name)), lambda n: n == 0, timeout)


def withdrawn(t, pods):
    """The right to list EndpointSlices, then the one to list Services, is withdrawn and given back: members stay, and the condition
    names the right"""
    pods.apply(deployment('web', 3), service('web'))
    pods.rollout('web')
    name = t.apply(fronted(sourced('web')))
    t.ready(name)
    ready_members(t, name, pod_addresses(pods, 'web'))
    before = pod_addresses(pods, 'web')()
    with without_right(t, 'endpointslices'):
        # The watch outlives its right and shows a zero, which no read confirms.
        pods.kubectl('scale', 'deployment/web', '--replicas=0')
        t.shows(name, 'ReferenceUnusable', 'endpointslices.discovery.k8s.io is forbidden', 'let the controller get, list and watch')
        # Pods that went before the last one were no zero.
        left = member_addresses(t, name)
        expect(left and left <= before, f'members {left} of {before}')
        pause(5)
        same('members', member_addresses(t, name), left)
    ready_members(t, name, set)
    with without_right(t, 'services'):
        t.controller.kill()
        t.controller.start()
        t.shows(name, 'ReferenceUnusable', 'services is forbidden', 'let the controller get, list and watch')
        pods.scale('web', 2)
        t.edit(name, lambda spec: spec['loadBalancer'].update(description='changed'))
        eventually('the rest of the stack', lambda: t.cloud.load_balancer(t.lb_id(name))['description'], lambda d: d == 'changed', 30)
        same('members', member_addresses(t, name), set())
    ready_members(t, name, pod_addresses(pods, 'web'), 90)
    t.condition(name, 'ResolvedRefs', 'True')
    t.reported_once(name, 'ReferenceUnusable', states=2)
    t.note = 'each named by the API server\'s own words; the rest of the stack goes on'


@contextmanager
def without_right(t, resource):
    """Takes the rights on a resource from the controller, for the block."""
    rules = json.loads(t.kube.kubectl('get', 'clusterrole', 'evenkeel', '-o', 'json'))['rules']

    def put(to):
        patch = json.dumps([{'op': 'replace', 'path': '/rules', 'value': to}])
        t.kube.kubectl('patch', 'clusterrole', 'evenkeel', '--type=json', '-p', patch)
    put([rule for rule in rules if resource not in rule['resources']])
    try:
        yield
    finally:
        put(rules)


def watch_lost(t, pods):
    """The connections to the API server fall silent and are then cut, while pods come and go: no member is lost, and one write makes
    them right"""
    pods.apply(deployment('web', 4), service('web'))
    pods.rollout('web')
    t.controller.stop()
    relay = Relay(int(os.environ['KUBE_PORT']))
    kubeconfig = relay.kubeconfig(t.controller.kubeconfig, config.HOME / 'relayed.kubeconfig')
    behind = Controller(kubeconfig, 'relayed', config.CONTROLLER_PORT + 2)
    behind.start(leader_elect='false')
    try:
        name = t.apply(fronted(sourced('web')))
        t.ready(name)
        ready_members(t, name, pod_addresses(pods, 'web'))
        before, since = pod_addresses(pods, 'web')(), time.time()
        relay.silent = True
        pods.scale('web', 2)
        pods.kubectl('set', 'env', 'deployment/web', 'TURN=1')
        pods.rollout('web')
        same('members meanwhile', member_addresses(t, name), before)
        relay.cut()
        relay.silent = False
        ready_members(t, name, pod_addresses(pods, 'web'))
        same('writes', t.writes_since(since), ['PUT members'])
    finally:
        relay.close()
        behind.stop()
        t.controller.start()
    t.note = 'four members replaced by two others in one write'


def crash_looping(t, pods):
    """A pod that crashes again and again beside good ones, first before it is ready, then after: it is no member while it is not
    ready, no request fails, and writes keep a window apart"""
    good, bad = deployment('web', 3), deployment('bad', 1, env={'READY': '0'})
    for each in (good, bad):
        each['spec']['template']['metadata']['labels']['group'] = 'web'
    pods.apply(good, bad, service('web', selector={'group': 'web'}))
    pods.rollout('web')
    name, vip = in_front_of(t, pods, 'web')
    since = time.time()
    with stream.traffic(f'http://{vip}/') as results:
        unready = restarts(pods, 4)
        same('writes', t.writes_since(since), [])
        pods.kubectl('set', 'env', 'deployment/bad', 'READY=1')
        pods.rollout('bad')
        ready = restarts(pods, 4)
        pods.kubectl('scale', 'deployment/bad', '--replicas=0')
        ready_members(t, name, pod_addresses(pods, 'web'))
    new, kept = results
    failed = new['failed'], kept['failed'] - kept['retried_ok']
    expect(failed == (0, 0), f"{failed} failed: {new['failures']}, {kept['kinds']}")
    writes = written_apart(t, since)
    t.note = f"{new['sent'] + kept['sent']} requests, 0 failed; {unready} crashes without a write, {ready} with {len(writes)}"


def restarts(pods, number):
    """Makes the pod `bad` crash so many times."""
    for _ in range(number):
        count = max(map(restart_count, pods.of('bad', every=True)))
        eventually('it has crashed', lambda: any(crashes(pods, pod) for pod in pods.of('bad', every=True)), bool, 30, every=0.1)
        eventually('it is started again', lambda: max(map(restart_count, pods.of('bad', every=True))), lambda n: n > count, 30, every=0.1)
    return number


def crashes(pods, pod):
    """Makes a pod crash; false if it does not run now."""
    if 'deletionTimestamp' in pod['metadata'] or 'podIP' not in pod['status']:
        return False
    try:
        return pods.ask(pod, '/die?code=1').status == 200
    except OSError:
        return False


def restart_count(pod):
    return sum(s['restartCount'] for s in pod['status'].get('containerStatuses', []))


def min_members(t, pods):
    """All pods fail their readiness although they serve: minMembers keeps two of them, and no request fails; pods that are gone
    leave"""
    pods.apply(deployment('web', 3, pre_stop=2), service('web'))
    pods.rollout('web')
    document = fronted(sourced('web'))
    document['spec']['pools'][0]['minMembers'] = 2
    document['spec']['pools'][0]['healthMonitor']['urlPath'] = '/'
    name = t.apply(document)
    vip = t.ready(name)['status']['loadBalancer']['vipAddress']
    ready_members(t, name, pod_addresses(pods, 'web'))
    serving('it serves', lambda: who(vip, 80))
    with stream.traffic(f'http://{vip}/') as results:
        for pod in pods.of('web'):
            pods.ask(pod, '/fail-readiness')
            pods.ready(pod, False)
        t.condition(name, 'MembersHealthy', 'False', reason='MembersHeldBack', saying='2 members are not ready and stay')
        eventually('two are left', lambda: len(members(t, name)), lambda n: n == 2, 30)
        pause(5)
        same('members', len(members(t, name)), 2)
    new, kept = results
    failed = new['failed'], kept['failed'] - kept['retried_ok']
    expect(failed == (0, 0), f"{failed} failed: {new['failures']}, {kept['kinds']}")
    same('held back', t.stack(name)['status']['pools'][0]['members']['sources'][0]['heldBack'], 2)
    pods.kubectl('scale', 'deployment/web', '--replicas=0')
    ready_members(t, name, set)
    t.note = f"{new['sent'] + kept['sent']} requests, 0 failed; two pods kept, and none once they were deleted"
