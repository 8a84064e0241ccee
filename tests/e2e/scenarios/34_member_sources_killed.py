"""The controller and the API server are killed in the middle of a rollout: no request fails, and the members are right at
the end. It alone breaks the cluster while pods roll."""
from harness import stream
from harness.client import serving, who
from harness.outage import API_SERVER, end, restart
from harness.pods import Pods, deployment, service
from harness.sources import fronted, pod_addresses, ready_members, sourced
from harness.waiting import expect

serial = True
traffic = True


def run(t):
    with Pods(t) as pods:
        pods.apply(deployment('web', 6, pre_stop=30, grace=60), service('web'))
        pods.rollout('web')
        name = t.apply(fronted(sourced('web')))
        vip = t.ready(name)['status']['loadBalancer']['vipAddress']
        ready_members(t, name, pod_addresses(pods, 'web'))
        serving('it serves', lambda: who(vip, 80))
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
        new, kept = results
        failed = new['failed'], kept['failed'] - kept['retried_ok']
        expect(failed == (0, 0), f"{failed} failed: {new['failures']}, {kept['kinds']}")
        t.note = f"{new['sent'] + kept['sent']} requests, 0 failed"
