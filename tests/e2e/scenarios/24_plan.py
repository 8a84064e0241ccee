"""`evenkeel plan` prints from a file what the controller then does, and writes nothing itself. It alone runs the
command line against genuine services."""
import subprocess

import yaml

from harness import config
from harness.scenario import CLUSTER
from harness.stacks import named, web
from harness.waiting import expect, same


def run(t):
    stack = web()
    code, output = plan(t, stack)
    same('before the create', code, 2)
    expect('+ load balancer' in output, output)
    same('load balancers', t.cloud.load_balancers(t.namespace), [])
    name = t.apply(stack)
    t.ready_and_right(name)
    same('in sync', plan(t, stack), (0, 'Nothing to do.\n'))
    named(stack['spec']['pools'], 'web')['algorithm'] = 'SOURCE_IP'
    code, output = plan(t, stack)
    same('after an edit', code, 2)
    expect('~ pool web' in output and 'lb_algorithm: ROUND_ROBIN -> SOURCE_IP' in output, output)
    t.check(name)
    stack['spec']['listeners'][0]['defaultPool'] = 'none'
    code, output = plan(t, stack)
    same('an invalid stack', code, 1)
    expect('spec.listeners[http].defaultPool' in output, output)
    t.note = 'a create, no difference, an update, an invalid field; exit codes 2, 0, 2, 1; nothing written'


def plan(t, stack: dict) -> tuple[int, str]:
    command = [config.BINARY, 'plan', '-f', '-', '--os-cloud', 'openstack', '--namespace', t.namespace, '--cluster-id', CLUSTER,
               '--detailed-exitcode']
    done = subprocess.run(command, input=yaml.safe_dump(stack), capture_output=True, text=True, timeout=60,
                          env={'OS_CLIENT_CONFIG_FILE': str(config.CLOUDS_YAML)})
    return done.returncode, done.stdout + done.stderr
