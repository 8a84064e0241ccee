"""A Deployment rolls under requests: none fails, also when the controller and the API server are killed in the middle. It
alone counts failed requests of a rollout."""
import time

from harness import stream
from harness.outage import API_SERVER, end, restart
from harness.pods import Pods, deployment, service
from harness.sources import in_front_of, pod_addresses, ready_members, written_apart
from harness.waiting import expect

serial = True
traffic = True
cases = ['rolling', 'killed']


def run(t, case):
    with Pods(t) as pods:
        globals()[case](t, pods)


def rolling(t, pods):
    """A Deployment of ten rolls three times under requests: none fails, and its pods are written once in a window"""
    pods.apply(deployment('web', 10, pre_stop=15), service('web'))
    pods.rollout('web')
    name, vip = in_front_of(t, pods, 'web')
    since = time.time()
    with stream.traffic(f'http://{vip}/') as results:
        for n in range(3):
            pods.kubectl('set', 'env', 'deployment/web', f'TURN={n}')
            pods.rollout('web')
            ready_members(t, name, pod_addresses(pods, 'web'))
    writes = written_apart(t, since)
    t.note = f'{without_failure(results)} requests, 0 failed, {len(writes)} writes for three rollouts of ten pods'


def killed(t, pods):
    """The controller and the API server are killed in the middle of a rollout; the members are right at the end"""
    pods.apply(deployment('web', 6, pre_stop=30, grace=60), service('web'))
    pods.rollout('web')
    name, vip = in_front_of(t, pods, 'web')
    with stream.traffic(f'http://{vip}/') as results:
        pods.kubectl('set', 'env', 'deployment/web', 'TURN=1')
        t.controller.kill()
        t.controller.start(ready=False)
        end(API_SERVER)
        restart('kube')
        if not t.controller.running():      # it could not renew its Lease
            t.controller.start()
        pods.rollout('web')
        ready_members(t, name, pod_addresses(pods, 'web'))
    t.note = f'{without_failure(results)} requests, 0 failed'


def without_failure(results):
    """Checks that no request failed, and returns their number."""
    new, kept = results
    failed = new['failed'], kept['failed'] - kept['retried_ok']
    expect(failed == (0, 0), f"{failed} failed: {new['failures']}, {kept['kinds']}")
    return new['sent'] + kept['sent']
