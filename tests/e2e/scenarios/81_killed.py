"""SIGKILL while the create is on its way, and again right after its answer: there is never a second load balancer."""
from harness.requests_log import RequestLog
from harness.stacks import reference, web
from harness.waiting import eventually, pause, same

serial = True
cases = ['during_the_create', 'before_the_status', 'during_an_update', 'during_the_delete']


def run(t, case):
    globals()[case](t)


def again(t):
    t.controller.kill()
    t.controller.start()


def one_load_balancer(t, name):
    t.ready_and_right(name)
    same('load balancers', len(t.cloud.load_balancers(t.namespace)), 1)


def during_the_create(t):
    """Octavia has the request, but has not committed it: nobody can see it yet."""
    log = RequestLog()
    name = t.apply(reference())
    log.arrived('POST', '/loadbalancers$')
    again(t)
    one_load_balancer(t, name)
    same('POSTs', [w['method'] for w in t.log.writes_of(t.namespace)].count('POST'), 1)


def before_the_status(t):
    """Octavia has answered; the id is not in the status yet."""
    log = RequestLog()
    name = t.apply(web())
    eventually('the create is answered', lambda: log.count().writes, bool, 60, every=0.005)
    again(t)
    one_load_balancer(t, name)
    same('POSTs', [w['method'] for w in t.log.writes_of(t.namespace)].count('POST'), 1)


def during_an_update(t):
    """A change of several steps, killed at the first two of them."""
    name = t.apply(reference())
    t.ready_and_right(name)
    log = RequestLog()

    def much(spec):
        for n, pool in enumerate(spec['pools']):
            pool.update(algorithm='SOURCE_IP', description=f'pool {n}')
            pool['healthMonitor'].update(delay='9s')
            pool['members'].pop()
    t.edit(name, much)
    log.arrived('PUT', '/lbaas/')
    again(t)
    log = RequestLog()
    log.arrived('PUT', '/lbaas/')
    pause(0.3)
    again(t)
    one_load_balancer(t, name)


def during_the_delete(t):
    name = t.apply(web(load_balancer={'floatingIP': {'allocate': {'network': {'name': 'public'}}}}))
    t.ready_and_right(name)
    log = RequestLog()
    t.delete(name, wait=False)
    log.arrived('DELETE', '/loadbalancers/')
    again(t)
    eventually('the stack is gone', lambda: t.stack(name), lambda s: s is None, 90)
