"""SIGKILL during a create in Octavia, and again during the deletion: there is never a second load balancer, and
nothing is left. It alone kills while Octavia works on the request; 85_failpoints kills between the controller's own
writes, and 92_traffic_killed under traffic."""
from harness.requests_log import RequestLog
from harness.stacks import web
from harness.waiting import eventually, same

serial = True


def kill_and_restart(t):
    t.controller.kill()
    # No replica competes, so no Lease has to expire after each kill.
    t.controller.start(leader_elect='false')


def run(t):
    try:
        killed_twice(t)
    finally:
        t.controller.stop()
        t.controller.start()


def killed_twice(t):
    log = RequestLog()
    name = t.apply(web(load_balancer={'floatingIP': {'allocate': {'network': {'name': 'public'}}}}))
    # Octavia has the request and has not committed it: no client can see it yet.
    log.arrived('POST', '/loadbalancers$')
    kill_and_restart(t)
    t.ready_and_right(name)
    same('load balancers', len(t.cloud.load_balancers(t.namespace)), 1)
    same('POSTs', [w['method'] for w in t.log.writes_of(t.namespace)].count('POST'), 1)
    log = RequestLog()
    t.delete(name, wait=False)
    log.arrived('DELETE', '/loadbalancers/')
    kill_and_restart(t)
    eventually('the stack is gone', lambda: t.stack(name), lambda s: s is None, 90)
