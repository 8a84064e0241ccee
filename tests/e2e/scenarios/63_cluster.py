"""Changes of the object in the cluster during work in the cloud: concurrent writers, deletion and recreation, foreign
finalizers. It alone has other clients that write to the stack itself."""
import json
import threading
from concurrent.futures import ThreadPoolExecutor

from harness.kube import STACKS
from harness.scenario import FINALIZER
from harness.stacks import web
from harness.waiting import eventually, expect, same

cases = ['hammered', 'made_again', 'namespace_deleted', 'finalizer_of_others']
FLOATING = {'floatingIP': {'allocate': {'network': {'name': 'public'}}}}
MERGE, APPLY = 'application/merge-patch+json', 'application/apply-patch+yaml'
NOWHERE = '00000000-0000-4000-8000-000000000000'


def run(t, case):
    globals()[case](t)


def hammered(t):
    """Another client changes the object and its status ten times a second all the time, and once overwrites Evenkeel's
    status"""
    name = t.apply(web(managementPolicy='Managed'))
    stop, taken, refused = threading.Event(), [], []

    def hammer():
        while not stop.wait(0.1):
            number = str(len(taken) + len(refused))
            body = {'metadata': {'annotations': {'theirs': number}, 'labels': {'theirs': number}}}
            both = [patched(t, name, MERGE, body), overwritten(t, name, 'theirs', conditions=[condition('Theirs', 'True', number)])]
            (taken if all(both) else refused).append(number)

    with ThreadPoolExecutor(1) as pool:
        hammering = pool.submit(hammer)
        try:
            lb_id = t.ready_and_right(name)['status']['loadBalancer']['id']
            t.change(name, 'a change meanwhile', weight(7), ['PUT members'])
            overwrite = {'conditions': [condition('Ready', 'False', 'of another client')], 'loadBalancer': {'id': NOWHERE}}
            eventually('the status is overwritten', lambda: overwritten(t, name, 'strangers', **overwrite), bool, 15)
            # Found by its owner tags, not by the wrong id in the status; the judge compares the status as well.
            t.change(name, 'a change after that', weight(8), ['PUT members'])
            t.condition(name, 'Ready', 'True', reason='InSync')
            same('load balancer in the status', t.lb_id(name), lb_id)
            types = [c['type'] for c in t.stack(name)['status']['conditions']]
            expect('Theirs' in types, f'their condition is gone: {types}')
            t.delete(name)
        finally:
            stop.set()
    hammering.result()
    expect(len(taken) > len(refused), f'only {len(taken)} of {len(taken) + len(refused)} writes of theirs were taken')
    same('creates', t.creates(), 1)
    t.note = (f'{len(taken)} writes of others to the object, as many to its status; both sides kept theirs; Ready and id that they '
              'overwrote came back with the next reconcile')


def weight(number):
    return lambda spec: spec['pools'][0]['members'][0].update(weight=number)


def condition(kind, status, message):
    return {'type': kind, 'status': status, 'reason': 'Because', 'message': message, 'lastTransitionTime': '2026-01-01T00:00:00Z'}


def overwritten(t, name, by, **status):
    """Overwrites fields by server-side apply with force."""
    body = {'apiVersion': 'evenkeel.dev/v1alpha1', 'kind': 'LoadBalancerStack', 'status': status}
    return patched(t, name, APPLY, body, '/status', fieldManager=by, force='true')


def patched(t, name, kind, body, part='', **parameters):
    """One write of another client. False when the API server asks for another try, as it may under many writes, or when the
    stack is gone."""
    path = f'{t.kube.server}{STACKS.format(namespace=t.namespace)}/{name}{part}'
    response = t.kube.session.patch(path, data=json.dumps(body), params=parameters, headers={'content-type': kind}, timeout=30)
    expect(response.ok or response.status_code in (404, 409, 429), f'their write was refused: {response.status_code} {response.text}')
    return response.ok


def made_again(t):
    """Deleted and recreated at once under the same name"""
    name = t.apply(web(load_balancer=FLOATING))
    old = t.ready_and_right(name)
    t.kube.kubectl('replace', '--force', '-n', t.namespace, '-f', '-', stdin=json.dumps(web(load_balancer=FLOATING)))
    new = t.ready_and_right(name)
    expect(new['metadata']['uid'] != old['metadata']['uid'], 'the same object')
    same('load balancers', [lb['id'] for lb in t.cloud.load_balancers(t.namespace)], [new['status']['loadBalancer']['id']])
    same('the old one', t.cloud.load_balancer(old['status']['loadBalancer']['id']), None)
    same('creates', t.creates(), 2)


def namespace_deleted(t):
    """A namespace is deleted with a Ready stack, one that is still being created, and their Secret"""
    # Only this namespace's requests pass here.
    octavia, = t.behind('octavia')
    t.apply(web('settled', load_balancer=FLOATING))
    t.ready_and_right('settled')
    t.apply(web('fresh'))
    eventually('the second create is on its way', lambda: len(octavia.requests('POST', '/loadbalancers$')), lambda n: n == 2, 60, every=0.02)
    t.kube.kubectl('delete', 'namespace', t.namespace, '--timeout', '300s')


def finalizer_of_others(t):
    """Finalizers of other controllers on stack and Secret outlive Evenkeel's, and are left unchanged"""
    t.kube.kubectl('patch', 'secret', 'openstack', '-n', t.namespace, '--type=merge', '-p', '{"metadata":{"finalizers":["example.com/mine"]}}')
    document = web()
    document['metadata']['finalizers'] = ['example.com/mine']
    name = t.apply(document)
    t.ready_and_right(name)
    same('finalizers', set(t.stack(name)['metadata']['finalizers']), {FINALIZER, 'example.com/mine'})
    t.delete(name, wait=False)
    left = eventually('the own finalizer is removed', lambda: t.stack(name)['metadata']['finalizers'], lambda f: FINALIZER not in f, 60)
    same('theirs', left, ['example.com/mine'])
    same('load balancers', t.cloud.load_balancers(t.namespace), [])
    t.patch(name, {'metadata': {'finalizers': None}})
    eventually('the Secret has no finalizer', lambda: t.kube.secret(t.namespace, 'openstack')['metadata']['finalizers'],
               lambda f: f == ['example.com/mine'], 90)
    t.kube.kubectl('patch', 'secret', 'openstack', '-n', t.namespace, '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
