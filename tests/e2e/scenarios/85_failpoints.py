"""The process is killed between any two of its writes to the cluster and to the cloud, and restarted: there is one
load balancer, every field is right, and nothing is left. It alone ends the process at exact places; 81_killed does so
while Octavia works."""
import contextlib
import signal
import time

from harness import client, config, dataplane
from harness.client import serving
from harness.controller import Controller
from harness.credentials import credentials
from harness.issuer import Authority, secret
from harness.leaks import expect_no_keys
from harness.scenario import SECRET_FINALIZER
from harness.stacks import listener, member, monitor, pool, stack, web
from harness.stored import NAMES
from harness.tls import trusting
from harness.waiting import eventually, same

serial = True
cases = ['create', 'life', 'update', 'borrowed', 'orphaned', 'certificates']
gate = {'create': ['kill before the create', 'kill after the create']}
# Before and after the create.
CREATE = ['before-create-load-balancer', 'after-create-load-balancer']
# The other writes until the stack is Ready. `update-status` is the first one of a stack, between the POST and its record.
BEFORE_THE_CREATE = ['before-add-stack-finalizer', 'after-add-stack-finalizer', 'before-add-secret-finalizer', 'after-add-secret-finalizer',
                     'before-write-pending-create', 'after-write-pending-create']
AFTER_THE_CREATE = ['before-clear-pending-create', 'after-clear-pending-create', 'before-update-status', 'after-update-status',
                    'before-create-floating-ip', 'after-create-floating-ip']
DELETION = ['before-update-status', 'before-delete-floating-ip', 'after-delete-floating-ip', 'before-delete-load-balancer',
            'after-delete-load-balancer', 'before-remove-stack-finalizer', 'after-remove-stack-finalizer',
            'before-remove-secret-finalizer', 'after-remove-secret-finalizer']
# Every kind of write in an update.
WRITES = ['update-load-balancer', 'create-listener', 'update-listener', 'delete-listener', 'create-pool', 'update-pool', 'delete-pool',
          'update-member', 'delete-member', 'create-health-monitor', 'update-health-monitor', 'delete-health-monitor',
          'create-l7-policy', 'update-l7-policy', 'delete-l7-policy', 'create-l7-rule', 'update-l7-rule', 'delete-l7-rule',
          'delete-floating-ip']


def both_sides(*writes):
    return [f'{side}-{write}' for write in writes for side in ('before', 'after')]


def run(t, case):
    failpoints = config.HOME / 'failpoints'
    # The conformance suite runs beside it and reduces the quotas of the lab's project.
    project = t.own_project()
    t.controller.stop()
    # No replica competes, so no Lease has to expire after each kill.
    crashing = Controller(t.controller.kubeconfig, 'crashing', config.CONTROLLER_PORT + 2, config.BINARY_WITH_FAILPOINTS, EVENKEEL_FAILPOINTS_FILE=str(failpoints))
    failpoints.write_text('')
    start(crashing)
    try:
        globals()[case](t, crashing, failpoints, project)
    finally:
        with contextlib.suppress(FileNotFoundError):
            failpoints.unlink()
        crashing.stop()
        t.controller.start()


def with_floating_ip(project):
    return {'vip': {'subnet': {'name': project.name}}, 'floatingIP': {'allocate': {'network': {'name': 'public'}}}}


def start(crashing, ready=True):
    crashing.start(ready, leader_elect='false', create_timeout='15s', quiet_period='20s')


def dies_at(crashing, failpoints, place):
    eventually(f'the controller dies at {place}', lambda: crashing.process.poll(), lambda code: code is not None, 60, every=0.05)
    same(f'exit status at {place}', crashing.process.returncode, -signal.SIGABRT)
    same('failpoints left', failpoints.read_text(), '')
    start(crashing)


def dies_at_each(crashing, failpoints, places):
    """Kills the process at each place, in the order in which it passes them."""
    left = places
    for _ in places:
        eventually(f'the controller dies at one of {left}', lambda: crashing.process.poll(), lambda code: code is not None, 60, every=0.05)
        same('exit status', crashing.process.returncode, -signal.SIGABRT)
        before, left = left, failpoints.read_text().split()
        same('failpoints left', len(left), len(before) - 1)
        # It may crash again before it is ready.
        start(crashing, ready=False)


def apply_with_own_secret(t, project, name):
    """Applies a stack with a floating IP and a Secret of its own."""
    t.kube.apply(credentials(name, 'demo', **project.auth), namespace=t.namespace)
    document = web(name, load_balancer=with_floating_ip(project))
    document['spec']['cloudCredentialsRef']['secretName'] = name
    t.apply(document)


def one_of_each(t, name):
    uid = t.ready_and_right(name)['metadata']['uid']
    same(f'load balancers of {name}', len(t.cloud.load_balancers(t.namespace, name)), 1)
    same(f'floating IPs of {name}', len(t.cloud.marked_floating_ips({uid})), 1)


def create(t, crashing, failpoints, project):
    """Killed right before and right after the POST of a load balancer, with a stack for each"""
    for place in CREATE:
        failpoints.write_text(place)
        apply_with_own_secret(t, project, place)
        dies_at(crashing, failpoints, place)
        one_of_each(t, place)
    same('creates', t.creates(), len(CREATE))
    t.reported_once('before-create-load-balancer', 'CreateInDoubt')
    t.note = f'died {len(CREATE)} times; {t.creates()} creates for {len(CREATE)} stacks'


def life(t, crashing, failpoints, project):
    """Killed at every other write of creation and deletion: a stack before its create, another one after it"""
    for name, places in (('until', BEFORE_THE_CREATE), ('after', AFTER_THE_CREATE)):
        failpoints.write_text('\n'.join(places))
        apply_with_own_secret(t, project, name)
        dies_at_each(crashing, failpoints, places)
        one_of_each(t, name)
    t.reported_once('until', 'CreateInDoubt')
    failpoints.write_text('\n'.join(DELETION))
    t.delete('after', wait=False)
    dies_at_each(crashing, failpoints, DELETION)
    same('creates', t.creates(), 2)
    eventually('the stack is gone', lambda: t.stack('after'), lambda s: s is None, 90)
    # After a kill between the two finalizers the periodic sweep removes the Secret's finalizer.
    eventually('its Secret has no finalizer', lambda: finalizers(t, 'after'), lambda f: SECRET_FINALIZER not in f, 90)
    t.note = f'died {len(BEFORE_THE_CREATE + AFTER_THE_CREATE)} times on the way in, {len(DELETION)} on the way out; {t.creates()} creates for 2 stacks'


def finalizers(t, secret):
    return t.kube.secret(t.namespace, secret)['metadata'].get('finalizers', [])


def policy(name, *paths, **more):
    rules = [{'type': 'PATH', 'compareType': 'STARTS_WITH', 'value': path} for path in paths]
    return {'name': name, 'action': 'REDIRECT_TO_POOL', 'redirectPool': 'web', 'rules': rules, **more}


def update(t, crashing, failpoints, project):
    """Killed before and after every kind of write of one update of many steps"""
    name = t.apply(stack('web', [listener('http', 80, defaultPool='web', l7Policies=[policy('a', '/a', '/b'), policy('b', '/c')]),
                                 listener('old', 81, defaultPool='old')],
                         [pool('web', healthMonitor=monitor()), pool('old'), pool('watched', healthMonitor=monitor())],
                         with_floating_ip(project), disruptionPolicy='Allow'))
    t.ready_and_right(name)
    lb_id, places = t.lb_id(name), both_sides(*WRITES)
    failpoints.write_text('\n'.join(places))
    t.edit(name, lambda spec: spec.update(
        loadBalancer={'vip': spec['loadBalancer']['vip'], 'description': 'changed'},
        listeners=[listener('http', 80, defaultPool='web', connectionLimit=100,
                            l7Policies=[policy('a', '/d', description='changed'), policy('c', '/e')]),
                   listener('new', 82, defaultPool='new')],
        pools=[pool('web', algorithm='SOURCE_IP', members=1, healthMonitor=monitor(delay='9s')) | {'members': [member(10, weight=3)]},
               pool('new', healthMonitor=monitor()), pool('watched', members=1)]))
    dies_at_each(crashing, failpoints, places)
    t.ready_and_right(name)
    same('load balancers', [lb['id'] for lb in t.cloud.load_balancers(t.namespace)], [lb_id])
    t.note = f'died {len(places)} times in one update'


def borrowed(t, crashing, failpoints, project):
    """Killed while a floating IP of another owner is taken into use, and while it is returned"""
    # Two writes each time: the owner tag and the port.
    places, ip = [*both_sides('update-floating-ip'), 'after-update-floating-ip'], t.cloud.make_floating_ip()
    try:
        failpoints.write_text('\n'.join(places))
        here = {'subnet': {'name': project.name}}
        name = t.apply(web(load_balancer={'vip': here, 'floatingIP': {'existing': {'id': ip['id']}}}))
        dies_at_each(crashing, failpoints, places)
        t.ready_and_right(name)
        failpoints.write_text('\n'.join(places))
        t.delete(name, wait=False)
        dies_at_each(crashing, failpoints, places)
        eventually('the stack is gone', lambda: t.stack(name), lambda s: s is None, 90)
        left, = t.cloud.floating_ips(id=ip['id'])
        same('port and owner tags', (left['port_id'], left['tags']), (None, []))
        t.note = f'died {2 * len(places)} times'
    finally:
        t.cloud.delete_floating_ip(ip['id'])


def orphaned(t, crashing, failpoints, project):
    """Killed while a load balancer with its floating IP is orphaned: both stay, without owner tags, and nothing is created"""
    places = both_sides('update-load-balancer', 'update-floating-ip', 'remove-stack-finalizer', 'remove-secret-finalizer')
    name = t.apply(web(deletionPolicy='Orphan', load_balancer=with_floating_ip(project)))
    t.ready_and_right(name)
    lb_id, since = t.lb_id(name), time.time()
    try:
        failpoints.write_text('\n'.join(places))
        t.delete(name, wait=False)
        dies_at_each(crashing, failpoints, places)
        eventually('the stack is gone', lambda: t.stack(name), lambda s: s is None, 90)
        eventually('its Secret has no finalizer', lambda: finalizers(t, 'openstack'), lambda f: SECRET_FINALIZER not in f, 90)
        left = t.cloud.active(lb_id)
        same('owner tags', [tag for tag in left['tags'] if tag.startswith('evenkeel:')], [])
        floating, = t.cloud.floating_ips(port_id=left['vip_port_id'])
        same('description and tags of the floating IP', [floating['description'], floating['tags']], ['', []])
        same('load balancers', [lb['id'] for lb in t.cloud.all('loadbalancers')], [lb_id])
        same('writes', t.writes_since(since), ['PUT loadbalancers'])
        t.note = f'died {len(places)} times'
    finally:
        t.cloud.delete_load_balancer(lb_id)
        for floating in t.cloud.floating_ips():
            t.cloud.delete_floating_ip(floating['id'])


def certificates(t, crashing, failpoints, project):
    """Killed at every write of a certificate: stored, renewed, dropped and deleted; the newest one serves, and no secret is left"""
    root = Authority('root')
    pair, new = root.pair('shop.example'), root.pair('shop.example')
    https = listener('https', 443, 'TERMINATED_HTTPS', defaultPool='web', tls={'certificate': {'secretRef': {'name': 'shop-tls'}}})
    http, vip = listener('http', 80, defaultPool='web'), {'vip': {'subnet': {'name': project.name}}}
    store, rotate = both_sides('create-secret'), both_sides('create-secret', 'update-listener', 'delete-secret', 'update-status')

    def put(one):
        t.kube.apply(secret('shop-tls', one.data), namespace=t.namespace, options=('--server-side',))

    def killed_at(places, change):
        """Makes a change that dies at each of these places."""
        failpoints.write_text('\n'.join(places))
        change()
        dies_at_each(crashing, failpoints, places)

    def killed_before(change, name):
        """Makes a change while the controller is dead, after it has stored the certificate of a new stack."""
        failpoints.write_text(store[1])
        t.apply(stack(name, [https], [pool('web')], vip))
        eventually('the controller dies', lambda: crashing.process.poll(), lambda code: code is not None, 60, every=0.05)
        same('secrets in Barbican', len(t.cloud.secrets(NAMES)), 1)
        change()
        start(crashing)

    def serves(name, one):
        address = t.ready_and_right(name)['status']['loadBalancer']['vipAddress']
        if dataplane.serves():
            serving(f'certificate {one.fingerprint}', lambda: client.fingerprint(address, 443, trusting(root.pem), one.host), lambda seen: seen == one.fingerprint)
        same('secrets in Barbican', len(t.cloud.secrets(NAMES)), 1)

    def no_secret():
        eventually('no secret is left', lambda: t.cloud.secrets(NAMES), lambda left: left == [], 60)

    def gone(name):
        eventually('the stack is gone', lambda: t.stack(name), lambda s: s is None, 90)
        same('secrets in Barbican', t.cloud.secrets(NAMES), [])
    put(pair)
    killed_at(store, lambda: t.apply(stack('web', [https], [pool('web')], vip)))
    serves('web', pair)
    killed_at(rotate, lambda: put(new))
    serves('web', new)
    killed_at(both_sides('delete-load-balancer', 'delete-secret'), lambda: t.delete('web', wait=False))
    gone('web')
    killed_before(lambda: t.edit('dropped', lambda spec: spec.update(listeners=[http])), 'dropped')
    t.ready_and_right('dropped')
    no_secret()
    killed_at(both_sides('create-secret', 'create-listener'), lambda: t.edit('dropped', lambda spec: spec['listeners'].append(https)))
    serves('dropped', new)
    killed_at(both_sides('delete-listener', 'delete-secret'), lambda: t.edit('dropped', lambda spec: spec['listeners'].pop()))
    t.ready_and_right('dropped')
    no_secret()
    t.delete('dropped')
    killed_before(lambda: t.delete('deleted', wait=False), 'deleted')
    gone('deleted')
    expect_no_keys(t, crashing)
    t.note = 'died 24 times; one secret, then none'
