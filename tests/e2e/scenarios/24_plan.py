"""`evenkeel plan` prints from a file what the controller then does, and writes nothing itself; `evenkeel cloud` shows what
openstacksdk shows. It alone asks genuine services for their offer."""
import json

from harness.command_line import evenkeel, plan
from harness.stacks import named, web
from harness.waiting import expect, same


def run(t):
    stack = web()
    code, output = planned(t, stack)
    same('before the create', code, 2)
    expect('+ load balancer' in output, output)
    same('load balancers', t.cloud.load_balancers(t.namespace), [])
    name = t.apply(stack)
    t.ready_and_right(name)
    same('in sync', planned(t, stack), (0, 'Nothing to do.\n'))
    named(stack['spec']['pools'], 'web')['algorithm'] = 'SOURCE_IP'
    code, output = planned(t, stack)
    same('after an edit', code, 2)
    expect('~ pool web' in output and 'lb_algorithm: ROUND_ROBIN -> SOURCE_IP' in output, output)
    t.check(name)
    stack['spec']['listeners'][0]['defaultPool'] = 'none'
    code, output = planned(t, stack)
    same('an invalid stack', code, 1)
    expect('spec.listeners[http].defaultPool' in output, output)
    offer_is_that_of_the_cloud(t)
    t.note = 'a create, no difference, an update, an invalid field; exit codes 2, 0, 2, 1; nothing written'


def offer_is_that_of_the_cloud(t):
    offer = json.loads(evenkeel('cloud', '-o', 'json').stdout)
    octavia, neutron = t.cloud.octavia, t.cloud.neutron
    same('providers', sorted(one['name'] for one in offer['providers']), sorted(one.name for one in octavia.providers()))
    same('flavors', sorted(one['id'] for one in offer['flavors']), sorted(one.id for one in octavia.flavors()))
    usable = {one.id for one in neutron.networks() if one.project_id == octavia.session.get_project_id() or one.is_shared or one.is_router_external}
    same('networks', {one['id'] for one in offer['networks']}, usable)


def planned(t, stack: dict) -> tuple[int, str]:
    done = plan(t, stack)
    return done.returncode, done.stdout + done.stderr
