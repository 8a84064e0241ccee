"""Clocks that differ by an hour between replicas of the controller, and between controller and cluster. It alone
shifts a clock, and runs two replicas."""
import time

from harness import config
from harness.controller import Controller
from harness.proxy import arrives_late, never
from harness.stacks import web
from harness.waiting import eventually, expect, same, steadily

serial = True
cases = ['lease', 'late_create', 'lost_create']
# libfaketime shifts only the time of day, not the clock that measures durations.
SHORT = {'create_timeout': '20s', 'quiet_period': '30s'}
AHEAD = {'LD_PRELOAD': '/usr/$LIB/faketime/libfaketimeMT.so.1', 'FAKETIME': '+3600s', 'FAKETIME_DONT_FAKE_MONOTONIC': '1'}


def run(t, case):
    ahead = Controller(t.controller.kubeconfig, 'ahead', config.CONTROLLER_PORT + 1, **AHEAD)
    try:
        globals()[case](t, ahead)
    finally:
        ahead.stop()
        if not t.controller.running():
            t.controller.start()


def weight(number):
    return lambda spec: spec['pools'][0]['members'][0].update(weight=number)


def lease(t, ahead):
    """Two replicas, one with its clock an hour ahead: one leads, and when it dies the other one takes over"""
    name = t.apply(web())
    t.ready_and_right(name)
    ahead.start(ready=False)
    steadily('the leader stays', t.controller.running, 12)
    t.change(name, 'a change while both run', weight(2), ['PUT members'])
    t.controller.kill()
    t.change(name, 'the one that is ahead takes over', weight(3), ['PUT members'])
    t.controller.start(ready=False)
    steadily('the leader stays', ahead.running, 12)
    ahead.kill()
    started = time.monotonic()
    t.change(name, 'the one that is not ahead takes over', weight(4), ['PUT members'])
    t.note = f'taken over after {time.monotonic() - started:.0f} s'


def late_create(t, ahead):
    """A create is delayed in flight, its controller dies, and the next one's clock is an hour ahead: no second create"""
    octavia, = t.behind('octavia')
    # Longer than a takeover of the Lease (valid for 15 s), so that the new leader must wait for a create that it cannot see.
    octavia.inject(arrives_late(30), 'POST', '/loadbalancers$', times=1)
    name = t.apply(web())
    eventually('the create is on its way', lambda: octavia.requests('POST', '/loadbalancers$'), bool, 60, every=0.05)
    t.controller.kill()
    ahead.start(**SHORT)
    t.shows(name, 'CreateInDoubt', 'the load balancer may still appear', 'until 30 s have passed without it')
    t.reported_once(name, 'CreateInDoubt')
    t.ready_and_right(name)
    same('load balancers', len(t.cloud.load_balancers(t.namespace)), 1)
    same('creates', len(octavia.requests('POST', '/loadbalancers$')), 1)


def lost_create(t, ahead):
    """A create is lost, its controller's clock was an hour ahead, and the next one waits for the quiet period, not for an
    hour"""
    octavia, = t.behind('octavia')
    octavia.inject(never, 'POST', '/loadbalancers$', times=1)
    t.controller.stop()
    ahead.start(**SHORT)
    name = t.apply(web())
    eventually('the create is lost', lambda: octavia.requests('POST', '/loadbalancers$'), bool, 60, every=0.05)
    ahead.kill()
    started = time.monotonic()
    t.controller.start(**SHORT)
    t.shows(name, 'CreateInDoubt', 'the load balancer may still appear', 'until 30 s have passed without it')
    t.condition(name, 'Reconciling', 'True', reason='CreateInDoubt')
    t.ready_and_right(name)
    took = time.monotonic() - started
    t.controller.stop()
    t.controller.start()
    expect(took > 30, f'recreated after {took:.0f} s: within the quiet period')
    same('load balancers', len(t.cloud.load_balancers(t.namespace)), 1)
    t.note = f'recreated after {took:.0f} s'
