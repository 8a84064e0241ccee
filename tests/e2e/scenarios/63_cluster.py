"""What happens to the object in the cluster while the cloud works: written to by others, deleted and made again, hostile."""
import json
import threading
import time

from harness.scenario import FINALIZER
from harness.stacks import listener, member, monitor, pool, stack, web
from harness.waiting import eventually, expect, same

cases = ['hammered', 'made_again', 'namespace_deleted', 'finalizer_of_others']
FLOATING = {'floatingIP': {'allocate': {'network': {'name': 'public'}}}}


def run(t, case):
    globals()[case](t)


def hammered(t):
    """Another writer changes the object and its status ten times a second, from the first moment on"""
    name = t.apply(web(managementPolicy='Managed'))
    stop, wrote = threading.Event(), [0]
    path = f'{t.kube.server}/apis/evenkeel.dev/v1alpha1/namespaces/{t.namespace}/loadbalancerstacks/{name}'
    theirs = {'type': 'Theirs', 'status': 'True', 'reason': 'Because', 'message': '', 'lastTransitionTime': '2026-01-01T00:00:00Z'}

    def hammer():
        while not stop.wait(0.1):
            wrote[0] += 1
            body = {'metadata': {'annotations': {'theirs': str(wrote[0])}, 'labels': {'theirs': str(wrote[0])}}}
            t.kube.session.patch(path, json=body, headers={'content-type': 'application/merge-patch+json'}, timeout=30)
            applied = {'apiVersion': 'evenkeel.dev/v1alpha1', 'kind': 'LoadBalancerStack', 'status': {'conditions': [
                {**theirs, 'message': str(wrote[0])}]}}
            t.kube.session.patch(f'{path}/status?fieldManager=theirs&force=true', data=json.dumps(applied),
                                 headers={'content-type': 'application/apply-patch+yaml'}, timeout=30)
    thread = threading.Thread(target=hammer, daemon=True)
    thread.start()
    try:
        t.ready_and_right(name)
        t.change(name, 'a change meanwhile', lambda spec: spec['pools'][0]['members'][0].update(weight=7), ['PUT members'])
        types = [c['type'] for c in t.stack(name)['status']['conditions']]
        expect('Theirs' in types, f'their condition is gone: {types}')
    finally:
        stop.set()
        thread.join(30)
    same('creates', t.creates(), 1)
    t.note = f'{wrote[0]} writes of others to the object, as many to its status; both sides kept theirs'


def made_again(t):
    """Deleted and made again at once, under the same name"""
    name = t.apply(web(load_balancer=FLOATING))
    old = t.ready_and_right(name)
    t.kube.kubectl('replace', '--force', '-n', t.namespace, '-f', '-', stdin=json.dumps(web(load_balancer=FLOATING)))
    new = t.ready_and_right(name)
    expect(new['metadata']['uid'] != old['metadata']['uid'], 'the same object')
    same('load balancers', [lb['id'] for lb in t.cloud.load_balancers(t.namespace)], [new['status']['loadBalancer']['id']])
    same('the old one', t.cloud.load_balancer(old['status']['loadBalancer']['id']), None)
    same('creates', t.creates(), 2)


def namespace_deleted(t):
    """A namespace goes with a settled stack, one that is still being made, and their Secret"""
    # What passes here is this namespace's alone.
    octavia, = t.behind('octavia')
    t.apply(web('settled', load_balancer=FLOATING))
    t.ready_and_right('settled')
    t.apply(web('fresh'))
    eventually('the second create is on its way', lambda: len(octavia.asked('POST', '/loadbalancers$')), lambda n: n == 2, 60, every=0.02)
    t.kube.kubectl('delete', 'namespace', t.namespace, '--timeout', '300s')


def finalizer_of_others(t):
    """Somebody else's finalizers on stack and Secret outlive ours, and are left alone"""
    t.kube.kubectl('patch', 'secret', 'openstack', '-n', t.namespace, '--type=merge', '-p', '{"metadata":{"finalizers":["example.com/mine"]}}')
    document = web()
    document['metadata']['finalizers'] = ['example.com/mine']
    name = t.apply(document)
    t.ready_and_right(name)
    same('finalizers', set(t.stack(name)['metadata']['finalizers']), {FINALIZER, 'example.com/mine'})
    t.delete(name, wait=False)
    left = eventually('ours goes', lambda: t.stack(name)['metadata']['finalizers'], lambda f: FINALIZER not in f, 60)
    same('theirs', left, ['example.com/mine'])
    same('load balancers', t.cloud.load_balancers(t.namespace), [])
    t.patch(name, {'metadata': {'finalizers': None}})
    eventually('the Secret is let go', lambda: t.kube.secret(t.namespace, 'openstack')['metadata']['finalizers'],
               lambda f: f == ['example.com/mine'], 90)
    t.kube.kubectl('patch', 'secret', 'openstack', '-n', t.namespace, '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
