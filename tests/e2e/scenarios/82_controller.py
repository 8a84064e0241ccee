"""The controller as a process: its metrics, a restored status, a graceful stop, paused stacks without requests; on
one stack. It alone reads the metrics, stops the controller gracefully during a create, and counts the requests of a
paused stack."""
from harness.faults import slow
from harness.requests_log import RequestLog
from harness.stacks import web
from harness.waiting import eventually, expect, pause, same

serial = True
FAMILIES = ('evenkeel_reconciles_total', 'evenkeel_plan_steps_total', 'evenkeel_openstack_requests_total', 'evenkeel_lock_waits_total',
            'evenkeel_drift_detected_total', 'evenkeel_time_to_ready_seconds_count')


def run(t):
    name = t.apply(web(resyncPeriod='10s'))
    t.ready_and_right(name)
    metrics(t, name)
    status_restored(t, name)
    graceful_stop(t, name)
    paused(t, name)


def paused(t, name):
    """No request at all, neither for a change nor for a deletion."""
    t.edit(name, lambda spec: spec.update(paused=True))
    t.condition(name, 'Paused', 'True', timeout=20)
    pause(3)
    log = RequestLog()
    t.cloud.write('PUT', f'loadbalancers/{t.lb_id(name)}', {'loadbalancer': {'name': 'drift'}})
    t.edit(name, lambda spec: spec['pools'][0].update(algorithm='LEAST_CONNECTIONS'))
    t.delete(name, wait=False)
    # longer than the resync period
    pause(13)
    same('calls while paused', log.count().total, 0)
    same('load balancers', len(t.cloud.load_balancers(t.namespace, name)), 1)
    expect(any('paus' in c['message'] for c in t.stack(name)['status']['conditions']), 'the stack does not say that the deletion waits')
    t.patch(name, {'spec': {'paused': False}})
    eventually('the deletion ends', lambda: t.stack(name), lambda s: s is None, 60)


def status_restored(t, name):
    """Status is derived: a deleted one is restored, with the same load balancer."""
    lb_id = t.lb_id(name)
    t.controller.stop()
    t.kube.kubectl('patch', 'loadbalancerstack', name, '-n', t.namespace, '--subresource=status', '--type=json',
                   '-p', '[{"op": "remove", "path": "/status"}]')
    log = RequestLog()
    t.controller.start()
    t.ready_and_right(name)
    same('load balancer', t.lb_id(name), lb_id)
    same('writes', log.count().writes, [])


def graceful_stop(t, name):
    """During a create: the stop is quick, and the next start continues."""
    log = RequestLog()
    other = t.apply(web('other'))
    log.arrived('POST', '/loadbalancers$')
    took = t.controller.stop()
    same('exit status', t.controller.process.returncode, 0)
    t.controller.start()
    t.ready_and_right(other)
    same('load balancers', len(t.cloud.load_balancers(t.namespace)), 2)
    t.delete(other)
    t.note = f'stopped in {took:.1f} s'


def metrics(t, name):
    """The metrics of a change with a wait and of drift: reconciles, steps, requests, waits, drift, time to Ready."""
    before = {family: counted(t, family) for family in FAMILIES}
    with slow(f'{t.namespace}/{name}', 3):
        t.change(name, 'a change that takes its time', lambda spec: spec['pools'][0].update(algorithm='SOURCE_IP'))
    t.cloud.write('PUT', f'loadbalancers/{t.lb_id(name)}', {'loadbalancer': {'name': 'drift'}})
    eventually('all of it is counted', lambda: [f for f in FAMILIES if counted(t, f) <= before[f]], lambda missing: not missing, 60)
    eventually('the drift is corrected', lambda: t.differences(name), lambda found: not found, 60, every=1)
    text = t.controller.get('/metrics').text
    for part in ('# HELP', '# TYPE', 'load-balancer'):
        expect(part in text, f'{part} is not in /metrics')
    same('healthz', t.controller.get('/healthz').status_code, 200)


def counted(t, family: str) -> float:
    """The sum of all samples of this name."""
    lines = t.controller.get('/metrics').text.splitlines()
    return sum(float(line.rsplit(' ', 1)[1]) for line in lines if line.split('{')[0].split(' ')[0] == family)
