"""Outages of a control plane during work: the API server, Octavia's API, its worker, the watches. It alone ends the
processes of genuine services; 56_wire breaks only one namespace's way to them."""
import os
import signal

from harness import config
from harness.controller import Controller
from harness.outage import API_SERVER, end, restart
from harness.relay import Relay
from harness.requests_log import RequestLog
from harness.stacks import web
from harness.waiting import expect, pause, same

serial = True
cases = ['api_server', 'watches', 'octavia']
FLOATING = {'floatingIP': {'allocate': {'network': {'name': 'public'}}}}


def run(t, case):
    globals()[case](t)


def heavier(spec):
    spec['pools'][0]['members'][0]['weight'] = spec['pools'][0]['members'][0].get('weight', 1) + 1


def api_server(t):
    """The API server is killed between the create and its record in the status, and comes back seconds later"""
    settled = t.apply(web('settled', resyncPeriod='10s'))
    t.ready_and_right(settled)
    log = RequestLog()
    name = t.apply(web('fresh', load_balancer=FLOATING))
    log.arrived('POST', '/loadbalancers$')
    end(API_SERVER)
    restart('kube')
    t.kube.kubectl('get', 'loadbalancerstacks', '-n', t.namespace)
    # A controller that could not renew its Lease for ten seconds must stop; Kubernetes then restarts it.
    ended = not t.controller.running()
    if ended:
        t.controller.start()
    t.ready_and_right(name)
    t.change(settled, 'a change afterwards', heavier, ['PUT members'])
    same('creates', t.creates(), 2)
    t.note = 'the controller gave up its lease and was started again' if ended else 'the controller kept running'


def watches(t):
    """Every connection to the API server is cut, again and again, while stacks are created and changed"""
    t.controller.stop()
    relay = Relay(int(os.environ['KUBE_PORT']))
    cut = Controller(relay.kubeconfig(t.controller.kubeconfig, config.HOME / 'relayed.kubeconfig'), 'relayed', config.CONTROLLER_PORT + 2)
    cut.start()
    try:
        name = t.apply(web(load_balancer=FLOATING))
        for _ in range(8):
            pause(0.7)
            relay.cut()
        t.ready_and_right(name)
        relay.cut()
        t.change(name, 'a change right after a cut', heavier, ['PUT members'])
        relay.silent = True
        t.edit(name, heavier)
        pause(3)
        relay.silent = False
        relay.cut()
        t.ready_and_right(name)
        expect(cut.running(), 'the controller ended')
        same('creates', t.creates(), 1)
        t.delete(name)
        t.note = f'{relay.cuts} cuts of all connections'
    finally:
        cut.stop()
        relay.close()
        t.controller.start()


def octavia(t):
    """Octavia's API and worker are restarted during a create and a change"""
    changed = t.apply(web('changed'))
    t.ready_and_right(changed)
    log = RequestLog()
    t.edit(changed, heavier)
    log.arrived('PUT', '/members$')
    created = t.apply(web('created', load_balancer=FLOATING))
    log.arrived('POST', '/loadbalancers$')
    run = config.HOME / 'openstack/run'
    end(run / 'octavia-api.pid', signal.SIGTERM)
    end(run / 'octavia-worker.pid', signal.SIGTERM)
    t.edit(changed, heavier)
    t.shows(changed, 'CloudUnreachable', f"127.0.0.1:{os.environ['OCTAVIA_PORT']}")
    t.reported_once(changed, 'CloudUnreachable', states=2)      # before this edit and after it
    restart('openstack')
    for name in (changed, created):
        t.ready_and_right(name)
    same('creates', t.creates(), 2)
