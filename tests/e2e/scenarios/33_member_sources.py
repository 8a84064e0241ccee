"""Members come from Services whose pods scale, crash and go. It alone has genuine Deployments and EndpointSlices, with
requests from the client to the process of a pod."""
import time

from harness import client
from harness.client import serving
from harness.pods import Pods, deployment, service
from harness.sources import fronted, member_addresses, members, pod_addresses, ready_members, sourced, written_apart
from harness.waiting import expect, pause, same

cases = ['scaled', 'shares', 'node_ports', 'unreadable']
traffic = True


def run(t, case):
    with Pods(t) as pods:
        globals()[case](t, pods)


def scaled(t, pods):
    """Scaled from 3 to 200 to 5 to 0 and back; a pod that crashes again and again is no member while it is not ready"""
    pods.apply(deployment('web', 3, pre_stop=2), service('web'))
    pods.rollout('web')
    name = t.apply(fronted(sourced('web')))
    vip = t.ready(name)['status']['loadBalancer']['vipAddress']
    since = time.time()
    for replicas in (200, 5):
        pods.scale('web', replicas)
        ready_members(t, name, pod_addresses(pods, 'web'))
    pod = pods.of('web')[0]
    pods.ask(pod, '/fail-readiness')
    pods.ready(pod, False)
    ready_members(t, name, pod_addresses(pods, 'web'))
    pods.ask(pod, '/pass-readiness')
    pods.ready(pod)
    ready_members(t, name, pod_addresses(pods, 'web'))
    same('members', len(pods.of('web')), 5)
    pods.kubectl('scale', 'deployment/web', '--replicas=0')
    ready_members(t, name, set)
    serving('nothing serves', lambda: client.get(vip, 80).status, lambda status: status == 503)
    pods.scale('web', 2)
    ready_members(t, name, pod_addresses(pods, 'web'))
    serving('it serves again', lambda: client.who(vip, 80))
    t.note = f'{len(written_apart(t, since))} writes; an authoritative zero empties the pool'


def shares(t, pods):
    """Two Services share the traffic 70 to 30, whatever their numbers of pods, and a standby serves when both are gone"""
    for service_name, replicas in (('web', 3), ('canary', 1), ('standby', 1)):
        pods.apply(deployment(service_name, replicas), service(service_name))
    for service_name in ('web', 'canary', 'standby'):
        pods.rollout(service_name)
    name = t.apply(fronted(sourced('web', weight=70), sourced('canary', weight=30), sourced('standby', backup=True)))
    vip = t.ready(name)['status']['loadBalancer']['vipAddress']
    serving('it serves', lambda: client.who(vip, 80))
    for replicas in (1, 4):
        if replicas > 1:
            pods.scale('canary', replicas)
            ready_members(t, name, pod_addresses(pods, 'web', 'canary', 'standby'))
            pause(2)    # until haproxy has taken the weights
        total, seen = 2000, client.counts(vip, 80, 2000)
        share = 100 * sum(n for pod, n in seen.items() if pod.startswith('web-')) / total
        expect(67 <= share <= 73, f'share of the first Service with {replicas} pods beside: {share} %: {seen}')
        expect(not any(pod.startswith('standby-') for pod in seen), f'the standby serves: {seen}')
    sources = t.stack(name)['status']['pools'][0]['members']['sources']
    same('members by source', {s['name']: s['total'] for s in sources}, {'web': 3, 'canary': 4, 'standby': 1})
    for service_name in ('web', 'canary'):
        pods.kubectl('scale', f'deployment/{service_name}', '--replicas=0')
    serving('the standby serves', lambda: client.who(vip, 80), lambda pod: pod.startswith('standby-'), 60)
    t.note = f'{share:.1f} % of 2000 requests for a weight of 70 in 100'


def node_ports(t, pods):
    """Members are nodes: all of them, or with externalTrafficPolicy Local those with a pod, by its health check node port"""
    pods.apply(deployment('web', 2), service('web', type='NodePort'),
               service('local', selects='web', type='LoadBalancer', loadBalancerClass='evenkeel.dev/none', externalTrafficPolicy='Local'))
    pods.rollout('web')
    name = t.apply(fronted(sourced('web', target='NodePort')))
    vip = t.ready(name)['status']['loadBalancer']['vipAddress']
    # Other scenarios have nodes, too, which come and go.
    ready_members(t, name, lambda: set(internal_addresses(t).values()))
    serving('it serves', lambda: client.who(vip, 80))

    def to_local(spec):
        spec['pools'][0]['memberSources'] = [sourced('local', target='NodePort')]
        spec['pools'][0]['healthMonitor'].update(urlPath='/healthz')
    t.edit(name, to_local)
    internal = internal_addresses(t)
    with_pods = {internal[p['spec']['nodeName']] for p in pods.of('web')}
    ready_members(t, name, lambda: with_pods)
    check = t.kube.read(f'/api/v1/namespaces/{t.namespace}/services/local')['spec']['healthCheckNodePort']
    same('monitor ports', {m['monitor_port'] for m in members(t, name)}, {check})
    serving('it serves', lambda: client.who(vip, 80))
    t.note = f'{len(internal)} nodes, then {len(with_pods)} with pods'


def internal_addresses(t):
    """Addresses of the nodes by their names."""
    nodes = (n for n in t.kube.read('/api/v1/nodes')['items'] if n['status'].get('addresses'))
    return {n['metadata']['name']: next(a['address'] for a in n['status']['addresses'] if a['type'] == 'InternalIP') for n in nodes}


def unreadable(t, pods):
    """A Service that is missing, misspelled or deleted is named, and no member is lost by it"""
    name = t.apply(fronted(sourced('web')))
    t.shows(name, 'ReferenceNotFound', 'spec.pools[web].memberSources[web]', 'Service web does not exist')
    t.condition(name, 'ResolvedRefs', 'False', reason='ReferenceNotFound')
    pods.apply(deployment('web', 2), service('web'))
    pods.rollout('web')
    ready_members(t, name, pod_addresses(pods, 'web'))
    before = pod_addresses(pods, 'web')()
    t.edit(name, lambda spec: spec['pools'][0]['memberSources'][0]['service'].update(port='https'))
    t.shows(name, 'ReferenceUnusable', 'has no port https; it has http (80)')
    ready_members_stay(t, name, before)
    t.edit(name, lambda spec: spec['pools'][0]['memberSources'][0]['service'].update(port='http'))
    ready_members(t, name, lambda: before)
    pods.kubectl('delete', 'service', 'web')
    t.shows(name, 'ReferenceNotFound', 'Service web does not exist')
    t.reported_once(name, 'ReferenceNotFound', states=2)
    ready_members_stay(t, name, before)
    t.note = 'named in ResolvedRefs; members stay'


def ready_members_stay(t, name, addresses):
    pause(5)
    same('members', member_addresses(t, name), addresses)
